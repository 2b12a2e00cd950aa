"""Scratches: lines that run with the film go, lines of the scene stay."""

from __future__ import annotations

import numpy as np
import pytest

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.core.registry import build_chain
from filmgrain_codec.errors import InputError, UsageError
from filmgrain_codec.nodes.repair.lines import NOTE, Lines
from filmgrain_codec.nodes.repair.scratches import COUNT_PROP, Scratches
from tests.nodes.repair.scenes import FORMATS, check_any_order, check_black, frames

SIZE = (256, 192)
GRAY = FrameFormat(192, 256, "gray", 0, 0, 10)
COUNT = 11


def lined(clip, place=90.0, opacity=0.4, colour=0.92, lean=0.01, step=0.0, rows=slice(None)):
    """The clip with an upright line in every frame; ``step``: samples it moves a frame."""
    made = []
    for n, frame in enumerate(clip):
        planes = []
        for k, plane in enumerate(frame.planes):
            across = 1 << frame.fmt.sub_w if k and frame.fmt.family == "yuv" else 1
            down, right = np.mgrid[: plane.shape[0], : plane.shape[1]].astype(np.float32)
            at = (place + step * n) / across + lean * (down - plane.shape[0] / 2)
            share = opacity * np.exp(-0.5 * ((right - at) * across / 1.2) ** 2)
            off = np.ones_like(share)
            off[rows] = 0
            share = share * (1 - off)
            end = 0.5 if k and frame.fmt.family == "yuv" else colour
            planes.append((plane * (1 - share) + share * end).astype(np.float32))
        made.append(frame.with_planes(tuple(planes)))
    return made


def run(clip, text="scratches"):
    return list(Graph(build_chain([text]), debug=True).stream(clip))


def error(frame, truth):
    return float(
        np.sqrt(np.mean([np.square(a - b).mean() for a, b in zip(frame.planes, truth.planes, strict=True)]))
    )


@pytest.mark.parametrize(
    ("fmt", "colour"),
    [(GRAY, 0.9), (GRAY, 0.08), (FORMATS[1], 0.9), (FORMATS[2], 0.08), (FORMATS[3], 0.9)],
    ids=["bright", "dark", "420", "422", "rgb"],
)
def test_a_scratch_goes_and_all_else_keeps_its_bits(fmt, colour):
    clean = frames(COUNT, fmt, step=2)
    given = lined(clean, colour=colour)
    made, mask = run(given)[5], run(given, "scratches:show=mask")[5]
    assert made.props[COUNT_PROP] >= 1
    assert error(made, clean[5]) < 0.45 * error(given[5], clean[5])
    outside = mask.planes[0] <= mask.planes[0].min()
    assert 0.9 < outside.mean() < 1
    assert np.array_equal(made.planes[0][outside], given[5].planes[0][outside])


def test_clean_film_keeps_its_planes():
    clean = frames(COUNT, GRAY)
    made = run(clean)
    assert all(
        a.planes[0] is b.planes[0] or np.array_equal(a.planes[0], b.planes[0])
        for a, b in zip(made, clean, strict=True)
    )
    assert not any(f.props[COUNT_PROP] for f in made)
    assert not any(NOTE in f.props for f in made)


def test_a_line_of_the_scene_stays():
    """It moves as the scene does."""
    clean = frames(COUNT, GRAY, step=2)
    given = lined(clean, place=110, step=-2)
    assert run(given)[5].props[COUNT_PROP] == 0


@pytest.mark.parametrize("top", [90, 120])
def test_a_post_that_somebody_walks_by_stays(top):
    """It is at rest as a scratch is, but hidden where they pass, on one side of it first."""
    wide = frames(1, FrameFormat(400, 256, "gray", 0, 0, 10), sigma=0.0)[0].planes[0]
    made = []
    for n, frame in enumerate(lined(frames(2 * COUNT, GRAY, step=0), lean=0)):
        plane, left = frame.planes[0].copy(), 8 * n - 20
        walker = plane[top:, max(0, left) : max(0, left + 60)]
        walker[:] = 0.5 * wide[top:, : walker.shape[1]]
        made.append(frame.with_planes((plane,)))
    assert sum(f.props[COUNT_PROP] for f in run(made)) == 0


def test_where_nothing_moves_a_line_stays_unless_asked():
    given = lined(frames(COUNT, GRAY, step=0))
    assert run(given)[5].props[COUNT_PROP] == 0
    assert run(given, "scratches:still")[5].props[COUNT_PROP] == 1


def test_a_short_line_and_one_that_is_there_once_stay():
    clean = frames(COUNT, GRAY)
    assert run(lined(clean, rows=slice(100, 140)))[5].props[COUNT_PROP] == 0
    once = [*clean[:5], lined(clean)[5], *clean[6:]]
    assert run(once)[5].props[COUNT_PROP] == 0


def test_an_edge_is_no_line():
    clean = frames(COUNT, GRAY)
    given = []
    for frame in clean:
        plane = frame.planes[0].copy()
        plane[:, 90:] += 0.2
        given.append(frame.with_planes((plane,)))
    assert run(given)[5].props[COUNT_PROP] == 0


def test_an_opaque_scratch_is_grown_over():
    clean = frames(COUNT, GRAY)
    given = lined(clean, opacity=1.0)
    made = run(given)[5]
    assert made.props[COUNT_PROP] == 1
    assert error(made, clean[5]) < 0.35 * error(given[5], clean[5])


def test_strength():
    given = lined(frames(COUNT, GRAY))
    assert np.array_equal(run(given, "scratches:strength=0")[5].planes[0], given[5].planes[0])
    whole, half = run(given)[5].planes[0], run(given, "scratches:strength=0.5")[5].planes[0]
    assert np.allclose(half, (whole + given[5].planes[0]) / 2, atol=1e-6)


def test_the_same_bits_in_any_order():
    given = lined(frames(COUNT, GRAY))
    check_any_order("scratches:radius=3", given, cut=7)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_clips_and_black_frames(count):
    check_black("scratches", count)


def test_notes_and_errors():
    lines = Lines(np.array([[0.5, -3.0], [12.0, 0.0]], np.float32), None)
    assert np.array_equal(Lines.unpacked(lines.packed()).ridges, lines.ridges)
    with pytest.raises(InputError, match="FGLines"):
        Lines.unpacked(b"")
    with pytest.raises(UsageError, match="show"):
        Scratches(show="all")
