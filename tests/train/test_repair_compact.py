"""Small sharp specks: most bright, of the sizes asked for."""

from __future__ import annotations

import numpy as np
import pytest

from filmgrain_codec.train import repair_compact
from filmgrain_codec.train.damage.film import Layers
from filmgrain_codec.train.repair_aims import AIMS


def drawn(seed: int) -> Layers:
    layers = Layers(np.zeros((96, 96), np.float32), np.zeros((96, 96), np.float32))
    repair_compact.specks(layers, np.random.default_rng(seed))
    return layers


@pytest.mark.parametrize("area", [2.0, 6.0, 40.0])
def test_a_speck_covers_about_its_area(area: float) -> None:
    rng = np.random.default_rng(1)
    made = [repair_compact.shape(area, rng.random(2), 0.4, rng) for _ in range(200)]
    assert all(m.min() >= 0 and m.max() <= 1 for m in made)
    assert all(np.abs(m[[0, -1]]).max() < 0.05 and np.abs(m[:, [0, -1]]).max() < 0.05 for m in made)
    assert 0.6 * area < np.mean([m.sum() for m in made]) < 1.5 * area


def test_most_films_have_bright_specks_and_every_one_some() -> None:
    made = [drawn(seed) for seed in range(200)]
    bright = np.mean([layers.white.sum() > layers.black.sum() for layers in made])
    assert 0.7 < bright < 0.9
    assert all(layers.white.any() or layers.black.any() for layers in made)
    assert np.array_equal(drawn(3).white, drawn(3).white)


def test_older_aims_draw_what_they_drew() -> None:
    for name in ("both", "clips"):
        assert AIMS[name].compact == AIMS[name].soft == 0
        assert AIMS[name].inverted == 0.5
