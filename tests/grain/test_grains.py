"""Sets of grain fall into halves of equal size, by frames or by rows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from filmgrain_codec.grain.grains import Grains, compared, part

Field = NDArray[np.float32]


def noise(seed: int, *shape: int) -> Field:
    return (0.03 * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def clip(seed: int, frames: int, rows: int, columns: int) -> list[tuple[Field, ...]]:
    return [
        tuple(noise(100 * seed + 10 * n + k, rows >> bool(k), columns >> bool(k)) for k in range(3))
        for n in range(frames)
    ]


def flat(frames: int, rows: int, columns: int) -> list[tuple[Field, ...]]:
    return [(np.full((rows, columns), 0.5, np.float32),)] * frames


def test_frames_take_turns_and_a_single_frame_is_cut() -> None:
    frames = np.arange(5)[:, None, None] * np.ones((5, 4, 2))
    even, odd = part(frames)
    assert even[:, 0, 0].tolist() == [0, 2]
    assert odd[:, 0, 0].tolist() == [1, 3]
    upper, lower = part(np.arange(8).reshape(1, 4, 2))
    assert (upper.max(), lower.min()) == (3, 4)


def test_clips_of_several_sizes_and_a_still_make_one_set() -> None:
    shapes = (3, 160, 192), (1, 256, 224)
    sets = [
        Grains.of([clip(s + k, *shape) for k, shape in enumerate(shapes)], [flat(*shape) for shape in shapes])
        for s in (1, 5)
    ]
    first, second = sets[0].halves
    assert first.samples == second.samples == 160 * 192 + 128 * 224
    assert sets[0].whole.samples == first.samples + second.samples
    grain, luma = sets[0].in_order()
    assert grain.shape == luma.shape == (4, 128, 192)
    assert sets[0].time["temporal_still"] == pytest.approx(0, abs=0.06)
    found = compared(sets[0], sets[1], effective=1e4)
    assert found.effective == 1e4
    assert found.half["kld"] == pytest.approx(found.floor["kld"] or 0, rel=0.5)
    assert set(found.whole) == set(found.half) == set(found.floor)
    assert {"curve", "kld", "temporal", "shift"} <= set(found.passed())
