"""Pictures made larger by repeating samples, as those of old games are shown: no lens makes such.

Nets that repair what codecs do have not seen any, and take their steps for damage.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane

TIMES = (2, 3)
"""Repeated so often. Four times is twice twice."""
GRID = 8
"""Codecs leave steps of their own at every eighth sample, which are not asked."""
EVERY = 4
"""Of the lines only so many are looked at."""
REPEATED, SINGLE = 0.68, 0.77
"""Change between samples that may be repeated ones, over the change between others: up to the first they are,
from the second on not. Photographs are at 0.79 and more however coarsely they were coded, doubled pictures
that repair would harm below 0.72.
"""


def single(luma: Plane) -> float:
    """How surely samples of a picture are not repeated ones, 0 to 1; 1 of one too small to tell."""
    if min(luma.shape) < 2 * GRID:
        return 1.0
    across = np.abs(np.diff(luma[::EVERY], axis=1)).mean(0)
    down = np.abs(np.diff(luma[:, ::EVERY], axis=0)).mean(1)
    least = min(float(np.sqrt(_within(across, n) * _within(down, n))) for n in TIMES)
    return float(np.clip((least - REPEATED) / (SINGLE - REPEATED), 0, 1))


def _within(change: NDArray[np.floating], times: int) -> float:
    """Mean change between samples of a group of ``times`` over that from group to group; 1 without any."""
    place = np.arange(len(change))
    kept = place % GRID != GRID - 1
    means = [float(change[kept & (place % times == k)].mean()) for k in range(times)]
    return (sum(means) - max(means)) / (times - 1) / max(means) if any(means) else 1.0
