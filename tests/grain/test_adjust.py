"""Artistic factors change what they name and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain import wire
from filmgrain_codec.grain.adjust import adjusted
from filmgrain_codec.grain.profile import CORRECTED_AT, Chroma, GrainSegment, Spectrum

MEASURED = GrainSegment(
    0, 9, 0.03, spectrum=Spectrum(0.9, 1.2, -0.2, 2.0), chroma=Chroma(0.6, 0.4, 0.7, 0.1, -0.1, 0.3), seed=7
)


def test_factors_of_one_change_nothing() -> None:
    assert adjusted(MEASURED) is MEASURED


def test_size_scales_luma_and_chroma_and_keeps_the_level() -> None:
    made = adjusted(MEASURED, size=1.5)
    assert made.spectrum.size == pytest.approx(1.35)
    assert made.chroma.size == pytest.approx(1.05)
    assert (made.spectrum.anisotropy, made.spectrum.weight, made.spectrum.spread) == (1.2, -0.2, 2.0)
    assert (made.level, made.seed, made.chroma.cb) == (0.03, 7, 0.6)


def test_what_lies_beyond_the_gaussians_moves_with_the_size() -> None:
    shaped = replace(MEASURED.spectrum, correction=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 7.5))
    made = adjusted(replace(MEASURED, spectrum=shaped), size=2.0).spectrum
    half = CORRECTED_AT / 2
    assert made.surplus(half[2:]) == pytest.approx(shaped.surplus(2 * half[2:]), abs=0.4)
    assert made.correction[0] == pytest.approx(shaped.surplus(np.array(0.04)))


def test_chroma_scales_the_strengths_alone_and_zero_is_monochrome() -> None:
    made = adjusted(MEASURED, chroma=0.5)
    assert (made.chroma.cb, made.chroma.cr) == pytest.approx((0.3, 0.2))
    assert (made.spectrum, made.chroma.size, made.chroma.cb_cr) == (MEASURED.spectrum, 0.7, 0.3)
    gray = adjusted(MEASURED, chroma=0.0)
    assert (gray.chroma.cb, gray.chroma.cr) == (0, 0)


@pytest.mark.parametrize("size", [0.1, 10.0])
@pytest.mark.parametrize("start", [Spectrum(0.1), Spectrum(4.0, 1.0, 0.5, 8.0), Spectrum(16.0, spread=2.0)])
def test_whatever_comes_out_can_be_carried(size: float, start: Spectrum) -> None:
    made = adjusted(GrainSegment(0, 1, 0.05, spectrum=start, chroma=MEASURED.chroma), size, 10.0)
    assert wire.quantise(made).spectrum.size == pytest.approx(made.spectrum.size, abs=1e-3)


@pytest.mark.parametrize(("size", "chroma"), [(0.0, 1.0), (11.0, 1.0), (float("nan"), 1.0), (1.0, -0.1)])
def test_factors_out_of_range_are_refused(size: float, chroma: float) -> None:
    with pytest.raises(UsageError, match="give a factor"):
        adjusted(MEASURED, size, chroma)
