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


class Gauge:
    """As ``Meter`` for a job that knows what share of its frames it has done; speed counts from the first
    share it is told, so a job that goes on after an interruption is not thought faster than it is.
    """

    def __init__(self, stage: str, frames: int, listener: Listener | None) -> None:
        self.stage, self.frames, self.listener = stage, frames, listener
        self._began: tuple[float, float] | None = None
        self._last = 0.0

    def __call__(self, share: float) -> None:
        """Tell that ``share`` (0 to 1) is done."""
        now = time.monotonic()
        self._began = self._began or (now, share)
        if self.listener and (now - self._last >= INTERVAL or share >= 1):
            self._last = now
            fps = self.frames * (share - self._began[1]) / max(now - self._began[0], 1e-6)
            eta = self.frames * (1 - share) / fps if fps > 0 else None
            done = int(share * self.frames)
            self.listener(Event(stage=self.stage, frame=done, frames=self.frames, fps=fps, eta=eta))
