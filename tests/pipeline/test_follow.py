"""Blocks are found again in the next frame."""

from __future__ import annotations

import sys
from fractions import Fraction

import numpy as np
import pytest

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.grain.estimate import estimate_frames
from filmgrain_codec.grain.flat import Array
from filmgrain_codec.pipeline import follow
from filmgrain_codec.train.generators import spectral
from filmgrain_codec.train.generators.spectral import SpectralGrain, field

HEIGHT, WIDTH = 256, 384


def scene() -> Array:
    """Texture everywhere, larger than a frame."""
    rng = np.random.default_rng(4)
    coarse = field((HEIGHT + 64, WIDTH + 64), rng, 2.5)
    return np.asarray(0.5 + 0.12 * coarse, np.float32).clip(0.1, 0.9)


def seen(down: int, right: int) -> Array:
    return np.ascontiguousarray(scene()[32 - down : 32 - down + HEIGHT, 32 - right : 32 - right + WIDTH])


@pytest.mark.parametrize(("down", "right"), [(0, 0), (3, -2), (-7, 11)])
def test_moves_are_found_to_the_sample(down: int, right: int) -> None:
    pytest.importorskip("cv2")
    found = follow.moves(seen(0, 0), seen(down, right))
    inner = tuple(k[2:-2, 2:-2] for k in found)
    assert inner[0].shape == (HEIGHT // 16 - 4, WIDTH // 16 - 4)
    assert np.median(np.abs(inner[0] - down)) <= 1
    assert np.median(np.abs(inner[1] - right)) <= 1


def test_texture_in_motion_is_measured_right_once_it_is_followed() -> None:
    """The picture moves by what 4-sample matching cannot follow; a true match makes the difference."""
    fmt = FrameFormat(WIDTH, HEIGHT, "gray", bits=10)
    recipe = SpectralGrain(tone="flat")
    frames = []
    for k in range(3):
        planes = spectral.grain((seen(2 * k, 6 * k),), fmt, 0.02, 9, k, recipe)
        frames.append(Frame(planes, fmt, k, k, Fraction(1, 25)))

    def true(a: Array, b: Array):
        shape = (a.shape[0] // 16, a.shape[1] // 16)
        return np.full(shape, 2), np.full(shape, 6)

    followed, coarse = estimate_frames(frames, true), estimate_frames(frames)
    assert followed.level == pytest.approx(0.02, rel=0.06)
    assert abs(followed.level - 0.02) < abs(coarse.level - 0.02)


def test_without_opencv_the_estimator_matches_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    follow.follower.cache_clear()
    monkeypatch.setattr(follow, "find_spec", lambda name: None)
    try:
        assert follow.follower() is None
    finally:
        follow.follower.cache_clear()
    assert "cv2" not in vars(sys.modules[follow.__name__])
