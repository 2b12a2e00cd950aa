"""Codec repair makes coded pictures better and leaves everything else alone, in every format."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import av
import cv2
import numpy as np
import pytest

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.quantiser import FAMILIES, HIGHEST
from filmgrain_codec.errors import ModelError, UsageError
from filmgrain_codec.infer.backend import problem
from filmgrain_codec.infer.names import BF16, OPENVINO, ORT
from filmgrain_codec.media.recode import Coding, recode
from filmgrain_codec.nodes import standing
from filmgrain_codec.nodes.codec_planes import as_420
from filmgrain_codec.nodes.codec_repair import (
    ALONE,
    BESIDE,
    COARSER,
    CODEC_PROP,
    KEY_PROP,
    QP_PROP,
    SLICE_PROP,
    USED_PROP,
    CodecRepair,
    faded,
)
from tests.conftest import ROOT

FMT = FrameFormat(160, 128, "yuv", 1, 1, 8)


def scene(count: int = 2) -> list[Frame]:
    """Disks with soft edges over slow waves, and a few lines."""
    rows, columns = np.mgrid[: FMT.height, : FMT.width].astype(np.float32)
    rng = np.random.default_rng(3)
    luma = 0.45 + 0.15 * np.sin(columns / 17) * np.cos(rows / 23)
    for _ in range(14):
        y, x, r, light = *rng.uniform(0, 150, 2), rng.uniform(5, 24), rng.uniform(-0.3, 0.3)
        luma += light / (1 + np.exp(np.hypot(rows - y, columns - x) - r))
    luma += 0.15 * (np.abs(rows - columns - 20) < 1.5) - 0.15 * (np.abs(rows + columns - 150) < 1)
    chroma = np.full(FMT.shape(1), 0.5, np.float32)
    planes = (np.clip(luma, 0.07, 0.92).astype(np.float32), chroma, chroma)
    return [Frame(planes, FMT, n, n, Fraction(1, 25)) for n in range(count)]


@pytest.fixture(scope="module")
def pair() -> tuple[Frame, Frame]:
    """A clean picture and what x264 left of it, which says its QP."""
    made, _ = recode(scene(), Coding("x264", {"qp": "38", "preset": "fast"}))
    known = {QP_PROP: made[0].props["qp"], CODEC_PROP: "x264"}
    return scene()[0], replace(made[0], props=known)


AROUND = range(-standing.RADIUS, standing.RADIUS + 1)


def error(a: Frame, b: Frame) -> float:
    return float(np.mean((a.planes[0] - b.planes[0]) ** 2))


def test_a_coded_picture_comes_nearer_to_the_clean_one(pair):
    clean, coded = pair
    made = CodecRepair().process([coded], 0)
    assert error(made, clean) < 0.985 * error(coded, clean)
    assert made.props[USED_PROP] == coded.props[QP_PROP]


def test_strength_is_a_share_and_nothing_at_zero(pair):
    _, coded = pair
    whole, half, none = (CodecRepair(strength=s).process([coded], 0) for s in (1.0, 0.5, 0.0))
    assert all(a is b for a, b in zip(none.planes, coded.planes, strict=True))
    for a, b, c in zip(whole.planes, half.planes, coded.planes, strict=True):
        np.testing.assert_allclose(2 * (b - c), a - c, atol=2e-6)


@pytest.mark.parametrize("crop", [(0, 0), (1, 3)])
def test_the_best_model_looks_at_the_neighbours_and_does_without(crop):
    down, across = crop
    moving = [f.with_planes(tuple(np.roll(p, f.index, 1) for p in f.planes)) for f in scene(3)]
    made, _ = recode(moving, Coding("x264", {"qp": "38", "preset": "fast"}))
    fmt = replace(FMT, sub_w=0, sub_h=0, family="gray", width=FMT.width - across, height=FMT.height - down)
    clean, window = (
        [replace(f, fmt=fmt, planes=(f.planes[0][down:, across:].copy(),)) for f in each]
        for each in (moving, made)
    )
    window = [replace(f, props={QP_PROP: f.props["qp"], CODEC_PROP: "x264"}) for f in window]
    node, before = CodecRepair(model="best"), error(window[1], clean[1])
    beside, alone = node.process(window, 1), node.process([window[1]] * 3, 1)
    assert error(beside, clean[1]) < 0.96 * before
    assert error(alone, clean[1]) < 0.985 * before
    assert not np.array_equal(beside.planes[0], alone.planes[0])
    assert np.array_equal(node.process([window[1]], 1).planes[0], alone.planes[0])
    cut = [f.with_planes((np.zeros_like(f.planes[0]),)) for f in window]  # fits nowhere, and moves
    moved, own = node.process([cut[0], window[1], cut[2]], 1).planes[0], window[1].planes[0]
    calm = sum(BESIDE["jpeg"]) / sum(BESIDE["x264"])
    np.testing.assert_allclose(calm * (moved - own), alone.planes[0] - own, atol=2e-3)


def test_neighbours_whose_quantiser_nobody_told_count_as_coded_alike(pair):
    _, coded = pair
    node = CodecRepair()
    node.model = replace(node.model, radius=1, motion="fast")
    other = coded.with_planes(tuple(p + np.float32(0.1) for p in coded.planes))
    coarser, blank, bare = (replace(other, props=p) for p in ({QP_PROP: 46.0}, {QP_PROP: None}, {}))
    copy = replace(coded, props={QP_PROP: 46.0})
    for near, steps in ((blank, 0), (bare, 0), (coarser, 8), (copy, 0)):
        _, before, _, after = node.beside([near, coded, near], as_420(coded), 38.0)
        np.testing.assert_allclose(before * HIGHEST, steps, atol=1e-5)
        assert np.array_equal(before, after)


def test_what_stands_still_counts_as_fine_or_coarse_as_its_key_frame(pair):
    _, coded = pair
    node, moving = CodecRepair(), coded.with_planes(tuple(p + np.float32(0.1) for p in coded.planes))
    twin, qp = coded.with_planes(tuple(p.copy() for p in coded.planes)), coded.props[QP_PROP]

    def off(key: float | None, *around: Frame) -> list[np.ndarray]:
        frame = replace(coded, props={**coded.props, KEY_PROP: key})
        made = node.process([around[0], frame, around[-1]], 1)
        return [a - b for a, b in zip(made.planes, coded.planes, strict=True)]

    def alone(at: float, share: float = 1.0) -> list[np.ndarray]:
        made = node.process([replace(coded, props={**coded.props, QP_PROP: at})], 0)
        return [share * (a - b) for a, b in zip(made.planes, coded.planes, strict=True)]

    lively = ALONE["x264"][0] / ALONE["jpeg"][0]
    for found, wanted in (
        (off(qp - 6, twin, moving), alone(qp - 6)),
        (off(18.0, moving, twin), alone(18.0)),
        (off(qp - 6, moving, moving), alone(qp, lively)),
        (off(qp, twin, twin), alone(qp)),
        (off(None, twin, twin), alone(qp)),
        (off(qp + 4, twin, twin), alone(qp + 4)),
        (off(qp + 20, twin, twin), alone(qp + COARSER)),
        (off(qp + 20, moving, moving), alone(qp, lively)),
    ):
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)
    part = coded.planes[0].copy()
    part[:, 64:] += 0.1
    found, whole = off(qp - 6, coded.with_planes((part, *coded.planes[1:])))[0], alone(qp, lively)[0]
    np.testing.assert_allclose(found[:, :40], 0.5**0.5 / lively * whole[:, :40], atol=1e-6)
    np.testing.assert_allclose(found[:, 96:], whole[:, 96:], atol=1e-6)


@pytest.mark.parametrize("codec", ["x264", "x265"])
def test_what_stands_still_flickers_no_more_than_it_was_coded(codec):
    coded, _ = recode(scene(5), Coding(codec, {"crf": "28", "preset": "medium"}))
    node = CodecRepair(backend=ORT)
    told = {QP_PROP: "qp", KEY_PROP: "key_qp", CODEC_PROP: "codec"}
    frames = [replace(f, props={k: f.props[v] for k, v in told.items()}) for f in coded]
    made = [node.process([frames[min(max(n + k, 0), 4)] for k in AROUND], n) for n in range(5)]

    def flicker(seen: list[Frame]) -> float:
        luma = np.stack([f.planes[0] for f in seen])
        return float(np.abs(np.diff(luma, axis=0)).mean())

    assert flicker(made) <= flicker(frames)
    errors = [np.mean([error(a, b) for a, b in zip(s, scene(5), strict=True)]) for s in (made, frames)]
    assert errors[0] < errors[1]


def photographed(soft: float, gray: bool) -> Frame:
    """A frame of film as drawn by a soft lens: nothing in it is finer than sigma ``soft``."""
    with av.open(str(ROOT / "benchmarks" / "clips" / "flower_35mm.mov")) as film:
        made = next(film.decode(video=0))
    fmt = FrameFormat(made.width, made.height, "yuv", 1, 1, 10)
    codes = made.reformat(format="yuv420p10le").to_ndarray().ravel()
    ends = np.cumsum([0, *(np.prod(fmt.shape(k)) for k in range(3))])
    planes = [codes[a:b].reshape(fmt.shape(k)) for k, (a, b) in enumerate(pairwise(ends))]
    drawn = [cv2.GaussianBlur(p / np.float32(1023), (0, 0), soft) for p in planes]
    if gray:
        return Frame((drawn[0],), replace(fmt, family="gray", sub_w=0, sub_h=0), 0, 0, Fraction(1, 25))
    return Frame(tuple(drawn), fmt, 0, 0, Fraction(1, 25))


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("soft", [1.0, 1.5, 2.5, 4.0])
def test_what_is_soft_of_itself_is_not_taken_for_coded(soft, gray):
    clean = photographed(soft, gray)
    assert error(CodecRepair().process([clean], 0), clean) < 5e-7


@pytest.mark.parametrize("codec", ["x265", "svtav1"])
def test_what_stands_still_is_not_made_worse_where_nothing_is_told(codec):
    clean = scene(5)
    coded, _ = recode(clean, Coding(codec, {"crf": "28", "preset": "6" if codec == "svtav1" else "medium"}))
    untold = [replace(f, props={}) for f in coded]
    node = CodecRepair()
    made = node.process([untold[min(max(2 + k, 0), 4)] for k in AROUND], 2)
    assert error(made, clean[2]) <= 1.01 * error(untold[2], clean[2])


def test_a_still_of_x265_is_as_fine_as_its_blocks_whatever_its_slices_say():
    clean = scene(12)
    coded, _ = recode(clean, Coding("x265", {"crf": "24", "preset": "medium"}))
    slices = {QP_PROP: 36.0, KEY_PROP: 33.0, CODEC_PROP: "x265", SLICE_PROP: 1}
    seen = [replace(f, props=slices) for f in coded[4:9]]
    assert coded[0].props["qp"] < 28
    made, stated = (n.process(seen, 2) for n in (CodecRepair(), CodecRepair(33.0, "x265")))
    assert error(stated, clean[6]) > error(coded[6], clean[6])
    assert error(made, clean[6]) <= error(coded[6], clean[6])


def test_only_copies_are_averaged_and_as_far_as_they_go_on():
    rng = np.random.default_rng(1)
    planes = [rng.uniform(0.2, 0.8, FMT.shape(k)).astype(np.float32) for k in range(3)]
    touched = [p + np.float32(1e-4) for p in planes]
    moved = [np.roll(p, 3, 1) for p in planes]

    def off(*sides: list[list[np.ndarray]]) -> float:
        made = [a - b for a, b in zip(standing.steadied(planes, sides, 32.0), planes, strict=True)]
        means = [float(p.mean()) for p in made]
        np.testing.assert_allclose(np.concatenate([p.ravel() for p in made]), means[0], atol=1e-6)
        return means[0]

    assert off([moved], [moved]) == 0
    assert off([touched], [moved]) == pytest.approx(0.5e-4, rel=0.01)
    assert off([touched, touched], [touched]) == pytest.approx(0.75e-4, rel=0.01)
    assert off([moved, touched], [touched, moved, touched]) == pytest.approx(0.5e-4, rel=0.01)


def test_a_spark_that_moves_is_no_copy():
    planes = [np.full(FMT.shape(k), 0.5, np.float32) for k in range(3)]
    lit = [p.copy() for p in planes]
    lit[0][40:42, 50:52] += 0.1
    made = standing.steadied(lit, [[planes], [planes]], 32.0)
    assert all(np.array_equal(a, b) for a, b in zip(made, lit, strict=True))


def test_a_fade_is_no_copy():
    planes = [p.astype(np.float32) for p in scene(1)[0].planes]
    darker = [p - np.float32(0.003) for p in planes]  # a third of what touches may change
    made = standing.steadied(planes, [[darker], []], 32.0)
    assert all(np.array_equal(a, b) for a, b in zip(made, planes, strict=True))


def detail(frame: Frame) -> float:
    """Variance of what three samples in a row do not share."""
    return float(np.diff(frame.planes[0], 2, 1).var())


def test_the_slider_gives_detail_back(pair):
    clean, coded = pair
    near, half, natural = (CodecRepair(perceptual=p).process([coded], 0) for p in (0.0, 0.5, 1.0))
    assert detail(near) < detail(half) < detail(natural)
    assert error(near, clean) < error(half, clean) < error(natural, clean)


@pytest.mark.parametrize("qp", [0.0, 12.0, 20.0])
def test_fine_quantisers_are_left_alone(pair, qp):
    _, coded = pair
    made = CodecRepair(qp).process([coded], 0)
    assert all(a is b for a, b in zip(made.planes, coded.planes, strict=True))
    assert made.props[USED_PROP] == -1


def test_the_repair_fades_in():
    assert [faded(q) for q in (0, 20, 22, 24, 50)] == [0, 0, 0.5, 1, 1]
    assert faded(26, least=24) == 0.5


def test_what_is_stated_wins_over_what_the_frame_says(pair):
    _, coded = pair
    stated = CodecRepair(30.0).process([coded], 0)
    assert stated.props[USED_PROP] == 30
    judged = CodecRepair(least=0.0).process([replace(coded, props={})], 0)
    assert 5 < judged.props[USED_PROP] < 63
    other = CodecRepair(30.0, "jpeg").process([coded], 0)
    assert np.abs(other.planes[0] - stated.planes[0]).max() > 1e-4


def converted(frame: Frame, family: str, sub: tuple[int, int], bits: int, odd: bool) -> Frame:
    """The picture in another format; odd sizes are cut."""
    fmt = FrameFormat(FMT.width - odd, FMT.height - odd, family, *sub, bits)
    rows, columns = fmt.height, fmt.width
    luma = np.ascontiguousarray(frame.planes[0][:rows, :columns])
    chroma = [] if family == "gray" else [np.full(fmt.shape(k), 0.5, np.float32) for k in (1, 2)]
    planes = (luma,) * 3 if family == "rgb" else (luma, *chroma)
    return Frame(planes, fmt, 0, 0, Fraction(1, 25), 0, dict(frame.props))


FORMATS = [
    ("yuv", (1, 1)),
    ("yuv", (1, 0)),
    ("yuv", (0, 0)),
    ("yuv", (2, 0)),
    ("gray", (0, 0)),
    ("rgb", (0, 0)),
]


@pytest.mark.parametrize("bits", [8, 10, 16])
@pytest.mark.parametrize("odd", [False, True], ids=["even", "odd"])
@pytest.mark.parametrize(("family", "sub"), FORMATS)
def test_every_format(pair, family, sub, bits, odd):
    clean, coded = (converted(f, family, sub, bits, odd) for f in pair)
    before = [p.copy() for p in coded.planes]
    made = CodecRepair().process([coded], 0)
    assert [p.shape for p in made.planes] == [coded.fmt.shape(k) for k in range(coded.fmt.planes)]
    assert all(p.dtype == np.float32 and np.isfinite(p).all() for p in made.planes)
    assert all(np.array_equal(a, b) for a, b in zip(before, coded.planes, strict=True))
    assert error(made, clean) < error(coded, clean)


def test_a_gray_picture_gets_the_same_as_rgb_and_as_colour(pair):
    gray, rgb, yuv = (converted(pair[1], f, s, 8, False) for f, s in (FORMATS[4], FORMATS[5], FORMATS[0]))
    a, b, c = (CodecRepair().process([f], 0) for f in (gray, rgb, yuv))
    np.testing.assert_allclose(a.planes[0], c.planes[0], atol=1e-6)
    luma = 0.2126 * b.planes[0] + 0.7152 * b.planes[1] + 0.0722 * b.planes[2]
    np.testing.assert_allclose(luma, a.planes[0], atol=1e-5)


@pytest.mark.parametrize("size", [(2, 2), (16, 3), (97, 33), (1, 1)])
def test_small_pictures(size):
    fmt = FrameFormat(*size, "yuv", 1, 1, 8)
    planes = tuple(np.full(fmt.shape(k), 0.5, np.float32) for k in range(3))
    made = CodecRepair(least=0.0).process([Frame(planes, fmt, 0, 0, Fraction(1, 25))], 0)
    assert [p.shape for p in made.planes] == [fmt.shape(k) for k in range(3)]


def test_what_is_flat_stays():
    planes = tuple(
        np.full(FMT.shape(k), v, np.float32) for k, v in enumerate((16 / 255, 128 / 255, 128 / 255))
    )
    made = CodecRepair(40.0).process([Frame(planes, FMT, 0, 0, Fraction(1, 25))], 0)
    assert all(np.array_equal(a, b) for a, b in zip(made.planes, planes, strict=True))


def test_tiles_and_threads_do_not_change_a_bit(pair):
    _, coded = pair
    whole = CodecRepair(backend=ORT).process([coded], 0)
    for other in (CodecRepair(tile=64, backend=ORT), CodecRepair(threads=2, backend=ORT)):
        for a, b in zip(whole.planes, other.process([coded], 0).planes, strict=True):
            np.testing.assert_allclose(a, b, atol=2e-6)


@pytest.mark.openvino
def test_openvino_repairs_as_well(pair):
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    clean, coded = pair
    mine, full, half = (
        CodecRepair(backend=b).process([coded], 0)
        for b in (ORT, OPENVINO, BF16 if not problem(BF16) else OPENVINO)
    )
    for a, b in zip(mine.planes, full.planes, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)
    assert error(half, clean) < 0.985 * error(coded, clean)
    assert abs(10 * np.log10(error(half, clean) / error(mine, clean))) < 0.02
    again = CodecRepair(backend=OPENVINO, threads=2, tile=64).process([coded], 0)
    assert all(np.array_equal(a, b) for a, b in zip(full.planes, again.planes, strict=True))


def test_wrong_values_are_told():
    with pytest.raises(UsageError, match="QP 70 is out of range"):
        CodecRepair(70.0)
    with pytest.raises(UsageError, match="codec is one of auto, x264"):
        CodecRepair(codec="vp9")
    with pytest.raises(ModelError, match="no codec-repair model 'removal-fast-2'"):
        CodecRepair(model="removal-fast-2")
    assert FAMILIES[-1] == "other"
