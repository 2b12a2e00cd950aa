"""Progress for people (a bar, or plain lines where stderr is no terminal) and for machines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

if TYPE_CHECKING:
    from filmgrain_codec.cli.session import Session
    from filmgrain_codec.pipeline.progress import Event

FIRST_LINE = 8.0
"""Seconds until the first plain line of a stage; each later wait is twice as long."""


class BarReporter:
    """One bar per stage on a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self._progress = Progress(
            TextColumn("{task.description:>9}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[state]}"),
            console=console or Console(stderr=True),
            expand=True,
        )
        self._tasks: dict[str, TaskID] = {}
        self._progress.start()

    def __call__(self, event: Event) -> None:
        task = self._tasks.get(event.stage)
        if task is None:
            task = self._progress.add_task(event.stage, total=event.frames, state="")
            self._tasks[event.stage] = task
        self._progress.update(task, completed=event.frame, total=event.frames, state=describe(event))

    def close(self) -> None:
        self._progress.stop()


class LineReporter:
    """Plain lines that grow rarer: at 8, 16, 32 ... seconds of each stage, and at its end."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stage = ""
        self._due = 0.0
        self._wait = FIRST_LINE

    def __call__(self, event: Event) -> None:
        if event.stage != self._stage:
            self._stage, self._wait = event.stage, FIRST_LINE
            self._due = self._clock() + self._wait
        if self._clock() >= self._due or event.frame == event.frames:
            click.echo(f"fgcodec: {event.stage}: {describe(event)}", err=True)
            self._wait *= 2
            self._due = self._clock() + self._wait

    def close(self) -> None:
        pass


class JsonReporter:
    """One JSON object a line on stdout (docs/cli.md lists the fields)."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __call__(self, event: Event) -> None:
        self._session.emit(fields(event))

    def close(self) -> None:
        pass


def fields(event: Event) -> dict[str, Any]:
    """The JSON form of a progress event."""
    return {
        "type": "progress",
        "stage": event.stage,
        "frame": event.frame,
        "frames": event.frames,
        "percent": None if percent(event) is None else round(percent(event) or 0.0, 2),
        "fps": round(event.fps, 3),
        "eta_seconds": None if event.eta is None else round(event.eta, 1),
        "bytes": event.bytes,
        "expected_bytes": event.expected_bytes,
        "level": event.level,
    }


def percent(event: Event) -> float | None:
    """How much of the stage is done, in 0..100; None where its length is unknown."""
    return min(100.0, 100.0 * event.frame / event.frames) if event.frames else None


def describe(event: Event) -> str:
    """``42% 101/240 frames, 12.3 fps, ETA 0:11, 1.2 -> 2.9 MB, level 0.051``."""
    share = percent(event)
    of = f"{share:.0f}% {event.frame}/{event.frames}" if share is not None else f"{event.frame}"
    parts = [f"{of} frames", rate(event.fps)]
    if event.eta is not None and event.frame != event.frames:
        parts.append(f"ETA {clock(event.eta)}")
    if event.bytes:
        expected = f" -> {size(event.expected_bytes)}" if event.expected_bytes else ""
        parts.append(f"{size(event.bytes)}{expected}")
    if event.level is not None:
        parts.append(f"level {event.level:.3f}")
    return ", ".join(parts)


def rate(fps: float) -> str:
    """Frames a second, or seconds a frame below one."""
    if fps <= 0:
        return "- fps"
    return f"{fps:.1f} fps" if fps >= 1 else f"{1 / fps:.1f} s/frame"


def clock(seconds: float) -> str:
    """``h:mm:ss`` or ``m:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(count: float) -> str:
    """A number of bytes in decimal units."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


def reporter(session: Session, mode: str, quiet: bool) -> Callable[[Event], None] | None:
    """The reporter for ``--progress MODE``, registered with the session; None for silence."""
    if mode == "json":
        session.json_events = True
        chosen: BarReporter | LineReporter | JsonReporter = JsonReporter(session)
    elif quiet or mode == "none":
        return None
    else:
        chosen = BarReporter() if sys.stderr.isatty() else LineReporter()
    session.reporter = chosen
    return chosen
