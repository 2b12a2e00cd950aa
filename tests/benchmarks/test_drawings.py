"""Drawings of the benchmark of codec repair are what their names say, the same every time."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.codec.drawings import DRAWINGS, SIZE, drawing


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_a_picture_in_video_range(name):
    one, again = drawing(name), drawing(name)
    assert (one.fmt.width, one.fmt.height) == SIZE
    assert all(np.array_equal(a, b) for a, b in zip(one.planes, again.planes, strict=True))
    assert one.planes[0].min() >= 16 / 255 - 1e-6
    assert one.planes[0].max() <= 235 / 255 + 1e-6
    assert np.ptp(one.planes[0]) > 0.3


def test_a_dither_has_two_tones_and_a_page_mostly_one():
    assert len(np.unique(drawing("dither").planes[0])) == 2
    page = drawing("text").planes[0]
    assert 0.6 < (page == page.max()).mean() < 0.99
