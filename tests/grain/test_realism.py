"""Tallies add up to what the metrics say of the whole, and each target can be met and missed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from filmgrain_codec.grain import metrics, realism
from filmgrain_codec.train.generators import spectral
from filmgrain_codec.train.generators.common import generator

Field = NDArray[np.float64]
LEVEL, FRAMES = 0.04, 4
SHAPE = (192, 256)
LUMA = np.broadcast_to(np.linspace(0.1, 0.9, 256), (FRAMES, *SHAPE))


@cache
def grain(seed: int, size: float = 0.8) -> tuple[Field, Field, Field]:
    """Luma and half-size chroma, Cb following luma by half."""
    luma, cb, cr = (
        LEVEL * np.stack([spectral.field(SHAPE, generator(seed, 10 * k + n), size) for n in range(FRAMES)])
        for k in range(3)
    )
    small = luma.reshape(FRAMES, 96, 2, 128, 2).mean((2, 4))
    return luma, 0.5 * (small + cb[:, ::2, ::2]), 0.5 * cr[:, ::2, ::2]


def of(planes: tuple[Field, ...], part: slice = slice(None)) -> realism.Tally:
    return realism.tally([p[part] for p in planes], LUMA[part])


def test_tallies_of_parts_add_up_to_the_figures_of_the_whole() -> None:
    real = of(grain(1))
    parts = of(grain(2), slice(0, 2)) + of(grain(2), slice(2, 4))
    found, whole = realism.figures(real, parts), realism.figures(real, of(grain(2)))
    assert found == pytest.approx(whole, abs=1e-3)
    assert found["psd_db"] == pytest.approx(metrics.psd_distance(grain(1)[0], grain(2)[0]), abs=1e-9)
    assert found["kld"] == pytest.approx(
        metrics.histogram_divergence((grain(1)[0], LUMA), (grain(2)[0], LUMA)).kld, abs=1e-9
    )
    assert found["channels"] == pytest.approx(metrics.channel_difference(grain(1), grain(2)), abs=1e-3)


def test_effective_samples_agree_with_the_autocorrelation() -> None:
    assert of(grain(1)).effective == pytest.approx(metrics.effective_samples(grain(1)[0]), rel=0.1)


def changed(what: str) -> tuple[Field, ...]:
    y, cb, cr = grain(2)
    z = y / LEVEL
    return {
        "curve": (1.1 * y, cb, cr),
        "psd_db": grain(2, 0.95),
        "skew": (y + 0.05 * LEVEL * (z * z - 1), cb, cr),
        "kurtosis": (y * (0.9 + 0.03 * z * z), cb, cr),
        "channels": (y, cr, cb),
        "shift": (y + 1 / 255, cb, cr),
        "psd_chroma_db": (y, grain(2, 1.1)[1], cr),
    }[what]


@pytest.mark.parametrize(
    "what", ["curve", "psd_db", "skew", "kurtosis", "channels", "shift", "psd_chroma_db"]
)
def test_each_change_is_seen_by_its_own_figure(what: str) -> None:
    real = of(grain(1))
    same, other = realism.figures(real, of(grain(2))), realism.figures(real, of(changed(what)))
    assert (other[what] or 0) > 2 * (same[what] or 0)


def test_grey_grain_has_no_figures_of_colour() -> None:
    y, cb, _ = grain(1)
    grey = of((y, 0 * cb, 0 * cb))
    found = realism.figures(grey, of(grain(2)))
    assert found["channels"] is found["psd_chroma_db"] is found["chroma_strength"] is None
    coloured = realism.figures(of(grain(2)), grey)
    assert coloured["channels"] == pytest.approx(1.0)


def test_halves_stand_beside_a_floor_of_the_same_number_of_samples() -> None:
    halves = [(of(grain(s), slice(0, 2)), of(grain(s), slice(2, 4))) for s in (1, 2)]
    found, floor = realism.halved(halves[0], halves[1])
    assert all(floor[k] for k in ("curve", "psd_db", "kld", "nss"))
    assert found["kld"] == pytest.approx(floor["kld"], rel=0.3)


def test_repeats_in_time_and_in_space_are_found() -> None:
    y = grain(1)[0]
    fresh = realism.in_time([y, grain(2)[0]])
    assert (fresh["temporal"] or 1) < 0.03
    assert (fresh["periodic"] or 1) < 0.05
    frozen = np.broadcast_to(y[:1], y.shape)
    assert realism.in_time([frozen])["temporal"] == pytest.approx(1.0, abs=0.02)
    tiled = np.tile(y[:, :64, :64], (1, 3, 4))
    assert realism.in_time([tiled])["periodic"] == pytest.approx(1.0, abs=0.02)
    drifting = np.stack([np.roll(y[0], 32 * n, 1) for n in range(FRAMES)])
    assert realism.in_time([drifting])["periodic"] == pytest.approx(1.0, abs=0.02)
    assert realism.in_time([y[:1]])["temporal"] is None


def test_targets_are_judged_by_the_number_of_samples_there_are() -> None:
    whole, floor = {"psd_db": 0.4, "kld": 0.1}, {"psd_db": 0.2, "kld": 0.03}
    many = realism.Findings(whole, {"psd_db": 0.45, "kld": 0.05}, floor, 1e6)
    assert many.passed() == {"psd_db": True, "kld": True}
    few = replace(many, effective=1e5)
    assert few.passed() == {"psd_db": False, "kld": True}
    assert replace(many, whole={"psd_db": 0.6}, half={"psd_db": 0.29, "kld": 0.07}).passed() == {
        "psd_db": False,
        "kld": False,
    }
