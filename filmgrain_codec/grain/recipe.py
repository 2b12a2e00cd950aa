"""A grain segment made ready for synthesis: filters, moments, channel mixing, strength table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.grain.filters import GrainFilter, Taps, before_bending, grain_filter
from filmgrain_codec.grain.profile import FIRST_LAW, SHOWN_LAW, GrainSegment, Spectrum

LUT_LAST = 4092  # a multiple of 1023: every 8-bit (nearly) and 10-bit (exactly) code has its own entry
MAX_SKEW = 2.0
_CUBIC = (-0.022, 0.06)
"""Below, the map turns back within four standard deviations; above, a few samples would hold all variance."""
_SOLVED, _SOLVED_BENT = 65, 129
_FARTHEST = 6
_TONES = np.linspace(0.1, 0.9, 17)
_STRAIGHT = 1e-3
"""Share of the variance that bending may add without its widening of the spectrum being made up for."""
_SQUARE = 1 / 12
"""Variance of a sample's own square, all of which has its code, in samples."""
Weights = tuple[float, float, float]
Matrix = tuple[Weights, Weights, Weights]
YCC_TO_RGB: Matrix = ((1.0, 0.0, 1.5748), (1.0, -0.1873, -0.4681), (1.0, 1.8556, 0.0))
"""Rec. ITU-R BT.709, full range."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One segment made ready for one layout.

    ``luma``, ``chroma``: filters of the first field and of the other two. ``skew``: coefficients
    a, b, c of ``moment_map`` at luma 0.5, for the first field; ``bends``: b at luma code
    k / LUT_LAST, None where b and c are 0 throughout. ``mix``: weights of the three unit fields in each
    plane's grain, times the plane's strength relative to luma; a row of zeros is a plane without grain.
    ``lut``: sigma at luma code k / LUT_LAST. ``tone``: half kernel that smooths luma. From ``BENT_LAW`` on it
    also smooths ``variance``, the square of ``lut``, and ``keeps`` and ``cubes`` hold a - 3 c and c over
    luma; all three are None in the first law, which has one c.
    """

    luma: GrainFilter
    chroma: GrainFilter
    skew: Weights
    mix: Matrix
    lut: NDArray[np.float32]
    bends: NDArray[np.float32] | None
    tone: Taps
    variance: NDArray[np.float32] | None = None
    keeps: NDArray[np.float32] | None = None
    cubes: NDArray[np.float32] | None = None


@lru_cache(maxsize=64)
def prepare(segment: GrainSegment, family: str, sub_w: int, sub_h: int) -> Recipe:
    """The recipe of a segment for a layout: ``family`` 'gray', 'yuv' or 'rgb', log2 subsampling."""
    skew = moment_map(segment.skew, cubic(segment.kurtosis))
    squares = _squares(segment, skew)
    luma = grain_filter(segment.spectrum)
    if segment.law >= SHOWN_LAW and 2 * squares[1] + 6 * squares[2] > _STRAIGHT:
        luma = before_bending(luma, squares)
    subs = (sub_w, sub_h) if family == "yuv" else (0, 0)
    chroma = grain_filter(chroma_spectrum(segment, *subs))
    mix = _chroma_mix(segment, _box_gain(luma, squares, *subs))
    if family == "rgb":
        mix = _product(YCC_TO_RGB, mix)
    codes = np.arange(LUT_LAST + 1) / LUT_LAST
    sigma = segment.sigma(codes).astype(np.float32)
    if segment.law == FIRST_LAW:
        bends = _bends(segment, codes)
        return Recipe(luma, chroma, skew, mix, sigma, bends, smoothing(segment.spectrum.size))
    bends, keeps, cubes = _shapes(segment, codes)
    taps = smoothing(math.sqrt(segment.spectrum.size**2 / 2 + _SQUARE))
    return Recipe(luma, chroma, skew, mix, sigma, bends, taps, sigma * sigma, keeps, cubes)


def _squares(segment: GrainSegment, middle: Weights) -> Weights:
    """Squares of ``moment_map``'s weights: their means over the tones, in older laws those at luma 0.5."""
    found = [middle] if segment.law < SHOWN_LAW else _maps(segment, _TONES)
    a, b, c = (math.fsum(weight * weight for weight in row) / len(found) for row in zip(*found, strict=True))
    return a, b, c


def _maps(segment: GrainSegment, luma: NDArray[np.float64]) -> list[Weights]:
    """``moment_map`` at luma codes in 0..1."""
    each = zip(segment.skewness(luma), segment.excess(luma), strict=True)
    return [moment_map(skew, cubic(excess)) for skew, excess in each]


def _shapes(segment: GrainSegment, codes: NDArray[np.float64]) -> tuple[NDArray[np.float32] | None, ...]:
    """b, a - 3 c and c of ``moment_map`` over luma; None where b and c are 0 throughout."""
    points = np.linspace(0.0, 1.0, _SOLVED_BENT)
    a, b, c = np.array(_maps(segment, points)).T
    if not (b.any() or c.any()):
        return None, None, None
    return tuple(np.interp(codes, points, v).astype(np.float32) for v in (b, a - 3 * c, c))


def _bends(segment: GrainSegment, codes: NDArray[np.float64]) -> NDArray[np.float32] | None:
    """b of ``moment_map`` over luma; solved at some points, because it is smooth."""
    points, c = np.linspace(0.0, 1.0, _SOLVED), cubic(segment.kurtosis)
    solved = [moment_map(skew, c)[1] for skew in segment.skewness(points)]
    table = np.interp(codes, points, solved).astype(np.float32)
    return table if table.any() or c else None


def smoothing(size: float) -> Taps:
    """Half kernel with the sum 1 of a Gaussian of ``size`` samples, cut where 2 % are left."""
    reach = min(round(2 * size), _FARTHEST)
    half = [math.exp(-0.5 * (i / size) ** 2) for i in range(reach + 1)] if reach else [1.0]
    total = half[0] + 2 * math.fsum(half[1:])
    return tuple(k / total for k in half)


def chroma_spectrum(segment: GrainSegment, sub_w: int, sub_h: int) -> Spectrum:
    """Spectrum of chroma grain in chroma samples: one Gaussian, anisotropic where the sampling is."""
    stretch = segment.spectrum.anisotropy * 2.0 ** (sub_h - sub_w)
    return Spectrum(size=segment.chroma.size, anisotropy=stretch, weight=0.0)


def moment_map(skew: float, c: float = 0.0) -> Weights:
    """(a, b, c) of the map a g + b (g^2 - 1) + c (g^3 - 3 g) that gives unit Gaussian g this skewness.

    Unit variance: a^2 + 2 b^2 + 6 c^2 = 1; skewness 6 a^2 b + 8 b^3 + 36 a b c + 108 b c^2, solved by
    bisection for b / a; at most 2 in size.
    """
    target, low, high = min(abs(skew), MAX_SKEW), 0.0, 1.0
    for _ in range(60):
        s = 0.5 * (low + high)
        a, b = _scaled(s, c)
        low, high = (s, high) if b * (6 * a * a + 8 * b * b + 36 * a * c + 108 * c * c) < target else (low, s)
    a, b = _scaled(low, c)
    return a, math.copysign(b, skew), c


def _scaled(s: float, c: float) -> tuple[float, float]:
    a = math.sqrt((1 - 6 * c * c) / (1 + 2 * s * s))
    return a, s * a


@lru_cache(maxsize=256)
def cubic(kurtosis: float) -> float:
    """c of ``moment_map`` for grain without skew of this excess kurtosis, as far as the map stays monotone.

    With skew s there is about 4/3 s^2 more.
    """
    low, high = _CUBIC
    for _ in range(60 if kurtosis else 0):
        c = 0.5 * (low + high)
        a2 = 1 - 6 * c * c
        a = math.sqrt(a2)
        found = 3 * a2**2 + 24 * a2 * a * c + 252 * a2 * c * c + 1296 * a * c**3 + 3348 * c**4 - 3
        low, high = (c, high) if found < kurtosis else (low, c)
    return low if kurtosis else 0.0


def _box_gain(luma: GrainFilter, squares: Weights, sub_w: int, sub_h: int) -> float:
    """What brings the sum over a chroma sample's block of luma grain back to unit variance."""
    a, b, c = squares
    wide, high = 1 << sub_w, 1 << sub_h
    lags = [(dx, dy) for dy in range(1 - high, high) for dx in range(1 - wide, wide)]
    rho = [luma.autocorrelation(dx, dy) for dx, dy in lags]
    # covariance of the bent field: the square contributes 2 rho^2, the cube 6 rho^3
    terms = [
        (wide - abs(x)) * (high - abs(y)) * (a * r + 2 * b * r * r + 6 * c * r**3)
        for (x, y), r in zip(lags, rho, strict=True)
    ]
    return 1 / math.sqrt(math.fsum(terms))


def correlate(first: float, second: float, between: float) -> Matrix:
    """Lower Cholesky factor of the 3 x 3 correlation matrix with these coefficients.

    ``first`` = (0, 1), ``second`` = (0, 2), ``between`` = (1, 2), each in -1..1. A combination no
    three signals can have is moved to the nearest possible ``between``.
    """
    l10, l20 = _unit(first), _unit(second)
    l11 = math.sqrt(1 - l10 * l10)
    rest = math.sqrt(1 - l20 * l20)
    l21 = max(-rest, min(rest, (between - l10 * l20) / l11)) if l11 > 1e-6 else 0.0
    return (1.0, 0.0, 0.0), (l10, l11, 0.0), (l20, l21, math.sqrt(max(0.0, rest * rest - l21 * l21)))


def _unit(value: float) -> float:
    return max(-1.0, min(1.0, value))


def _chroma_mix(segment: GrainSegment, box: float) -> Matrix:
    c = segment.chroma
    luma, cb, cr = correlate(c.y_cb, c.y_cr, c.cb_cr)
    return luma, _row(cb, c.cb, box), _row(cr, c.cr, box)


def _product(left: Matrix, right: Matrix) -> Matrix:
    first, second, third = (
        tuple(math.fsum(row[k] * right[k][j] for k in range(3)) for j in range(3)) for row in left
    )
    return _weights(first), _weights(second), _weights(third)


def _weights(row: tuple[float, ...]) -> Weights:
    a, b, c = row
    return a, b, c


def _row(row: Weights, gain: float, box: float) -> Weights:
    return row[0] * gain * box, row[1] * gain, row[2] * gain
