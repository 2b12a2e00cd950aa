"""Grain carried to another range of codes is the same grain of the same light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from filmgrain_codec.core.frame import ColorInfo, FrameFormat
from filmgrain_codec.grain.layout import LIMITED, for_format
from filmgrain_codec.grain.profile import BENT_CURVE, BENT_LAW, FIRST_LAW, SHOWN_LAW, GrainSegment

SCALE, BLACK = LIMITED
VIDEO = FrameFormat(64, 48, bits=10)
FULL = replace(VIDEO, color=ColorInfo(range=2))


@pytest.mark.parametrize("law", [FIRST_LAW, BENT_LAW, SHOWN_LAW])
def test_strength_and_moments_stay_with_the_light_in_another_range(law: int) -> None:
    known = GrainSegment(
        0, 9, 0.05, BENT_CURVE, skew=-0.1, skew_slope=0.9, kurtosis=-0.1, law=law, kurtosis_slope=0.8
    )
    there = for_format(known, VIDEO, FULL)
    light = np.linspace(0.1, 0.85, 16)
    codes = BLACK + SCALE * light
    assert there.law == law
    assert float(there.sigma(np.array(0.5))) == pytest.approx(there.level, rel=1e-6)
    assert SCALE * there.sigma(light) == pytest.approx(known.sigma(codes), rel=0.04)
    assert there.excess(light) == pytest.approx(known.excess(codes), abs=1e-9)
    back = for_format(there, FULL, VIDEO)
    assert back.kurtosis_slope == pytest.approx(known.kurtosis_slope)
    assert back.kurtosis == pytest.approx(known.kurtosis)
