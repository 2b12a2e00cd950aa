"""Two passes: neighbours are seen repaired, and what a first pass changed travels exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmgrain_codec.core.graph import Graph
from filmgrain_codec.core.registry import build_chain
from filmgrain_codec.nodes.repair.dust import COUNT_PROP
from filmgrain_codec.nodes.repair.twice import NOTE, changed, changes
from tests.nodes.repair.scenes import FORMATS, check_any_order, check_black, frames, spoiled

TWICE = "dust:max_coverage=5,passes=2"


def filtered(text, clip):
    return list(Graph(build_chain([text]), debug=True).stream(clip))


@given(st.sampled_from(FORMATS), st.lists(st.integers(0, 15_000), max_size=40), st.floats(0, 1, width=32))
def test_changes_travel_exactly(fmt, places, value):
    before = frames(1, fmt)[0]
    planes = [p.copy() for p in before.planes]
    for plane in planes:
        plane.flat[[k % plane.size for k in places]] = value
    after = before.with_planes(tuple(planes))
    again = changed(before, changes(before, after))
    assert all(np.array_equal(a, b) for a, b in zip(again.planes, after.planes, strict=True))
    assert changes(before, before) == b""


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f"{f.family}{f.bits}")
def test_more_of_much_dirt_goes(fmt):
    clean = frames(9, fmt, step=1, sigma=0.01)
    rng = np.random.default_rng(1)
    dirty = [spoiled(f, rng.integers(5, (110, 150), (12, 2)).tolist()) for f in clean]
    left = []
    for text in ("dust:max_coverage=50", "dust:max_coverage=50,passes=2"):
        made = filtered(text, dirty)
        assert sum(f.props[COUNT_PROP] for f in made) > 40
        assert all(NOTE not in f.props for f in made)
        left.append(
            np.mean([np.square(a.planes[0] - b.planes[0]).mean() for a, b in zip(made, clean, strict=True)])
        )
    assert left[1] < 0.9 * left[0]


def test_frames_of_a_clean_pan_keep_their_planes():
    clean = frames(5)
    made = filtered(TWICE, clean)
    assert all(np.array_equal(a.planes[0], b.planes[0]) for a, b in zip(made, clean, strict=True))


def test_the_same_bits_in_any_order():
    clip = [spoiled(f, [(20 + 7 * n % 60, 30 + 31 * n % 100)]) for n, f in enumerate(frames(8))]
    check_any_order(TWICE, clip, cut=5)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_clips_and_black_frames(count):
    check_black(TWICE, count)
