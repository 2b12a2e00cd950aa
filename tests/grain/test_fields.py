"""The noise hash: pinned to its published algorithm, exact under cropping, white."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmgrain_codec.grain.fields import (
    COLUMN_SEED,
    WORD_SAMPLES,
    gaussian_table,
    mix64,
    plane_key,
    white,
)

TABLE_SHA256 = "c5f5ea2d3eff3897271e7e3760dfed060d7fb6d24ef430c0e5626e20d41211b3"
GAMMA = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1

# first outputs of Vigna's splitmix64.c for the state 1234567
SPLITMIX = [
    6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431,
    16408922859458223821,
]  # fmt: skip


def plain_sample(seed: int, frame: int, plane: int, x: int, y: int) -> float:
    """The definition in the module's docstring, sample by sample in plain integers."""

    def mix(z: int) -> int:
        z &= MASK
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
        return z ^ (z >> 31)

    key = mix(mix(mix(seed + GAMMA) + frame + GAMMA) + plane + GAMMA)
    word = mix(mix(key + GAMMA * (y + 1)) ^ mix(COLUMN_SEED + GAMMA * (x // 4 + 1)))
    return float(gaussian_table()[word >> 16 * (x % 4) & 0xFFFF])


def test_the_mixer_is_the_published_splitmix64() -> None:
    assert [mix64(1234567 + GAMMA * k) for k in range(1, 6)] == SPLITMIX


def test_the_table_is_pinned() -> None:
    assert hashlib.sha256(gaussian_table().astype("<f4").tobytes()).hexdigest() == TABLE_SHA256


def test_the_table_is_gaussian() -> None:
    table = gaussian_table().astype(np.float64)
    assert np.array_equal(table, -table[::-1])
    assert table.var() == pytest.approx(1, abs=1e-6)
    assert (table**4).mean() == pytest.approx(3, abs=0.01)
    below = np.array([np.mean(table < z) for z in (-3, -2, -1, 0, 1, 2, 3)])
    normal = np.array([0.5 * (1 + math.erf(z / math.sqrt(2))) for z in (-3, -2, -1, 0, 1, 2, 3)])
    np.testing.assert_allclose(below, normal, atol=1e-4)


@given(
    st.integers(0, 2**32 - 1), st.integers(-5, 2**48), st.integers(0, 2),
    st.integers(-9000, 70000), st.integers(-9000, 70000),
)  # fmt: skip
def test_every_sample_follows_the_definition(seed: int, frame: int, plane: int, x: int, y: int) -> None:
    block = white(seed, frame, plane, x, y, 6, 2)
    expected = [[plain_sample(seed, frame, plane, x + i, y + j) for i in range(6)] for j in range(2)]
    np.testing.assert_array_equal(block, np.array(expected, np.float32))


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 40), st.integers(1, 40))
def test_a_crop_equals_the_crop_of_the_whole(x: int, y: int, width: int, height: int) -> None:
    whole = white(5, 11, 1, -20, -20, 120, 120)
    part = white(5, 11, 1, x - 20, y - 20, width, height)
    np.testing.assert_array_equal(part, whole[y : y + height, x : x + width])


def test_the_noise_is_white_and_normal() -> None:
    field = white(3, 0, 0, 0, 0, 2048, 1024).astype(np.float64)
    bound = 4.5 / math.sqrt(field.size)
    assert abs(field.mean()) < bound
    assert field.var() == pytest.approx(1, abs=math.sqrt(2) * bound)
    assert (field**3).mean() == pytest.approx(0, abs=math.sqrt(15) * bound)
    assert (field**4).mean() == pytest.approx(3, abs=math.sqrt(96) * bound)
    for dy in range(5):
        for dx in range(-9, 10):
            if (dy, dx) > (0, 0):
                assert abs(lagged(field, field, dy, dx)) < bound * 1.1, (dy, dx)


def test_words_have_no_biased_bits() -> None:
    key = plane_key(1, 2, 0)
    columns = [mix64(COLUMN_SEED + GAMMA * x) for x in range(256)]
    words = [mix64(mix64(key + GAMMA * y) ^ column) for y in range(64) for column in columns]
    ones = sum(np.array([w >> b & 1 for b in range(64)]) for w in words) / len(words)
    assert np.abs(ones - 0.5).max() < 4.5 * 0.5 / math.sqrt(len(words))


@pytest.mark.parametrize("other", [(4, 0, 0), (3, 1, 0), (3, 0, 1), (3, 2, 0), (3, -1, 0), (2**31 + 3, 0, 0)])
def test_seeds_frames_and_planes_are_independent(other: tuple[int, int, int]) -> None:
    size = 512
    first = white(3, 0, 0, 0, 0, size, size).astype(np.float64)
    second = white(*other, 0, 0, size, size).astype(np.float64)
    for dy in range(-3, 4):
        for dx in range(-3, 4):
            assert abs(lagged(first, second, dy, dx)) < 5 / size


def test_nothing_repeats_within_a_frame() -> None:
    field = white(9, 0, 0, 0, 0, 4096, 256)
    words = field.reshape(256, -1, WORD_SAMPLES).reshape(-1, WORD_SAMPLES)
    assert len(np.unique(words, axis=0)) == len(words)


def lagged(a: np.ndarray, b: np.ndarray, dy: int, dx: int) -> float:
    """Mean product of a(y, x) and b(y + dy, x + dx)."""
    rows, columns = a.shape
    one = a[max(0, -dy) : rows - max(0, dy), max(0, -dx) : columns - max(0, dx)]
    two = b[max(0, dy) : rows + min(0, dy), max(0, dx) : columns + min(0, dx)]
    return float((one * two).mean())
