"""A quick measurement of one window's grain, for removal where nothing is known of it.

Grain is what differs between the centre and its motion-compensated neighbours in small blocks, and at
most what a block varies by itself: in each luma bin the calmest blocks count. Much rougher than
``grain.estimate``, which looks at many frames of a shot, and hundreds of times faster; a pure
function of the window, so blind removal stays one too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.grain.profile import (
    DEFAULT_CURVE,
    KNOT_POSITIONS,
    LEVEL_MAX,
    Chroma,
    Curve,
    GrainSegment,
)
from filmgrain_codec.nodes.align import opencv

Array = NDArray[np.float64]
BLOCK = 8
CALM, CALM_NORMAL = 0.2, -0.8416
"""Quantile of the blocks' variances in a luma bin that is taken for the grain's, and the normal one."""
KEPT = 0.6
"""What a block's own detail keeps at least of the variance of grain up to size 1.6."""
FEWEST = 24
RELIABLE, MOST_UNUSUAL, LEAST_USUAL = 0.25, 1.5, 0.35
"""Where texture moves too fast, its luma reads too high: nothing may exceed this many times a usual curve
through the bin that lies at this quantile."""
SIZES = np.linspace(0.35, 2.0, 34)


def judged(centre: Sequence[Plane], neighbours: Sequence[Sequence[Plane]]) -> GrainSegment:
    """Level, curve and chroma strengths of the grain, as far as one window shows them; the size is a default.

    ``centre``: the centre frame's planes; ``neighbours``: those of the adjacent frames drawn onto it
    by whole samples (interpolation would soften their grain). Without neighbours the level is 0.
    """
    pairs = [[np.subtract(a, b) for a, b in zip(centre, other, strict=True)] for other in neighbours]
    if not pairs or min(centre[0].shape) < 4 * BLOCK:
        return GrainSegment(0, 1, 0.0, confidence=0.0)
    luma = blocks(centre[0])
    own = blocks(detail(centre[0]) ** 2) / KEPT
    power = np.stack([np.minimum(fluctuation(pair[0]), own) for pair in pairs])
    sigma = np.full(len(KNOT_POSITIONS), np.nan)
    calm = np.zeros(power.shape, bool)
    for k, knot in enumerate(KNOT_POSITIONS):
        inside = np.broadcast_to(np.abs(luma - knot) < 1.0 / 14, power.shape)
        if inside.sum() >= FEWEST:
            limit = np.quantile(power[inside], CALM)
            calm |= inside & (power <= limit)
            sigma[k] = limit
    if not calm.any():
        return GrainSegment(0, 1, 0.0, confidence=0.0)
    size = size_of([p[0] for p in pairs], calm)
    sigma = np.sqrt(sigma / quantile_share(size))
    known = np.isfinite(sigma)
    expected = np.interp(luma, KNOT_POSITIONS[known], sigma[known]) ** 2
    return described(sigma, chroma_of(pairs, calm, expected))


def blocks(plane: Array | Plane, side: int = BLOCK) -> Array:
    """Means over blocks of ``side`` x ``side`` samples."""
    rows, columns = (n // side * side for n in plane.shape)
    cv = opencv()
    size = (columns // side, rows // side)
    return np.asarray(cv.resize(plane[:rows, :columns], size, interpolation=cv.INTER_AREA), np.float64)


def detail(plane: Plane) -> Plane:
    """``plane`` without its means over blocks, stretched linearly."""
    rows, columns = plane.shape
    mean = opencv().resize(
        blocks(plane).astype(np.float32), (columns, rows), interpolation=opencv().INTER_LINEAR
    )
    return np.asarray(plane - mean, np.float32)


def fluctuation(difference: Plane, side: int = BLOCK) -> Array:
    """Variance of grain in every block, from the difference of two grains; slow light changes left out."""
    mean = opencv().blur(blocks(difference, side), (5, 5))
    return np.asarray(np.maximum(blocks(difference * difference, side) - mean * mean, 0) / 2)


def size_of(differences: Sequence[Plane], calm: NDArray[np.bool_]) -> float:
    """Standard deviation of the Gaussian filter whose grain keeps as much when 2x2 samples are averaged."""
    kept = whole = 0.0
    for d, where in zip(differences, calm, strict=True):
        fine, coarse = fluctuation(d), fluctuation(blocks(d, 2).astype(np.float32), BLOCK // 2)
        rows, columns = (min(a, b) for a, b in zip(fine.shape, coarse.shape, strict=True))
        chosen = where[:rows, :columns]
        kept, whole = (
            kept + coarse[:rows, :columns][chosen].sum(),
            whole + fine[:rows, :columns][chosen].sum(),
        )
    expected = ((1 + np.exp(-1 / (4 * SIZES**2))) / 2) ** 2
    return float(np.interp(kept / max(whole, 1e-12), expected, SIZES))


def quantile_share(size: float) -> float:
    """What the quantile ``CALM`` of block variances is of their mean, for Gaussian grain of a size.

    Wilson and Hilferty's approximation of chi-squared with the block's effective degrees of freedom.
    """
    spread = 2 * size_of_freedom(size)
    return float(max(1 - spread / 9 + CALM_NORMAL * np.sqrt(spread / 9), 0.2) ** 3)


def size_of_freedom(size: float) -> float:
    """One over the independent samples in a block: the sum of squared correlations over its area."""
    return max(2 * np.pi * size**2, 1.0) / BLOCK**2


def chroma_of(
    pairs: Sequence[Sequence[Plane]], calm: NDArray[np.bool_], expected: Array
) -> tuple[float, float]:
    """Strengths of Cb and Cr grain over the calm blocks, relative to luma's ``expected`` variance there."""
    if len(pairs[0]) < 3:
        return 0.0, 0.0
    power, cv = np.zeros(3), opencv()
    for pair, where in zip(pairs, calm, strict=True):
        power[0] += expected[where].sum()
        for k in (1, 2):
            wide = cv.resize(fluctuation(pair[k]), where.shape[::-1], interpolation=cv.INTER_AREA)
            power[k] += wide[where].sum()
    cb, cr = np.sqrt(power[1:] / max(power[0], 1e-12))
    return float(cb), float(cr)


def described(sigma: Array, chroma: tuple[float, float]) -> GrainSegment:
    """The segment of these measurements; knots without blocks get their neighbours' sigma."""
    known = np.isfinite(sigma)
    usual = np.maximum(DEFAULT_CURVE, LEAST_USUAL)
    likely = float(np.quantile(sigma[known] / usual[known], RELIABLE))
    sigma = np.minimum(sigma, MOST_UNUSUAL * likely * usual)
    filled = np.interp(KNOT_POSITIONS, KNOT_POSITIONS[known], sigma[known])
    level = float(np.interp(0.5, KNOT_POSITIONS, filled))
    if level <= 1e-5:
        return GrainSegment(0, 1, 0.0, confidence=0.0)
    curve: Curve = tuple(float(v) for v in np.minimum(filled / level, 8.0))  # type: ignore[assignment]
    return GrainSegment(0, 1, min(level, LEVEL_MAX), curve, chroma=Chroma(*chroma), confidence=0.3)
