"""Tiles and mirrored edges give what the whole picture gives."""

from __future__ import annotations

import numpy as np
import pytest

from filmgrain_codec.infer import store, tiling
from filmgrain_codec.infer.session import session


class Recorder:
    """A net that returns its first frame and remembers the sizes it saw."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def run(self, inputs):
        self.sizes.append(inputs["frames"].shape[2:])
        return inputs["frames"][:, :1]


def pictures(shape: tuple[int, int], planes: dict[str, int]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    given = {k: rng.random((1, n, *shape)).astype(np.float32) for k, n in planes.items()}
    given["sigma"] *= 0.1
    return {**given, "size": np.full((1, 1), 0.8, np.float32)}


@pytest.mark.parametrize("name", ["luma", "chroma"])
@pytest.mark.parametrize("shape", [(200, 296), (333, 187)])
def test_tiles_give_what_the_whole_gives(name, shape):
    part = store.resolve("fast").part(name)
    net = session(part)
    planes = {"frames": 3, "sigma": 1} if name == "luma" else {"frames": 6, "sigma": 2, "guide": 2}
    given = pictures(shape, planes)
    settings = {"halo": part.halo, "multiple": part.multiple, "tile": 64}
    whole = tiling.run(net, given, **settings)
    tiled = tiling.run(net, given, **settings, whole=0)
    assert whole.shape == (1, planes["sigma"], *shape)
    assert np.abs(whole - tiled).max() < 1e-6


def test_a_halo_too_small_for_the_net_would_be_noticed():
    part = store.resolve("fast").part("luma")
    given = pictures((200, 296), {"frames": 3, "sigma": 1})
    whole = tiling.run(session(part), given, halo=part.halo, multiple=8)
    tiled = tiling.run(session(part), given, halo=8, multiple=8, tile=64, whole=0)
    assert np.abs(whole - tiled).max() > 1e-5


@pytest.mark.parametrize("shape", [(1, 1), (3, 17), (8, 8), (9, 31)])
def test_any_size_goes_in_as_multiples_and_comes_out_as_it_was(shape):
    net = Recorder()
    given = pictures(shape, {"frames": 3, "sigma": 1})
    assert np.array_equal(tiling.run(net, given, halo=48, multiple=8), given["frames"][:, :1])
    assert all(h % 8 == 0 and w % 8 == 0 for h, w in net.sizes)


def test_no_tile_is_larger_than_a_tile_and_its_halo():
    net = Recorder()
    given = pictures((300, 500), {"frames": 3, "sigma": 1})
    made = tiling.run(net, given, halo=16, multiple=8, tile=64, whole=0)
    assert np.array_equal(made, given["frames"][:, :1])
    assert max(max(s) for s in net.sizes) <= 64 + 2 * 16
