"""From block powers to the strength curve: which blocks show grain alone, and how strong it is."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.grain import spectrum_fit
from filmgrain_codec.grain.flat import BINS, luma_bin
from filmgrain_codec.grain.knots import fit_knots
from filmgrain_codec.grain.profile import BENT_LAW, curve_at
from filmgrain_codec.grain.samples import Samples

Field = NDArray[np.float64]
Mask = NDArray[np.bool_]

CENTRES: Field = (np.arange(BINS) + 0.5) / BINS
_CLIPPED_MOST = 0.45
FEWEST = 5
_ENOUGH = 40.0
_HALF = 6.0
"""Worth of blocks at which a bin counts half of what it can."""
_MATCHED = 0.3
"""Trust in textured blocks that match between the frames."""
_ANCHOR, _ANCHORED = 8.0, 0.05
"""Worth of flat blocks from which a bin counts as read from them, and the least share of such bins."""
_ABOVE_FLAT = 1.5
_SCATTER = 1.35
"""How much more than Gaussian grain's the scatter of blocks may be: grain's own kurtosis explains so much."""
_SHARPER, _LOW = 8, 0.25
_MANY, _DOUBTED, _ALIKE = 20, 0.2, 1.1
"""Fewest blocks of a tone, and most trust in them, for it to be asked whether its grain varies from place to
place; and within which ratio powers agree then."""
_NEARLY_NONE = 1e-5
LEAST = 1e-7
"""Smallest variance told apart from none: a standard deviation of 0.08 codes in 8 bit."""


def at(knots: Field, luma: NDArray[np.floating]) -> Field:
    """sigma at ``luma`` from knot values, in the law that estimates are told in."""
    return curve_at(knots, luma, BENT_LAW)


def block_variance(knots: Field, samples: Samples, luma: Field) -> Field:
    """Variance of grain in each block; ``luma``: the blocks' as it was before clipping."""
    moved = (at(knots, luma) / np.maximum(at(knots, samples.luma), _NEARLY_NONE)) ** 2
    return np.asarray((samples.tones @ knots**2) * moved, np.float64)


@dataclass(frozen=True, slots=True)
class Powers:
    """Block powers in units of variance under a spectrum: each estimates sigma^2 (+ picture).

    ``band`` and ``picture_band`` from the coefficients of ``spectrum_fit.band``, ``low`` and
    ``picture_low`` from those below; ``spread`` and ``low_spread`` their relative standard
    deviations for pure Gaussian grain.
    """

    band: Field
    picture_band: Field
    low: Field
    picture_low: Field
    spread: float
    low_spread: float


def powers(samples: Samples, model: Field, floor: float) -> Powers:
    """Block powers under the expected DCT powers ``model``; ``floor`` is quantisation variance."""
    band, low = spectrum_fit.band(model), spectrum_fit.low_band()

    def mean(power: NDArray[np.float32], which: Mask) -> Field:
        # sqrt(model) stands between equal weights (most precise) and energy (least model-dependent)
        weight = np.sqrt(model[which])
        return np.asarray((power[:, which] - floor) @ (weight / model[which] / weight.sum()), np.float64)

    def spread(which: Mask) -> float:
        weight = np.sqrt(model[which])
        return float(np.sqrt(2.0 * (weight**2).sum()) / weight.sum())

    return Powers(
        mean(samples.grain, band),
        mean(samples.picture, band),
        mean(samples.grain, low),
        mean(samples.picture, low),
        spread(band),
        spread(low),
    )


def unclipped(samples: Samples) -> tuple[Field, Field]:
    """(luma, variance factor) of the blocks as they were before clipping at black and white.

    A Gaussian of which a share p is cut keeps a known part of its variance, and the shift of its
    mean is known too (censored normal distribution); both follow from p alone.
    """
    share = np.clip(np.linspace(0.0, 0.5, 101), 1e-4, None)
    alpha = np.array([-NormalDist().inv_cdf(p) for p in share])
    density = np.exp(-0.5 * alpha**2) / np.sqrt(2 * np.pi)
    mean = alpha * (1 - share) + density
    kept = (1 + alpha**2) * (1 - share) + alpha * density - mean**2
    cut = np.maximum(samples.low, samples.high)
    factor = 1.0 / np.interp(cut, share, kept)
    # distance of the mean from the clipping level, in units of the clipped signal's own distance
    ratio = np.interp(cut, share, alpha / mean)
    luma = np.where(samples.low >= samples.high, samples.luma * ratio, 1 - (1 - samples.luma) * ratio)
    return np.asarray(luma, np.float64), np.where(cut > 2e-3, factor, 1.0)


@dataclass(frozen=True, slots=True)
class CurveFit:
    """sigma at the knots; per bin sigma and the blocks' worth behind it; per block trust (0..1).

    ``pure``: flatness (0..1) of blocks where those of their tone scatter no more than grain does, else 0.
    The difference of the frames plays no part in it, so that it biases no statistics of grain.
    """

    knots: Field
    sigma: Field
    worth: Field
    trust: Field
    pure: Field


def fit(samples: Samples, model: Field, floor: float, occupancy: Field, single: bool = False) -> CurveFit:
    """Strength curve of ``samples`` under the spectrum with expected DCT powers ``model``.

    ``floor``: variance of quantisation. ``occupancy``: share of the picture per luma bin.
    ``single``: the samples are of single frames, so that their ``picture`` tells nothing.
    """
    seen = _seen(samples, model, floor)
    found = _settled(seen, occupancy, single, np.zeros(BINS))
    least = np.zeros(BINS) if single else _varying(seen, found.trust)
    return _settled(seen, occupancy, single, least) if least.any() else found


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the blocks show under one spectrum: powers, luma and variance factor before clipping, whether they
    are usable, and their bins."""

    samples: Samples
    power: Powers
    luma: Field
    factor: Field
    usable: Mask
    bins: NDArray[np.int64]


def _seen(samples: Samples, model: Field, floor: float) -> _Seen:
    luma, factor = unclipped(samples)
    usable = np.maximum(samples.low, samples.high) < _CLIPPED_MOST
    bins = luma_bin(luma.astype(np.float32))
    return _Seen(samples, powers(samples, model, floor), luma, factor, usable, bins)


def _settled(seen: _Seen, occupancy: Field, single: bool, least: Field) -> CurveFit:
    """Curve and trust, each from the other's last result. ``least``: per bin, see ``_varying``."""
    power, luma, bins = seen.power, seen.luma, seen.bins
    knots = _start(power, seen.factor, bins, seen.usable)
    for _ in range(4):
        variance = np.maximum(block_variance(knots, seen.samples, luma) / seen.factor, LEAST)
        judged = trusted(power, np.maximum(variance, least[bins]), bins, single)
        flat, plain, trust = (seen.usable * t for t in judged)
        ratio = power.band / variance
        gain, worth, pure = _per_bin(ratio, power.spread, trust, bins, least > 0)
        tone = np.array([_mean(luma, trust * (bins == k)) for k in range(BINS)])
        tone = np.where(worth > 0, tone, CENTRES)
        sigma = np.sqrt(np.maximum(gain * at(knots, tone) ** 2, LEAST)) * (worth > 0)
        flat_worth = _per_bin(ratio, power.spread, plain, bins, least > 0)[1]
        sigma = _held(tone, sigma, worth, flat_worth, occupancy)
        knots = fit_knots(tone, sigma, worth / (worth + _HALF) * (occupancy + 0.01))
    return CurveFit(knots, sigma, worth, trust, pure[bins] * flat)


def _varying(seen: _Seen, trust: Field) -> Field:
    """Per bin the variance that blocks may have and pass for grain at least; 0 where their curve decides.

    Where a codec thinned grain here and left it there, the weakest would be taken for all of it at that tone,
    and the rest for picture. What differs between the frames as much as it adds up, at low frequencies no
    more than at high ones, is grain, be it as uneven as it likes.
    """
    power, out = seen.power, np.zeros(BINS)
    for k in range(BINS):
        members = seen.usable & (seen.bins == k)
        if members.sum() < _MANY or trust[members].mean() >= _DOUBTED:
            continue
        kinds = (power.band, power.picture_band, power.low, power.picture_low)
        band, *others = (max(float(np.quantile(v[members], 0.25)), LEAST) for v in kinds)
        if max(others) < _ALIKE * band < _ALIKE**2 * others[0]:
            out[k] = min(band, others[0])
    return out


def _held(tone: Field, sigma: Field, worth: Field, flat_worth: Field, occupancy: Field) -> Field:
    """Strengths read from texture alone, held near what flat blocks of other tones say.

    Texture that almost matches between the frames, and what a codec left in it, look like grain.
    """
    flat = (flat_worth >= _ANCHOR) & (sigma > 0)
    if flat.sum() < 2 or occupancy[flat].sum() < _ANCHORED:
        return sigma
    weight = np.where(flat, np.minimum(worth, _ENOUGH), 0.0)
    most = _ABOVE_FLAT * at(fit_knots(tone, sigma, weight), tone)
    return np.where(flat, sigma, np.minimum(sigma, most))


def trusted(
    power: Powers, variance: Field, bins: NDArray[np.int64], single: bool = False
) -> tuple[Field, Field, Field]:
    """How flat blocks are, and how far they can be taken for grain of ``variance`` alone: flat ones, and all.

    All 0..1.

    Picture that differs between the two frames shows first in the low frequencies of the
    difference; picture that is the same in both does less harm, so it costs less trust. Neither
    measure shares coefficients or sign with the strength that is read from the block.
    """
    picture = 0.0 if single else np.maximum(power.picture_band / variance - 1, 0.0) / power.spread
    leaked = np.maximum(power.low / variance - 1, 0.0) / power.low_spread
    texture = np.maximum(power.picture_low / variance - 1, 0.0) / power.low_spread
    still = 1.0 / (1.0 + (leaked / 2) ** 4)
    flat = 1.0 / (1.0 + (picture / 4) ** 2 + (texture / 2.5) ** 2)
    plain = np.asarray(still * flat, np.float64)
    if single:
        return flat, plain, plain
    either = np.maximum(flat, _MATCHED * _matched(power, still, bins)[bins])
    return flat, plain, np.asarray(still * either, np.float64)


def _matched(power: Powers, still: Field, bins: NDArray[np.int64]) -> Field:
    """Per bin 0..1: how surely texture is the same in both frames, the sum being far above the difference."""
    out = np.zeros(BINS)
    for k in range(BINS):
        members = (bins == k) & (still > 0.5)
        if members.sum() >= FEWEST:
            ratio = np.median(power.picture_band[members]) / max(np.median(power.band[members]), LEAST)
            out[k] = np.clip((ratio - 2.0) / 2.0, 0.0, 1.0)
    return out


def _mean(values: Field, weight: Field) -> float:
    total = float(weight.sum())
    return float((values * weight).sum()) / total if total > 0 else 0.0


def _start(power: Powers, factor: Field, bins: NDArray[np.int64], usable: Mask) -> Field:
    sigma, weight = np.zeros(BINS), np.zeros(BINS)
    for k in range(BINS):
        members = np.flatnonzero(usable & (bins == k))
        if len(members) < FEWEST:
            continue
        score = power.picture_band[members] + power.low[members]
        least = members[np.argsort(score, kind="stable")[: int(np.clip(0.15 * len(members), 8, 300))]]
        variance = max(float(np.median(power.band[least] * factor[least])), LEAST)
        excess = max(float(np.median(power.picture_band[least])) / variance - 1, 0.0)
        leaked = max(float(np.median(power.low[least])) / variance - 1, 0.0)
        sigma[k], weight[k] = np.sqrt(variance), len(least) / (1 + 10 * excess**2 + 10 * leaked**2)
    return fit_knots(CENTRES, sigma, weight)


def _per_bin(
    ratio: Field, spread: float, trust: Field, bins: NDArray[np.int64], uneven: Mask
) -> tuple[Field, Field, Mask]:
    """Variance gain per bin from ratios (measured / assumed variance), blocks' worth of trust, and purity.

    ``uneven``: bins where blocks may scatter more than grain does.
    """
    gain, worth, pure = np.zeros(BINS), np.zeros(BINS), np.zeros(BINS, bool)
    for k in range(BINS):
        members = (bins == k) & (trust > 0)
        if members.sum() < FEWEST:
            continue
        # a few blocks that pass among many that do not are more likely picture that looks like grain
        worth[k] = trust[members].sum() * trust[members].mean()
        gain[k], pure[k] = typical(ratio[members], trust[members], spread)
        if uneven[k]:
            gain[k] = _mean(ratio[members], trust[members])
    return np.maximum(gain, 0.0), worth, pure


def typical(values: Field, weight: Field, spread: float) -> tuple[float, bool]:
    """Mean of what is grain in a sample, and whether all is: then its relative deviation is ``spread``.

    The mean, where the sample does not scatter more than grain does. Where it does, some blocks hold picture,
    which makes values large: then a low quantile of those trusted most, taken to the mean by the chi-square
    law that Gaussian grain follows.
    """
    mean = _mean(values, weight)
    if _mean((values - mean) ** 2, weight) <= (_SCATTER * spread * mean) ** 2:
        return mean, True
    weight = weight**_SHARPER
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order]) - 0.5 * weight[order]
    low = float(np.interp(_LOW * weight.sum(), reached, values[order]))
    return low / spectrum_fit.chi_square(_LOW, 2.0 / spread**2), False
