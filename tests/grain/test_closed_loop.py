"""What is synthesised is made to measure as the source did."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.grain.closed_loop import FARTHEST, corrected, regrained
from filmgrain_codec.grain.profile import GrainSegment, Spectrum

WANTED = GrainSegment(0, 10, 0.03, spectrum=Spectrum(size=0.8))


def answering(gain: float, power: float, base: float = 0.0):
    """A synthesizer and estimator that together find gain * level^power on a base with grain of its own."""

    def measure(segment: GrainSegment) -> GrainSegment:
        level = float(np.hypot(gain * segment.level**power * 0.03 ** (1 - power), base))
        spectrum = replace(segment.spectrum, size=0.9 * segment.spectrum.size**1.2)
        return replace(segment, level=level, spectrum=spectrum)

    return measure


@pytest.mark.parametrize(("gain", "power", "base"), [(1.1, 1.0, 0.0), (0.9, 0.8, 0.0), (1.0, 1.0, 0.012)])
def test_two_steps_take_the_error_out(gain: float, power: float, base: float) -> None:
    measure = answering(gain, power, base)
    errors = [abs(measure(corrected(WANTED, measure, n)).level / 0.03 - 1) for n in (0, 1, 2)]
    assert errors[2] < 0.2 * errors[0]
    assert errors[2] < 0.01
    assert measure(corrected(WANTED, measure, 2)).spectrum.size == pytest.approx(0.8, rel=0.01)


def test_a_base_layer_full_of_grain_is_not_compensated_without_end() -> None:
    found = corrected(WANTED, answering(1.0, 1.0, 0.1), 2)
    assert found.level == pytest.approx(0.03 * np.exp(-FARTHEST))


def test_where_nothing_is_found_nothing_is_corrected() -> None:
    assert corrected(WANTED, lambda s: replace(s, level=0.0), 2) == WANTED
    clean = replace(WANTED, level=0.001)
    assert corrected(clean, answering(2.0, 1.0), 2) == clean


def test_on_a_clean_base_the_loop_is_nearly_closed_from_the_start() -> None:
    fmt = FrameFormat(320, 240, bits=10)
    luma = np.tile(np.linspace(0.25, 0.75, 320, dtype=np.float32), (240, 1))
    chroma = np.full((120, 160), 0.5, np.float32)
    base = [Frame((luma, chroma, chroma), fmt, k, k, Fraction(1, 25)) for k in range(3)]
    measure = regrained(base)
    assert measure(WANTED).level == pytest.approx(0.03, rel=0.05)
    once = corrected(WANTED, measure)
    assert measure(once).level == pytest.approx(0.03, rel=0.02)
    assert once.curve == WANTED.curve
