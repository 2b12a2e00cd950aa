"""The sigma that removal nets are told, and luma at the size of chroma."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.infer.tiling import fitted
from filmgrain_codec.nodes.align import opencv

Array = NDArray[np.float32]
SIGMA_FLOOR = np.float32(5e-4)
"""A sigma is never below this."""
BLOCK = 4


def expected_sigma(luma: Plane, segment: GrainSegment) -> Array:
    """Grain sigma at every luma sample (fraction of full scale), read at luma smoothed over 12x12."""
    cv, whole = opencv(), fitted(luma, 2 * BLOCK)
    height, width = whole.shape
    means = cv.resize(whole, (width // BLOCK, height // BLOCK), interpolation=cv.INTER_AREA)
    small = cv.blur(means, (3, 3), borderType=cv.BORDER_REPLICATE)
    sigma = np.maximum(segment.sigma(small), SIGMA_FLOOR).astype(np.float32)
    made: Array = cv.resize(sigma, (width, height), interpolation=cv.INTER_LINEAR)
    return np.ascontiguousarray(made[: luma.shape[0], : luma.shape[1]])


def averaged(plane: Plane, down: int, across: int) -> Array:
    """Means of boxes of 2^down x 2^across samples; the last row and column are repeated where short."""
    if not down and not across:
        return plane
    cv, missing = opencv(), [-n % (1 << by) for n, by in zip(plane.shape, (down, across), strict=True)]
    if any(missing):
        plane = np.pad(plane, [(0, n) for n in missing], mode="edge")
    size = plane.shape[1] >> across, plane.shape[0] >> down
    made: Array = cv.resize(plane, size, interpolation=cv.INTER_AREA)
    return made
