"""AV1's own grain model, fitted to a segment: what ordinary players can show of its grain.

A decoder filters Gaussian noise by an autoregressive filter into a template of 64 x 64 samples, lays random
32 x 32 parts of it over the picture, and scales them by a piecewise linear function of luma (AV1 bitstream
specification, 7.18.3; AFGS1 carries the same model in HEVC). The profile knows the autocorrelation of its
grain, so the filter follows from it (Yule-Walker) and nothing is measured. What the model cannot hold is
left out: skew and kurtosis, correlation of Cb and Cr beyond what both have of luma, and grain much coarser
than the filter's reach of three samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.grain.filters import GrainFilter, grain_filter
from filmgrain_codec.grain.filters import Taps as FilterTaps
from filmgrain_codec.grain.profile import Chroma, GrainSegment
from filmgrain_codec.grain.recipe import chroma_spectrum

LAG = 3
TAPS = tuple((y, x) for y in range(-LAG, 1) for x in range(-LAG, LAG + 1) if y < 0 or x < 0)
"""(rows, columns) from the sample that is filtered, in the order of the syntax."""
LUMA_POINTS, CHROMA_POINTS = 14, 10
BY_LUMA = 128, 192, 256
"""Multiplier, luma multiplier and offset that have chroma's strength follow luma alone."""
SHIFTS, SCALINGS, COARSEST = (9, 8, 7, 6), (11, 10, 9, 8), 3
NOISE = 32.0
"""Standard deviation of the specification's Gaussian table, in 8-bit codes."""
LARGEST_GAIN = 9.0
"""Filters that amplify more would leave the template's 8 bits, whatever the noise is scaled by."""
_RIDGES = (0.0, 1e-6, 1e-4, 1e-3, 3e-3, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6)
_SPAN, _WIDE, _FAR = 64, 160, 40
_BLOCKS = ((0, 1.0),), ((-1, 0.25), (0, 0.5), (1, 0.25))
"""How often two samples of two blocks, of one or two, are so far from the distance of the blocks."""
_CLOSE, _FARTHEST, _NONE = 0.01, 1e6, 0.01
Points = tuple[tuple[int, int], ...]
Subs = tuple[int, int]
Taps = tuple[int, ...]
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Av1Grain:
    """Parameters as the syntax has them (AV1, 6.8.20; AFGS1 the same), but for the seed.

    ``luma``, ``cb``, ``cr``: points (luma code, scaling), both 0 to 255, none without grain; ``ar_luma``
    (24), ``ar_cb``, ``ar_cr`` (25; the last is luma's): coefficients times 2^``ar_shift``; ``scaling``: noise
    times scaling is shifted right by it (8 to 11); ``coarseness``: the table's noise is shifted right by it
    first.
    """

    luma: Points
    cb: Points
    cr: Points
    ar_luma: Taps
    ar_cb: Taps
    ar_cr: Taps
    ar_shift: int
    scaling: int
    coarseness: int


@lru_cache(maxsize=256)
def fitted(segment: GrainSegment, subs: Subs = (1, 1)) -> Av1Grain | None:
    """The model of a segment's grain in Y'CbCr; None for one without grain.

    ``subs``: log2 of chroma's subsampling across and down.
    """
    if not segment.grainy:
        return None
    kernel = grain_filter(segment.spectrum)
    power = _power(kernel, subs)
    kernels = kernel, grain_filter(chroma_spectrum(segment, *subs))
    luma, own = (_solved(k, SHIFTS) for k in kernels)
    shares = _shares(luma, own, power, segment.chroma)
    shift = min(luma.shift, own.shift, _shift(shares, SHIFTS))
    luma, own = (_solved(k, (shift,)) for k in kernels)
    shares = [s / 2**shift for s in _coded(_shares(luma, own, power, segment.chroma), shift)]
    gains = [luma.gain, *(_gain_with(own, luma, power, s) for s in shares)]
    strengths = _strengths(segment)
    coarseness = _coarseness(gains, [float(s.max()) for s in strengths])

    scalings = [s * 2**coarseness / (NOISE * g) for s, g in zip(strengths, gains, strict=True)]
    scaling = _scaling(max(float(s.max()) for s in scalings))
    limits = (LUMA_POINTS, CHROMA_POINTS, CHROMA_POINTS)
    luma_points, cb, cr = (_points(s * 2**scaling, n) for s, n in zip(scalings, limits, strict=True))
    ar_cb, ar_cr = (_coded([*own.taps, share], shift) for share in shares)
    return Av1Grain(luma_points, cb, cr, _coded(luma.taps, shift), ar_cb, ar_cr, shift, scaling, coarseness)


def seed_of(segment: GrainSegment, index: int) -> int:
    """The 16-bit seed of a frame: another one for every frame, the same in every run.

    Never one from which the specification's shift register of a plane would not move (7.18.3.2).
    """
    mixed = (segment.seed * 0x9E3779B1 + index * 0x85EBCA77 + 0x1234567) & 0xFFFFFFFF
    mixed = ((mixed ^ mixed >> 15) * 0x2C1B3C6D) & 0xFFFFFFFF
    seed = (mixed >> 8 ^ mixed >> 20) & 0xFFFF
    return seed if seed not in (0, 0xB524, 0x49D8) else 0x1D0F


@dataclass(frozen=True, slots=True)
class _Filter:
    """Coefficients in steps of 2^-``shift``, and the deviation they give unit white noise."""

    taps: tuple[float, ...]
    shift: int
    gain: float


@lru_cache(maxsize=64)
def _covariances(kernel: GrainFilter) -> Array:
    """Of the filtered field at distances of 0 to ``_FAR`` rows and columns."""
    total = np.zeros((_FAR + 1, _FAR + 1))
    for a in kernel.terms:
        for b in kernel.terms:
            rows, columns = _shared(a.vertical, b.vertical), _shared(a.horizontal, b.horizontal)
            total += a.weight * b.weight * np.outer(rows, columns)
    return total


def _shared(first: FilterTaps, second: FilterTaps) -> Array:
    """Covariance of two half kernels' results at distances of 0 to ``_FAR``."""
    one, other = (np.array([*half[:0:-1], *half]) for half in (first, second))
    whole = np.correlate(one, other, "full")
    half = whole[len(whole) // 2 :][: _FAR + 1]
    return np.pad(half, (0, _FAR + 1 - len(half)))


@lru_cache(maxsize=256)
def _solved(kernel: GrainFilter, shifts: tuple[int, ...]) -> _Filter:
    """The filter whose noise is correlated most alike, of those that stay bounded once coded.

    Coarse grain would ask for coefficients beyond the syntax, and cut off they diverge: the least ridge
    that keeps them small is taken. ``shifts``: those to choose from.
    """
    known, places = _covariances(kernel), np.array(TAPS)
    apart = np.abs(places[:, None] - places[None])
    matrix, right = known[apart[..., 0], apart[..., 1]], known[-places[:, 0], np.abs(places[:, 1])]
    for ridge in _RIDGES:
        taps = np.linalg.solve(matrix + (ridge + 1e-9) * np.eye(len(TAPS)), right)
        shift = _shift(taps, shifts)
        coded = np.array(_coded(taps, shift)) / 2**shift
        gain = _gain(coded)
        if gain < LARGEST_GAIN:
            return _Filter(tuple(coded), shift, gain)
    return _Filter((0.0,) * len(TAPS), shifts[0], 1.0)


def _shift(taps: Sequence[float] | Array, shifts: tuple[int, ...]) -> int:
    """The finest of ``shifts`` that holds every coefficient in 8 bits, else the last."""
    largest = max(abs(float(t)) for t in taps)
    return next((s for s in shifts if round(largest * 2**s) <= 127), shifts[-1])


def _coded(taps: Sequence[float] | Array, shift: int) -> Taps:
    return tuple(int(np.clip(round(float(t) * 2**shift), -128, 127)) for t in taps)


def _gain(taps: Array) -> float:
    """Standard deviation that unit white noise gets; infinite where the filter runs away."""
    rows, columns = _WIDE // 2, _WIDE
    along = _along(taps[-LAG:], columns)
    made = np.zeros((rows + LAG, columns + 2 * LAG))
    inside = slice(LAG, LAG + columns)
    for row in range(LAG, rows + LAG):
        given = np.zeros(columns)
        if row == LAG:
            given[columns // 2] = 1.0
        for (y, x), k in zip(TAPS, taps, strict=True):
            if y < 0:
                given += k * made[row + y, LAG + x : LAG + x + columns]
        made[row, inside] = np.convolve(given, along)[:columns]
        if not np.isfinite(made[row]).all() or np.abs(made[row]).max() > 1e3:
            return math.inf
    settled = np.abs(made[-1]).max() < 0.05 * np.abs(made).max()
    return float(np.sqrt((made**2).sum())) if settled else math.inf


def _along(taps: Array, length: int) -> Array:
    """What a one becomes along its row, by the coefficients of the samples before."""
    made = np.zeros(length + LAG)
    made[LAG] = 1.0
    for k in range(LAG + 1, length + LAG):
        made[k] = min(float(made[k - LAG : k] @ taps), _FARTHEST)
    return made[LAG:]


def _response(own: _Filter) -> NDArray[np.complex128]:
    """What the chroma filter makes of each frequency."""
    impulse = np.zeros((_SPAN, _SPAN))
    impulse[0, 0] = 1.0
    for (y, x), k in zip(TAPS, own.taps, strict=True):
        impulse[-y % _SPAN, -x % _SPAN] -= k
    return np.asarray(1 / np.fft.fft2(impulse))


def _power(kernel: GrainFilter, subs: Subs) -> Array:
    """Power of the mean of luma's unit grain in a chroma sample, at each frequency."""
    known = _covariances(kernel)
    blocks = np.fft.fftfreq(_SPAN, 1 / _SPAN).astype(int)
    total = np.zeros((_SPAN, _SPAN))
    for (y, u), (x, v) in product(_BLOCKS[subs[1]], _BLOCKS[subs[0]]):
        rows = np.minimum(np.abs((1 << subs[1]) * blocks + y), _FAR)
        columns = np.minimum(np.abs((1 << subs[0]) * blocks + x), _FAR)
        total += u * v * known[np.ix_(rows, columns)]
    return np.asarray(np.maximum(np.fft.fft2(total).real, 0))


def _shares(luma: _Filter, own: _Filter, power: Array, chroma: Chroma) -> list[float]:
    """Luma's coefficients for Cb and Cr."""
    return [_luma_share(own, luma, power, r) for r in (chroma.y_cb, chroma.y_cr)]


def _luma_share(own: _Filter, luma: _Filter, power: Array, correlation: float) -> float:
    """Luma's coefficient that gives chroma and the luma under it this correlation, or comes nearest.

    The filter smears what chroma has of luma with the rest, so that of coarse grain little is left of a
    correlation; more of luma than of its own no plane gets.
    """
    response, power = _response(own), power * luma.gain**2
    alone, carried = (np.abs(response) ** 2).mean(), (np.abs(response) ** 2 * power).mean()
    shared, both = (response.real * power).mean(), power.mean()
    left = shared**2 - correlation**2 * both * carried
    most = math.sqrt(alone / carried)
    found = abs(correlation) * math.sqrt(both * alone / left) if left > 0 else most
    return math.copysign(min(found, most), correlation)


def _gain_with(own: _Filter, luma: _Filter, power: Array, share: float) -> float:
    carried = share**2 * luma.gain**2 * power
    return float(np.sqrt((np.abs(_response(own)) ** 2 * (1 + carried)).mean()))


def _coarseness(gains: Sequence[float], strengths: Sequence[float]) -> int:
    """By how many bits the noise is made smaller so that three deviations of it stay in 8 bits.

    Only as far as the scaling can make up for in every plane: too weak is worse than a little cut off.
    """
    wanted = max(math.ceil(math.log2(3 * NOISE * gain / 127)) for gain in gains)
    reached = 255 / 2 ** SCALINGS[-1] * NOISE
    known = [(g, s) for g, s in zip(gains, strengths, strict=True) if s > _NONE]
    most = min((math.floor(math.log2(reached * g / s)) for g, s in known), default=0)
    return int(np.clip(min(wanted, most), 0, COARSEST))


def _strengths(segment: GrainSegment) -> list[Array]:
    """Of every plane over luma, in 8-bit codes (256,)."""
    luma = 255 * np.asarray(segment.sigma(np.arange(256) / 255))
    return [luma, luma * segment.chroma.cb, luma * segment.chroma.cr]


def _scaling(largest: float) -> int:
    return next((s for s in SCALINGS if largest * 2**s <= 255), SCALINGS[-1])


def _points(scaling: Array, most: int) -> Points:
    """A line of at most so many points through a function of the code (256,): those that mend it most."""
    wanted = np.clip(scaling, 0, 255)
    chosen, close = [0, 255], max(_CLOSE * float(wanted.max()), 0.5)
    codes = np.arange(256)
    while len(chosen) < most:
        off = np.abs(np.interp(codes, chosen, np.rint(wanted[chosen])) - wanted)
        if off.max() <= close:
            break
        chosen = sorted({*chosen, int(off.argmax())})
    made = tuple((int(c), round(float(wanted[c]))) for c in chosen)
    return made if any(strength for _, strength in made) else ()
