"""Deflicker as a filter: the same bits however a clip is read, and flicker that goes."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest

from filmgrain_codec.core.executor import process
from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.core.registry import build_chain
from filmgrain_codec.errors import InputError, UsageError
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


def luma_change(frames, made):
    """Mean absolute change of each frame's luma, in 8-bit codes."""
    pairs = zip(frames, made, strict=True)
    return [255 * float(np.abs(a.planes[0] - b.planes[0]).mean()) for a, b in pairs]


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


@pytest.mark.parametrize(
    "fmt",
    [
        FrameFormat(144, 108, bits=10, color=ColorInfo(range=1)),
        FrameFormat(97, 75, "yuv", 1, 0),
        FrameFormat(33, 35, "yuv", 0, 0, 16),
    ],
)
def test_any_layout_comes_out_as_it_went_in(fmt):
    frames = clip(fmt, flickering(12))
    for before, after in zip(
        frames, Graph([Deflicker(mode="strong")], debug=True).stream(frames), strict=True
    ):
        assert [p.shape for p in before.planes] == [p.shape for p in after.planes]
        assert all(np.isfinite(p).all() for p in after.planes)
        assert before.props == after.props


def test_a_steady_clip_keeps_the_very_same_planes():
    frames = clip(FrameFormat(288, 216, "gray", 0, 0), np.ones(16))
    made = list(Graph([Deflicker()]).stream(frames))
    assert all(a.planes[0] is b.planes[0] for a, b in zip(frames, made, strict=True))


@pytest.mark.parametrize(
    "gains",
    [
        np.linspace(1, 0.3, 24),
        np.where(np.arange(24) < 12, 0.6, 1.1),
        np.where(np.arange(24) == 12, 1.6, 0.9),
        1 + 0.6 * np.exp(-np.maximum(np.arange(24) - 10, 0) / 5) * (np.arange(24) >= 10),
    ],
    ids=["fade", "lamp", "lightning", "explosion"],
)
def test_real_light_stays(gains):
    frames = clip(FrameFormat(288, 216, "gray", 0, 0), 0.6 * gains)
    jump = 255 * float(np.ptp([f.planes[0].mean() for f in frames]))
    assert max(luma_change(frames, Graph([Deflicker("safe")]).stream(frames))) < 0.2 * jump
    assert max(luma_change(frames, Graph([Deflicker()]).stream(frames))) < 0.5


def test_light_of_flickering_film_stays_too():
    gains = 0.6 * np.where(np.arange(40) < 20, 1, 1.5)
    frames = clip(FrameFormat(288, 216, "gray", 0, 0), gains * flickering(40, 0.05))
    made = list(Graph([Deflicker()]).stream(frames))
    still = np.array([picture(frames[0].fmt, n)[0].mean() for n in range(40)])
    light = np.array([f.planes[0].mean() for f in made]) / still
    assert np.mean(light[21:30]) / np.mean(light[10:19]) == pytest.approx(1.5, rel=0.05)
    assert np.std(light[21:36]) < 0.015


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("mode", ["safe", "strong", "auto"])
def test_flat_frames_are_left_alone(mode, level):
    fmt = FrameFormat(64, 48)
    planes = tuple(np.full(fmt.shape(k), 0.5 if k else level, np.float32) for k in range(3))
    frames = [Frame(planes, fmt, n, n, Fraction(1, 24)) for n in range(7)]
    for after in Graph([Deflicker(mode)]).stream(frames):
        assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(planes, after.planes, strict=True))


@pytest.mark.parametrize("length", [1, 2, 4])
def test_short_shots_show_no_flicker(length):
    frames = clip(FrameFormat(72, 54, "gray", 0, 0), flickering(length))
    made = Graph([Deflicker("strong")]).stream(frames)
    assert luma_change(frames, made) == [0] * length


def test_flicker_of_one_colour_goes_and_the_others_stay():
    fmt, gains = FrameFormat(144, 108, "rgb", 0, 0, 10), flickering(30)
    frames = [
        f.with_planes((f.planes[0] * np.float32(g), *f.planes[1:]))
        for f, g in zip(clip(fmt, [1] * 30), gains, strict=True)
    ]
    made = list(Graph([Deflicker()]).stream(frames))
    still = [np.array([picture(fmt, n)[k].mean() for n in range(30)]) for k in range(3)]
    spread = [np.std([f.planes[k].mean() for f in made] / still[k]) for k in range(3)]
    assert spread[0] < np.std(gains) / 3
    assert max(spread[1:]) < 0.01


def test_a_tint_that_flickers_goes_and_neutral_chroma_stays():
    fmt = FrameFormat(144, 108, "yuv", 1, 1)
    tint = 0.03 * np.random.default_rng(5).uniform(-1, 1, 30)
    frames = []
    for f, t, g in zip(clip(fmt, [1] * 30), tint, flickering(30, 0.1), strict=True):
        y, u, v = f.planes
        frames.append(f.with_planes((y * np.float32(g), u + np.float32(t), np.full_like(v, 128 / 255))))
    made = list(Graph([Deflicker()]).stream(frames))
    still = np.array([picture(fmt, n)[1].mean() for n in range(30)])
    assert np.std([f.planes[1].mean() for f in made] - still) < np.std(tint) / 2
    assert max(float(np.abs(f.planes[2] - 128 / 255).max()) for f in made) < 1e-3


def test_a_cut_that_nobody_named_parts_the_chain():
    fmt = FrameFormat(144, 108, "gray", 0, 0)
    frames = clip(fmt, flickering(24, 0.1))
    for n in range(12, 24):
        plane = 0.5 + 0.3 * np.random.default_rng(9).standard_normal((27, 36)).repeat(4, 0).repeat(4, 1)
        frames[n] = frames[n].with_planes((np.clip(plane, 0, 1).astype(np.float32),))
    made = list(Graph([Deflicker("strong")]).stream(frames))
    assert max(luma_change(frames[12:], made[12:])) < 1
    assert max(luma_change(frames[:12], made[:12])) > 2


def test_notes_that_are_none_are_an_error():
    frames = clip(FrameFormat(72, 54), [1, 1, 1])
    with pytest.raises(InputError, match="FGLight"):
        Deflicker(radius=1).process(frames, 1)


def test_a_mode_that_is_none_is_an_error():
    with pytest.raises(UsageError, match="safe, strong, auto"):
        Deflicker("hard")
