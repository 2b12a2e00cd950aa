"""Deflicker as a filter: the same bits however a clip is read, and flicker that goes."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

from filmgrain_codec.core.executor import process
from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.core.registry import build_chain
from filmgrain_codec.nodes.flicker.deflicker import Deflicker
from tests.core.material import bits

LENGTH = 24


def picture(fmt, n, seed=0):
    """Planes of a smooth picture that drifts a sample a frame, with fresh grain."""
    rng = np.random.Generator(np.random.Philox(key=[seed, n]))
    made = []
    for k in range(fmt.planes):
        rows, columns = fmt.shape(k)
        y, x = np.mgrid[:rows, :columns] * (fmt.height / rows) + n
        base = 0.5 + (0.2 * np.sin(x / 9 + k) * np.cos(y / 7) + 0.1 * np.sin(x / 31)) / (1 + 2 * (k > 0))
        made.append((base + 0.004 * rng.standard_normal((rows, columns))).astype(np.float32))
    return made


def clip(fmt, gains, start=0):
    """Frames whose luma (RGB: all planes) is multiplied by ``gains``."""
    frames = []
    for n, gain in enumerate(gains, start):
        planes = picture(fmt, n)
        lit = range(fmt.planes) if fmt.family == "rgb" else (0,)
        planes = tuple(p * np.float32(gain) if k in lit else p for k, p in enumerate(planes))
        frames.append(Frame(planes, fmt, n, n, Fraction(1, 24)))
    return frames


def flickering(count, amount=0.15, seed=3):
    return 1 + amount * np.random.default_rng(seed).uniform(-1, 1, count)


@pytest.mark.parametrize("cuts", [(), (5, 6, 15)])
def test_every_way_to_read_a_clip_gives_the_same_bits(cuts):
    frames = clip(FrameFormat(72, 54), flickering(LENGTH))
    graph = Graph([Deflicker(radius=5)], cuts=cuts, debug=True)
    expected = [bits(f) for f in graph.stream(frames)]
    assert expected != [bits(f) for f in frames]
    assert [bits(f) for f in process(iter(frames), graph, workers=3, depth=3)] == expected
    pull = graph.pull(lambda n: frames[n], LENGTH)
    assert [bits(pull(n)) for n in (20, 3, 4, 21, 0, 23)] == [expected[n] for n in (20, 3, 4, 21, 0, 23)]
    for start, stop in itertools.pairwise((0, 7, 8, 24)):
        chunk = graph.chunk(lambda first, end: frames[first:end], start, stop, LENGTH)
        assert [bits(f) for f in chunk] == expected[start:stop]


def test_strength_0_leaves_the_very_same_planes():
    frames = clip(FrameFormat(72, 54), flickering(6))
    made = list(Graph(build_chain(["deflicker:strength=0"])).stream(frames))
    assert all(
        a is b for f, g in zip(frames, made, strict=True) for a, b in zip(f.planes, g.planes, strict=True)
    )
    assert all(f.props == g.props for f, g in zip(frames, made, strict=True))


@pytest.mark.parametrize("fmt", [FrameFormat(144, 108, "gray", 0, 0), FrameFormat(145, 107, "rgb", 0, 0, 16)])
def test_flicker_goes(fmt):
    frames = clip(fmt, flickering(30))
    means = [
        np.array([f.planes[0].mean() for f in seq]) for seq in (frames, Graph([Deflicker()]).stream(frames))
    ]
    still = np.array([picture(fmt, n)[0].mean() for n in range(30)])
    before, after = (np.std(m / still) for m in means)
    assert after < before / 3
