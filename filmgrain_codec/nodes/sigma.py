"""The sigma that removal nets are told, and luma at the size of chroma."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.infer.tiling import fitted
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.stripes import Grown, bordered, whole

Array = NDArray[np.float32]
SIGMA_FLOOR = np.float32(5e-4)
"""A sigma is never below this."""
TOLD = (0.01, 0.025), (1.0, 0.95)
"""Levels, and the share of a known strength that the nets are told there: neighbours in motion fit less well
than those they were trained on. Chosen on clips of the training material; what is judged is told yet less."""
BLOCK = 4


def expected_sigma(luma: Plane, segment: GrainSegment) -> Array:
    """Grain sigma at every luma sample (fraction of full scale), read at luma smoothed over 12x12."""
    return whole(stretched(block_sigma(luma, segment), (0, 0), luma.shape))


def told_sigma(luma: Plane, segment: GrainSegment) -> Array:
    """What the nets are told of known grain, in the middle of every 4x4 luma samples."""
    share = np.float32(np.interp(segment.level, *TOLD))
    return np.asarray(np.maximum(share * block_sigma(luma, segment), SIGMA_FLOOR), np.float32)


def block_sigma(luma: Plane, segment: GrainSegment) -> Array:
    """Grain sigma in the middle of every 4x4 luma samples."""
    cv, full = opencv(), fitted(luma, 2 * BLOCK)
    height, width = full.shape
    means = cv.resize(full, (width // BLOCK, height // BLOCK), interpolation=cv.INTER_AREA)
    small = cv.blur(means, (3, 3), borderType=cv.BORDER_REPLICATE)
    return np.maximum(segment.sigma(small), SIGMA_FLOOR).astype(np.float32)


def stretched(sigma: Array, sub: tuple[int, int], shape: tuple[int, ...]) -> Grown:
    """``block_sigma`` at every sample of a plane of ``shape`` that is subsampled (log2: down, across)."""
    return Grown(bordered(sigma), (BLOCK >> sub[0], BLOCK >> sub[1]), shape)


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
