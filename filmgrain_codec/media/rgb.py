"""RGB to Y'CbCr 4:4:4 and back, with a stated matrix, range and transfer.

RGB scans are coded as full-range Y'CbCr 4:4:4 with the matrix of their tag, or BT.709 (H.273 code 1)
where there is none. Code values are kept as they are (DPX log stays log, its transfer goes along as a
tag), but for linear-light floating-point sources (EXR): linear light wastes the codes of 8 to 12 bit,
so those get the sRGB curve (H.273 code 13) for coding, and linear light again when written as EXR.
Samples above 1.0 cannot be coded; they are clipped by the encoder, and counted in props 'over_range'.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.errors import UsageError
from filmgrain_codec.media.convert import layout, planar_format, to_av, views

LINEAR, SRGB = 8, 13
_RGB, _BT709, _FULL = 0, 1, 2
# H.273 matrix coefficients: code -> (Kr, Kb)
_WEIGHTS = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114),
            7: (0.212, 0.087), 9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}  # fmt: skip


def yuv_format(fmt: FrameFormat, real: bool = False) -> FrameFormat:
    """The format in which an RGB source is coded; others are returned as they are.

    ``real`` marks a floating-point (linear-light) source, ``VideoInfo.real``.
    """
    if fmt.family != "rgb":
        return fmt
    matrix = fmt.color.matrix if fmt.color.matrix in _WEIGHTS else _BT709
    transfer = SRGB if real else fmt.color.transfer
    color = replace(fmt.color, matrix=matrix, range=_FULL, transfer=transfer)
    return replace(fmt, family="yuv", sub_w=0, sub_h=0, color=color)


def rgb_format(fmt: FrameFormat) -> FrameFormat:
    """The RGB format of a YUV one: the same depth and transfer, full range, matrix code 0."""
    color = replace(fmt.color, matrix=_RGB, range=_FULL, chroma_location=0)
    return FrameFormat(fmt.width, fmt.height, "rgb", 0, 0, fmt.bits, color)


def to_yuv(frame: Frame, fmt: FrameFormat, real: bool = False) -> Frame:
    """An RGB frame in ``fmt`` (from ``yuv_format``); adds props 'over_range' for samples above 1."""
    planes = tuple(to_curve(p) for p in frame.planes) if real else frame.planes
    over = sum(int(np.count_nonzero(p > 1)) for p in planes) if real else 0
    red, green, blue = planes
    kr, kb = (np.float32(k) for k in _WEIGHTS[fmt.color.matrix])
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    middle = _middle(fmt.bits)
    cb = (blue - luma) / (2 * (1 - kb)) + middle
    cr = (red - luma) / (2 * (1 - kr)) + middle
    props = {**frame.props, "over_range": over} if real else frame.props
    return replace(frame, planes=_floats(luma, cb, cr), fmt=fmt, props=props)


def to_rgb(frame: Frame) -> Frame:
    """A YUV frame of any subsampling and range as full-range RGB of the same depth.

    An unknown matrix counts as BT.709 from 720 lines on, else BT.601. Raises ``UsageError`` for a
    matrix that is not a plain linear one (constant luminance, ICtCp).
    """
    fmt = frame.fmt
    luma, cb, cr = _expanded(_full_chroma(frame), fmt)
    kr, kb = (np.float32(k) for k in _weights(fmt))
    red = luma + 2 * (1 - kr) * cr
    blue = luma + 2 * (1 - kb) * cb
    green = (luma - kr * red - kb * blue) / (1 - kr - kb)
    return replace(frame, planes=_floats(red, green, blue), fmt=rgb_format(fmt))


def limited_range(frame: Frame) -> Frame:
    """A full-range YUV or grey frame with its codes in limited range; others as they are."""
    fmt = frame.fmt
    if fmt.family == "rgb" or not fmt.full_range:
        return frame
    unit, middle = np.float32((1 << (fmt.bits - 8)) / fmt.peak), _middle(fmt.bits)
    luma = (frame.planes[0] * 219 + 16) * unit
    chroma = ((p - middle) * (224 * unit) + middle for p in frame.planes[1:])
    color = replace(fmt.color, range=1)
    return replace(frame, planes=_floats(luma, *chroma), fmt=replace(fmt, color=color))


def full_range(frame: Frame) -> Frame:
    """A grey frame of limited range with black at 0 and white at 1; others as they are."""
    fmt = frame.fmt
    if fmt.family != "gray" or fmt.color.range != 1:
        return frame
    scale = np.float32(fmt.peak / (1 << (fmt.bits - 8)))
    color = replace(fmt.color, range=_FULL)
    return replace(frame, planes=_floats((frame.planes[0] * scale - 16) / 219), fmt=replace(fmt, color=color))


def to_linear(frame: Frame) -> Frame:
    """RGB or grey frames of the sRGB curve as linear light; all others as they are."""
    if frame.fmt.color.transfer != SRGB:
        return frame
    color = replace(frame.fmt.color, transfer=LINEAR)
    planes = tuple(from_curve(p) for p in frame.planes)
    return replace(frame, planes=planes, fmt=replace(frame.fmt, color=color))


def to_curve(linear: Plane) -> Plane:
    """The sRGB curve (IEC 61966-2-1), continued above 1 and mirrored below 0."""
    size = np.abs(linear)
    high = 1.055 * np.power(size, 1 / 2.4, dtype=np.float32) - 0.055
    return np.copysign(np.where(size <= 0.0031308, size * 12.92, high), linear).astype(np.float32)


def from_curve(code: Plane) -> Plane:
    """Linear light of sRGB values; the inverse of ``to_curve``."""
    size = np.abs(code)
    high = np.power((size + 0.055) / 1.055, 2.4, dtype=np.float32)
    return np.copysign(np.where(size <= 0.04045, size / 12.92, high), code).astype(np.float32)


def _floats(*planes: NDArray[Any]) -> tuple[Plane, ...]:
    return tuple(p.astype(np.float32, copy=False) for p in planes)


def _middle(bits: int) -> np.float32:
    return np.float32((1 << (bits - 1)) / ((1 << bits) - 1))


def _weights(fmt: FrameFormat) -> tuple[float, float]:
    matrix = fmt.color.matrix
    if matrix in (0, 2, 3):
        matrix = 1 if fmt.height >= 720 else 6
    if matrix not in _WEIGHTS:
        raise UsageError(f"Pictures with the colour matrix {matrix} (H.273) cannot be written as RGB stills.")
    return _WEIGHTS[matrix]


def _expanded(planes: tuple[Plane, ...], fmt: FrameFormat) -> tuple[NDArray[Any], ...]:
    """Luma in 0..1 and chroma in -0.5..0.5, from full or limited range."""
    luma, cb, cr = planes
    middle = _middle(fmt.bits)
    if fmt.full_range:
        return luma, cb - middle, cr - middle
    peak, unit = np.float32(fmt.peak), np.float32(1 << (fmt.bits - 8))
    scale = peak / unit
    return (luma * scale - 16) / 219, (cb - middle) * scale / 224, (cr - middle) * scale / 224


def _full_chroma(frame: Frame) -> tuple[Plane, ...]:
    """Chroma at luma size; FFmpeg's bicubic scaler knows the chroma location."""
    fmt = frame.fmt
    if (fmt.sub_w, fmt.sub_h) == (0, 0):
        return frame.planes
    picture = to_av(frame, planar_format("yuv", fmt.sub_w, fmt.sub_h, 16))
    name = planar_format("yuv", 0, 0, 16)
    where = layout(name)
    assert where is not None
    full = replace(fmt, sub_w=0, sub_h=0, bits=16)
    scaled = views(picture.reformat(format=name), where, full)
    return frame.planes[0], *(v.astype(np.float32) / np.float32(65535) for v in scaled[1:])
