"""The figures of the repair benchmark on cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.mending import figures, methods
from benchmarks.mending.scenes import SMOOTH, SPECKS, Case, spoiled
from tests.nodes.repair.scenes import frames
from tests.nodes.repair.scenes import spoiled as spotted

PLACES = [(40, 60)]


def case(group: str = SPECKS) -> Case:
    clean = frames(4)
    given = [clean[0], *(spotted(f, PLACES) for f in clean[1:3]), clean[3]]
    mask = np.zeros((120, 160), np.float32)
    mask[40:45, 60:65] = 1
    none = np.zeros_like(mask)
    return Case(group, "one speck", tuple(given), tuple(clean), (none, mask, mask, none))


def test_scores_allow_one_sample():
    known = case()
    assert known.masks is not None
    moved = [np.roll(m, 1, axis=1) for m in known.masks]
    assert figures.scores(known, moved)["f1"] == 1.0
    far = [np.roll(m, 9, axis=1) for m in known.masks]
    assert figures.scores(known, far)["f1"] == 0.0


def test_the_clean_clip_is_perfect_and_the_given_one_is_not():
    known = case()
    assert known.clean is not None
    assert figures.picture(known, known.clean)["psnr"] == 99.0
    as_it_is = figures.picture(known, known.given)
    assert as_it_is["psnr"] == pytest.approx(as_it_is["psnr_in"])


def test_outside_finds_a_changed_sample():
    known = case()
    other = [f.with_planes((f.planes[0] + np.float32(0.1),)) for f in known.given]
    everywhere = [np.ones((120, 160), bool)] * 4
    assert figures.outside(known, other, everywhere) == 0
    nowhere = [~m for m in everywhere]
    assert figures.outside(known, other, nowhere) == pytest.approx(0.1, abs=1e-6)


def test_masks_shown_are_narrowed_to_what_was_found():
    known = case()
    assert known.masks is not None
    from filmgrain_codec.nodes.repair.fill import widened

    mask = known.masks[1].astype(np.uint8)
    assert np.array_equal(methods.narrowed(widened(mask).astype(np.float32)) > 0, mask > 0)


def test_specks_have_no_lines_and_are_repeatable(shared_data):
    clean = frames(3, size=(240, 320))
    one, other = (spoiled(SMOOTH, "x", clean, None, 3) for _ in range(2))
    assert one.masks is not None
    assert other.masks is not None
    assert any(m.any() for m in one.masks)
    assert all(np.array_equal(a, b) for a, b in zip(one.masks, other.masks, strict=True))
    longest = max(int((m.sum(0)).max()) for m in one.masks)
    assert longest < 200
