"""What measured grain has beyond two Gaussians: the correction of a fitted spectrum.

Block DCT powers, summed over rings, beside the expected ones, in dB, are read as straight lines between a few
radial frequencies. Each of these is drawn towards 0 as far as its rings say little, and what would hardly be
seen is left out, for a corrected spectrum costs more to synthesise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.grain import spectrum_fit
from filmgrain_codec.grain.profile import CORRECTED_AT, NO_CORRECTION, Correction, Spectrum
from filmgrain_codec.grain.spectrum_fit import LOWEST

Field = NDArray[np.float64]

SIDE = 16
RINGS = 17
RANGE = (-8.0, 7.5)
USUAL = 1.5
"""Standard deviation in dB of what film and what is made of it have beyond two Gaussians."""
BEND = 1.5
"""Standard deviation in dB of its second differences."""
_ROUNDS = 4
_CORNER = 16.5
_PER_CYCLE = 2 * SIDE


@dataclass(frozen=True, slots=True)
class Doubt:
    """How far powers may be off: ``each`` ring, in dB; ``floor``, relative to white grain as strong as this;
    and ``share``, relative to the strongest ring: behind coarse grain lie the camera's noise and what motion
    leaves. ``lowest``: DCT radius from which rings count. ``least``: corrections that make less of a
    difference (RMS in dB over rings) are left out."""

    each: float
    floor: float
    share: float
    lowest: float
    least: float


KNOWN = Doubt(0.2, 1e-3, 0.0, 0.5, 0.15)
"""Of grain that is known by itself."""
PURE = Doubt(0.4, 3e-3, 2e-3, 0.65 * LOWEST, 0.25)
"""Of blocks that show grain alone."""
MIXED = Doubt(1.0, 1e-2, 5e-3, LOWEST, 0.4)
"""Of blocks that may hold picture as well."""


def rings(power: NDArray[np.floating]) -> Field:
    """Means of (..., 16, 16) DCT powers over rings of the DCT radius, (..., RINGS), but for block means."""
    flat = power.reshape(*power.shape[:-2], SIDE * SIDE)
    return np.asarray(flat @ _membership().T, np.float64)


def sizes() -> Field:
    """Coefficients in each ring."""
    return np.asarray(np.bincount(_ring_of(), minlength=RINGS + 1)[:RINGS], np.float64)


def corrected(measured: Field, spectrum: Spectrum, doubt: Doubt) -> Spectrum:
    """``spectrum`` (whose own correction is dropped) with the correction that ``measured`` calls for.

    ``measured``: powers (RINGS,) of 16 x 16 blocks, any scale.
    """
    plain = replace(spectrum, correction=NO_CORRECTION)
    radius = rings(spectrum_fit.radius(SIDE, SIDE))
    used = radius >= doubt.lowest
    if not (measured[used] > 0).any():
        return plain
    trust = np.where(radius[used] > _CORNER, 0.1, 1.0) / doubt.each**2
    floor = max(doubt.floor, doubt.share * float(spectrum_fit.expected(plain).max()))
    found, made = np.zeros(len(CORRECTED_AT)), plain
    for _ in range(_ROUNDS):
        model = spectrum_fit.expected(made)
        off, seen = _decibels(measured[used], rings(model)[used], floor)
        found = found + _step(_hats(model)[used], trust * seen**2, off, found)
        made = _with(plain, found)
    before, after = (rings(spectrum_fit.expected(s))[used] for s in (plain, made))
    change, seen = _decibels(after, before, floor)
    change = change - np.average(change, weights=seen)
    return made if np.sqrt(np.average(change**2, weights=seen)) >= doubt.least else plain


@lru_cache(maxsize=1)
def _ring_of() -> NDArray[np.int64]:
    """The ring of every coefficient (256,); the block's mean is in none, number ``RINGS``."""
    radius = spectrum_fit.radius(SIDE, SIDE).ravel()
    ring = np.where(radius > _CORNER, RINGS - 1, np.minimum(np.rint(radius) - 1, RINGS - 2)).astype(np.int64)
    ring[0] = RINGS
    return ring


@lru_cache(maxsize=1)
def _membership() -> Field:
    """Weights (RINGS, 256) of the mean over each ring."""
    return np.asarray((np.arange(RINGS)[:, None] == _ring_of()) / sizes()[:, None], np.float64)


def _hats(model: Field) -> Field:
    """What each value of a correction counts for in every ring of expected powers, (RINGS, 8)."""
    frequency = spectrum_fit.radius(SIDE, SIDE) / _PER_CYCLE
    parts = [rings(model * np.interp(frequency, CORRECTED_AT, row)) for row in np.eye(len(CORRECTED_AT))]
    return np.stack(parts, -1) / rings(model)[:, None]


def _step(basis: Field, weight: Field, off: Field, found: Field) -> Field:
    """Ridge step towards what is still ``off``, whatever the scale."""
    centred = basis - np.average(basis, 0, weight)
    rest = off - np.average(off, weights=weight)
    prior = _prior()
    square = centred.T @ (weight[:, None] * centred) + prior
    return np.asarray(np.linalg.solve(square, centred.T @ (weight * rest) - prior @ found), np.float64)


@lru_cache(maxsize=1)
def _prior() -> Field:
    """Inverse covariance of corrections before anything is seen: small, and without sharp bends."""
    bends = np.diff(np.eye(len(CORRECTED_AT)), 2, axis=0)
    return np.eye(len(CORRECTED_AT)) / USUAL**2 + bends.T @ bends / BEND**2


def _decibels(measured: Field, model: Field, floor: float) -> tuple[Field, Field]:
    """Power over expected power in dB, and how much of each ring's power can be seen, 0..1."""
    sure = model / (model + floor)
    scale = np.exp(np.average(np.log(np.maximum(measured, 1e-12) / model), weights=sure**2))
    real = np.maximum(measured / scale, 0.0)
    return np.asarray(10 * np.log10((real + floor) / (model + floor))), np.asarray(sure)


def _with(spectrum: Spectrum, values: Field) -> Spectrum:
    # what is added to all changes nothing
    inside = np.clip(values - max(float(values.max()) - RANGE[1], 0.0), *RANGE)
    correction: Correction = tuple(float(v) for v in inside)  # type: ignore[assignment]
    return replace(spectrum, correction=correction)
