"""Removal metrics against pictures for which the right answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from filmgrain_codec.grain import removal_metrics as metrics

RNG = np.random.default_rng(3)
LEVEL = 0.05


@pytest.fixture(scope="module")
def ramp() -> np.ndarray:
    """A flat picture: a gentle slope."""
    return np.broadcast_to(np.linspace(0.3, 0.7, 256, dtype=np.float32), (256, 256)).copy()


@pytest.fixture(scope="module")
def textured(ramp) -> np.ndarray:
    """The slope with strong fine texture on its right half."""
    picture = ramp.copy()
    picture[:, 128:] += RNG.normal(0, 0.1, (256, 128)).astype(np.float32)
    return picture


@pytest.fixture(scope="module")
def grain() -> np.ndarray:
    return RNG.normal(0, LEVEL, (256, 256)).astype(np.float32)


def test_psnr_of_known_noise(ramp, grain):
    assert metrics.psnr(ramp + grain, ramp) == pytest.approx(-20 * np.log10(LEVEL), abs=0.1)
    assert metrics.psnr(ramp, ramp) == 120


def test_perfect_removal_takes_all_of_the_grain_and_nothing_else(textured, grain):
    found = metrics.removal(textured + grain, textured, textured)
    assert (found.ratio, found.slope) == pytest.approx((1, 1), abs=1e-3)
    assert abs(metrics.leakage(textured + grain, textured, textured)) < 0.02
    assert metrics.bound(textured + grain, textured, textured) == pytest.approx(1)


def test_no_removal_takes_nothing(ramp, grain):
    found = metrics.removal(ramp + grain, ramp + grain, ramp)
    assert (found.ratio, found.slope) == (0, 0)
    assert metrics.leakage(ramp + grain, ramp + grain, ramp) == 0
    assert metrics.bound(ramp + grain, ramp + grain, ramp) == pytest.approx(0, abs=0.01)


def test_half_removal_halves_ratio_and_slope(ramp, grain):
    found = metrics.removal(ramp + grain, ramp + grain / 2, ramp)
    assert (found.ratio, found.slope) == pytest.approx((0.5, 0.5), abs=1e-3)


def test_blur_leaks_texture_and_the_ratio_is_taken_in_by_it_where_the_slope_is_not(textured, grain):
    blurred = metrics.blurred(textured + grain).astype(np.float32)
    assert metrics.leakage(textured + grain, blurred, textured) > 0.5
    whole = metrics.removal(textured + grain, blurred, textured)
    assert whole.ratio > 1.3
    assert whole.slope < 1


def test_flat_blocks_are_those_without_texture(textured, grain):
    where = metrics.flat_where(textured)
    assert where is not None
    assert where[:, :128].all()
    assert not where[:, 128:].any()
    blurred = metrics.blurred(textured + grain).astype(np.float32)
    assert metrics.removal(textured + grain, blurred, textured, where).ratio < 1


def test_a_picture_without_enough_flat_blocks_has_none(textured):
    assert metrics.flat_where(textured[:, 128:]) is None
    assert metrics.flat_where(np.full((256, 256), 0.02, np.float32)) is None


def test_an_ideal_remover_meets_its_bound(ramp, grain):
    """Wiener shrinkage of a noisy Gaussian signal is its conditional mean."""
    signal = RNG.normal(0, 2 * LEVEL, ramp.shape)
    noisy = signal + grain
    made = noisy * (4 / 5)
    found = metrics.removal(noisy, made, signal)
    assert found.ratio == pytest.approx(metrics.bound(noisy, made, signal), rel=0.02)


def test_flicker_is_seen_where_the_clean_picture_stands_still(textured, grain):
    moved = np.roll(textured, (0, 4), (0, 1))
    steady = metrics.Steady.of(textured, moved)
    calm = steady.flicker(textured, moved)
    restless = steady.flicker(textured + grain, moved + grain[::-1])
    assert calm < 0.01
    assert restless == pytest.approx(np.sqrt(2) * LEVEL, rel=0.1)
