"""What the numbers of a profile mean."""

from __future__ import annotations

import numpy as np
import pytest

from filmgrain_codec.grain.profile import DEFAULT_CURVE, KNOT_POSITIONS, GrainSegment, curve_at


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
