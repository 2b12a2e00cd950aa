"""Real programs of other people that some tests use: found, skipped by name, or demanded."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def client(name: str) -> str:
    """The path of program ``name``; without it the test is skipped, or fails if FGCODEC_REQUIRE_CLIENTS=1."""
    path = shutil.which(name)
    if path is None:
        if os.environ.get("FGCODEC_REQUIRE_CLIENTS") == "1":
            pytest.fail(f"client {name} is required here but not installed")
        pytest.skip(f"client {name} is not installed")
    return path


def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a client with these arguments and return what it said; a failure fails the test with its words."""
    command = [client(name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    # mkvmerge returns 1 for a warning and 2 for an error
    allowed = (0, 1) if name == "mkvmerge" else (0,)
    assert done.returncode in allowed, f"{' '.join(command)}: {done.stderr or done.stdout}"
    return done
