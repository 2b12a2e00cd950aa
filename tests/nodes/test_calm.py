"""Grain alone is known by how the variances of its blocks spread, also among blocks of texture."""

from __future__ import annotations

import numpy as np
import pytest

from filmgrain_codec.nodes import calm
from filmgrain_codec.nodes.calm import SIZES, Seen


def grain(size: float, rng: np.random.Generator, side: int = 512) -> np.ndarray:
    """Grain of variance 1 by a Gaussian filter."""
    spectrum = np.fft.rfft2(rng.standard_normal((side, side)))
    squared = np.fft.fftfreq(side)[:, None] ** 2 + np.fft.rfftfreq(side) ** 2
    made = np.fft.irfft2(spectrum * np.exp(-2 * np.pi**2 * size**2 * squared))
    return (made / made.std()).astype(np.float32)


def seen(size: float, neighbours: int, seed: int = 0) -> Seen:
    rng = np.random.default_rng(seed)
    return Seen.of(grain(size, rng), [grain(size, rng) for _ in range(neighbours)])


@pytest.mark.parametrize("neighbours", [1, 2])
@pytest.mark.parametrize("size", SIZES)
def test_the_table_is_what_a_simulation_says(size, neighbours):
    found = seen(size, neighbours)
    roots = np.cbrt(found.least)
    expected = found.expected(size)
    for quantile, normal in ((0.03, -1.88), (0.1, -1.28), (0.3, -0.52)):
        wanted = expected.mean + normal * expected.deviation
        assert np.quantile(roots, quantile) == pytest.approx(wanted, rel=0.04)
    calmest = found.least <= np.quantile(found.least, calm.CALMEST)
    assert found.size(calmest) == pytest.approx(size, rel=0.08)


@pytest.mark.parametrize("quantiles", [calm.OVERALL, calm.IN_A_BIN])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.3])
@pytest.mark.parametrize("size", [0.5, 0.8, 1.4])
def test_grain_is_found_among_texture(size, share, quantiles):
    rng = np.random.default_rng(5)
    found = seen(size, 2, seed=7)
    variance = found.least.ravel().copy()
    textured = rng.random(variance.size) >= share
    variance[textured] *= rng.uniform(2, 200, textured.sum())
    sigma = np.sqrt(calm.lowest(variance, found.expected(size), quantiles)[0])
    assert sigma == pytest.approx(1.0, abs=0.16)


def test_the_share_that_agrees_falls_with_the_texture():
    found = seen(0.8, 2)
    rng = np.random.default_rng(5)
    textured = np.where(rng.random(found.least.shape) < 0.9, rng.uniform(2, 200, found.least.shape), 1)
    shares = [
        calm.lowest(v, found.expected(0.8), calm.IN_A_BIN)[1] for v in (found.least, found.least * textured)
    ]
    assert shares[0] > 0.8
    assert shares[1] < 0.3


def test_nothing_at_all_is_no_grain():
    flat = np.full((64, 64), 0.5, np.float32)
    found = Seen.of(flat, [flat, flat])
    assert calm.lowest(found.least, found.expected(0.8), calm.OVERALL)[0] == 0
