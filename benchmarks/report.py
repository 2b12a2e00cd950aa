"""What every benchmark leaves behind: its rows, and on what machine, code and command they were made."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"
_PACKAGES = ("filmgrain-codec", "numpy", "av", "onnxruntime", "vapoursynth")

Row = Mapping[str, Any]


def save(name: str, rows: Sequence[Row], folder: Path | None = None, **extra: Any) -> Path:
    """Write ``rows`` and ``extra`` (JSON values) to ``name``.json in ``folder`` (benchmarks/results)."""
    target = (folder or RESULTS) / f"{name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    content = {"benchmark": name, **circumstances(), **extra, "rows": list(rows)}
    target.write_text(json.dumps(content, indent=1, default=_plain) + "\n", encoding="utf-8")
    return target


def amend(name: str, folder: Path | None, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Put ``change(found)`` into ``name``.json, whose rows stay, beside on what machine that was measured."""
    path = (folder or RESULTS) / f"{name}.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    found |= change(found) | {"speed": circumstances()}
    path.write_text(json.dumps(found, indent=1, default=_plain) + "\n", encoding="utf-8")


def _anywhere(argument: str) -> str:
    """An argument as it may stand in a result: of a place on this machine the last part."""
    return Path(argument).name if Path(argument).is_absolute() else argument


def circumstances() -> dict[str, Any]:
    """Machine, versions, commit, date and command of this run."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python -m benchmarks", *map(_anywhere, sys.argv[1:])]),
        "commit": _commit(),
        "machine": {
            "system": platform.system(),
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        },
        "versions": {"python": platform.python_version(), **_versions()},
    }


def table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Rows as text, numbers right-aligned."""
    cells = [list(columns), *([_cell(row.get(c)) for c in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return "\n".join("  ".join(c.rjust(w) for c, w in zip(line, widths, strict=True)) for line in cells)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def _plain(value: Any) -> Any:
    """NumPy numbers and arrays as JSON values."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _commit() -> str:
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=RESULTS.parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return described.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
