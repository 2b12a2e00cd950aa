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
        self.sizes.append(inputs["given"].shape[2:])
        return inputs["given"][:, :1]


def pictures(shape: tuple[int, int], planes: int = 3) -> dict[str, np.ndarray]:
    given = np.random.default_rng(1).standard_normal((1, planes, *shape)).astype(np.float32)
    return {"given": given, "size": np.full((1, 1), 0.8, np.float32)}


def sides(part: store.Part) -> dict[str, int]:
    """Halo and multiple of the removal nets' packed planes, half as large as the picture's."""
    return {"halo": part.halo // 2, "multiple": part.multiple // 2}


@pytest.mark.parametrize("name", ["luma", "chroma"])
@pytest.mark.parametrize("shape", [(100, 148), (165, 93)])
def test_tiles_give_what_the_whole_gives(name, shape):
    part = store.resolve("fast").part(name)
    net, given = session(part), pictures(shape, {"luma": 28, "chroma": 64}[name])
    whole = tiling.run(net, given, **sides(part))
    tiled = tiling.run(net, given, **sides(part), tile=32)
    assert whole.shape == (1, {"luma": 4, "chroma": 8}[name], *shape)
    assert np.array_equal(whole, tiled)


def test_a_halo_too_small_for_the_net_would_be_noticed():
    part = store.resolve("fast").part("luma")
    given = pictures((100, 148), 28)
    whole = tiling.run(session(part), given, **sides(part))
    tiled = tiling.run(session(part), given, halo=4, multiple=4, tile=32)
    assert np.abs(whole - tiled).max() > 1e-3


@pytest.mark.parametrize("shape", [(1, 1), (3, 17), (8, 8), (9, 31)])
def test_any_size_goes_in_as_multiples_and_comes_out_as_it_was(shape):
    net = Recorder()
    given = pictures(shape)
    assert np.array_equal(tiling.run(net, given, halo=48, multiple=8), given["given"][:, :1])
    assert all(h % 8 == 0 and w % 8 == 0 for h, w in net.sizes)


def test_no_tile_is_larger_than_a_tile_and_its_halo():
    net = Recorder()
    given = pictures((300, 500))
    made = tiling.run(net, given, halo=16, multiple=8, tile=64)
    assert np.array_equal(made, given["given"][:, :1])
    assert max(max(s) for s in net.sizes) <= 64 + 2 * 16


@pytest.mark.parametrize("asked", [None, 64, 100, 513])
@pytest.mark.parametrize("size", [(4, 4), (540, 960), (1080, 1920)])
def test_tiles_are_as_large_as_asked_or_as_memory_needs(asked, size):
    """Packed planes: each sample stands for 2 x 2."""
    side = tiling.side(size, 4, asked, scale=2)
    assert side % 4 == 0
    if asked is not None:
        assert asked - 8 < 2 * side <= asked
    else:
        assert 2 * side == (1024 if size == (1080, 1920) else 2 * max(size))


def test_a_band_is_made_when_its_turn_comes():
    """Otherwise the inputs would fill memory, however small the tiles are."""
    net, given, asked = Recorder(), pictures((300, 200)), []

    def rows(part):
        asked.append((part.start, part.stop))
        return {k: v[:, :, part] if v.ndim == 4 else v for k, v in given.items()}

    for k, (part, made) in enumerate(tiling.bands(net, rows, (300, 200), halo=16, tile=64), 1):
        assert len(asked) == k
        assert np.array_equal(made, given["given"][:, :1, part])
    assert asked == [(0, 80), (48, 144), (112, 208), (176, 272), (240, 300)]
