"""Codes survive the way to float32 and back at every depth, layout and odd size."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from filmgrain_codec.core.codes import write_codes
from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat
from filmgrain_codec.errors import InputError, UsageError
from filmgrain_codec.media import convert

DEPTHS = range(8, 17)
FORMATS = [
    "yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv410p", "yuv411p", "yuv420p10le", "yuv422p10le",
    "yuv444p10le", "yuv420p12le", "yuv422p14le", "yuv444p16le", "yuv420p10be", "gray", "gray10le",
    "gray16be", "rgb24", "bgr0", "rgb48be", "bgr48le", "gbrp", "gbrp10le", "gbrp12be", "gbrp16le",
]  # fmt: skip


def picture(name: str, width: int, height: int, seed: int = 1) -> av.VideoFrame:
    """A decoded picture of random codes."""
    where = convert.layout(name)
    assert where is not None
    frame = av.VideoFrame(width, height, name)
    fmt = FrameFormat(width, height, where.family, where.sub_w, where.sub_h, where.bits)
    rng = np.random.default_rng(seed)
    for view in convert.views(frame, where, fmt):
        view[...] = rng.integers(0, 1 << where.bits, view.shape)
    return frame


def codes(frame: av.VideoFrame) -> list[np.ndarray]:
    where = convert.layout(frame.format.name)
    assert where is not None
    fmt = FrameFormat(frame.width, frame.height, where.family, where.sub_w, where.sub_h, where.bits)
    return [v.copy() for v in convert.views(frame, where, fmt)]


def load(frame: av.VideoFrame) -> Frame:
    fmt = convert.frame_format(frame, ColorInfo())
    return convert.from_av(frame, fmt, 0, 0, Fraction(1, 25))


@pytest.mark.parametrize("bits", DEPTHS)
def test_every_code_of_every_depth_survives(bits: int) -> None:
    name = convert.planar_format("gray", 0, 0, bits) if bits != 11 and bits != 13 and bits != 15 else None
    peak = (1 << bits) - 1
    every = np.arange(peak + 1, dtype=np.uint16).reshape(1, -1)
    as_float = every.astype(np.float32) / np.float32(peak)
    back = np.empty_like(every)
    write_codes(as_float, back, np.float32(peak))
    assert np.array_equal(back, every)
    if name:
        frame = picture(name, 64, 5)
        again = convert.to_av(load(frame), name)
        assert all(np.array_equal(a, b) for a, b in zip(codes(frame), codes(again), strict=True))


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (17, 33), (318, 190), (65, 64)])
@pytest.mark.parametrize(
    "name",
    FORMATS,
)
def test_the_round_trip_is_the_identity(name: str, size: tuple[int, int]) -> None:
    frame = picture(name, *size)
    again = convert.to_av(load(frame), name)
    assert all(np.array_equal(a, b) for a, b in zip(codes(frame), codes(again), strict=True))


@pytest.mark.parametrize(
    ("name", "planar"),
    [("nv12", "yuv420p"), ("p010le", "yuv420p10le"), ("yuyv422", "yuv422p"), ("y210le", "yuv422p10le")],
)
def test_packed_yuv_keeps_its_codes(name: str, planar: str) -> None:
    frame = picture(planar, 32, 16)
    assert convert.direct_format(name) == planar
    again = load(frame.reformat(format=name))
    for ours, theirs in zip(again.planes, codes(frame), strict=True):
        assert np.array_equal(np.rint(ours * np.float32(again.fmt.peak)), theirs)


def test_the_order_of_colour_planes_is_red_green_blue() -> None:
    frame = av.VideoFrame.from_ndarray(np.full((4, 4, 3), (10, 20, 30), np.uint8), format="rgb24")
    for name in ("rgb24", "gbrp", "bgr24", "rgb48be"):
        planes = load(frame.reformat(format=name)).planes
        assert [round(float(p[0, 0]) * 255) for p in planes] == [10, 20, 30]


def test_alpha_does_not_disturb_the_picture() -> None:
    frame = picture("yuva444p10le", 16, 8)
    assert load(frame).fmt.planes == 3
    with pytest.raises(UsageError):
        convert.to_av(load(frame), "yuva444p10le")


def test_out_of_range_samples_are_clipped_and_halves_go_to_even() -> None:
    fmt = FrameFormat(4, 1, "gray", 0, 0, 8)
    plane = np.array([[-0.3, 1.7, 2.5 / 255, 3.5 / 255]], np.float32)
    out = convert.to_av(Frame((plane,), fmt, 0, 0, Fraction(1, 25)), "gray")
    assert codes(out)[0].tolist() == [[0, 255, 2, 4]]


def test_float_pictures_keep_values_above_white() -> None:
    frame = av.VideoFrame(4, 2, "gbrpf32le")
    where = convert.layout("gbrpf32le")
    assert where is not None
    for view in convert.views(frame, where, FrameFormat(4, 2, "rgb", 0, 0, 16)):
        view[...] = 3.5
    assert float(load(frame).planes[0].max()) == 3.5


def test_padding_repeats_the_edge() -> None:
    frame = load(picture("yuv420p", 17, 33))
    padded = codes(convert.to_av(frame, "yuv420p", size=(18, 34)))[0]
    assert np.array_equal(padded[:, 17], padded[:, 16])
    assert np.array_equal(padded[33], padded[32])


def test_grey_in_colour_has_neutral_chroma() -> None:
    frame = load(picture("gray10le", 8, 8))
    luma, cb, cr = codes(convert.to_av(frame, "yuv420p10le"))
    assert (cb == 512).all()
    assert (cr == 512).all()
    assert np.array_equal(luma, np.rint(frame.planes[0] * np.float32(1023)))


def test_the_pipe_form_holds_the_codes() -> None:
    frame = picture("yuv420p10le", 17, 5)
    data = np.frombuffer(convert.to_bytes(load(frame)), "<u2")
    assert np.array_equal(data, np.concatenate([c.ravel() for c in codes(frame)]))


def test_pictures_without_planes_are_refused() -> None:
    for name in ("cuda", "bayer_rggb8"):
        with pytest.raises(InputError, match=name):
            convert.direct_format(name)
