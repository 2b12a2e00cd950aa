"""A speck must stand out from its own surroundings; strips along the edge are left."""

from __future__ import annotations

import numpy as np
import pytest

from filmgrain_codec.nodes.repair.dust import SHARE_PROP, Dust
from filmgrain_codec.nodes.repair.specks import Speck, pieces
from filmgrain_codec.nodes.repair.surroundings import RIM, outstanding
from tests.nodes.repair.scenes import frames

SHAPE = (80, 100)


def speck(row: int, column: int, high: int = 5, wide: int = 5) -> Speck:
    return Speck(slice(row, row + high), slice(column, column + wide), np.ones((high, wide), bool), 1)


def differing(deviation: float, seed: int = 0) -> np.ndarray:
    return np.abs(np.random.default_rng(seed).normal(0, deviation, SHAPE)).astype(np.float32)


def kept(found: list[Speck], away: np.ndarray) -> list[Speck]:
    return outstanding(found, away)


def test_what_differs_as_its_surroundings_do_is_left():
    one = speck(30, 40)
    away = differing(0.01)
    away[one.rows, one.columns] = 0.2
    assert kept([one], away) == [one]
    away[:, 50:] = differing(0.1)[:, 50:]
    other = speck(30, 70)
    away[other.rows, other.columns] = 0.2
    assert kept([one, other], away) == [one]


def test_a_small_speck_must_differ_by_more_than_a_large_one():
    small, large = speck(20, 20, 2, 2), speck(20, 60, 12, 12)
    away = differing(0.01)
    for each in (small, large):
        away[each.rows, each.columns] = 0.06
    assert kept([small, large], away) == [large]


def test_specks_beside_it_do_not_hide_a_speck():
    found = [speck(r, c) for r in (20, 30, 40) for c in (20, 30, 40)]
    away = differing(0.01)
    for each in found:
        away[each.rows, each.columns] = 0.2
    assert kept(found, away) == found


def test_a_strip_along_the_edge_is_left_and_what_reaches_inwards_is_not():
    away = differing(0.005)
    strips = [speck(0, 20, RIM, 8), speck(30, SHAPE[1] - RIM, 8, RIM)]
    whole = [speck(0, 50, RIM + 4, 8)]
    for each in (*strips, *whole):
        away[each.rows, each.columns] = 0.3
    assert kept([*strips, *whole], away) == whole


@pytest.mark.parametrize("seed", [0, 2])
def test_stronger_grain_in_a_part_is_not_taken_for_specks(seed):
    rng = np.random.default_rng(seed)
    noisy = []
    for frame in frames(5, sigma=0.004, size=(160, 200)):
        plane = frame.planes[0].copy()
        plane[:60] += rng.normal(0, 0.03, (60, 200)).astype(np.float32)
        noisy.append(frame.with_planes((plane,)))
    assert Dust().process(noisy, 2).props[SHARE_PROP] == 0


def test_pieces_are_those_of_the_mask_whatever_their_form():
    mask = (np.random.default_rng(3).random((60, 70)) < 0.35).astype(np.uint8)
    found = pieces(mask)
    painted = np.zeros_like(mask)
    for each in found:
        box = painted[each.rows, each.columns]
        assert not (box.astype(bool) & each.shape).any()
        box |= each.shape
        assert each.shape.any(0).all()
        assert each.shape.any(1).all()
    assert np.array_equal(painted, mask)
    import cv2

    assert len(found) == cv2.connectedComponents(mask, connectivity=8)[0] - 1
