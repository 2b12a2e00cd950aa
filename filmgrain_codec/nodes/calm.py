"""What grain alone does to the variances of small blocks, and grain found among blocks of all kinds.

A block's variance is the least of several: half the variance of every difference between motion-compensated
frames, without what a small shift explains, and twice the picture's own, which has detail besides. Texture
and failed motion only ever raise it, so grain is looked for at the lower end: the calmest blocks, if their
variances grow as fast from quantile to quantile as those of grain do. Where they grow faster, only a share
of the blocks shows nothing but grain, and that share follows from how much faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.opencv import opencv

Array = NDArray[np.float64]
Where = NDArray[np.bool_]
BLOCK = 8
CALMEST = 0.2
"""The share of the blocks that the grain's size is read from: those of least variance."""
OVERALL, IN_A_BIN = (0.015, 0.05), (0.03, 0.1)
"""Quantiles that are compared: of all blocks, and of those of one luma bin, which are fewer."""
TOLERANCE = 1.03
"""Variances' cube roots may grow so much faster than expected, by chance, and still count as grain."""
_LEAST, _TINY = 0.05, 1e-9
_SHARES = np.geomspace(1, 1 / 200, 80)
SIZES = (0.35, 0.5, 0.65, 0.8, 1.0, 1.2, 1.4, 1.7, 2.0)
"""Of Gaussian grain filters (standard deviation, samples), the rows of ``_OF_GRAIN``."""
_OF_GRAIN = {
    1: (
        (0.973, 0.961, 0.946, 0.919, 0.880, 0.843, 0.801, 0.738, 0.679),
        (0.062, 0.070, 0.084, 0.095, 0.102, 0.113, 0.122, 0.125, 0.124),
        (0.329, 0.412, 0.511, 0.596, 0.688, 0.747, 0.790, 0.835, 0.866),
    ),
    2: (
        (0.929, 0.908, 0.881, 0.848, 0.800, 0.747, 0.702, 0.634, 0.572),
        (0.054, 0.059, 0.068, 0.076, 0.085, 0.086, 0.092, 0.095, 0.093),
        (0.343, 0.442, 0.550, 0.640, 0.729, 0.787, 0.830, 0.865, 0.890),
    ),
}
"""By number of neighbours: mean and deviation of the cube root of a block's variance (which is all but
normal: Wilson and Hilferty, 1931), and what averaging 2x2 samples leaves of the variance of the calmest
blocks; simulated for grain of variance 1 (a test does it again)."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Mean and deviation of the cube root of a block's variance, for grain of variance 1."""

    mean: float
    deviation: float


def blocks(plane: Array | Plane, side: int = BLOCK) -> Array:
    """Means over blocks of ``side`` x ``side`` samples."""
    rows, columns = (n // side * side for n in plane.shape)
    cv = opencv()
    size = (columns // side, rows // side)
    return np.asarray(cv.resize(plane[:rows, :columns], size, interpolation=cv.INTER_AREA), np.float64)


def within(plane: Array | Plane, side: int = BLOCK) -> Array:
    """Variance of the samples of every block about the block's mean."""
    mean = blocks(plane, side)
    return np.maximum(blocks(plane * plane, side) - mean * mean, 0)


def unexplained(one: Plane, other: Plane) -> Array:
    """Variance within every block of the difference of two pictures, but for what a small shift explains.

    That is the part along the gradients of their sum (one step of Lucas and Kanade, 1981). The sum of
    two grains knows nothing of their difference, so of grain two degrees of freedom are lost.
    """
    cv, total = opencv(), one + other
    planes = (one - other, *(cv.Sobel(total, cv.CV_32F, x, 1 - x, ksize=1) for x in (1, 0)))
    means = [blocks(p) for p in planes]

    def together(a: int, b: int) -> Array:
        return np.asarray(blocks(planes[a] * planes[b]) - means[a] * means[b])

    across, along, crossed = together(1, 1) + _TINY, together(2, 2) + _TINY, together(1, 2)
    x, y = together(0, 1), together(0, 2)
    determinant = np.maximum(across * along - crossed**2, _TINY**2)
    explained = (x**2 * along - 2 * x * y * crossed + y**2 * across) / determinant
    return np.asarray(np.maximum(together(0, 0) - explained, 0))


@dataclass(frozen=True, slots=True)
class Seen:
    """A plane and one or two neighbours drawn onto it, block by block.

    ``least``: the least variance that grain can have (see above); ``each``: half that of the difference
    to every neighbour; ``coarse``: the same of differences averaged over 2x2 samples.
    """

    own: Array
    least: Array
    each: Array
    coarse: Array

    @classmethod
    def of(cls, centre: Plane, neighbours: Sequence[Plane]) -> Seen:
        own, differences = within(centre), [centre - other for other in neighbours]
        rows, columns = own.shape
        halves = [within(blocks(d, 2).astype(np.float32), BLOCK // 2) / 2 for d in differences]
        each = np.stack([within(d) / 2 for d in differences])
        pairs = [(centre, other) for other in neighbours] + [tuple(neighbours)] * (len(neighbours) > 1)
        least = np.minimum.reduce([2 * own, *(unexplained(a, b) / 2 for a, b in pairs)])
        return cls(own, least, each, np.stack([h[:rows, :columns] for h in halves]))

    def size(self, calm: Where) -> float:
        """Size of the grain (standard deviation of a Gaussian filter, samples) in the blocks ``calm``."""
        kept, whole = (float(v[:, calm].sum()) for v in (self.coarse, self.each))
        return float(np.interp(kept / max(whole, 1e-12), _OF_GRAIN[len(self.each)][2], SIZES))

    def expected(self, size: float) -> Expected:
        """What grain of a size would show."""
        mean, deviation, _ = _OF_GRAIN[len(self.each)]
        return Expected(float(np.interp(size, SIZES, mean)), float(np.interp(size, SIZES, deviation)))


def lowest(variance: Array, grain: Expected, quantiles: tuple[float, float]) -> tuple[float, float]:
    """Variance of the grain that the calmest of these blocks agree on, and the share of blocks that do."""
    few, more = np.cbrt(np.quantile(variance, quantiles))
    shares, normal = _quantiles_of_shares(quantiles)
    roots = np.maximum(grain.mean + grain.deviation * normal, _LEAST * grain.mean)
    fast_enough = roots[:, 1] * TOLERANCE * few >= more * roots[:, 0]
    k = int(np.argmax(fast_enough)) if fast_enough.any() else len(shares) - 1
    return float((few / roots[k, 0]) ** 3), float(shares[k])


@cache
def _quantiles_of_shares(quantiles: tuple[float, float]) -> tuple[Array, Array]:
    """Shares (n,), and where quantiles of all blocks lie among those of a share (n, 2), standard normal."""
    shares = _SHARES[quantiles[1] / _SHARES < 0.95]
    found = [[NormalDist().inv_cdf(q / share) for q in quantiles] for share in shares]
    return shares, np.array(found)
