"""One scale of quantisers: monotone, and the codecs agree where their steps do."""

from __future__ import annotations

from itertools import pairwise

import pytest

from filmgrain_codec.core import quantiser


def test_a_doubled_step_is_six_more():
    assert quantiser.of_step(16) == pytest.approx(28)
    assert quantiser.of_step(32) - quantiser.of_step(16) == pytest.approx(6)


def test_every_codec_rises_with_its_own_scale_and_stays_inside():
    for scale in (
        [quantiser.of_av1(k) for k in range(256)],
        [quantiser.of_mpeg2(k) for k in range(1, 32)],
        [quantiser.of_jpeg(q) for q in range(100, 0, -1)],
    ):
        assert all(a <= b for a, b in pairwise(scale))
        assert min(scale) >= 0
        assert max(scale) <= quantiser.HIGHEST


def test_known_points():
    """AV1's quantiser at index 255 is 1828 eighths; JPEG's quality 50 has its tables as they are printed."""
    assert quantiser.of_av1(255) == pytest.approx(quantiser.of_step(1828 / 8))
    assert quantiser.of_jpeg(50) == pytest.approx(quantiser.of_step(20))
    assert quantiser.of_mpeg2(8) == pytest.approx(quantiser.of_step(16))


def test_a_jpegs_table_says_its_quality():
    """The lowest frequencies of the table that T.81 prints for luma, in zigzag order, then any others."""
    printed = [16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24] + [99] * 49
    assert quantiser.of_jpeg_table(printed) == pytest.approx(quantiser.of_jpeg(50))
    assert quantiser.of_jpeg_table([2 * v for v in printed]) == pytest.approx(quantiser.of_jpeg(25))


def test_families_by_ffmpegs_names():
    assert [quantiser.family(n) for n in ("h264", "hevc", "av1", "mjpeg", "vp9")] == [
        "x264", "x265", "svtav1", "jpeg", "other",
    ]  # fmt: skip
