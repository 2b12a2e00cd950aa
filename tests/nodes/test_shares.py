"""Levels that differ from place to place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("cv2", reason="OpenCV is not installed")

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.core.node import Node
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain.parametric import apply
from filmgrain_codec.nodes.denoise import Denoise
from filmgrain_codec.nodes.shares import SHARE_PROP, split
from filmgrain_codec.nodes.synth import Grain
from tests.nodes.test_denoise import FORMATS, GRAIN, form, scenery, window

EDGE, REACH = 144, 112
"""A column where shares change, and how far away that can still be seen."""


def shared(frames: list[Frame], share: np.ndarray) -> list[Frame]:
    centre = frames[len(frames) // 2]
    told = centre.with_planes(centre.planes, **{SHARE_PROP: share})
    return [told if f is centre else f for f in frames]


def halves(fmt, left: float, right: float) -> np.ndarray:
    share = np.full(fmt.shape(0), right, np.float32)
    share[:, :EDGE] = left
    return share


def nodes() -> list[tuple[Node, slice]]:
    """Nodes, and which of five frames they look at."""
    return [(Denoise(GRAIN), slice(0, 5)), (Denoise(0.05), slice(0, 5)), (Grain(GRAIN), slice(2, 3))]


@pytest.mark.parametrize("layout", FORMATS)
def test_all_of_the_level_everywhere_is_the_level(layout):
    fmt = form(94, 61, *layout)
    frames = window(fmt)
    for node, seen in nodes():
        usual = node.process(frames[seen], 7)
        made = node.process(shared(frames[seen], np.ones(fmt.shape(0), np.float32)), 7)
        assert all(np.array_equal(a, b) for a, b in zip(made.planes, usual.planes, strict=True))
        assert made.props["FGLevel"] == usual.props["FGLevel"]


@pytest.mark.parametrize("layout", FORMATS)
def test_without_a_share_samples_keep_their_bits(layout):
    fmt = form(321, 77, *layout)
    frames = window(fmt)
    for node, seen in nodes():
        usual = node.process(frames[seen], 7)
        made = node.process(shared(frames[seen], halves(fmt, 0.0, 1.0)), 7)
        for k, plane in enumerate(made.planes):
            sub = 1 << (fmt.sub_w if k else 0)
            assert np.array_equal(plane[:, : EDGE // sub], frames[2].planes[k][:, : EDGE // sub])
            far = slice((EDGE + REACH) // sub, None)
            assert np.array_equal(plane[:, far], usual.planes[k][:, far])
            assert not np.array_equal(plane[:, far], frames[2].planes[k][:, far])


def test_removal_is_told_the_level_of_each_place():
    """Grain of 0.06 on the left and a third of it on the right: one level for both is wrong somewhere."""
    fmt = form(288, 160)
    strong, weak = replace(GRAIN, level=0.06), replace(GRAIN, level=0.02)

    def grainy(frame: Frame) -> Frame:
        left, right = (apply(frame, g, index=frame.index, level=g.level) for g in (strong, weak))
        sides = ((p.shape[1] // 2, p, q) for p, q in zip(left.planes, right.planes, strict=True))
        return frame.with_planes(tuple(np.hstack([p[:, :h], q[:, h:]]) for h, p, q in sides))

    frames = [grainy(scenery(fmt, 5 + k)) for k in range(5)]
    clean = scenery(fmt, 7)

    def errors(made: Frame) -> np.ndarray:
        """Mean square of both halves of Y, Cb and Cr."""
        each = ((a - b) ** 2 for a, b in zip(made.planes, clean.planes, strict=True))
        return np.array([[h.mean() for h in np.split(e, 2, 1)] for e in each])

    mapped = errors(Denoise(strong).process(shared(frames, halves(fmt, 1.0, 1 / 3)), 7))
    as_strong, as_weak = (errors(Denoise(g).process(frames, 7)) for g in (strong, weak))
    assert mapped[0, 0] < 0.5 * as_weak[0, 0]
    assert (mapped[:, 1] < 0.8 * as_strong[:, 1]).all()
    assert (mapped < 1.1 * np.minimum(as_strong, as_weak)).all()


@pytest.mark.parametrize("family", ["gray", "yuv", "rgb"])
def test_grain_has_the_strength_of_each_place(family):
    sub = int(family == "yuv")
    fmt = form(288, 192, family, sub, sub)
    grey = Frame(tuple(np.full(fmt.shape(k), 0.5, np.float32) for k in range(fmt.planes)), fmt, 0, 0, 1)
    made = Grain(GRAIN).process(shared([grey], halves(fmt, 0.25, 1.0)), 0)
    for plane in made.planes:
        left, right = np.split(plane - 0.5, 2, 1)
        assert left.std() / right.std() == pytest.approx(0.25, rel=0.08)


def test_a_map_is_the_highest_level_and_shares_of_it():
    level, share = split(np.array([[0.02, 0.08], [0.0, 0.04]], np.float32))
    assert level == pytest.approx(0.08)
    assert np.allclose(share, [[0.25, 1], [0, 0.5]])
    assert share.max() == 1
    nothing, share = split(np.zeros((2, 2), np.float32))
    assert nothing == 0
    assert not share.any()
    assert split(np.full((2, 2), 0.15, np.float32))[0] == 0.15


@pytest.mark.parametrize("value", [-0.01, 0.2, float("nan"), float("inf")])
def test_what_is_no_level_is_refused(value):
    levels = np.full((4, 4), 0.03, np.float32)
    levels[1, 2] = value
    with pytest.raises(UsageError, match=r"a map of levels has values from .*: give 0 to 0\.15"):
        split(levels)


def test_a_map_of_another_size_is_refused():
    fmt = form(64, 48)
    for node, seen in nodes():
        with pytest.raises(UsageError, match="a map of levels of 48x64 cannot serve a picture of 64x48"):
            node.process(shared(window(fmt)[seen], np.ones((64, 48), np.float32)), 7)
