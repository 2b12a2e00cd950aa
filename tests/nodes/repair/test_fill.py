"""What is put in the place of damage: near the truth, as grainy as its surroundings, no more than needed."""

from __future__ import annotations

import numpy as np
import pytest

from filmgrain_codec.nodes.repair.around import Around
from filmgrain_codec.nodes.repair.fill import filled, widened
from filmgrain_codec.nodes.repair.mend import fine, mended
from filmgrain_codec.nodes.repair.specks import pieces
from filmgrain_codec.nodes.repair.views import Views, views
from tests.nodes.repair.scenes import frames, spoiled

SIGMA = 0.012
SQUARE = slice(20, 32), slice(20, 32)


def field(seed: int, sigma: float = SIGMA, shape: tuple[int, int] = (52, 52)) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, sigma, shape).astype(np.float32)


def covered(opacity: float, light: float = 0.9) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A flat grainy box, the same under damage, and where the mask is (wider by two)."""
    truth = 0.4 + field(0)
    here = truth.copy()
    here[SQUARE] += opacity * (light - here[SQUARE])
    hidden = np.zeros(truth.shape, bool)
    hidden[18:34, 18:34] = True
    return truth, here, hidden


def neighbours(count: int = 4) -> list[np.ndarray]:
    return [0.4 + field(k) for k in range(1, 1 + count)]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_opaque_damage_is_filled_with_as_much_grain_as_around(count):
    _, here, hidden = covered(1.0)
    made = mended(here, neighbours(count), hidden)
    assert abs(float(made[SQUARE].mean()) - 0.4) < 0.01
    ratio = float(np.var(fine(made)[SQUARE]) / np.var(fine(here)[~hidden]))
    assert 0.7 < ratio < 1.3


def test_what_shows_through_is_the_frames_own():
    """Of thin damage the fill has the very grain that lay beneath, of opaque damage another."""
    likeness = {}
    for opacity in (0.3, 1.0):
        truth, here, hidden = covered(opacity)
        made = mended(here, neighbours(), hidden)
        inner = slice(22, 30), slice(22, 30)
        pair = fine(made)[inner].ravel(), fine(truth)[inner].ravel()
        likeness[opacity] = float(np.corrcoef(*pair)[0, 1])
    assert likeness[0.3] > 0.4
    assert abs(likeness[1.0]) < 0.3


def test_undamaged_samples_of_a_wide_mask_mostly_stay():
    _, here, hidden = covered(1.0)
    rim = hidden.copy()
    rim[17:35, 17:35] = False
    wide = np.zeros_like(hidden)
    wide[8:44, 8:44] = True
    made = mended(here, neighbours(), wide)
    rim = wide.copy()
    rim[16:36, 16:36] = False
    assert float((made == here)[rim].mean()) > 0.4
    assert float((made == here)[SQUARE].mean()) == 0


def test_chroma_is_taken_from_the_neighbours_alone():
    _, here, hidden = covered(0.1, 0.5)
    assert (mended(here, neighbours(), hidden, through=False) != here).all()


def clip(side: int = 16, step: int = 3) -> tuple[list, list, np.ndarray]:
    """A pan, the same with a square on its middle frame, and that one's mask."""
    clean = frames(7, step=step, size=(120, 160))
    place = (50, 70)
    given = [spoiled(f, [place], side=side) if n == 3 else f for n, f in enumerate(clean)]
    mask = np.zeros((120, 160), np.uint8)
    mask[place[0] : place[0] + side, place[1] : place[1] + side] = 1
    return clean, given, widened(mask)


def seen(given: list, mask: np.ndarray, first: int, last: int) -> Views | None:
    return views(Around(given[first : last + 1]), pieces(mask)[0], mask)


def test_a_still_keeps_what_is_undamaged_and_what_shows_through():
    """No neighbours: the surroundings are grown inwards; what lay beneath thin damage is there again."""
    clean, _, mask = clip()
    truth = clean[3].planes[0]
    veiled = truth + np.float32(0.35) * (0.9 - truth) * (mask > 0)
    frame = clean[3].with_planes((veiled.astype(np.float32),))
    made = filled(Around([frame] * 5), widened(mask, 4), 0.8)
    assert (made.temporal, made.spatial) == (0, 1)
    rim = (widened(mask, 4) > 0) & (widened(mask, 2) == 0)
    assert float((made.planes[0] == veiled)[rim].mean()) > 0.2
    inner = (slice(54, 62), slice(74, 82))
    pair = fine(made.planes[0])[inner].ravel(), fine(truth)[inner].ravel()
    assert float(np.corrcoef(*pair)[0, 1]) > 0.4


def test_four_neighbours_are_asked_and_two_where_there_are_no_more():
    _, given, mask = clip()
    found = seen(given, mask, 1, 5)
    assert found is not None
    assert set(found.shown_by[:2]) == {1, 3}
    assert set(found.shown_by[2:]) == {0, 4}
    fewer = seen(given, mask, 2, 4)
    assert fewer is not None
    assert set(fewer.shown_by) == {0, 2}


def test_frames_that_stand_twice_are_asked_once():
    _, given, mask = clip()
    around = Around([given[2], given[2], given[3], given[4], given[5]])
    assert around.others == (1, 3, 4)
    assert Around([given[3]] * 5).others == ()
    assert views(Around([given[3]] * 5), pieces(mask)[0], mask) is None


def test_large_damage_does_not_mislead_the_motion():
    """A textured pan: the views of what a square hides are as near to the truth as grain allows."""
    clean, given, mask = clip(side=20)
    found = seen(given, mask, 1, 5)
    assert found is not None
    inside = mask[found.part] > 0
    truth = clean[3].planes[0][found.part]
    base = np.median(np.stack(found.lumas), axis=0)
    assert float(np.sqrt(np.square(base - truth)[inside].mean())) < 1.5 * SIGMA


def test_neighbours_that_contradict_each_other_are_not_believed():
    _, given, mask = clip()
    torn = [f.with_planes((f.planes[0] + np.float32(0.2),)) if n == 4 else f for n, f in enumerate(given)]
    found = seen(torn, mask, 1, 5)
    assert found is None or 3 not in found.shown_by


def test_dirt_that_another_frame_has_too_is_outvoted():
    clean, given, mask = clip(side=6, step=0)
    given[4] = spoiled(given[4], [(50, 70)], side=6)
    made = filled(Around(given[1:6]), mask, 0.8)
    inside = (slice(50, 56), slice(70, 76))
    assert made.temporal == 1
    error = made.planes[0][inside] - clean[3].planes[0][inside]
    assert abs(float(error.mean())) < 0.03
