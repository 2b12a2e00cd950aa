"""Scores from libvmaf: their order and their ends."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.media import scores

pytestmark = pytest.mark.skipif(not scores.available(), reason="this build of FFmpeg has no libvmaf")


def clip(noise: float, family: str = "yuv", sub: int = 1) -> list[Frame]:
    """Three frames of a moving pattern with noise of its own on each."""
    fmt = FrameFormat(192, 192, family, sub, sub, 10)
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:192, :192] / 192
    found = []
    for n in range(3):
        luma = 0.5 + 0.2 * np.sin(40 * x + n) * np.cos(31 * y) + rng.normal(0, noise, (192, 192))
        planes = [luma, *(np.full(fmt.shape(k), 0.5) for k in range(1, fmt.planes))]
        found.append(Frame(tuple(p.astype(np.float32) for p in planes), fmt, n, n, Fraction(1, 24)))
    return found


def test_equal_clips_score_full_marks_and_more_noise_scores_less():
    same, little, much = (scores.scores(clip(0), clip(noise)) for noise in (0, 0.05, 0.15))
    assert len(same) == 3
    for name in ("vmaf", "ssim", "ms_ssim"):
        assert same[1][name] > little[1][name] > much[1][name]
    assert same[1]["vmaf"] > 99
    assert same[1]["ssim"] == pytest.approx(1, abs=1e-4)


def test_a_frame_is_scored_alike_whatever_its_neighbours_look_like():
    clean, noisy = clip(0), clip(0.05)
    alone = [clean[0], noisy[1], clean[2]]
    assert scores.scores(clean, alone)[1] == pytest.approx(scores.scores(clean, noisy)[1])


@pytest.mark.parametrize(("family", "sub"), [("gray", 0), ("yuv", 0)])
def test_grey_and_full_chroma_clips_are_scored_too(family, sub):
    assert scores.scores(clip(0, family, sub), clip(0.02, family, sub))[0]["ssim"] < 0.99
