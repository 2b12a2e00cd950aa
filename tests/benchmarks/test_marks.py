"""Grain is coded as the scans that it is judged beside were, and only beside such."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.synthesizers import marks

CODES = np.array([2.0, 3.0, 4.0], np.float32)


def noise(seed: int, count: int = 40) -> np.ndarray:
    fields = np.random.default_rng(seed).normal(0, 1, (count, 66, 66))
    soft = (fields[:, 1:-1, 1:-1] + fields[:, :-2, 1:-1] + fields[:, 2:, 1:-1] + fields[:, 1:-1, 2:]) / 2
    return (soft / soft.std((1, 2), keepdims=True)).astype(np.float32)


def test_blocks_show_in_what_was_coded_alone():
    grain = noise(1)
    assert abs(marks.edges(grain) - 1) < 0.05
    assert marks.edges(marks.through(grain, CODES, 85)) > marks.SEEN


@pytest.mark.parametrize("quality", [80, 90])
def test_ours_shows_as_much_of_them_as_film_does(quality):
    film = marks.through(noise(2, 26), CODES, quality)
    made = marks.coded([noise(3), noise(4)], film, CODES)
    for part in made:
        assert marks.edges(part) == pytest.approx(marks.edges(film), abs=0.08)
        np.testing.assert_allclose(part.std((1, 2)), 1, rtol=1e-4)
        assert part.shape == (40, 64, 64)
