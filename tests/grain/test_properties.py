"""A segment as frame properties, and back."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from filmgrain_codec.grain import properties
from filmgrain_codec.grain.profile import BENT_LAW, FIRST_LAW, GrainSegment
from filmgrain_codec.grain.wire import quantise
from tests.grain.material import segments


@given(segments())
def test_properties_give_back_the_quantised_segment(segment: GrainSegment) -> None:
    held = properties.of_segment(segment)
    assert set(held) == set(properties.GRAIN)
    assert properties.segment(held, segment.start, segment.end) == quantise(segment, clamp=True)


def test_properties_of_older_clips_are_read_in_the_first_law() -> None:
    held = properties.of_segment(GrainSegment(0, 9, 0.05, law=BENT_LAW, kurtosis_slope=0.5))
    assert isinstance(held["FGLaw"], int)
    del held["FGLaw"], held["FGKurtosisSlope"]
    assert properties.segment(held, 0, 9) == replace(quantise(GrainSegment(0, 9, 0.05)), law=FIRST_LAW)
