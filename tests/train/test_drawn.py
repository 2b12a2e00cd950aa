"""Drawn scenes: what they hold, how they move, and that the pool has them."""

from __future__ import annotations

import numpy as np
import pytest

from filmgrain_codec.train import drawn, motion
from filmgrain_codec.train.codec import pool
from filmgrain_codec.train.material import Material

SIDE, FRAMES = 96, 5


@pytest.fixture(scope="module")
def seen() -> Material:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (3, 120, 140), dtype=np.uint8)
    return Material((photo,), (), ("photo",))


@pytest.mark.parametrize("seed", range(12))
def test_scenes_are_pictures_and_come_again(seen, seed):
    made, again = (drawn.scene(seen, SIDE, FRAMES, np.random.default_rng(seed)) for _ in range(2))
    assert made.shape == (FRAMES, SIDE, SIDE, 3)
    assert made.dtype == np.float32
    assert made.min() >= 0
    assert made.max() <= 1
    assert np.array_equal(made, again)


def test_pages_scroll_by_whole_samples():
    picture = np.random.default_rng(1).integers(0, 256, (3, 400, 400), dtype=np.uint8)
    moved = set()
    for seed in range(20):
        made = drawn.scrolled(picture, SIDE, FRAMES, np.random.default_rng(seed))
        first, second = np.rint(made[:2, ..., 0] * 255)
        reach = max(drawn.SPEEDS)
        inner = slice(reach, SIDE - reach)
        steps = [
            (down, right)
            for down in range(-reach, reach + 1)
            for right in range(-reach, reach + 1)
            if np.array_equal(
                second[inner, inner],
                first[reach + down : SIDE - reach + down, reach + right : SIDE - reach + right],
            )
        ]
        assert len(steps) == 1
        moved.add(steps[0])
    assert len(moved) > 3


def test_a_dither_has_two_tones(seen):
    made = drawn.dithered(seen, SIDE, np.random.default_rng(2))
    assert len(np.unique(made[0])) == 2
    assert (made[1:] == 127).all()


def test_titles_stand_still_over_what_moves():
    clip = np.random.default_rng(3).uniform(0.4, 0.6, (FRAMES, 200, 200, 3)).astype(np.float32)
    made = drawn.titled(clip, np.random.default_rng(4))
    ink = np.ptp(made, axis=0).max(2) < 1e-6
    assert 0.002 < ink.mean() < 0.6
    assert (made == clip).all((0, 3)).mean() > 0.3


def test_a_pool_holds_some_of_each(seen, monkeypatch):
    calls = {"drawn": 0, "titled": 0, "filmed": 0}
    blank = np.full((pool.FRAMES, pool.SCENE, pool.SCENE, 3), 0.5, np.float32)

    def counted(name, made):
        def call(*_):
            calls[name] += 1
            return made

        return call

    monkeypatch.setattr(drawn, "scene", counted("drawn", blank))
    monkeypatch.setattr(drawn, "titled", counted("titled", blank))
    monkeypatch.setattr(motion, "scene", counted("filmed", blank))
    for seed in range(200):
        pool.any_scene(seen, np.random.default_rng(seed))
    assert 8 <= calls["drawn"] <= 35
    assert 3 <= calls["titled"] <= 25
    assert calls["filmed"] == 200 - calls["drawn"]
