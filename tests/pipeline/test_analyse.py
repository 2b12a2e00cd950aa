"""From measured segments to the profile that is used."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from filmgrain_codec.grain.profile import GrainSegment, Spectrum
from filmgrain_codec.pipeline import analyse
from filmgrain_codec.pipeline.zones import Zone

A = GrainSegment(0, 10, 0.05, spectrum=Spectrum(size=1.2), confidence=0.9)
B = GrainSegment(10, 20, 0.02, confidence=0.1)
C = GrainSegment(20, 30, 0.001, confidence=0.9)


def settle(segments, level=None, zones=()):
    return analyse.settle(segments, level=level, zones=zones, digest="d")


@given(st.integers(0, 500), st.integers(1, 5000))
def test_samples_lie_in_the_shot_and_are_bounded(start: int, length: int) -> None:
    wanted = analyse.samples(start, start + length)
    assert wanted <= set(range(start, start + length))
    assert (
        len(wanted) == min(length, analyse.BURST * analyse.BURSTS) or length > analyse.BURST * analyse.BURSTS
    )
    assert len(wanted) <= analyse.BURST * analyse.BURSTS


def test_a_shot_that_cannot_be_measured_borrows_from_its_neighbour() -> None:
    _, borrowed, _ = settle([A, B, replace(C, start=50, end=60)])
    assert (borrowed.start, borrowed.end) == (10, 20)
    assert abs(borrowed.level - A.level) < 1e-4
    assert borrowed.confidence < analyse.TRUSTED


def test_a_guess_is_left_in_unless_a_level_is_stated() -> None:
    guess = replace(A, confidence=0.05)
    assert not settle([guess])[0].grainy
    assert settle([guess], level=0.04)[0].grainy
    assert settle([replace(A, confidence=0.2)])[0].grainy


def test_an_override_keeps_the_shape_and_gives_clean_shots_typical_grain() -> None:
    grainy, _, clean = settle([A, B, C], level=0.08)
    assert abs(grainy.level - 0.08) < 1e-4
    assert abs(grainy.spectrum.size - 1.2) < 0.01
    assert abs(clean.level - 0.08) < 1e-4
    assert clean.curve[0] < clean.curve[3]


def test_zones_split_segments_without_gaps() -> None:
    pieces = settle([A], zones=(Zone(3, 6, 0.1), Zone(8, None, 0.0)))
    assert [(p.start, p.end) for p in pieces] == [(0, 3), (3, 6), (6, 8), (8, 10)]
    assert [p.grainy for p in pieces] == [True, True, True, False]


def test_an_automatic_zone_goes_back_to_the_measurement() -> None:
    pieces = settle([A], level=0.1, zones=(Zone(5, None, None),))
    assert [round(p.level, 3) for p in pieces] == [0.1, 0.05]


def test_little_evidence_is_said_in_one_sentence() -> None:
    weak = replace(A, confidence=0.1)
    (sentence,) = analyse.doubts([A, weak, replace(C, confidence=0.0)])
    assert "frames 0 to 9" in sentence
    assert "more shots" not in sentence
    assert "1 more shots" in analyse.doubts([weak, weak])[0]
    assert not analyse.doubts([A, C])
    assert "no grain" in analyse.doubts([C])[0]


def test_seeds_differ_by_shot_and_depend_on_the_source_alone() -> None:
    first, second = settle([A, replace(A, start=10, end=20)])
    assert first.seed != second.seed
    assert settle([A])[0].seed == first.seed
