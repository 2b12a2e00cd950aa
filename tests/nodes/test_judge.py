"""One window says roughly how much grain it has."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.grain.parametric import apply
from filmgrain_codec.grain.profile import DEFAULT_CURVE, LEVEL_NONE, Chroma, GrainSegment, Spectrum
from filmgrain_codec.grain.removal_metrics import psnr
from filmgrain_codec.nodes import judge as judge_module
from filmgrain_codec.nodes.align import Motion
from filmgrain_codec.nodes.denoise import Denoise
from filmgrain_codec.nodes.judge import bands, careful, judged, stated

GRAIN = GrainSegment(0, 100, 0.05, DEFAULT_CURVE, Spectrum(0.8), Chroma(cb=0.6, cr=0.4, size=0.6), seed=3)


def scenery(index: int, fmt: FrameFormat) -> Frame:
    """A panning picture with smooth parts and edges."""
    planes = []
    for k in range(fmt.planes):
        rows, columns = fmt.shape(k)
        x = np.arange(columns) * fmt.width / columns + 1.5 * index
        y = np.arange(rows)[:, None] * fmt.height / rows
        wave = np.sin(x / 29 + k) * np.cos(y / 33) + 0.3 * np.sign(np.sin(x / 61 + y / 81))
        planes.append((0.5 + (0.15 if k == 0 else 0.05) * wave).astype(np.float32))
    return Frame(tuple(planes), fmt, index, index, Fraction(1, 24))


def judge(frames: list[Frame]) -> GrainSegment:
    motion = Motion([f.planes[0] for f in frames], 1)
    moved = [tuple(motion.shifted(p, k) for p in frames[k].planes) for k in (0, 2)]
    return judged(frames[1].planes, moved)


def window(level: float, fmt: FrameFormat, size: float = 0.8) -> list[Frame]:
    look = replace(GRAIN, level=max(level, 1e-3), spectrum=Spectrum(size))
    clean = [scenery(k, fmt) for k in range(3)]
    return [apply(f, look, index=f.index, level=level) for f in clean] if level else clean


@pytest.mark.parametrize("level", [0.008, 0.02, 0.05, 0.1])
@pytest.mark.parametrize("size", [0.5, 0.8, 1.4])
def test_the_level_is_roughly_right(level, size):
    found = judge(window(level, FrameFormat(320, 240, bits=10), size))
    assert found.level == pytest.approx(level, rel=0.25)


@pytest.mark.parametrize("layout", [(1, 1), (1, 0), (0, 0)])
def test_chroma_strengths_are_roughly_right(layout):
    found = judge(window(0.05, FrameFormat(320, 240, "yuv", *layout, bits=10)))
    assert found.chroma.cb == pytest.approx(0.6, rel=0.3)
    assert found.chroma.cr == pytest.approx(0.4, rel=0.3)


def test_a_clean_window_has_no_grain():
    assert judge(window(0.0, FrameFormat(320, 240, bits=10))).level <= LEVEL_NONE


def test_gray_has_no_chroma_grain():
    found = judge(window(0.05, FrameFormat(320, 240, "gray", 0, 0, bits=10)))
    assert (found.chroma.cb, found.chroma.cr) == (0.0, 0.0)


def test_without_neighbours_or_room_nothing_is_claimed():
    frames = window(0.05, FrameFormat(320, 240, bits=10))
    assert judged(frames[1].planes, []).level == 0
    tiny = tuple(p[:9, :9] for p in frames[1].planes)
    assert judged(tiny, [tiny]).level == 0


@pytest.mark.parametrize("size", [0.5, 0.8, 1.4])
def test_the_size_is_roughly_right(size):
    found = judge(window(0.05, FrameFormat(320, 240, bits=10), size))
    assert found.spectrum.size == pytest.approx(size, rel=0.35)


@pytest.mark.parametrize(("level", "lowest", "highest"), [(0.0, 0, LEVEL_NONE), (0.02, 0.015, 0.025)])
def test_texture_that_nothing_follows_is_no_grain(level, lowest, highest):
    """Three quarters of the picture are fine texture, another one in every frame."""
    fmt = FrameFormat(320, 240, "gray", 0, 0, bits=10)
    frames = window(level, fmt)
    for k, frame in enumerate(frames):
        texture = np.random.default_rng(k).normal(0, 0.1, (240, 240)).astype(np.float32)
        frame.planes[0][:, 80:] += texture * np.linspace(0.2, 1, 240, dtype=np.float32)
    assert lowest <= judge(frames).level <= highest


def test_texture_that_moves_by_fractions_of_a_sample_hardly_counts():
    rng, places = np.random.default_rng(4), np.fft.fftfreq(256)
    squared = places[:, None] ** 2 + places[:129] ** 2
    still = np.fft.rfft2(rng.normal(0, 1, (256, 256))) * np.exp(-2 * np.pi**2 * 0.9**2 * squared)
    frames = []
    for k in (-1, 0, 1):
        moved = np.fft.irfft2(still * np.exp(2j * np.pi * k * (0.4 * places[:, None] + 1.3 * places[:129])))
        plane = (0.5 + 0.2 * moved).astype(np.float32)
        frames.append(Frame((plane,), FrameFormat(256, 256, "gray", 0, 0, bits=10), k, k, Fraction(1, 24)))
    found = judge(frames)
    assert found.level < 0.1 * frames[1].planes[0].std()
    assert careful(found).level < LEVEL_NONE


def test_bars_and_burned_out_skies_say_nothing():
    frames = window(0.05, FrameFormat(320, 240, bits=10))
    for frame in frames:
        frame.planes[0][:60] = 64 / 1023
        frame.planes[0][200:] = 0.9
    assert judge(frames).level == pytest.approx(0.05, rel=0.25)


def test_a_repeated_frame_is_no_neighbour():
    before, centre, after = window(0.05, FrameFormat(320, 240, bits=10))
    alone = judged(centre.planes, [after.planes])
    assert judged(centre.planes, [centre.planes, after.planes]) == alone
    assert judged(centre.planes, [centre.planes]).level == 0
    assert judged(centre.planes, [before.planes, after.planes]) != alone


@pytest.mark.parametrize("layout", [(1, 1), (1, 0), (0, 0)])
def test_bands_of_a_large_picture_say_what_the_whole_does(layout, monkeypatch):
    frames = window(0.05, FrameFormat(640, 480, "yuv", *layout, bits=10))
    whole = judge(frames)
    monkeypatch.setattr(judge_module, "ENOUGH", 640 * 480 // 4)
    luma = frames[1].planes[0].shape
    rows = [bands(p.shape, luma) for p in frames[1].planes]
    assert len(rows[0]) < 480 // 3
    cut = [[p[r] for p, r in zip(f.planes, rows, strict=True)] for f in frames]
    part = judged(cut[1], [cut[0], cut[2]])
    assert part.level == pytest.approx(whole.level, rel=0.2)
    assert part.chroma.cb == pytest.approx(whole.chroma.cb, rel=0.3)


def test_what_is_told_grows_with_what_is_judged_and_is_never_more():
    judged_levels = np.linspace(0, 0.1, 400)
    levels = [careful(replace(GRAIN, level=float(level))).level for level in judged_levels]
    assert np.all(np.diff(levels) >= 0)
    assert np.all(np.array(levels) <= judged_levels)
    assert careful(replace(GRAIN, level=LEVEL_NONE)).level == 0
    assert careful(GRAIN).level > 0.8 * GRAIN.level


def test_a_stated_level_holds_but_for_hardly_any():
    given = replace(GRAIN, level=0.02)
    found = stated(replace(GRAIN, level=0.04), given)
    assert found.level == 0.02
    assert found.level * found.chroma.cb == pytest.approx(0.04 * GRAIN.chroma.cb, rel=0.15)
    assert 0 < stated(GRAIN, replace(GRAIN, level=0.002)).level <= 0.001
    assert stated(replace(GRAIN, level=0.001), given) == given


@pytest.mark.parametrize("level", [0.001, 0.002, 0.003])
@pytest.mark.parametrize("told", ["stated", "blind"])
def test_hardly_any_grain_costs_nothing(level, told):
    fmt = FrameFormat(320, 240, bits=10)
    clean = [scenery(k, fmt) for k in range(5)]
    grainy = [apply(f, GRAIN, index=f.index, level=level) for f in clean]
    made = Denoise(level if told == "stated" else None).process(grainy, 2)
    for m, g, c in zip(made.planes, grainy[2].planes, clean[2].planes, strict=True):
        assert psnr(m, c) > psnr(g, c) - 0.1
