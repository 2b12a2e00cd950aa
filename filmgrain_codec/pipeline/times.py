"""Timestamps of a whole clip in eight bytes each, so that hours of film fit in a few megabytes."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from fractions import Fraction
from typing import overload

from filmgrain_codec.core.frame import Frame


class Times(Sequence[Fraction]):
    """Presentation times in seconds, kept as integers in the clip's own time base."""

    def __init__(self) -> None:
        self._pts, self._base = array("q"), Fraction(1)

    def note(self, frame: Frame) -> None:
        """Add a frame's time; all frames of a clip share one time base."""
        self._base = frame.time_base
        self._pts.append(frame.pts)

    def __len__(self) -> int:
        return len(self._pts)

    @overload
    def __getitem__(self, at: int) -> Fraction: ...
    @overload
    def __getitem__(self, at: slice) -> list[Fraction]: ...
    def __getitem__(self, at: int | slice) -> Fraction | list[Fraction]:
        if isinstance(at, slice):
            return [pts * self._base for pts in self._pts[at]]
        return self._pts[at] * self._base
