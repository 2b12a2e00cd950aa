"""GrainProfile: everything the synthesizer needs, per shot.

How its numbers are meant depends on the segment's ``law`` (``FIRST_LAW`` and those after it). Units:
``level`` is the standard deviation of luma grain at luma code 0.5, as a fraction of
2^n - 1, in the file's own transfer. Sizes are standard deviations of the Gaussian grain
filter in samples of the plane they belong to (luma or chroma).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

KNOTS = 8
KNOT_POSITIONS: NDArray[np.float64] = np.linspace(0.0, 1.0, KNOTS)
FIRST_LAW, BENT_LAW, SHOWN_LAW = 0, 1, 2
"""How a segment's numbers are read. First: variance is linear between the knots, and follows the luma
smoothed by the grain's size. Bent: between knots it bends as Boolean grain's does, and is itself what is
smoothed, by the size over the root of two. Shown: as bent, and the spectrum is that of the grain as it is
shown; before, it was that of the noise from which skew then made grain with a wider one.
"""
WRITTEN_LAW = SHOWN_LAW
"""The law of segments that are made now."""
SLOPE_REACH = {FIRST_LAW: 0.5 / (KNOTS - 1), BENT_LAW: 0.025, SHOWN_LAW: 0.025}
_LEAST = 0.25
"""Share of the straight line's variance that the bent law keeps at least."""
LEVEL_NONE = 0.003
"""At most this level is 'no grain': automatic encoding leaves such a shot alone."""
PARAMETRIC = "parametric"
"""The synthesizer that needs no network."""
LEVEL_MAX = 0.15
Curve = tuple[float, float, float, float, float, float, float, float]
DEFAULT_CURVE: Curve = (0.0, 0.762, 0.963, 1.022, 0.978, 0.839, 0.583, 0.0)
"""Boolean model of small grains, u^0.51 (1 - u)^0.66 over its value at 0.5 (Newson et al. 2017)."""
BENT_CURVE: Curve = (0.0, 0.7565, 0.953, 1.01, 0.9665, 0.8275, 0.574, 0.0)
"""The same as the bent law has it: the root of ``boolean_variance``."""
FLAT_CURVE: Curve = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
Correction = tuple[float, float, float, float, float, float, float, float]
NO_CORRECTION: Correction = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
CORRECTED_AT: NDArray[np.float64] = np.array([0.02, 0.07, 0.13, 0.19, 0.26, 0.33, 0.41, 0.5])
"""Radial frequencies of ``Spectrum.correction``, cycles per sample; beyond them its ends hold."""


def curve_at(
    knots: Sequence[float] | NDArray[np.floating], luma: float | NDArray[np.floating], law: int = FIRST_LAW
) -> NDArray[np.float64]:
    """Strength at luma codes in 0..1 from its values at the knots: their squares are interpolated.

    The variance of grain rises about linearly from black, where its root has no slope that a straight
    line could follow (Boolean model: ``boolean_variance``). ``BENT_LAW`` adds the bend, see ``bent_basis``.
    """
    squares = np.square(np.asarray(knots, np.float64))
    straight = np.interp(luma, KNOT_POSITIONS, squares)
    if law == FIRST_LAW:
        return np.asarray(np.sqrt(straight), np.float64)
    return np.asarray(np.sqrt(np.maximum(bent_basis(luma) @ squares, _LEAST * straight)), np.float64)


def boolean_variance(luma: float | NDArray[np.floating]) -> NDArray[np.float64]:
    """Variance of Boolean grain of small disks over luma, 1 at 0.5: u^1.0155 (1 - u)^1.3244, scaled.

    Fitted to the covariance of the model (Newson et al. 2017).
    """
    u = np.clip(luma, 0.0, 1.0)
    return np.asarray((2 * u) ** 1.0155 * (2 - 2 * u) ** 1.3244, np.float64)


def bent_basis(luma: float | NDArray[np.floating]) -> NDArray[np.float64]:
    """What the square of each knot counts for in the variance at ``luma``, shape (..., 8), in ``BENT_LAW``.

    Between two knots the variance is a sum of a line and ``boolean_variance``: the line through both, and as
    much of the latter as the second differences at both knots call for (least squares; in the end intervals
    those of the two inner knots nearest). Exact for Boolean grain, and for grain that is alike at all tones.
    """
    place = np.clip(np.asarray(luma, np.float64), 0.0, 1.0)
    hats = np.maximum(1 - np.abs(place[..., None] * (KNOTS - 1) - np.arange(KNOTS)), 0.0)
    off = boolean_variance(place) - hats @ boolean_variance(KNOT_POSITIONS)
    interval = np.minimum((place * (KNOTS - 1)).astype(np.intp), KNOTS - 2)
    return np.asarray(hats + off[..., None] * _bends()[interval], np.float64)


@lru_cache(maxsize=1)
def _bends() -> NDArray[np.float64]:
    """Per interval what each knot's square counts for in the share of ``boolean_variance``, (7, 8)."""
    own = np.diff(boolean_variance(KNOT_POSITIONS), 2)
    second = np.diff(np.eye(KNOTS), 2, axis=0)
    first = np.clip(np.arange(KNOTS - 1) - 1, 0, KNOTS - 4)
    pairs = np.stack([first, first + 1], 1)
    weight = own[pairs] / (own[pairs] ** 2).sum(1, keepdims=True)
    return np.asarray(np.einsum("kp,kpn->kn", weight, second[pairs]), np.float64)


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Shape of the grain's spectrum: a sum of two unit-energy Gaussian filters.

    Amplitude response H(f) = (1 - |w|) G(size) + w G(size * spread), then normalised to unit
    variance; a negative ``weight`` w gives a band-pass. ``size`` is the geometric mean of the
    horizontal and vertical standard deviations, ``anisotropy`` their ratio horizontal/vertical.
    (Two-Gaussian noise power spectrum after Stephenson and Saunders.)

    ``correction``: how much more power there is than the Gaussians say, in dB at the frequencies
    ``CORRECTED_AT``, straight lines between them; what scans and coded video have beyond any Gaussian.
    """

    size: float = 0.8
    anisotropy: float = 1.0
    weight: float = 0.0
    spread: float = 2.5
    correction: Correction = NO_CORRECTION

    @property
    def corrected(self) -> bool:
        """Whether the Gaussians alone are not all."""
        return any(self.correction)

    def surplus(self, frequency: NDArray[np.floating]) -> NDArray[np.float64]:
        """``correction`` in dB at radial frequencies in cycles per sample."""
        return np.asarray(np.interp(frequency, CORRECTED_AT, self.correction), np.float64)


@dataclass(frozen=True, slots=True)
class Chroma:
    """Chroma grain: strengths relative to the luma level, size in chroma samples, correlations."""

    cb: float = 0.0
    cr: float = 0.0
    size: float = 0.6
    y_cb: float = 0.0
    y_cr: float = 0.0
    cb_cr: float = 0.0


@dataclass(frozen=True, slots=True)
class GrainSegment:
    """Grain of one shot: frames ``start`` (inclusive) to ``end`` (exclusive).

    ``curve`` holds sigma(luma) / level at luma code k/7, k = 0..7, joined by ``curve_at``; its value at 0.5
    is 1. ``skew`` is the third standardised moment at luma 0.5, and ``skew_slope`` how much it follows the
    tone (``skewness``). ``kurtosis`` is excess kurtosis beyond what comes with the skew, 4/3 of its square,
    at luma 0.5, and ``kurtosis_slope`` how fast it grows with luma (``excess``; in the first law not at all).
    ``seed`` is 32 bit. ``law``: ``FIRST_LAW`` of files that name none, or a later one.
    """

    start: int
    end: int
    level: float
    curve: Curve = FLAT_CURVE
    spectrum: Spectrum = field(default_factory=Spectrum)
    chroma: Chroma = field(default_factory=Chroma)
    skew: float = 0.0
    seed: int = 0
    confidence: float = 1.0
    skew_slope: float = 0.0
    kurtosis: float = 0.0
    law: int = FIRST_LAW
    kurtosis_slope: float = 0.0

    @property
    def grainy(self) -> bool:
        """Whether the level is above what counts as no grain."""
        return self.level > LEVEL_NONE

    def sigma(self, luma: NDArray[np.floating]) -> NDArray[np.float64]:
        """Grain standard deviation (fraction of full scale) at luma codes in 0..1."""
        return np.asarray(self.level * curve_at(self.curve, luma, self.law), np.float64)

    def slope(self, luma: NDArray[np.floating]) -> NDArray[np.float64]:
        """d sigma / d luma, over twice ``SLOPE_REACH``."""
        return np.asarray(self.level * self.rise(luma))

    def rise(self, luma: NDArray[np.floating]) -> NDArray[np.float64]:
        """The slope of ``curve``: ``slope`` at level 1."""
        reach = SLOPE_REACH[self.law]
        high, low = (curve_at(self.curve, luma + d, self.law) for d in (reach, -reach))
        return np.asarray((high - low) / (2 * reach))

    def skewness(self, luma: NDArray[np.floating]) -> NDArray[np.float64]:
        """Third standardised moment at luma codes in 0..1: ``skew`` + ``skew_slope`` * ``tilt``."""
        return np.asarray(self.skew + self.skew_slope * self.tilt(luma))

    def excess(self, luma: NDArray[np.floating]) -> NDArray[np.float64]:
        """Excess kurtosis at luma codes in 0..1 beyond 4/3 of the squared skewness."""
        return np.asarray(self.kurtosis + self.kurtosis_slope * (np.clip(luma, 0.0, 1.0) - 0.5))

    def tilt(self, luma: NDArray[np.floating]) -> NDArray[np.float64]:
        """How a tone curve makes the skew vary, 0 at luma 0.5.

        Of y = f(D + n), grain n in density seen through a tone curve f, the second-order share is
        sigma f'' / (2 f'), and sigma(Y) goes with f': skew = 3 d sigma / dY.
        """
        return np.asarray(3 * (self.slope(luma) - self.slope(np.array(0.5))))


@dataclass(frozen=True, slots=True)
class GrainProfile:
    """The segments of one clip in frame order, and what made them.

    ``removal`` and ``synthesis`` are model ids ('' and 'parametric' need no network).
    ``fingerprint`` ties container tags to the stream they were written for ('' if unset).
    """

    segments: tuple[GrainSegment, ...]
    removal: str = ""
    synthesis: str = PARAMETRIC
    fingerprint: str = ""
    version: int = 1

    def __iter__(self) -> Iterator[GrainSegment]:
        return iter(self.segments)

    def at(self, index: int) -> GrainSegment | None:
        """The segment that holds frame ``index``, or None."""
        for segment in self.segments:
            if segment.start <= index < segment.end:
                return segment
        return None

    @property
    def grainy(self) -> bool:
        return any(s.grainy for s in self.segments)
