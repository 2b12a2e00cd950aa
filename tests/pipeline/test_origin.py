"""The source tag is a hint: rubbish in it is ignored."""

from __future__ import annotations

import pytest

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.grain.profile import GrainProfile, GrainSegment
from filmgrain_codec.pipeline import origin


def test_round_trip_whatever_the_case_of_the_key() -> None:
    tags = origin.tags(GrainProfile((GrainSegment(0, 1, 0.05),)), "f", FrameFormat(16, 16, bits=12))
    assert origin.read({k.lower(): v for k, v in tags.items()}) == origin.Origin(12, "yuv")


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"bits": 99, "family": "yuv"}', '{"bits": "8"}', '{"bits": 8}', "9" * 600, "null"],
)
def test_rubbish_is_no_answer(text: str) -> None:
    assert origin.read({origin.TAG: text}) is None
