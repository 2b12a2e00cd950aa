"""Between FFmpeg's pictures and float32 planes, exactly (see ``core.codes``).

Layouts that are not laid out component by component (palettes, NV12, packed YUV) first pass through
FFmpeg's lossless repacking to a planar format of the same depth and subsampling.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import av
import numpy as np
from av.video.format import VideoFormat, names
from numpy.typing import NDArray

from filmgrain_codec.core.codes import read_codes, write_codes
from filmgrain_codec.core.frame import ColorInfo, Family, Frame, FrameFormat, Plane
from filmgrain_codec.errors import InputError, UsageError

# Component order inside one pixel of the packed formats, R G B (or Y) first.
_PACKED = {
    "rgb24": "RGB", "bgr24": "BGR", "rgba": "RGBA", "bgra": "BGRA", "argb": "ARGB", "abgr": "ABGR",
    "rgb0": "RGB0", "bgr0": "BGR0", "0rgb": "0RGB", "0bgr": "0BGR",
    "rgb48le": "RGB", "rgb48be": "RGB", "bgr48le": "BGR", "bgr48be": "BGR",
    "rgba64le": "RGBA", "rgba64be": "RGBA", "bgra64le": "BGRA", "bgra64be": "BGRA",
    "rgbf32le": "RGB", "rgbf32be": "RGB", "rgbaf32le": "RGBA", "rgbaf32be": "RGBA",
    "rgbf16le": "RGB", "rgbf16be": "RGB", "rgbaf16le": "RGBA", "rgbaf16be": "RGBA",
    "ya8": "YA", "ya16le": "YA", "ya16be": "YA", "yaf32le": "YA", "yaf32be": "YA", "yaf16le": "YA",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the samples of a pixel format lie.

    ``spots`` holds, per plane of our Frame, (plane of FFmpeg, offset, step) in samples;
    ``kind`` is a NumPy dtype string; ``real`` marks floating-point samples, where 1.0 is white.
    """

    family: Family
    sub_w: int
    sub_h: int
    bits: int
    kind: str
    spots: tuple[tuple[int, int, int], ...]
    alpha: bool
    real: bool


@lru_cache(maxsize=256)
def layout(pix_fmt: str) -> Layout | None:
    """The layout of a pixel format whose samples can be viewed directly, else None."""
    form = VideoFormat(pix_fmt, 64, 64)
    parts = form.components
    if form.has_palette or form.is_bit_stream or form.is_bayer or not parts:
        return None
    real = "f32" in pix_fmt or "f16" in pix_fmt
    bits = 16 if real else parts[0].bits
    if not 8 <= bits <= 16 or pix_fmt.startswith(("xyz", "p0", "p2", "p4", "x2", "rgb565")):
        return None
    colours = [p for p in parts if not p.is_alpha]
    spots = _spots(pix_fmt, form)
    if spots is None or len({p.bits for p in colours}) != 1:
        return None
    family: Family = "rgb" if form.is_rgb else ("yuv" if len(colours) == 3 else "gray")
    size = (4 if "f32" in pix_fmt else 2) if real else (1 if bits == 8 else 2)
    order = ">" if form.is_big_endian else "<"
    sub = (64 // parts[1].width, 64 // parts[1].height) if family == "yuv" else (1, 1)
    return Layout(
        family,
        sub[0].bit_length() - 1,
        sub[1].bit_length() - 1,
        bits,
        f"{order}{'f' if real else 'u'}{size}",
        spots,
        len(parts) > len(colours),
        real,
    )


def _spots(name: str, form: VideoFormat) -> tuple[tuple[int, int, int], ...] | None:
    order = _PACKED.get(name)
    if order is not None:
        wanted = "Y" if "Y" in order else "RGB"
        return tuple((0, order.index(c), len(order)) for c in wanted)
    colours = [p for p in form.components if not p.is_alpha]
    planes = [p.plane for p in colours]
    if len(set(planes)) != len(planes) or len(planes) not in (1, 3):
        return None
    if "msb" in name:
        return None
    return tuple((p, 0, 1) for p in planes)


@lru_cache(maxsize=256)
def direct_format(pix_fmt: str) -> str:
    """The pixel format to repack to before reading: itself where it can be viewed directly.

    Raises ``InputError`` for formats FFmpeg cannot turn into planes (hardware surfaces).
    """
    if layout(pix_fmt) is not None:
        return pix_fmt
    try:
        form = VideoFormat(pix_fmt, 64, 64)
    except ValueError as e:
        raise InputError(f"The pixel format {pix_fmt!r} is unknown here; convert the source first.") from e
    if not form.components or form.is_bayer:
        raise InputError(f"Pictures of the format {pix_fmt!r} cannot be read; convert the source first.")
    return planar_format(*_nearest(form))


def _nearest(form: VideoFormat) -> tuple[Family, int, int, int]:
    parts = [p for p in form.components if not p.is_alpha]
    if form.is_rgb or form.has_palette or form.name.startswith("xyz"):
        bits = 8 if form.has_palette else min(16, max(8, *(p.bits for p in parts)))
        return "rgb", 0, 0, 16 if form.name.startswith("xyz") else bits
    bits = min(16, max(8, parts[0].bits))
    if len(parts) < 3:
        return "gray", 0, 0, bits
    return (
        "yuv",
        (64 // parts[1].width).bit_length() - 1,
        (64 // parts[1].height).bit_length() - 1,
        bits,
    )


def planar_format(family: Family, sub_w: int, sub_h: int, bits: int) -> str:
    """FFmpeg's planar pixel format for a layout; raises ``UsageError`` if it has none."""
    depth = "" if bits == 8 else f"{bits}le"
    if family == "gray":
        name = f"gray{depth}"
    elif family == "rgb":
        name = f"gbrp{depth}"
    else:
        sub = {(0, 0): "444", (1, 0): "422", (1, 1): "420", (0, 1): "440", (2, 0): "411", (2, 2): "410"}
        name = f"yuv{sub.get((sub_w, sub_h), '?')}p{depth}"
    if name not in names:
        raise UsageError(f"No pixel format fits {family} {bits} bit with subsampling {sub_w},{sub_h}.")
    return name


def frame_format(frame: av.VideoFrame, color: ColorInfo) -> FrameFormat:
    """The FrameFormat of a decoded picture, as ``from_av`` will deliver it."""
    where = layout(direct_format(frame.format.name))
    assert where is not None
    return FrameFormat(frame.width, frame.height, where.family, where.sub_w, where.sub_h, where.bits, color)


def from_av(
    frame: av.VideoFrame,
    fmt: FrameFormat,
    index: int,
    pts: int,
    time_base: Fraction,
    duration: int = 0,
    props: dict[str, Any] | None = None,
) -> Frame:
    """A decoded picture as a Frame with fresh float32 planes in code / (2^bits - 1).

    Floating-point pictures (EXR) keep their values, 1.0 being white and more being kept.
    """
    name = direct_format(frame.format.name)
    if name != frame.format.name:
        frame = frame.reformat(format=name)
    where = layout(name)
    assert where is not None
    peak = np.float32(fmt.peak)
    planes = tuple(_read(view, peak, where.real) for view in views(frame, where, fmt))
    return Frame(planes, fmt, index, pts, time_base, duration, props if props is not None else {})


def _read(view: NDArray[Any], peak: np.float32, real: bool) -> Plane:
    return np.array(view, np.float32) if real else read_codes(view, peak)


def views(frame: av.VideoFrame, where: Layout, fmt: FrameFormat) -> list[NDArray[Any]]:
    """The picture's samples as writable 2-D views, in the order of our planes."""
    spots = where.spots[: fmt.planes]
    return [_view(frame.planes[p], where.kind, o, s, fmt.shape(i)) for i, (p, o, s) in enumerate(spots)]


def _view(plane: Any, kind: str, offset: int, step: int, shape: tuple[int, int]) -> NDArray[Any]:
    flat = np.frombuffer(plane, np.dtype(kind))
    rows = flat.reshape(plane.height, -1)
    if plane.line_size < 0:  # FFmpeg stores such pictures bottom row first
        rows = rows[::-1]
    return rows[: shape[0], offset : offset + shape[1] * step : step]


def to_av(
    frame: Frame,
    pix_fmt: str,
    *,
    size: tuple[int, int] | None = None,
    carrier: av.VideoFrame | None = None,
) -> av.VideoFrame:
    """A Frame as an FFmpeg picture with codes rounded to nearest even and clipped.

    The depth may differ from ``frame.fmt.bits``: values are in fractions of the peak. ``size``
    (columns, rows) pads at the right and bottom by repeating the edge. ``carrier`` is a decoded
    picture whose side data (captions, dynamic HDR) the new one shall have.
    """
    where = layout(pix_fmt)
    fmt = frame.fmt
    if where is None or where.alpha or not _same_shape(where, fmt):
        raise UsageError(f"A {fmt.family} frame cannot be written as {pix_fmt}; convert it first.")
    width, height = size or (fmt.width, fmt.height)
    if carrier is None:
        out = av.VideoFrame(width, height, pix_fmt)
    else:  # repacking copies every property; the samples are overwritten below
        out = carrier.reformat(width=width, height=height, format=pix_fmt)
        out.make_writable()
    whole = FrameFormat(width, height, where.family, where.sub_w, where.sub_h, where.bits)
    targets = views(out, where, whole)
    fill(frame.planes, targets[: fmt.planes], where)
    for neutral in targets[fmt.planes :]:  # grey in a codec that knows only colour
        neutral[...] = 1 << (where.bits - 1)
    _tag(out, fmt.color)
    out.pts, out.time_base, out.duration = frame.pts, frame.time_base, frame.duration
    return out


def _same_shape(where: Layout, fmt: FrameFormat) -> bool:
    if fmt.family == "gray":
        return where.family in ("gray", "yuv")
    return (where.family, where.sub_w, where.sub_h) == (fmt.family, fmt.sub_w, fmt.sub_h)


def _tag(out: av.VideoFrame, color: ColorInfo) -> None:
    out.color_primaries, out.color_trc = color.primaries, color.transfer
    out.colorspace, out.color_range = color.matrix, color.range
    out.chroma_location = color.chroma_location


def fill(planes: tuple[Plane, ...], targets: list[NDArray[Any]], where: Layout) -> None:
    """Write planes into sample views, padding at the right and bottom with the edge."""
    peak = np.float32((1 << where.bits) - 1)
    for source, target in zip(planes, targets, strict=True):
        rows, columns = source.shape
        if where.real:
            target[:rows, :columns] = source
        else:
            write_codes(source, target[:rows, :columns], peak)
        target[:rows, columns:] = target[:rows, columns - 1 : columns]
        target[rows:] = target[rows - 1]


def to_bytes(frame: Frame) -> bytes:
    """All planes as little-endian codes, one after the other, without padding (as Y4M wants)."""
    kind = np.dtype("u1" if frame.fmt.bits == 8 else "<u2")
    sizes = [p.size for p in frame.planes]
    flat = np.empty(sum(sizes), kind)
    peak, at = np.float32(frame.fmt.peak), 0
    for plane, size in zip(frame.planes, sizes, strict=True):
        write_codes(plane, flat[at : at + size].reshape(plane.shape), peak)
        at += size
    return flat.tobytes()
