"""The published protocol of dust, and the detectors of the literature."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.mending import classical, figures, protocol
from benchmarks.mending.classical import Seen
from benchmarks.mending.scenes import PROTOCOL, Case
from filmgrain_codec.train.generators.common import generator
from tests.nodes.repair.scenes import frames, spoiled, texture

PLACE = (40, 60)


def seen(places: tuple[tuple[int, int], ...] = (PLACE,)) -> Seen:
    plane = texture(120, 160)
    here = plane.copy()
    for row, column in places:
        here[row : row + 5, column : column + 5] = 0.9
    return Seen(here, plane, plane)


def test_every_detector_finds_what_no_neighbour_has():
    for mask in classical.detected(seen(), 20 / 255).values():
        assert mask[40:45, 60:65].mean() > 0.5
        assert mask.sum() == mask[40:45, 60:65].sum()


def test_no_detector_finds_what_a_neighbour_has_or_what_is_too_small():
    here = seen().here
    for mask in classical.detected(Seen(here, here, seen().before), 20 / 255).values():
        assert not mask.any()
    dot = seen(()).here.copy()
    dot[40, 60] = 0.9
    for mask in classical.detected(Seen(dot, seen().before, seen().after), 20 / 255).values():
        assert not mask.any()


def test_a_mask_that_is_known_is_mended_to_the_neighbours():
    view = seen()
    made = classical.repaired(view, view.here > 0.8)
    assert np.abs(made - view.before).max() < 1e-3


def test_the_threshold_that_is_best_on_all_clips_is_taken():
    clean, places = frames(4), {1: (40, 60), 2: (80, 100)}
    given = [spoiled(f, [places[n]]) if n in places else f for n, f in enumerate(clean)]
    masks = np.zeros((4, 120, 160), np.float32)
    for n, (row, column) in places.items():
        masks[n, row : row + 5, column : column + 5] = 1
    case = Case(PROTOCOL, "specks", tuple(given), tuple(clean), tuple(masks))
    found = {row["method"]: row for row in classical.rows([case, case])}
    assert found["sROD"]["f1"] > 0.9
    assert found["sROD"]["psnr"] > found["sROD"]["psnr_in"] + 6
    views = classical.drawn(case)
    others = [
        classical.judged(case, views, [classical.detected(v, t / 255)["SDIa"] for v in views])["f1"]
        for t in classical.THRESHOLDS
    ]
    assert found["SDIa"]["f1"] == pytest.approx(max(others))


def test_undamaged_frames_of_the_protocol_count():
    clean = frames(4)
    none = (np.zeros((120, 160), np.float32),) * 4
    case = Case(PROTOCOL, "clean", tuple(clean), tuple(clean), none)
    assert figures.picture(case, clean)["psnr"] == 99.0


def test_a_film_has_white_dirt_or_black(shared_data):
    plane = texture(336, 448)
    for mood, sign in (("white", 1), ("black", -1)):
        change = protocol.soiled(plane, mood, generator(1, 2)) - plane
        assert (sign * change >= -1e-6).all()
        assert np.abs(change).max() > 0.1


def test_a_clip_of_the_protocol_is_what_was_published(shared_data):
    made = protocol.case("a", "kodim01", "kodim04", 500)
    assert made.masks is not None
    assert len(made.given) == protocol.FRAMES
    assert made.given[0].planes[0].shape == (336, 448)
    assert 0.001 < float(np.mean(made.masks)) < 0.02
    codes = made.given[3].planes[0] * 255
    assert np.abs(codes - np.rint(codes)).max() < 1e-3
