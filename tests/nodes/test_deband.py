"""Bands become slopes again; texture, grain and edges stay as they are."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.registry import NODES
from filmgrain_codec.nodes.deband import Deband

ROWS, COLUMNS = np.mgrid[:144, :256].astype(np.float64)
SLOPES = {
    "slow": 0.3 + COLUMNS * 0.03 / 256,
    "slanted": 0.3 + (COLUMNS + 2 * ROWS) * 0.05 / 256,
    "round": 0.5 - 3e-6 * ((COLUMNS - 100) ** 2 + (ROWS - 70) ** 2),
    "steep": 0.2 + COLUMNS * 0.25 / 256,
}
CODE = 1 / 255


def frame(luma: np.ndarray, bits: int = 8, n: int = 0) -> Frame:
    """Rounded to codes of 8 bit, in a depth's own scale."""
    fmt = FrameFormat(luma.shape[1], luma.shape[0], "gray", 0, 0, bits)
    codes = np.rint(luma * 255) * 2.0 ** (bits - 8)
    return Frame(((codes / fmt.peak).astype(np.float32),), fmt, n, n, Fraction(1, 25))


def codes(made: Frame) -> np.ndarray:
    """In codes of 8 bit."""
    return made.planes[0].astype(np.float64) * made.fmt.peak / 2.0 ** (made.fmt.bits - 8)


@pytest.mark.parametrize("name", SLOPES)
@pytest.mark.parametrize("bits", [8, 10])
def test_a_slope_is_put_back(name, bits):
    before, made = frame(SLOPES[name], bits), Deband().process([frame(SLOPES[name], bits)], 0)
    truth = SLOPES[name] * 255
    assert made.fmt.bits == 10
    assert np.std(codes(made) - truth) < 0.4 * np.std(codes(before) - truth)
    assert np.abs(np.diff(codes(made))).mean() < 1.05 * np.abs(np.diff(truth)).mean()
    assert np.abs(codes(made) - codes(before)).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("sigma", [0.4, 1.0, 3.0])
def test_grain_and_texture_stay_to_the_bit(sigma):
    noise = np.random.default_rng(1).normal(0, sigma * CODE, ROWS.shape)
    given = frame(SLOPES["slow"] + noise, 10)
    made = Deband().process([given], 0)
    assert np.mean(made.planes[0] != given.planes[0]) < 0.002
    waves = frame(0.4 + 1.2 * CODE * np.sin(COLUMNS / 1.5), 10)
    assert np.array_equal(Deband().process([waves], 0).planes[0], waves.planes[0])


def test_edges_and_lines_are_not_crossed():
    luma = SLOPES["slow"] + 0.1 * (COLUMNS > 120) + 0.05 * (ROWS == 70)
    given = frame(luma, 10)
    made = Deband().process([given], 0)
    near = (np.abs(COLUMNS - 120.5) < 2) | (np.abs(ROWS - 70) < 2)
    assert np.array_equal(made.planes[0][near], given.planes[0][near])
    assert np.std(codes(made) - luma * 255) < 0.6 * np.std(codes(given) - luma * 255)


def test_at_its_own_depth_the_mean_survives_rounding():
    given = frame(SLOPES["slow"])
    made = Deband(bits=8).process([given], 0)
    assert made.fmt.bits == 8
    written, truth = np.rint(made.planes[0] * 255), SLOPES["slow"] * 255
    columns = [np.abs((p - truth).reshape(144, 32, 8).mean((0, 2))).mean() for p in (written, codes(given))]
    assert columns[0] < 0.4 * columns[1]
    assert np.abs(written - codes(given)).max() < 1.001
    other = Deband(bits=8).process([replace(given, index=1)], 1)
    assert not np.array_equal(other.planes[0], made.planes[0])


def test_strength_and_depth():
    given = frame(SLOPES["slanted"])
    none = Deband(strength=0, bits=8).process([given], 0)
    assert none.planes[0] is given.planes[0]
    half, whole = (Deband(strength=s).process([given], 0).planes[0] for s in (0.5, 1.0))
    deep = frame(SLOPES["slanted"], 10).planes[0]
    np.testing.assert_allclose(2 * (half - deep), whole - deep, atol=2e-6)
    assert Deband(bits=8).configure(replace(given.fmt, bits=12)).bits == 12


def test_higher_steps_are_taken_off_where_they_are_stated():
    wide = np.rint(SLOPES["slanted"] * 255 / 3) * 3 / 255
    error = [
        np.std(codes(Deband(step).process([frame(wide)], 0)) - SLOPES["slanted"] * 255) for step in (1, 3)
    ]
    assert error[1] < 0.5 * error[0]


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (17, 33)])
@pytest.mark.parametrize("family", ["gray", "yuv", "rgb"])
def test_any_format(size, family):
    rows, columns = size
    sub = (1, 1) if family == "yuv" else (0, 0)
    fmt = FrameFormat(columns, rows, family, *sub, 8)
    planes = tuple(np.full(fmt.shape(k), 0.25, np.float32) for k in range(fmt.planes))
    made = NODES.build("deband:range=40").process([Frame(planes, fmt, 0, 0, Fraction(1, 25))], 0)
    for k, plane in enumerate(made.planes):
        assert plane.shape == fmt.shape(k)
        assert plane.dtype == np.float32
        assert np.ptp(plane) < 1e-6
