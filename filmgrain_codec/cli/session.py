"""What one run of the command line knows about itself: debugging, progress, JSON events."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import click

SCHEMA = 1
"""Version of the JSON lines and reports (docs/cli.md); grows when a field changes meaning."""


class Reporter(Protocol):
    """Something that shows progress and must be closed."""

    def close(self) -> None: ...


@dataclass
class Session:
    """State shared by the commands of one process."""

    debug: bool = False
    json_events: bool = False
    reporter: Reporter | None = None

    def close(self) -> None:
        """Take the progress display off the terminal."""
        if self.reporter is not None:
            self.reporter.close()
            self.reporter = None

    def emit(self, event: Mapping[str, Any]) -> None:
        """One JSON line on stdout, where the user asked for JSON events."""
        if self.json_events:
            click.echo(to_json(event))

    def tell(self, kind: str, report: Mapping[str, Any], text: str, as_json: bool) -> None:
        """What was found, on stdout: a JSON event, JSON, or ``text``."""
        if self.json_events:
            self.emit({"type": "report", "kind": kind, **report})
        else:
            click.echo(to_json(report, indent=2) if as_json else text)


def to_json(value: Any, indent: int | None = None) -> str:
    """Strict JSON: paths as strings, tuples as lists, non-finite numbers as null."""
    return json.dumps(plain(value), indent=indent, allow_nan=False, ensure_ascii=False)


def plain(value: Any) -> Any:
    """``value`` in the types JSON knows."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Path):
        return str(value)
    return plain(value.item()) if hasattr(value, "item") else str(value)
