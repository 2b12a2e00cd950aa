"""The removal node: takes grain off, leaves clean frames alone, and is a pure function."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.node import Node
from filmgrain_codec.core.registry import build_chain
from filmgrain_codec.errors import ModelError, UsageError
from filmgrain_codec.grain.parametric import apply
from filmgrain_codec.grain.profile import DEFAULT_CURVE, Chroma, GrainProfile, GrainSegment, Spectrum
from filmgrain_codec.infer.names import ORT
from filmgrain_codec.nodes.denoise import Denoise
from filmgrain_codec.nodes.sigma import averaged, expected_sigma

FORMATS = [("gray", 0, 0), ("yuv", 1, 1), ("yuv", 1, 0), ("yuv", 0, 0)]
GRAIN = GrainSegment(0, 100, 0.05, DEFAULT_CURVE, Spectrum(0.8), Chroma(cb=0.6, cr=0.5, size=0.6), seed=5)


def scenery(fmt: FrameFormat, index: int) -> Frame:
    """A smooth picture with edges that pans by one and a half samples per frame."""
    planes = []
    for k in range(fmt.planes):
        height, width = fmt.shape(k)
        fine = (fmt.width / width, fmt.height / height)
        x, y = np.arange(width) * fine[0] + 1.5 * index, np.arange(height)[:, None] * fine[1]
        wave = np.sin(x / 19 + k) * np.cos(y / 23) + 0.5 * np.sign(np.sin(x / 31 + y / 41))
        planes.append((0.45 + (0.12 if k == 0 else 0.05) * wave).astype(np.float32))
    return Frame(tuple(planes), fmt, index, index, Fraction(1, 24))


def grainy(frame: Frame, segment: GrainSegment = GRAIN) -> Frame:
    return apply(frame, segment, index=frame.index, level=segment.level)


def window(fmt: FrameFormat, centre: int = 7, segment: GrainSegment = GRAIN) -> list[Frame]:
    return [grainy(scenery(fmt, centre + k), segment) for k in (-2, -1, 0, 1, 2)]


def form(width: int, height: int, family: str = "yuv", sub_w: int = 1, sub_h: int = 1) -> FrameFormat:
    return FrameFormat(width, height, family, sub_w, sub_h, 10)  # type: ignore[arg-type]


def gains(made: Frame, noisy: Frame, clean: Frame) -> list[float]:
    """PSNR gain of each plane in dB."""
    trio = zip(made.planes, noisy.planes, clean.planes, strict=True)
    return [float(10 * np.log10(((n - c) ** 2).mean() / ((m - c) ** 2).mean())) for m, n, c in trio]


@pytest.mark.parametrize("layout", FORMATS)
def test_known_grain_comes_off_every_plane_of_every_format(layout):
    fmt = form(192, 128, *layout)
    frames = window(fmt)
    made = Denoise(GrainProfile((GRAIN,))).process(frames, 7)
    found = gains(made, frames[2], scenery(fmt, 7))
    assert found[0] > 8
    assert all(g > 2 for g in found[1:])
    assert made.props["FGLevel"] == GRAIN.level
    assert all(p.dtype == np.float32 for p in made.planes)


@pytest.mark.parametrize("level", [0.02, 0.05, 0.1])
def test_blind_removal_judges_the_level_itself(level):
    fmt, segment = form(192, 128), replace(GRAIN, level=level)
    frames = window(fmt, segment=segment)
    for node in (Denoise(None), Denoise(GrainProfile((segment,)), blind=True)):
        assert gains(node.process(frames, 7), frames[2], scenery(fmt, 7))[0] > 3


def test_a_plain_level_serves_without_a_profile():
    fmt = form(192, 128)
    frames = window(fmt)
    made = Denoise(0.05).process(frames, 7)
    assert gains(made, frames[2], scenery(fmt, 7))[0] > 4
    assert made.props["FGLevel"] == 0.05


def test_the_text_form_makes_the_same_nodes():
    frames = window(form(64, 48))
    for text, node in (("denoise:level=0.05,model=fast", Denoise(0.05)), ("denoise", Denoise(None))):
        (built,) = build_chain([text])
        made, wanted = built.process(frames, 7), node.process(frames, 7)
        assert all(np.array_equal(a, b) for a, b in zip(made.planes, wanted.planes, strict=True))


def test_five_frames_are_better_than_one():
    fmt = form(192, 128)
    still = [grainy(scenery(fmt, 7)), *(f.with_planes(scenery(fmt, 7).planes) for f in window(fmt))]
    frames = [apply(f, GRAIN, index=k, level=GRAIN.level) for k, f in enumerate(still[1:])]
    node, clean = Denoise(GRAIN), scenery(fmt, 7)
    five = gains(node.process(frames, 2), frames[2], clean)
    one = gains(node.process([frames[2]] * 5, 2), frames[2], clean)
    assert five[0] > one[0] + 1


@pytest.mark.parametrize(
    "grain",
    [
        0.0,
        replace(GRAIN, level=0.0),
        GrainProfile((replace(GRAIN, level=0.002),)),
        GrainProfile((replace(GRAIN, start=50),)),
        GrainProfile(()),
    ],
    ids=["level", "segment", "below the threshold", "another shot", "empty profile"],
)
@pytest.mark.parametrize("blind", [False, True])
def test_without_grain_the_same_arrays_come_back(grain, blind):
    frames = window(form(64, 48))
    made = Denoise(grain, blind=blind).process(frames, 7)
    assert all(a is b for a, b in zip(made.planes, frames[2].planes, strict=True))
    assert made.props["FGLevel"] == 0


def test_chroma_without_grain_passes_untouched():
    frames = window(form(64, 48))
    neither = Denoise(replace(GRAIN, chroma=Chroma())).process(frames, 7)
    assert all(a is b for a, b in zip(neither.planes[1:], frames[2].planes[1:], strict=True))
    red_only = Denoise(replace(GRAIN, chroma=Chroma(cb=0.0, cr=0.5))).process(frames, 7)
    assert red_only.planes[1] is frames[2].planes[1]
    assert not np.array_equal(red_only.planes[2], frames[2].planes[2])


def test_each_shot_is_cleaned_by_its_own_segment():
    weak = replace(GRAIN, start=0, end=5, level=0.01)
    profile = GrainProfile((weak, replace(GRAIN, start=5)))
    frames, node = window(form(64, 48)), Denoise(profile)
    assert node.process(frames, 2).props["FGLevel"] == 0.01
    assert node.process(frames, 7).props["FGLevel"] == 0.05
    assert np.array_equal(node.process(frames, 7).planes[0], Denoise(GRAIN).process(frames, 7).planes[0])


def test_the_node_is_pure():
    frames = window(form(96, 64))
    before = [[p.copy() for p in f.planes] for f in frames]
    node = Denoise(GrainProfile((GRAIN,)))
    first = node.process(frames, 7)
    node.process(window(form(64, 64), 30), 30)
    again = Denoise(GrainProfile((GRAIN,))).process(frames, 7)
    assert all(np.array_equal(a, b) for a, b in zip(first.planes, again.planes, strict=True))
    for frame, planes in zip(frames, before, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(frame.planes, planes, strict=True))
    assert isinstance(node, Node)
    assert node.radius == 2


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (33, 17), (318, 190), (2, 7)])
@pytest.mark.parametrize("layout", FORMATS)
def test_any_size_keeps_its_shape(size, layout):
    fmt = form(*size, *layout)
    for grain in (GRAIN, None):
        made = Denoise(grain).process(window(fmt), 7)
        assert [p.shape for p in made.planes] == [fmt.shape(k) for k in range(fmt.planes)]
        assert all(np.isfinite(p).all() for p in made.planes)


@pytest.mark.parametrize(("size", "tile"), [((203, 149), 64), ((318, 90), 100), ((130, 331), 72)])
@pytest.mark.parametrize("layout", FORMATS)
def test_tiles_do_not_change_a_bit(size, tile, layout):
    frames = window(form(*size, *layout))
    for grain in (GRAIN, None):
        whole, tiled = (Denoise(grain, backend=ORT, tile=t).process(frames, 7) for t in (None, tile))
        assert all(np.array_equal(a, b) for a, b in zip(whole.planes, tiled.planes, strict=True))


def test_tiles_bound_what_a_net_is_given(monkeypatch):
    """Not counting the margin of 48 samples on each side (planes are packed at half size)."""
    node, sizes = Denoise(GRAIN, backend=ORT, tile=96), []
    for net in (node._luma, node._chroma):
        run = net.run
        monkeypatch.setattr(
            net, "run", lambda given, run=run: sizes.append(given["given"].shape) or run(given)
        )
    node.process(window(form(400, 260)), 7)
    assert len(sizes) == 5 * 3 + 3 * 2
    assert max(max(s[2:]) for s in sizes) <= (96 + 2 * 48) // 2


def test_clean_pictures_survive_blind_removal():
    fmt = form(192, 128)
    frames = [scenery(fmt, k) for k in (5, 6, 7, 8, 9)]
    made = Denoise(None).process(frames, 7)
    errors = [np.sqrt(((a - b) ** 2).mean()) for a, b in zip(made.planes, frames[2].planes, strict=True)]
    assert max(errors) < 0.01


def test_mean_colour_does_not_shift():
    frames, fmt = window(form(192, 128)), form(192, 128)
    for node in (Denoise(GRAIN), Denoise(None)):
        made = node.process(frames, 7)
        shifts = [abs(float((a - b).mean())) for a, b in zip(made.planes, frames[2].planes, strict=True)]
        assert max(shifts) < 0.5 / 255, fmt


def test_the_sigma_told_follows_the_curve_and_is_never_zero():
    luma = np.repeat(np.linspace(0, 1, 64, dtype=np.float32)[None], 40, 0)
    sigma = expected_sigma(luma, GRAIN)
    assert sigma.shape == luma.shape
    assert sigma.min() > 0
    middle = sigma[20, 12:-12]
    assert np.abs(middle - GRAIN.sigma(luma[20, 12:-12])).max() < 0.1 * GRAIN.level


def test_averages_of_odd_planes_repeat_the_edge():
    plane = np.arange(15, dtype=np.float32).reshape(3, 5)
    assert averaged(plane, 1, 1).shape == (2, 3)
    assert averaged(plane, 1, 1)[1, 2] == 14
    assert averaged(plane, 0, 0) is plane


def test_rgb_is_refused_with_the_way_out():
    with pytest.raises(UsageError, match=r"4:4:4"):
        Denoise(0.05).configure(form(64, 64, "rgb"))


def test_a_tile_smaller_than_its_margins_is_refused():
    with pytest.raises(UsageError, match="tiles of 32 samples"):
        Denoise(0.05, tile=32)


@pytest.mark.parametrize("level", [-0.01, 0.2, float("nan")])
def test_a_level_out_of_range_is_refused(level):
    with pytest.raises(UsageError, match="out of range"):
        Denoise(level)


def test_an_unknown_model_is_refused():
    with pytest.raises(ModelError, match="no-such-net"):
        Denoise(0.05, "no-such-net")
