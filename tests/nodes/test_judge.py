"""One window says roughly how much grain it has."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.grain.parametric import apply
from filmgrain_codec.grain.profile import DEFAULT_CURVE, LEVEL_NONE, Chroma, GrainSegment, Spectrum
from filmgrain_codec.nodes.align import Motion
from filmgrain_codec.nodes.judge import judged

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
