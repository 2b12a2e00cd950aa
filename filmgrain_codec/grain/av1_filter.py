"""The autoregressive filters of AV1's grain model, solved for grain whose covariance is known.

Each sample of the template is a weighted sum of 24 samples above and before it, plus white noise (AV1
bitstream specification, 7.18.3.3); chroma's takes a share of the luma grain under it as well. Weights that
make noise of a given covariance are those of its best linear prediction (Yule-Walker).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
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
SHIFTS = (9, 8, 7, 6)
LARGEST_GAIN = 9.0
"""Filters that amplify more would leave the template's 8 bits, whatever the noise is scaled by."""
_RIDGES = (0.0, *(10 ** (k / 4) for k in range(-20, 0)))
_SPAN, _WIDE, _FAR = 64, 160, 40
_BLOCKS = ((0, 1.0),), ((-1, 0.25), (0, 0.5), (1, 0.25))
"""How often two samples of two blocks, of one or two, are so far from the distance of the blocks."""
_FARTHEST, _RUNAWAY, _LEFT = 1e6, 1e3, 0.05
_STARTS, _SWEEPS, _WORTH, _LEAST = 4, 12, 0.97, 1e-6
_NEAR = np.ix_(range(6), (*range(6), *range(-5, 0)))
_UNSEEN, _DECIBELS = 10**-2.5, 18.0
"""Power below which nothing is looked at, over the mean; dB that count as much as a correlation of 1."""
_ROWS, _COLUMNS = (np.array([-t[k] % _SPAN for t in TAPS]) for k in (0, 1))
Taps = tuple[int, ...]
Subs = tuple[int, int]
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Filters:
    """Coefficients times 2^``shift`` of Y, Cb and Cr, the last of Cb's and Cr's being luma's share.

    ``gains``: the deviation that unit white noise gets in each.
    """

    taps: tuple[Taps, Taps, Taps]
    shift: int
    gains: tuple[float, float, float]


def filters(segment: GrainSegment, subs: Subs) -> Filters:
    """The filters of a segment's grain; ``subs``: log2 of chroma's subsampling across and down."""
    kernels = grain_filter(segment.spectrum), grain_filter(chroma_spectrum(segment, *subs))
    power = _power(kernels[0], subs)
    luma, own = (_solved(kernel, SHIFTS) for kernel in kernels)
    shift = min(luma.shift, own.shift, _shift(_shares(luma, own, power, segment.chroma), SHIFTS))
    luma, own = (_solved(kernel, (shift,)) for kernel in kernels)
    cb, cr = _coded(_shares(luma, own, power, segment.chroma), shift)
    gains = [_gain_with(own, luma, power, share / 2**shift) for share in (cb, cr)]
    taps = luma.coded, (*own.coded, cb), (*own.coded, cr)
    return Filters(taps, shift, (luma.gain, gains[0], gains[1]))


@dataclass(frozen=True, slots=True)
class _Goal:
    """What the noise should be like: correlation at near distances, power in dB at each frequency."""

    near: Array
    level: Array

    @classmethod
    def of(cls, known: Array) -> _Goal:
        """``known``: covariances at distances of 0 to ``_FAR`` rows and columns."""
        distances = np.minimum(np.abs(np.fft.fftfreq(_SPAN, 1 / _SPAN)).astype(int), _FAR)
        wrapped = known[np.ix_(distances, distances)]
        return cls(wrapped[_NEAR] / known[0, 0], _level(np.maximum(np.fft.fft2(wrapped).real, 0)))


def _level(power: Array) -> Array:
    """In dB over its mean; what lies far below it hardly counts."""
    return np.asarray(10 * np.log10(power / power.mean() + _UNSEEN))


@dataclass(frozen=True)
class _Filter:
    """Coefficients as they are coded, in steps of 2^-``shift``."""

    coded: Taps
    shift: int

    @property
    def taps(self) -> Array:
        """The coefficients as numbers."""
        return np.asarray(np.array(self.coded) / 2**self.shift, np.float64)

    @cached_property
    def gain(self) -> float:
        """The deviation that unit white noise gets."""
        return _gain(self.taps)

    @cached_property
    def response(self) -> NDArray[np.complex128]:
        """What it makes of each frequency."""
        impulse = np.zeros((_SPAN, _SPAN))
        impulse[0, 0] = 1.0
        impulse[_ROWS, _COLUMNS] = -self.taps
        found = np.fft.fft2(impulse)
        return np.asarray(1 / np.where(np.abs(found) < _LEAST, _LEAST, found))

    def error(self, goal: _Goal) -> float:
        """How far its noise is from the goal, in correlation and in spectrum."""
        power = np.abs(self.response) ** 2
        apart = np.fft.ifft2(power).real[_NEAR] / power.mean() - goal.near
        decibels = _level(power) - goal.level
        return float(np.square(apart).sum() + np.square(decibels / _DECIBELS).mean())

    def moved(self, k: int, step: int) -> _Filter:
        """With coefficient ``k`` a step up or down, if the syntax holds that."""
        value = min(max(self.coded[k] + step, -128), 127)
        return _Filter((*self.coded[:k], value, *self.coded[k + 1 :]), self.shift)


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

    Coarse grain asks for coefficients beyond the syntax, and cut off they diverge: a ridge keeps them small.
    What rounding does to them differs from ridge to ridge by more than the ridge itself, so all are tried,
    and then every coefficient a step to either side. ``shifts``: those to choose from.
    """
    known = _covariances(kernel)
    matrix, right = _normal_equations(known)
    tried = [_Filter((0,) * len(TAPS), shifts[0])]
    for ridge in _RIDGES:
        taps = np.linalg.solve(matrix + (ridge + 1e-9) * np.eye(len(TAPS)), right)
        shift = _shift(taps, shifts)
        tried.append(_Filter(_coded(taps, shift), shift))
    goal = _Goal.of(known)

    def error(found: _Filter) -> float:
        return found.error(goal)

    bounded = sorted((found for found in tried if found.gain < LARGEST_GAIN), key=error)
    return min((_stepped(found, goal) for found in bounded[:_STARTS]), key=error)


def _stepped(found: _Filter, goal: _Goal) -> _Filter:
    """The same with single coefficients moved by a step where that brings it nearer."""
    least = found.error(goal)
    for _ in range(_SWEEPS):
        before = least
        for k, step in product(range(len(TAPS)), (-1, 1)):
            other = found.moved(k, step)
            error = other.error(goal)
            if error < least and other.gain < LARGEST_GAIN:
                found, least = other, error
        if least > _WORTH * before:
            break
    return found


def _normal_equations(known: Array) -> tuple[Array, Array]:
    """Covariances of the samples that are weighed with each other, and with the one that is filtered."""
    places = np.array(TAPS)
    apart = np.abs(places[:, None] - places[None])
    return known[apart[..., 0], apart[..., 1]], known[-places[:, 0], np.abs(places[:, 1])]


def _shift(taps: Sequence[float] | Array, shifts: tuple[int, ...]) -> int:
    """The finest of ``shifts`` that holds every coefficient in 8 bits, else the last."""
    largest = max(abs(float(t)) for t in taps)
    return next((s for s in shifts if round(largest * 2**s) <= 127), shifts[-1])


def _coded(taps: Sequence[float] | Array, shift: int) -> Taps:
    return tuple(int(np.clip(round(float(t) * 2**shift), -128, 127)) for t in taps)


def _gain(taps: Array) -> float:
    """Standard deviation that unit white noise gets; infinite where the filter runs away."""
    made = np.zeros((_WIDE // 2 + LAG, _WIDE + 2 * LAG))
    along, inside = _along(taps[-LAG:], _WIDE), slice(LAG, LAG + _WIDE)
    for row in range(LAG, len(made)):
        made[row, inside] = np.convolve(_above(made, row, taps), along)[:_WIDE]
        if not np.abs(made[row]).max() <= _RUNAWAY:
            return math.inf
    settled = np.abs(made[-1]).max() < _LEFT * np.abs(made).max()
    return float(np.sqrt((made**2).sum())) if settled else math.inf


def _above(made: Array, row: int, taps: Array) -> Array:
    """What the rows above give to a row; the first gets a one."""
    given = np.zeros(_WIDE)
    if row == LAG:
        given[_WIDE // 2] = 1.0
    for (y, x), k in zip(TAPS, taps, strict=True):
        if y < 0:
            given += k * made[row + y, LAG + x : LAG + x + _WIDE]
    return given


def _along(taps: Array, length: int) -> Array:
    """What a one becomes along its row, by the coefficients of the samples before."""
    made = np.zeros(length + LAG)
    made[LAG] = 1.0
    for k in range(LAG + 1, length + LAG):
        made[k] = min(float(made[k - LAG : k] @ taps), _FARTHEST)
    return made[LAG:]


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
    response, power = own.response, power * luma.gain**2
    alone, carried = (np.abs(response) ** 2).mean(), (np.abs(response) ** 2 * power).mean()
    shared, both = (response.real * power).mean(), power.mean()
    left = shared**2 - correlation**2 * both * carried
    most = math.sqrt(alone / carried)
    found = abs(correlation) * math.sqrt(both * alone / left) if left > 0 else most
    return math.copysign(min(found, most), correlation)


def _gain_with(own: _Filter, luma: _Filter, power: Array, share: float) -> float:
    carried = share**2 * luma.gain**2 * power
    return float(np.sqrt((np.abs(own.response) ** 2 * (1 + carried)).mean()))
