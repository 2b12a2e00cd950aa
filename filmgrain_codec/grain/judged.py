"""A second opinion where only single frames of a shot are known: a judge looks at patches of luma.

Of a single frame the block statistics tell texture from grain by frequency alone, so they err upwards, and
by factors. The judge (a small net, but anything that keeps the contract of ``Judge`` will do) has seen
both, and says for every patch of 64 x 64 samples how strong its grain is and how sure it is. It has a
veto: where the statistics find more than twice the grain it does, its figures stand; else theirs do, which
follow flat patches of real scans more closely (``benchmarks scans``). Where consecutive frames can be
compared no judge is asked.

Limits: a judge may be sure and wrong about texture unlike any it was shown. Fine grain of level 0.01 and
less is read low.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.grain import curve_fit, flat
from filmgrain_codec.grain.flat import Array
from filmgrain_codec.grain.knots import fit_knots
from filmgrain_codec.grain.profile import (
    BENT_LAW,
    DEFAULT_CURVE,
    LEVEL_MAX,
    Curve,
    GrainSegment,
    Spectrum,
    curve_at,
)

Field = NDArray[np.float64]
Judge = Callable[[Array], Array]
"""From patches (n, 2, 64, 64) of luma 0..1, here always one patch twice, to (n, 4): log of sigma in fractions
of full scale, log of that logarithm's error variance, log of the size in samples, log of its variance."""

SIDE = 64
_CELL = 8
_CLIPPED_MOST = 0.02
VETO = 2.0
"""How many times the judge's level the statistics must find to be taken for texture."""
_EVIDENCE = 200.0
"""Sum of inverse variances that counts as plenty for a single frame."""
_DARKEST = 0.2
_PRIOR = 0.15
_SIZE_APART, _SIZE_SURE = 0.15, 0.5


@dataclass(frozen=True, slots=True)
class Judged:
    """What was said of n patches: luma 0..1, log sigma and size, and the variances of the two."""

    luma: Field
    strength: Field
    variance: Field
    size: Field
    size_variance: Field

    def __len__(self) -> int:
        return len(self.luma)


def judged(judge: Judge, patches: Array) -> Judged:
    """The judge's opinion of some patches."""
    told = np.asarray(judge(patches), np.float64) if len(patches) else np.zeros((0, 4))
    luma = patches[:, 0].mean((1, 2), dtype=np.float64)
    return Judged(luma, told[:, 0], np.exp(told[:, 1]), told[:, 2], np.exp(told[:, 3]))


def patches(plane: Array, most: int) -> Array:
    """The flattest patches of a luma plane, each twice: (n, 2, 64, 64)."""
    rows, columns = plane.shape[0] // SIDE, plane.shape[1] // SIDE
    cut = plane[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE)
    found = cut.swapaxes(1, 2).reshape(-1, SIDE, SIDE)
    chosen = found[_flattest(found, most)]
    return np.stack([chosen, chosen], 1)


def _flattest(found: Array, most: int) -> flat.Index:
    """Indices of the patches with the least coarse picture; clipped and empty ones are left out."""
    cells = SIDE // _CELL
    coarse = found.reshape(-1, cells, _CELL, cells, _CELL).mean((2, 4)).std((1, 2))
    clipped = ((found <= 1e-3) | (found >= 1 - 1e-3)).mean((1, 2)) > _CLIPPED_MOST
    usable = np.flatnonzero(~clipped & (found.std((1, 2)) > 1e-5))
    return usable[np.argsort(coarse[usable], kind="stable")[:most]]


def second_opinion(segment: GrainSegment, said: Judged) -> GrainSegment:
    """The segment of single frames as the statistics have it, or as the judge has it who vetoes them."""
    if not len(said):
        return segment
    knots = _knots(said)
    level = float(curve_fit.at(knots, np.array([0.5]))[0])
    spectrum = _spectrum(segment.spectrum, said)
    if segment.level <= VETO * level:
        return replace(segment, spectrum=spectrum)
    curve: Curve = tuple(float(k) for k in np.clip(knots / level, 0.0, 8.0))  # type: ignore[assignment]
    return replace(
        segment,
        level=min(level, LEVEL_MAX),
        curve=curve,
        spectrum=spectrum,
        confidence=min(segment.confidence, _confidence(said)),
    )


def _confidence(said: Judged) -> float:
    """At most a half, as for statistics of single frames."""
    return float(0.5 * (1 - np.exp(-(1 / said.variance).sum() / _EVIDENCE)))


def _knots(said: Judged) -> Field:
    """sigma at the knots: the patches', drawn to a typical curve where there are few."""
    typical = np.maximum(DEFAULT_CURVE, _DARKEST)
    weight = said.variance**-2
    off = said.strength - np.log(curve_at(typical, said.luma, BENT_LAW))
    level = np.exp(weighted_median(off, weight))
    sigma, worth, near = [], [], flat.luma_bin(said.luma.astype(np.float32))
    for k in range(flat.BINS):
        here = near == k
        prior = float(level * curve_at(typical, curve_fit.CENTRES[k], BENT_LAW))
        total = float(weight[here].sum())
        value = np.exp(weighted_median(said.strength[here], weight[here])) if here.any() else prior
        share = total / (total + _PRIOR * float(weight.sum()))
        sigma.append(prior ** (1 - share) * value**share)
        worth.append(total + _PRIOR * float(weight.sum()))
    return fit_knots(curve_fit.CENTRES, np.array(sigma), np.array(worth))


def _spectrum(found: Spectrum, said: Judged) -> Spectrum:
    """The judge's size where it is sure of another than the statistics say."""
    size = weighted_median(said.size, 1 / said.size_variance)
    sure = np.sqrt(np.median(said.size_variance)) < _SIZE_SURE
    if not sure or abs(size - np.log(found.size)) < _SIZE_APART:
        return found
    return Spectrum(size=float(np.exp(size)), anisotropy=found.anisotropy)


def weighted_median(values: Field, weight: Field) -> float:
    """The value at which half of the weight is reached."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    return float(values[order[min(int(np.searchsorted(reached, reached[-1] / 2)), len(values) - 1)]])
