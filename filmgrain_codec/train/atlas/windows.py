"""Shots of any length as windows that overlap, and how much each window says about a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.errors import UsageError
from filmgrain_codec.train.atlas.settings import LONGEST, OVERLAP

SHORTEST = 3
"""Frames of a shot whose flicker can be told from its light."""


@dataclass(frozen=True, slots=True)
class Window:
    """Frames ``first`` to ``stop`` (exclusive) of one shot; ``before`` and ``after``: how many of them the
    windows next to it share.
    """

    first: int
    stop: int
    before: int = 0
    after: int = 0

    def __len__(self) -> int:
        return self.stop - self.first

    @property
    def shares(self) -> NDArray[np.float32]:
        """How much each frame of the window counts: 1, falling towards the windows next to it."""
        place = np.arange(len(self), dtype=np.float32) + 0.5
        rise = place / self.before if self.before else np.ones_like(place)
        fall = (len(self) - place) / self.after if self.after else np.ones_like(place)
        return np.minimum(1, np.minimum(rise, fall))


def windows(cuts: Sequence[int], frames: int, longest: int = LONGEST, overlap: int = OVERLAP) -> list[Window]:
    """The windows of a clip of ``frames`` frames whose shots begin at 0 and at ``cuts``; shots that are too
    short for one have none. Raises ``UsageError`` for cuts that are none of the clip's frames.
    """
    ends = [0, *cuts, frames]
    if any(b <= a for a, b in pairwise(ends)):
        raise UsageError(f"The cuts {list(cuts)} must rise and lie within the clip's {frames} frames.")
    found: list[Window] = []
    for first, stop in pairwise(ends):
        if stop - first >= SHORTEST:
            found += _of_shot(first, stop, longest, overlap)
    return found


def _of_shot(first: int, stop: int, longest: int, overlap: int) -> list[Window]:
    """As few as possible, of one length, evenly over the shot."""
    length = stop - first
    if length <= longest:
        return [Window(first, stop)]
    count = -(-(length - overlap) // (longest - overlap))
    starts = [first + k * (length - longest) // (count - 1) for k in range(count)]
    shared = [0, *(longest - (b - a) for a, b in pairwise(starts)), 0]
    return [Window(a, a + longest, shared[k], shared[k + 1]) for k, a in enumerate(starts)]
