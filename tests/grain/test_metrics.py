"""Metrics are zero on the same data, see known changes, and their floors lie in between."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from filmgrain_codec.grain import metrics
from filmgrain_codec.train.generators import spectral
from filmgrain_codec.train.generators.common import generator

Field = NDArray[np.float64]
LEVEL = 0.04


@cache
def grain(seed: int, size: float = 0.8, frames: int = 2) -> Field:
    fields = [spectral.field((256, 256), generator(seed, i), size) for i in range(frames)]
    return LEVEL * np.stack(fields)


@cache
def luma() -> Field:
    return np.broadcast_to(np.linspace(0.02, 0.98, 256), (2, 256, 256)).copy()


def test_the_same_data_is_at_no_distance() -> None:
    g, y = grain(1), luma()
    curve = metrics.strength_curve(g, y)
    assert metrics.curve_error(curve.sigma, curve.sigma, curve.occupancy) == metrics.CurveError(0.0, 0.0)
    assert metrics.psd_distance(g, g) == 0.0
    assert metrics.autocorrelation_distance(g, g) == 0.0
    assert metrics.marginal_difference((g, y), (g, y)) == (0.0, 0.0)
    assert metrics.channel_difference([g, grain(2)], [g, grain(2)]) == 0.0
    assert metrics.histogram_divergence((g, y), (g, y)) == metrics.Divergence(0.0, 0.0)
    assert metrics.nss_divergence(y + g, y + g) == 0.0
    assert metrics.mean_shift(y, y) == 0.0


def test_strength_curve_and_a_tenth_more_of_it() -> None:
    curve = metrics.strength_curve(grain(1), luma())
    used = curve.occupancy > 0
    assert curve.occupancy.sum() == pytest.approx(1.0)
    assert curve.sigma[used] == pytest.approx(LEVEL, rel=0.12)
    error = metrics.curve_error(1.1 * curve.sigma, curve.sigma, curve.occupancy)
    assert error.mean == pytest.approx(np.log(1.1))
    assert error.worst == pytest.approx(np.log(1.1))


def test_empty_bins_count_for_nothing() -> None:
    sigma, occupancy = np.full(20, 0.02), np.zeros(20)
    occupancy[5] = 1.0
    wrong = sigma.copy()
    wrong[10] = 1.0
    assert metrics.curve_error(wrong, sigma, occupancy).mean == 0.0


def test_spectrum_of_white_grain_is_flat_and_of_unit_mean() -> None:
    power = metrics.radial_psd(np.random.default_rng(0).standard_normal((4, 256, 256)))
    assert power[2:] == pytest.approx(1.0, abs=0.1)


def test_another_size_is_seen_by_spectrum_and_correlation() -> None:
    same = metrics.psd_distance(grain(1), grain(2))
    assert same < 0.6
    assert metrics.psd_distance(grain(1), grain(2, 0.95)) > 3 * same
    near = metrics.autocorrelation_distance(grain(1), grain(2))
    assert metrics.autocorrelation_distance(grain(1), grain(2, 0.95)) > 3 * near


def test_autocorrelation_is_the_model_s() -> None:
    rho = metrics.autocorrelation(grain(1))
    assert rho.shape == (7, 7)
    assert rho[3, 3] == pytest.approx(1.0, abs=0.05)
    assert rho[3, 4] == pytest.approx(np.exp(-1 / (4 * 0.64)), abs=0.05)


def test_effective_samples() -> None:
    g = grain(1)
    expected = g.size / (2 * np.pi * 0.64)  # sum over lags of exp(-d^2 / 4 s^2)^2
    assert metrics.effective_samples(g) == pytest.approx(expected, rel=0.1)


def test_skew_and_kurtosis_are_seen() -> None:
    z = grain(1) / LEVEL
    skewed = z + 0.15 * (z**2 - 1)
    shape = metrics.marginal(skewed, luma())
    assert shape[:, 0] == pytest.approx(6 * 0.15 / (1 + 2 * 0.15**2) ** 1.5, abs=0.2)
    skew, kurtosis = metrics.marginal_difference((skewed, luma()), (z, luma()))
    assert skew > 0.5
    assert kurtosis > 0.3


def test_thirds_without_samples_are_left_out() -> None:
    dark = np.full((1, 64, 64), 0.1)
    shape = metrics.marginal(grain(1)[:1, :64, :64], dark)
    assert np.isnan(shape[1:]).all()
    assert not np.isnan(shape[0]).any()


def test_channel_correlation_across_subsampled_planes() -> None:
    y = grain(1)
    cb = y.reshape(2, 128, 2, 128, 2).mean((2, 4))
    matrix = metrics.channel_correlation([y, cb, grain(3)[:, ::2, ::2]])
    assert matrix[0, 1] == pytest.approx(1.0)
    assert matrix[0, 2] == pytest.approx(0.0, abs=0.05)


def test_divergences_see_strength_and_floors_are_small() -> None:
    a, b = (grain(1), luma()), (grain(2), luma())
    same = metrics.histogram_divergence(a, b)
    other = metrics.histogram_divergence(a, (1.2 * grain(2), luma()))
    assert other.jsd > 2 * same.jsd
    assert other.kld > 2 * same.kld
    pictures = [0.5 + g for g in (grain(1), grain(2), grain(2, 1.2))]
    assert metrics.nss_divergence(pictures[0], pictures[2]) > 3 * metrics.nss_divergence(*pictures[:2])


def test_frozen_and_drifting_grain_is_caught() -> None:
    assert metrics.temporal_correlation(grain(1)) < 0.05
    frozen = np.repeat(grain(1)[:1], 2, 0)
    assert metrics.temporal_correlation(frozen) == pytest.approx(1.0, abs=0.05)
    drifting = np.stack([frozen[0], np.roll(frozen[0], (2, -3), (0, 1))])
    assert metrics.temporal_correlation(drifting) == pytest.approx(1.0, abs=0.05)


def test_mean_shift_in_codes() -> None:
    flat = np.full((1, 64, 64), 0.5)
    assert metrics.mean_shift(flat + 2 / 255, flat) == pytest.approx(2.0)
    up_and_down = np.stack([flat[0] + 0.02, flat[0] - 0.02])
    assert metrics.mean_shift(up_and_down, np.repeat(flat, 2, 0)) == pytest.approx(0.0, abs=1e-9)


def test_floor_lies_between_nothing_and_a_real_difference() -> None:
    level = metrics.floor(lambda a, b: metrics.psd_distance(a[0], b[0]), grain(1, frames=4))
    assert 0 < level < metrics.psd_distance(grain(1), grain(2, 1.0))
    first, second = metrics.halves(grain(1)[:1], luma()[:1])
    assert first[0].shape == second[1].shape == (1, 128, 256)
