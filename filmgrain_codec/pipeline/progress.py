"""Progress events and the meter that makes them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

INTERVAL = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Where a job stands. ``eta`` in seconds; ``bytes`` written so far, ``expected_bytes`` in all."""

    stage: str
    frame: int
    frames: int | None
    fps: float
    eta: float | None = None
    bytes: int = 0
    expected_bytes: int | None = None
    level: float | None = None


Listener = Callable[[Event], None]


class Meter:
    """Turns frame counts into events, at most four a second plus the last one."""

    def __init__(self, stage: str, frames: int | None, listener: Listener | None) -> None:
        self.stage, self.frames, self.listener = stage, frames, listener
        self.start = time.monotonic()
        self.done = 0
        self._last = 0.0

    def step(self, written: int = 0, level: float | None = None) -> None:
        """Count one frame."""
        self.done += 1
        now = time.monotonic()
        if self.listener and (now - self._last >= INTERVAL or self.done == self.frames):
            self._last = now
            self.listener(self._event(now, written, level))

    def _event(self, now: float, written: int, level: float | None) -> Event:
        fps = self.done / max(now - self.start, 1e-6)
        left = None if self.frames is None else max(self.frames - self.done, 0)
        expected = int(written / self.done * self.frames) if self.frames and written else None
        return Event(
            stage=self.stage,
            frame=self.done,
            frames=self.frames,
            fps=fps,
            eta=None if left is None else left / fps,
            bytes=written,
            expected_bytes=expected,
            level=level,
        )
