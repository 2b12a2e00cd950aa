"""Corrected spectra: what a filter makes of them, and what is found of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.grain import correction_fit, spectrum_fit
from filmgrain_codec.grain.filters import grain_filter
from filmgrain_codec.grain.parametric import synthesize
from filmgrain_codec.grain.profile import CORRECTED_AT, NO_CORRECTION, Correction, GrainSegment, Spectrum
from filmgrain_codec.train.generators import measured

PLATEAU: Correction = (0.5, 0.0, -0.5, -0.5, 0.0, 1.0, 3.0, 6.0)
BULGE: Correction = (0.0, -1.0, -0.5, 0.5, 1.5, 1.0, -0.5, -2.0)


def powers(spectrum: Spectrum, frames: int = 4) -> np.ndarray:
    """Measured DCT powers (16, 16) of synthesised grain."""
    fmt = FrameFormat(256, 256, "gray")
    base = (np.full((256, 256), 0.5, np.float32),)
    segment = GrainSegment(0, 9, 0.05, spectrum=spectrum, seed=3)
    made = np.stack([synthesize(base, fmt, segment, n)[0] - base[0] for n in range(frames)])
    return measured.block_powers(made.astype(np.float64) / 0.05, 16)


@pytest.mark.parametrize("correction", [PLATEAU, BULGE])
@pytest.mark.parametrize("spectrum", [Spectrum(0.25), Spectrum(0.75, 1.1), Spectrum(0.9, 1.0, 0.3, 2.0)])
def test_a_corrected_filter_has_the_gaussians_spectrum_and_the_correction_on_top(
    spectrum: Spectrum, correction: Correction
) -> None:
    plain, made = grain_filter(spectrum), grain_filter(replace(spectrum, correction=correction))
    assert made.autocorrelation(0, 0) == pytest.approx(1.0)
    assert 1 <= len(made.terms) <= 3
    at = CORRECTED_AT[:-1]
    gained = np.array([20 * np.log10(abs(made.response(f, 0) / plain.response(f, 0))) for f in at])
    apart = gained - spectrum_surplus(correction, at)
    strong = np.array([abs(plain.response(f, 0)) for f in at]) > 0.1
    assert np.ptp(apart[strong]) < 1.6


def spectrum_surplus(correction: Correction, frequency: np.ndarray) -> np.ndarray:
    return Spectrum(correction=correction).surplus(frequency)


def test_expected_powers_are_what_is_synthesised() -> None:
    spectrum = Spectrum(0.75, 1.1, correction=PLATEAU)
    expected = correction_fit.rings(spectrum_fit.expected(spectrum))
    ratio = 10 * np.log10(correction_fit.rings(powers(spectrum)) / expected)
    assert np.abs(ratio[2:]).max() < 0.4


@pytest.mark.parametrize("correction", [PLATEAU, BULGE])
def test_a_correction_is_found_again(correction: Correction) -> None:
    spectrum = Spectrum(0.6, correction=correction)
    rings = correction_fit.rings(powers(spectrum))
    found = correction_fit.corrected(rings, Spectrum(0.6), correction_fit.KNOWN)
    model = [correction_fit.rings(spectrum_fit.expected(s)) for s in (found, spectrum)]
    assert np.abs(10 * np.log10(model[0] / model[1])[1:-1]).max() < 0.5


def test_gaussian_grain_is_left_as_it_is() -> None:
    rings = correction_fit.rings(powers(Spectrum(0.8)))
    for doubt in (correction_fit.KNOWN, correction_fit.PURE, correction_fit.MIXED):
        found = correction_fit.corrected(rings, Spectrum(0.8, correction=BULGE), doubt)
        assert found.correction == NO_CORRECTION


@pytest.mark.parametrize("size", [0.1, 0.8, 3.0, 16.0])
@pytest.mark.parametrize("correction", [(7.5, -8.0) * 4, (-8.0,) * 7 + (7.5,)])
def test_any_correction_gives_a_filter_of_unit_variance(size: float, correction: Correction) -> None:
    for weight in (0.0, -1.0, 0.5):
        made = grain_filter(Spectrum(size, 1.0, weight, 1.0, correction))
        assert made.autocorrelation(0, 0) == pytest.approx(1.0)
        assert all(np.isfinite(t.horizontal).all() and np.isfinite(t.vertical).all() for t in made.terms)


def test_powers_that_are_nowhere_positive_call_for_nothing() -> None:
    found = correction_fit.corrected(np.zeros(correction_fit.RINGS), Spectrum(), correction_fit.KNOWN)
    assert found == Spectrum()


def test_fine_noise_far_below_coarse_grain_is_no_part_of_its_spectrum() -> None:
    rings = correction_fit.rings(spectrum_fit.expected(Spectrum(1.2)) + 0.01)
    for doubt in (correction_fit.PURE, correction_fit.MIXED):
        assert not correction_fit.corrected(rings, Spectrum(1.2), doubt).corrected
    assert correction_fit.corrected(rings, Spectrum(1.2), correction_fit.KNOWN).corrected
