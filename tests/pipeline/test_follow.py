"""Blocks are found again in the next frame."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from textwrap import dedent

import numpy as np
import pytest

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.grain.estimate import estimate_frames
from filmgrain_codec.grain.flat import Array
from filmgrain_codec.nodes.opencv import opencv
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


@pytest.fixture
def fresh():
    """Whether OpenCV is there is looked up anew."""
    for looked_up in (follow.follower, opencv):
        looked_up.cache_clear()
    yield
    for looked_up in (follow.follower, opencv):
        looked_up.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_without_opencv_the_estimator_matches_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert follow.follower() is None
    assert "cv2" not in vars(sys.modules[follow.__name__])


@pytest.mark.usefixtures("fresh")
def test_opencv_is_asked_for_while_another_thread_loads_it() -> None:
    """OpenCV takes itself out of ``sys.modules`` while it loads, and is for a moment without a spec there."""
    code = """
    import sys, threading
    from filmgrain_codec.nodes.opencv import opencv
    from filmgrain_codec.pipeline.follow import follower
    sys.setswitchinterval(1e-6)
    found = []
    def ask():
        while not found or not opencv.cache_info().currsize:
            follower.cache_clear()
            found.append(follower())
    threads = [threading.Thread(target=ask) for _ in range(3)] + [threading.Thread(target=opencv)]
    for t in threads: t.start()
    for t in threads: t.join()
    print(None in found)
    """
    done = subprocess.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("False", "")
