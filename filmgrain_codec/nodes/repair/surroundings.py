"""Whether a speck stands out from what is around it, by more than grain and motion that is a little off do.

Grain is not as strong everywhere (it follows the tone), nor is motion found as well everywhere: a threshold
that is taken from the whole frame is checked against each speck's own surroundings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.repair.detect import SOFTENED, Mask
from filmgrain_codec.nodes.repair.specks import Speck, painted

RIM = 2
"""What lies wholly within so many samples of the picture's edge is left: neighbours are hardly known."""
REACH, CLOSE = 12, 5
"""Surroundings are the samples within so many of a speck; specks and what is right beside them left out."""
DEVIATIONS, FOR_SIZE = 4.0, 10.0
"""Deviations of its surroundings by which a speck's strongest sample differs from its neighbours, and how
many more of a small one: so much over the root of its area."""


def outstanding(found: Sequence[Speck], away: Plane) -> list[Speck]:
    """Those that stand out.

    ``away``: how much the frame differs from its neighbours' mean (luma's shape).
    """
    inner = [s for s in found if not on_rim(s, away.shape)]
    if not inner:
        return []
    free = clear(found, (away.shape[0], away.shape[1]))
    return [s for s in inner if not usual(s, away, free)]


def on_rim(speck: Speck, shape: tuple[int, ...]) -> bool:
    """Whether a speck is but a strip along the picture's edge."""
    ends = zip((speck.rows, speck.columns), shape, strict=True)
    return any(part.stop <= RIM or part.start >= size - RIM for part, size in ends)


def clear(found: Sequence[Speck], shape: tuple[int, int]) -> Mask:
    """1 where there is no speck, and none right beside."""
    return np.asarray(1 - opencv().dilate(painted(found, shape), np.ones((CLOSE, CLOSE), np.uint8)))


def box(speck: Speck, reach: int) -> tuple[slice, slice]:
    """A speck's box and its surroundings; slices end beyond the picture where that does."""
    rows, columns = (slice(max(0, k.start - reach), k.stop + reach) for k in (speck.rows, speck.columns))
    return rows, columns


def usual(speck: Speck, away: Plane, free: Mask) -> bool:
    """Whether a speck differs from its neighbours by no more than its surroundings do."""
    part = box(speck, REACH)
    around: NDArray[np.floating] = away[part][free[part] > 0]
    if not around.size:
        return True
    deviation = 1.4826 * float(np.median(around)) / SOFTENED
    most = float(away[speck.rows, speck.columns][speck.shape].max())
    return most <= (DEVIATIONS + FOR_SIZE / math.sqrt(speck.area)) * deviation
