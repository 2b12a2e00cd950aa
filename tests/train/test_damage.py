"""The damage generator: repeatable, of the right size and amount, and the mask tells the truth."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from filmgrain_codec.cli.damage import GAUGES as OFFERED
from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat
from filmgrain_codec.errors import InputError, UsageError
from filmgrain_codec.train.damage import shapes
from filmgrain_codec.train.damage.clip import LABEL, Damage, Damaged, damaged
from filmgrain_codec.train.damage.film import Film, Layers
from filmgrain_codec.train.damage.lines import Lines
from filmgrain_codec.train.damage.statistics import GAUGES, KINDS, SCAN_PITCH, pitch

FORMATS = (
    FrameFormat(160, 120, "yuv", 1, 1, 8),
    FrameFormat(161, 99, "yuv", 1, 1, 10),
    FrameFormat(97, 130, "gray", 0, 0, 16, ColorInfo(range=2)),
    FrameFormat(120, 90, "rgb", 0, 0, 8, ColorInfo(matrix=0, range=2)),
    FrameFormat(120, 91, "yuv", 1, 0, 12),
)


def a_frame(fmt: FrameFormat, index: int = 0, luma: float = 0.4) -> Frame:
    rng = np.random.default_rng(index)
    planes = tuple(
        np.rint((luma + rng.normal(0, 0.02, fmt.shape(k))).clip(0, 1) * fmt.peak).astype(np.float32)
        / np.float32(fmt.peak)
        for k in range(fmt.planes)
    )
    return Frame(planes, fmt, index, index, Fraction(1, 24))


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_a_frame_is_damaged_where_the_mask_says_so_and_nowhere_by_more(fmt):
    damage = Damage(fmt, "super8", 1.0, seed=3)
    clean = a_frame(fmt, 5)
    kept = [p.copy() for p in clean.planes]
    made, mask = damage.apply(clean)
    assert made.fmt == fmt
    assert [p.shape for p in made.planes] == [fmt.shape(k) for k in range(fmt.planes)]
    assert all(np.array_equal(a, b) for a, b in zip(clean.planes, kept, strict=True))
    assert 0 < mask.mean() < 0.6
    if fmt.family != "rgb":
        changed = np.abs(made.planes[0] - clean.planes[0])
        assert np.array_equal(mask, changed > LABEL)
    for plane in made.planes:
        codes = plane * fmt.peak
        assert plane.dtype == np.float32
        assert np.abs(codes - np.rint(codes)).max() < 2e-2
        assert plane.min() >= 0
        assert plane.max() <= 1


def test_a_frame_depends_on_seed_and_number_only():
    fmt = FORMATS[0]
    frames = [a_frame(fmt, k) for k in range(6)]
    in_order = [f.planes[0] for f, _ in damaged(frames, fmt, "16mm", 1.0, 7)]
    backwards = Damage(fmt, "16mm", 1.0, 7)
    for k in reversed(range(6)):
        assert np.array_equal(backwards.apply(frames[k])[0].planes[0], in_order[k])
    other = Damage(fmt, "16mm", 1.0, 8).apply(frames[0])[0].planes[0]
    assert not np.array_equal(other, in_order[0])
    assert not np.array_equal(backwards.layers(0).white, backwards.layers(1).white) or not np.array_equal(
        backwards.layers(0).black, backwards.layers(1).black
    )


def test_no_severity_leaves_the_clip_alone():
    fmt = FORMATS[0]
    frame = a_frame(fmt)
    made, mask = Damage(fmt, severity=0.0).apply(frame)
    assert all(np.array_equal(a, b) for a, b in zip(made.planes, frame.planes, strict=True))
    assert not mask.any()


def test_counts_and_areas_are_those_measured():
    """One frame of 36 x 24 mm at the pitch of the scans holds what the scans held."""
    film = Film((3333, 5000), SCAN_PITCH, 1.0, seed=11)
    born = [speck for number in range(12) for speck in film.born(number)]
    for kind in ("dust", "dirt", "short hair"):
        fits, found = KINDS[kind], [s.area for s in born if s.kind == kind]
        assert len(found) / 12 == pytest.approx(fits.count, rel=0.4)
        assert np.mean(found) == pytest.approx(fits.shape * fits.scale, rel=0.1)
    counts = [len(film.born(number)) for number in range(12)]
    assert np.var(counts) > 20 * np.mean(counts)


def test_the_same_dust_is_larger_on_smaller_film():
    means = []
    for gauge in ("35mm", "16mm", "8mm"):
        film = Film((1080, 1440), pitch(gauge, 1080), 1.0, seed=2)
        dust = [s.area for number in range(8) for s in film.born(number) if s.kind == "dust"]
        means.append(np.mean(dust))
    assert means[1] / means[0] == pytest.approx((16 / 7.5) ** 2, rel=0.1)
    assert means[2] / means[0] == pytest.approx((16 / 3.3) ** 2, rel=0.4)


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("area", [4.0, 60.0, 900.0])
def test_a_shape_is_drawn_as_large_as_wanted(kind, area):
    for shape in shapes.procedural()[kind][::12]:
        drawn = shapes.placed(shape, area, 0.7, (0.2, -0.3))
        assert drawn.sum() == pytest.approx(area, rel=0.2, abs=2.0)
        assert drawn.max() <= 1.001
        assert max(drawn[0].max(), drawn[-1].max(), drawn[:, 0].max(), drawn[:, -1].max()) < 0.02


def test_a_stamp_may_hang_over_every_edge():
    made = Layers(np.zeros((20, 30), np.float32), np.zeros((20, 30), np.float32))
    patch = np.ones((8, 8), np.float32)
    for top, left in ((-4, -4), (16, 26), (-9, 3), (40, 3), (3, 40), (5, -20)):
        made.stamp(patch, top, left, True)
    assert made.white.sum() == 2 * 16
    whole = Layers(np.zeros((5, 5), np.float32), np.zeros((5, 5), np.float32))
    whole.stamp(np.ones((9, 9), np.float32), -2, -2, False)
    assert whole.black.all()


def test_few_specks_stay_and_no_longer_than_three_frames():
    film = Film((400, 600), 15.0, 1.0, seed=4)
    frames = [s.frames for number in range(40) for s in film.born(number)]
    assert set(frames) <= {1, 2, 3}
    assert np.mean(np.array(frames) > 1) == pytest.approx(0.05, abs=0.02)


def test_a_line_lasts_and_wanders_slowly():
    lines = Lines((300, 400), 20.0, 0.0, seed=1, births=0.1)
    alive = [len(lines.seen(number)) for number in range(200)]
    assert np.mean(alive) == pytest.approx(0.1 * 40, rel=0.5)
    tracks = [t for t in (lines.track(birth) for birth in range(300)) if len(t) > 5]
    steps = [abs(b.column - a.column) for t in tracks for a, b in pairwise(t)]
    depths = [(a.depth, b.depth) for t in tracks for a, b in pairwise(t)]
    assert np.mean(steps) < 2
    assert np.corrcoef(np.array(depths).T)[0, 1] > 0.7


def test_weave_moves_the_picture_and_is_not_called_damage():
    fmt = FrameFormat(64, 48, "gray", 0, 0, 8, ColorInfo(range=2))
    damage = Damage(fmt, severity=0.0, seed=1, weave=1.0)
    made, mask = damage.apply(a_frame(fmt, 9))
    assert not np.array_equal(made.planes[0], a_frame(fmt, 9).planes[0])
    assert not mask.any()
    sways = np.stack([damage.sway(k) for k in range(200, 700)])
    assert sways.std(0) == pytest.approx([1.0, 1.0], abs=0.3)
    assert np.corrcoef(sways[1:, 0], sways[:-1, 0])[0, 1] == pytest.approx(0.85, abs=0.08)


def test_blank_frames_and_splices_are_marked():
    fmt = FORMATS[0]
    marked = [Damage(fmt, severity=1e-9, rare=1.0, seed=s).apply(a_frame(fmt))[1].mean() for s in range(3)]
    assert min(marked) > 0.9


def test_the_node_gives_clip_and_mask(tmp_path):
    fmt = FORMATS[1]
    node = Damaged("16mm", 1.0, 5)
    masks = Damaged("16mm", 1.0, 5, mask=True)
    assert node.configure(fmt) == fmt
    form = masks.configure(fmt)
    assert (form.family, form.bits, form.full_range) == ("gray", 8, True)
    frame = a_frame(fmt, 3)
    made, mask = node.process([frame], 3), masks.process([frame], 3)
    expected, seen = Damage(fmt, "16mm", 1.0, 5).apply(frame)
    assert np.array_equal(made.planes[0], expected.planes[0])
    assert np.array_equal(mask.planes[0], seen)
    assert mask.fmt == form


def test_the_command_offers_the_gauges_there_are():
    assert set(OFFERED) == set(GAUGES)


def test_real_shapes_are_read_from_masks(tmp_path):
    from filmgrain_codec.nodes.opencv import opencv

    mask = np.zeros((60, 60), np.uint8)
    mask[10:30, 20:26] = 255
    mask[50:52, 50:52] = 255
    opencv().imwrite(str(tmp_path / "hair-sh-0001.png"), mask)
    bank = shapes.from_files(tmp_path)
    assert [s.shape for s in bank["short hair"]] == [(20, 6)]
    assert len(bank["dust"]) == shapes.SHAPES
    made, _ = Damage(FORMATS[0], "16mm", 1.0, templates=tmp_path).apply(a_frame(FORMATS[0]))
    assert not np.array_equal(made.planes[0], a_frame(FORMATS[0]).planes[0])


def test_some_shapes_are_never_trained_on(tmp_path):
    from filmgrain_codec.nodes.opencv import opencv

    for number, side in ((12, 8), (13, 20), (30, 8), (33, 20)):
        mask = np.zeros((60, 60), np.uint8)
        mask[10 : 10 + side, 10 : 10 + side] = 255
        opencv().imwrite(str(tmp_path / f"dots-{number:03}.png"), mask)
    sizes = {held: {s.shape[0] for s in shapes.from_files(tmp_path, held)["dust"]} for held in (False, True)}
    assert sizes == {False: {8}, True: {20}}
    assert len(shapes.from_files(tmp_path)["dust"]) == 4


def test_what_cannot_be_is_refused(tmp_path):
    fmt = FORMATS[0]
    for wrong in ({"gauge": "70mm"}, {"severity": -1.0}, {"weave": 99.0}, {"seed": -1}):
        with pytest.raises(UsageError):
            Damage(fmt, **wrong)
    with pytest.raises(InputError, match="no damage masks"):
        shapes.from_files(tmp_path)
