"""What is synthesised is made to measure as the source did."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.grain.closed_loop import FARTHEST, closed, corrected, moved, ratios, regrained
from filmgrain_codec.grain.profile import Chroma, GrainSegment, Spectrum

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


def test_chroma_strengths_are_corrected_where_there_are_some() -> None:
    wanted = replace(WANTED, chroma=Chroma(cb=0.5, cr=0.0))

    def measure(segment: GrainSegment) -> GrainSegment:
        return replace(segment, chroma=replace(segment.chroma, cb=1.3 * segment.chroma.cb, cr=0.02))

    found = closed(wanted, measure)
    assert found.segment.chroma.cb == pytest.approx(0.5 / 1.3, rel=1e-3)
    assert (found.segment.chroma.cr, found.segment.level) == (0.0, pytest.approx(0.03))
    assert ratios(wanted, found.before) == pytest.approx([1, 1, 1.3, 1])
    assert ratios(wanted, found.after) == pytest.approx([1, 1, 1, 1], rel=1e-3)
    carried = replace(wanted, level=0.031, chroma=Chroma(cb=0.6, cr=0.0))
    assert moved(carried, wanted, found.segment).chroma.cb == pytest.approx(0.6 / 1.3, rel=1e-3)


def test_a_correction_that_does_not_help_is_taken_back() -> None:
    def measure(segment: GrainSegment) -> GrainSegment:
        return replace(segment, level=WANTED.level * (1.05 if segment.level == WANTED.level else 1.4))

    found = closed(WANTED, measure)
    assert found.segment is WANTED
    assert found.after is found.before


def test_what_two_measurements_differ_by_anyway_is_hardly_corrected() -> None:
    wanted = GrainSegment(0, 9, 0.05, spectrum=Spectrum(0.8))

    def measure(segment: GrainSegment) -> GrainSegment:
        return replace(segment, level=1.002 * segment.level)

    moved = np.log(corrected(wanted, measure, 2).level / 0.05)
    assert -0.0008 < moved < 0


def uncertain(spread: float, gain: float = 1.03):
    """Finds ``gain`` times the level, but for what depends on the draw: -2, -1, 1 and 2 times ``spread``."""
    seeds = list[int]()

    def measure(segment: GrainSegment) -> GrainSegment:
        if segment.seed not in seeds:
            seeds.append(segment.seed)
        chance = spread * (-2, 2, -1, 1)[seeds.index(segment.seed)]
        return replace(segment, level=gain * segment.level * float(np.exp(chance)))

    return measure


def test_what_differs_from_draw_to_draw_is_hardly_corrected() -> None:
    sure, unsure = (np.log(corrected(WANTED, uncertain(s), 2).level / WANTED.level) for s in (1e-4, 0.2))
    assert sure == pytest.approx(-np.log(1.03), rel=0.15)
    assert abs(unsure) < 0.2 * abs(sure)


def test_nothing_is_measured_twice() -> None:
    measured = list[tuple[int, float]]()
    measure = answering(1.1, 0.8)

    def noted(segment: GrainSegment) -> GrainSegment:
        measured.append((segment.seed, round(segment.level, 9)))
        return measure(segment)

    assert closed(WANTED, noted).segment != WANTED
    assert len(measured) == len(set(measured)) == 6


def test_one_draw_without_grain_stops_the_correction() -> None:
    measure = uncertain(0.0, 1.2)

    def losing(segment: GrainSegment) -> GrainSegment:
        return replace(measure(segment), level=0.0) if segment.seed > 2**31 else measure(segment)

    assert corrected(WANTED, losing, 2) == WANTED


def test_the_size_of_a_corrected_spectrum_is_not_compared() -> None:
    wanted = GrainSegment(0, 9, 0.05, spectrum=Spectrum(0.8))

    def measure(segment: GrainSegment) -> GrainSegment:
        shape = (0.0, 0.0, 0.0, 0.0, 0.5, 1.0, 2.0, 3.0)
        return replace(segment, spectrum=replace(segment.spectrum, size=0.9, correction=shape))

    assert corrected(wanted, measure, 2).spectrum == wanted.spectrum
