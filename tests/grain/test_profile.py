"""What the numbers of a profile mean."""

from __future__ import annotations

import numpy as np
import pytest

from filmgrain_codec.grain.profile import (
    BENT_CURVE,
    BENT_LAW,
    DEFAULT_CURVE,
    KNOT_POSITIONS,
    GrainSegment,
    boolean_variance,
    curve_at,
)


def test_the_curve_joins_its_knots_in_variance() -> None:
    np.testing.assert_allclose(curve_at(DEFAULT_CURVE, KNOT_POSITIONS), DEFAULT_CURVE)
    assert float(curve_at(DEFAULT_CURVE, 1 / 14)) == pytest.approx(DEFAULT_CURVE[1] / np.sqrt(2))
    assert float(GrainSegment(0, 1, 0.05, DEFAULT_CURVE).sigma(np.array(0.5))) == pytest.approx(
        0.05, rel=1e-3
    )


def test_between_knots_the_curve_is_that_of_small_grains() -> None:
    """Boolean model: u^0.508 (1 - u)^0.662, 1 at 0.5 (Newson et al. 2017)."""
    luma = np.linspace(0.05, 0.88, 90)
    theory = (2 * luma) ** 0.508 * (2 - 2 * luma) ** 0.662
    assert np.abs(np.log(curve_at(DEFAULT_CURVE, luma) / theory)).max() < 0.06


def test_the_bent_law_is_exact_for_boolean_grain_and_for_grain_alike_at_all_tones() -> None:
    luma = np.linspace(0.01, 0.99, 99)
    theory = np.sqrt(boolean_variance(luma))
    assert np.abs(np.log(curve_at(BENT_CURVE, luma, BENT_LAW) / theory)).max() < 0.01
    np.testing.assert_allclose(curve_at([0.7] * 8, luma, BENT_LAW), 0.7)
    np.testing.assert_allclose(curve_at(DEFAULT_CURVE, KNOT_POSITIONS, BENT_LAW), DEFAULT_CURVE)


def test_the_bent_law_stays_near_the_straight_line_and_above_nothing() -> None:
    luma = np.linspace(0.0, 1.0, 501)
    wild = curve_at([0.1, 2.0, 0.1, 2.0, 0.1, 2.0, 0.1, 2.0], luma, BENT_LAW)
    assert np.isfinite(wild).all()
    assert (wild >= 0.5 * curve_at([0.1, 2.0, 0.1, 2.0, 0.1, 2.0, 0.1, 2.0], luma) - 1e-12).all()
    outside = curve_at(BENT_CURVE, np.array([-0.5, 1.5]), BENT_LAW)
    np.testing.assert_array_equal(outside, [0.0, 0.0])


def test_kurtosis_grows_with_luma() -> None:
    segment = GrainSegment(0, 1, 0.05, kurtosis=-0.1, law=BENT_LAW, kurtosis_slope=0.8)
    assert segment.excess(np.array([0.0, 0.5, 1.0])) == pytest.approx([-0.5, -0.1, 0.3])
