"""Dust: specks go, all else keeps its bits, and what belongs to the scene stays."""

from __future__ import annotations

import numpy as np
import pytest

from filmgrain_codec.core.graph import Graph
from filmgrain_codec.errors import InputError, UsageError
from filmgrain_codec.nodes.repair.dust import COUNT_PROP, LEFT_PROP, SHARE_PROP, Dust
from filmgrain_codec.nodes.repair.fill import widened
from filmgrain_codec.nodes.repair.gates import slimness
from filmgrain_codec.nodes.repair.specks import pieces
from tests.nodes.repair.scenes import (
    FORMATS,
    PEAK,
    SIZE,
    check_any_order,
    check_black,
    frames,
    spoiled,
)

PLACES = [(20, 30), (70, 90), (100, 140)]


def middle(clip, node=None):
    return (node or Dust(max_coverage=5)).process(clip, 2)


def damaged(fmt=None, places=PLACES, **options):
    clean = frames(5, fmt)
    return clean, [*clean[:2], spoiled(clean[2], places, **options), *clean[3:]]


def damage_mask(shape, places=PLACES, side=5):
    mask = np.zeros(shape, np.uint8)
    for row, column in places:
        mask[row : row + side, column : column + side] = 1
    return mask


@pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f"{f.family}{f.bits}")
@pytest.mark.parametrize("value", [PEAK, 0.05])
def test_specks_go_and_all_else_keeps_its_bits(fmt, value):
    clean, given = damaged(fmt, value=value)
    made = middle(given)
    assert made.props[COUNT_PROP] == len(PLACES)
    around = widened(damage_mask(fmt.shape(0)), 4)
    for k, (was, new, truth) in enumerate(zip(given[2].planes, made.planes, clean[2].planes, strict=True)):
        step = [-(-a // b) for a, b in zip(fmt.shape(0), fmt.shape(k), strict=True)]
        near = np.zeros(was.shape, bool)
        down, across = np.nonzero(around)
        near[down // step[0], across // step[1]] = True
        assert np.array_equal(was[~near], new[~near])
        assert np.abs(new - truth).max() < 0.12
        assert np.abs(was - truth).max() > 0.2


def test_outside_of_the_mask_shown_no_bit_changes():
    _, given = damaged()
    mask = middle(given, Dust(show="mask")).planes[0] > 0.5
    made = middle(given)
    changed = made.planes[0] != given[2].planes[0]
    assert changed.any()
    assert not (changed & ~mask).any()


def test_a_clean_pan_keeps_its_planes():
    given = frames(5)
    made = middle(given)
    assert all(a is b for a, b in zip(made.planes, given[2].planes, strict=True))
    assert made.props[COUNT_PROP] == 0
    assert made.props[SHARE_PROP] == 0.0


def test_sensitivity_0_is_the_identity():
    _, given = damaged()
    assert middle(given, Dust(sensitivity=0)).planes[0] is given[2].planes[0]


def test_fills_have_grain():
    """As much fine grain as around them."""
    places = [(r, c) for r in range(12, 108, 16) for c in range(12, 148, 16)]
    clean, given = damaged(places=places)
    made = middle(given, Dust(max_coverage=20))
    inside = damage_mask(SIZE, places).astype(bool)

    def power(plane):
        fine = plane - np.roll(plane, 1, 1)
        return np.var(fine[inside])

    assert power(made.planes[0]) == pytest.approx(power(clean[2].planes[0]), rel=0.2)


def test_polarity():
    _, given = damaged()
    assert middle(given, Dust(polarity="black")).props[COUNT_PROP] == 0
    assert middle(given, Dust(polarity="white")).props[COUNT_PROP] == 3


def test_large_specks_stay():
    _, given = damaged(places=[(40, 60)], side=30)
    assert middle(given, Dust(max_coverage=20)).props[COUNT_PROP] == 0
    assert middle(given, Dust(max_size=10, max_coverage=20)).props[COUNT_PROP] == 1


def test_too_many_specks_leave_the_frame_and_say_so():
    _, given = damaged()
    made = middle(given, Dust(max_coverage=0.1))
    assert made.planes[0] is given[2].planes[0]
    assert made.props[LEFT_PROP] == 1


def test_what_moves_on_a_line_stays():
    clean = frames(5, step=0)
    path = [[(40 + 9 * n, 20 + 14 * n)] for n in range(5)]
    given = [spoiled(f, p, side=4) for f, p in zip(clean, path, strict=True)]
    assert middle(given).props[COUNT_PROP] == 0
    alone = [*clean[:2], given[2], *clean[3:]]
    assert middle(alone).props[COUNT_PROP] == 1


def test_much_that_passes_speaks_for_the_rest():
    """Snow: most flakes are seen on their way, some are not."""
    clean = frames(5, step=0)
    ways = [((20, 20), (6, 9)), ((70, 30), (7, 8)), ((25, 80), (6, 10)), ((60, 100), (8, 7))]
    given = []
    for n, frame in enumerate(clean):
        flakes = [(r + dr * n, c + dc * n) for (r, c), (dr, dc) in ways]
        given.append(spoiled(frame, flakes + [(100, 70)] * (n == 2), side=4))
    assert middle(given).props[COUNT_PROP] == 0
    dark = [*given[:2], spoiled(given[2], [(10, 120)], value=0.05), *given[3:]]
    assert middle(dark).props[COUNT_PROP] == 1


def test_what_blinks_stays():
    clean = frames(5, step=0)
    given = [spoiled(f, [(50, 60)]) if n % 2 == 0 else f for n, f in enumerate(clean)]
    assert middle(given).props[COUNT_PROP] == 0


def test_rain_stays():
    clean = frames(5, step=0)
    rng = np.random.default_rng(5)
    given = []
    for frame in clean:
        plane = frame.planes[0].copy()
        for row, column in zip(rng.integers(0, 100, 14), rng.integers(0, 158, 14), strict=True):
            plane[row : row + 14, column : column + 2] += 0.15
        given.append(frame.with_planes((plane,)))
    assert middle(given, Dust(max_coverage=20)).props[COUNT_PROP] <= 1


def test_hand_mask_and_veto(tmp_path):
    import cv2

    def picture(name, mask):
        cv2.imwrite(str(tmp_path / name), mask * 255)
        return str(tmp_path / name)

    _, given = damaged()
    veto = picture("veto.png", damage_mask(SIZE, PLACES[:1]))
    assert middle(given, Dust(veto=veto)).props[COUNT_PROP] == 2
    hand = damage_mask(SIZE, [(60, 20)], side=9)
    made = middle(given, Dust(sensitivity=0, mask=picture("hand.png", hand)))
    changed = made.planes[0] != given[2].planes[0]
    assert changed.any()
    assert not (changed & (hand == 0)).any()
    picture("hand.0003.png", hand)
    each = Dust(sensitivity=0, mask=str(tmp_path / "hand.%04d.png"))
    assert np.array_equal(each.process(given, 2).planes[0], made.planes[0])
    assert each.process(given, 3).planes[0] is given[2].planes[0]
    with pytest.raises(InputError, match="no mask"):
        Dust(mask=str(tmp_path / "none.png"))
    small = picture("small.png", np.ones((9, 9), np.uint8))
    with pytest.raises(InputError, match="9x9"):
        middle(given, Dust(mask=small))


def test_a_still_with_a_hand_mask_is_grown_inwards_with_grain(tmp_path):
    import cv2

    clean = frames(1)
    mask = damage_mask(SIZE, [(40, 60)], side=9)
    cv2.imwrite(str(tmp_path / "m.png"), mask * 255)
    still = spoiled(clean[0], [(40, 60)], side=9)
    made = next(Graph([Dust(mask=str(tmp_path / "m.png"))], debug=True).stream([still])).planes[0]
    inside = mask > 0
    assert abs(made[inside].mean() - clean[0].planes[0][inside].mean()) < 0.03
    fine, usual = (np.diff(p, axis=1) for p in (made, clean[0].planes[0]))
    assert 0.5 < np.std(fine[inside[:, 1:]]) / np.std(usual) < 2


def test_the_net_finds_specks_too():
    from filmgrain_codec.errors import ModelError
    from filmgrain_codec.infer import store

    try:
        store.resolve("fast", "repair")
    except ModelError:
        pytest.skip("no mask net is installed")
    clean, given = damaged()
    node = Dust(detector="net", max_coverage=5)
    made = middle(given, node)
    inside = damage_mask(SIZE).astype(bool)
    was, now = (np.abs(f.planes[0] - clean[2].planes[0])[inside].mean() for f in (given[2], made))
    assert now < 0.3 * was


def test_overlay_shows_the_mask():
    fmt = FORMATS[1]
    _, given = damaged(fmt)
    made = middle(given, Dust(show="overlay"))
    assert made.planes[2][22 // 2, 32 // 2] == pytest.approx(0.85)
    with pytest.raises(UsageError, match="show"):
        Dust(show="all")


@pytest.mark.parametrize("text", ["dust", "dust:show=mask"])
def test_the_same_bits_in_any_order(text):
    clean = frames(8)
    given = [spoiled(f, [(20 + 7 * n % 60, 30 + 31 * n % 100)]) for n, f in enumerate(clean)]
    check_any_order(text, given, cut=5)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_clips_and_black_frames(count):
    check_black("dust", count)


def test_pieces_of_a_mask():
    mask = damage_mask(SIZE)
    assert [(s.rows.start, s.columns.start) for s in pieces(mask)] == PLACES


def test_the_ends_of_a_shot_are_repaired_from_one_side():
    clean = frames(6)
    given = [spoiled(f, PLACES) if n in (0, 5) else f for n, f in enumerate(clean)]
    made = list(Graph([Dust(max_coverage=5)]).stream(given))
    inside = damage_mask(SIZE).astype(bool)
    for n in (0, 5):
        assert made[n].props[COUNT_PROP] == len(PLACES)
        assert np.abs(made[n].planes[0] - clean[n].planes[0])[inside].mean() < 0.03
    assert [m.props[COUNT_PROP] for m in made[1:5]] == [0] * 4


def test_what_comes_into_the_picture_stays():
    def found(step, place):
        given = [spoiled(f, [place], side=18) if n == 2 else f for n, f in enumerate(frames(5, step=step))]
        return middle(given, Dust(max_coverage=20, max_size=10)).props[COUNT_PROP]

    assert found(4, (40, 0)) == 0
    assert found(4, (40, 60)) == found(0, (40, 0)) == 1


def test_a_bent_hair_is_slim_and_a_disc_is_not():
    rows, columns = np.mgrid[:80, :80] - 40
    away = np.hypot(rows, columns)
    (ring,), (disc,) = (pieces(m.astype(np.uint8)) for m in ((away < 34) & (away > 31), away < 16))
    assert slimness(ring) > 8
    assert slimness(disc) < 6


@pytest.mark.parametrize("turn", [0.0, 0.4, 1.2, 2.6])
def test_axes_of_a_bar(turn):
    rows, columns = np.mgrid[:81, :81] - 40.0
    along, across = (columns * np.cos(a) + rows * np.sin(a) for a in (turn, turn + np.pi / 2))
    (bar,) = pieces(((np.abs(along) < 30) & (np.abs(across) < 4)).astype(np.uint8))
    length, width, direction = bar.axes()
    assert length / width == pytest.approx(60 / 8, rel=0.1)
    assert abs((direction - turn + np.pi / 2) % np.pi - np.pi / 2) < 0.04


def test_much_dirt_is_not_taken_for_rain_by_chance():
    rng = np.random.default_rng(4)
    clean = frames(5, step=0)
    given = [spoiled(f, [tuple(p) for p in rng.integers(4, (112, 152), (24, 2))], side=3) for f in clean]
    assert middle(given, Dust(max_coverage=20)).props[COUNT_PROP] >= 12


def test_auto_asks_the_net_about_stills_only():
    _, given = damaged()
    node = Dust(detector="auto", max_coverage=5)
    assert np.array_equal(middle(given, node).planes[0], middle(given).planes[0])
    still = [given[2]] * 5
    with_net = Dust(detector="net", max_coverage=5)
    assert np.array_equal(middle(still, node).planes[0], middle(still, with_net).planes[0])
