"""The real command line in processes of its own, and what a failed job must leave behind: nothing."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MAIN = "from filmgrain_codec.cli.main import main; main()"
TOGETHER = """
import contextlib, io, json, sys
from filmgrain_codec.cli.main import run
from filmgrain_codec.cli.session import Session
for line in sys.stdin:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = run(json.loads(line), Session())
    print(json.dumps([code, said.getvalue()]), flush=True)
"""
TIMEOUT = 120


@dataclass(frozen=True)
class Outcome:
    """What one run returned and said."""

    code: int
    out: bytes
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """What ``--json`` printed."""
        found: dict[str, Any] = json.loads(self.out)
        return found


def environment(**more: str) -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, **more}


def arguments(*given: object) -> list[str]:
    return [sys.executable, "-c", MAIN, *map(str, given)]


def fgcodec(*given: object, env: Mapping[str, str] | None = None, **more: Any) -> Outcome:
    """Run ``fgcodec`` with these arguments to its end."""
    done = subprocess.run(
        arguments(*given), capture_output=True, env=environment(**(env or {})), timeout=TIMEOUT, **more
    )
    return Outcome(done.returncode, done.stdout, done.stderr.decode())


def together(jobs: Sequence[Sequence[object]], timeout: float = TIMEOUT) -> list[Outcome]:
    """Run many commands one after the other in one process, which must survive them all."""
    lines = "".join(json.dumps([str(a) for a in job]) + "\n" for job in jobs)
    done = subprocess.run(
        [sys.executable, "-c", TOGETHER],
        input=lines, capture_output=True, text=True, env=environment(), timeout=timeout,
    )  # fmt: skip
    said = done.stdout.splitlines()
    assert done.returncode == 0, f"died ({done.returncode}) at {jobs[len(said)]}: {done.stderr[-2000:]}"
    answers = (json.loads(line) for line in said)
    return [Outcome(code, b"", err) for code, err in answers]


def one_sentence(outcome: Outcome) -> str:
    """The error a user sees: one line, no traceback, no internal error."""
    lines = [line for line in outcome.err.splitlines() if "error:" in line]
    assert len(lines) == 1, outcome.err
    assert "Traceback" not in outcome.err
    assert "internal error" not in outcome.err
    return lines[0]


@contextmanager
def untouched(folder: Path) -> Iterator[None]:
    """The files of ``folder`` are afterwards exactly what they were, hidden ones too."""
    before = contents(folder)
    yield
    after = contents(folder)
    assert after == before, sorted(set(after.items()) ^ set(before.items()))


def contents(folder: Path) -> dict[str, str]:
    """Name and hash of every file below a folder."""
    files = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def refused(folder: Path, code: int, *given: object, **more: Any) -> str:
    """A run that fails with ``code`` in one sentence and leaves ``folder`` as it was."""
    with untouched(folder):
        outcome = fgcodec(*given, **more)
    assert outcome.code == code, outcome.err
    return one_sentence(outcome)
