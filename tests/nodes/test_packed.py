"""Packing and stripes: every layout and every cut gives the same samples."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV is not installed")

from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.packed import channels_last, pack, unpack
from filmgrain_codec.nodes.stripes import Grown, bordered, mirrored, stripes, whole


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).random(shape).astype(np.float32)


def blank(shape: tuple[int, int, int, int], last: bool) -> np.ndarray:
    batch, channels, rows, columns = shape
    if last:
        return np.empty((batch, rows, columns, channels), np.float32).transpose(0, 3, 1, 2)
    return np.empty(shape, np.float32)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("cut", [2, 6, 16])
def test_phases_lie_side_by_side_and_come_back(last, cut):
    planes, out = noise(3, 16, 24), blank((1, 12, 8, 12), last)
    for part in stripes(16, cut):
        pack(np.ascontiguousarray(planes[:, part]), out, part.start)
    assert channels_last(out) == last
    for k, plane in enumerate(planes):
        for phase in range(4):
            assert np.array_equal(out[0, 4 * k + phase], plane[phase // 2 :: 2, phase % 2 :: 2])
        mine = out[0, 4 * k : 4 * k + 4]
        rows = [unpack(mine, part) for part in stripes(15, cut)]
        assert np.array_equal(np.concatenate(rows), plane[:15])


@pytest.mark.parametrize("ratio", [(1, 1), (2, 2), (4, 2), (8, 8)])
def test_rows_stretched_are_those_of_the_whole_stretched_at_once(ratio):
    small = noise(9, 13)
    shape = 9 * ratio[0] - ratio[0] // 2, 13 * ratio[1] - ratio[1] // 2
    at_once = opencv().resize(small, (13 * ratio[1], 9 * ratio[0]), interpolation=opencv().INTER_LINEAR)
    wanted = at_once[: shape[0], : shape[1]]
    grown = Grown(bordered(small), ratio, shape)
    assert np.allclose(whole(grown), wanted, atol=1e-6)
    for top, bottom in ((3, 7), (0, shape[0]), (shape[0] - 1, shape[0]), (1, 2)):
        assert np.array_equal(grown[top:bottom], Grown(bordered(small), ratio, shape)[top:bottom])
        assert np.allclose(grown[top:bottom], wanted[top:bottom], atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (33, 47), (40, 48), (7, 64)])
def test_mirrored_rows_are_those_of_the_plane_mirrored_out(shape):
    plane = noise(*shape)
    rows, columns = (-(-n // 8) * 8 for n in shape)
    wanted = np.pad(plane, ((0, rows - shape[0]), (0, columns - shape[1])), mode="symmetric")
    for cut in (8, 16, 32):
        found = np.concatenate([mirrored(plane, part, columns) for part in stripes(rows, cut)])
        assert np.array_equal(found, wanted)
