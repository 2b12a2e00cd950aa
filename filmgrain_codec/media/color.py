"""Colour description and HDR10 static metadata: read from sources, given to encoders.

Code points are ITU-T H.273; mastering display is SMPTE ST 2086, content light CTA-861.3.
PyAV drops all of it on re-encoding, so every encoder is told explicitly here.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av

from filmgrain_codec.core.frame import ColorInfo, ContentLight, MasteringDisplay

MASTERING_DISPLAY = "mastering_display_metadata"
CONTENT_LIGHT = "content_light_level"

# AVMasteringDisplayMetadata: ten rationals (R, G, B, white as x y; min, max), two flags.
_MASTERING = struct.Struct("=20i2i")
_CONTENT_LIGHT = struct.Struct("=2I")


def mastering_display(data: bytes | None) -> MasteringDisplay | None:
    """Parse FFmpeg's AVMasteringDisplayMetadata; None if absent, short or incomplete.

    FFmpeg unsets a flag for values it thinks odd; they are kept, for the file to come out as it went in.
    """
    if data is None or len(data) < _MASTERING.size:
        return None
    *numbers, has_primaries, has_luminance = _MASTERING.unpack_from(data)
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))
    if not (has_primaries or has_luminance) or any(d == 0 for _, d in pairs):
        return None
    v = [Fraction(n, d) for n, d in pairs]
    return MasteringDisplay((v[0], v[1]), (v[2], v[3]), (v[4], v[5]), (v[6], v[7]), v[8], v[9])


def content_light(data: bytes | None) -> ContentLight | None:
    """Parse FFmpeg's AVContentLightMetadata; None if absent or all zero."""
    if data is None or len(data) < _CONTENT_LIGHT.size:
        return None
    cll, fall = _CONTENT_LIGHT.unpack_from(data)
    return ContentLight(cll, fall) if cll or fall else None


def of_source(context: av.VideoCodecContext, frame: av.VideoFrame) -> ColorInfo:
    """The colour of a source: the picture's own fields first, then the container's."""
    side: Mapping[Any, bytes] = context.coded_side_data
    color = ColorInfo(
        _first(2, frame.color_primaries, context.color_primaries),
        _first(2, frame.color_trc, context.color_trc),
        _first(2, frame.colorspace, context.colorspace),
        _first(0, frame.color_range, context.color_range),
        _first(0, frame.chroma_location, context.chroma_sample_location),
        mastering_display(side.get(MASTERING_DISPLAY)),
        content_light(side.get(CONTENT_LIGHT)),
    )
    ours = mastering_display(_frame_data(frame, "MASTERING_DISPLAY_METADATA"))
    light = content_light(_frame_data(frame, "CONTENT_LIGHT_LEVEL"))
    return replace(
        color, mastering=_agreed(ours, color.mastering), content_light=light or color.content_light
    )


def _agreed(coded: MasteringDisplay | None, container: MasteringDisplay | None) -> MasteringDisplay | None:
    """The picture's own values count; AV1 rounds them, so the container's where they are the same."""
    if coded is None or container is None:
        return coded or container
    pairs = zip(_numbers(coded), _numbers(container), strict=True)
    same = all(abs(a - b) <= max(Fraction(1, 8192), b / 1000) for a, b in pairs)
    return container if same else coded


def _numbers(m: MasteringDisplay) -> tuple[Fraction, ...]:
    return (*m.red, *m.green, *m.blue, *m.white, m.min_luminance, m.max_luminance)


def _frame_data(frame: av.VideoFrame, kind: str) -> bytes | None:
    data = frame.side_data.get(kind)
    return None if data is None else bytes(data)


def _first(unset: int, *values: int) -> int:
    return next((int(v) for v in values if int(v) != unset), unset)


def tag(context: av.VideoCodecContext, color: ColorInfo) -> None:
    """Put the code points on an encoder's or output stream's codec context."""
    context.color_primaries, context.color_trc = color.primaries, color.transfer
    context.colorspace, context.color_range = color.matrix, color.range
    context.chroma_sample_location = color.chroma_location


def encoder_options(encoder: str, color: ColorInfo) -> dict[str, str]:
    """Parameters that make x264, x265 or SVT-AV1 write the HDR10 messages and chroma location.

    Keys are the encoders' own parameter names. Other encoders carry HDR10 in the container only.
    """
    builders: dict[str, Callable[[ColorInfo], dict[str, str]]] = {
        "libx264": _x264,
        "libx265": _x265,
        "libsvtav1": _svt,
    }
    return builders[encoder](color) if encoder in builders else {}


def _x264(color: ColorInfo) -> dict[str, str]:
    out = {}
    if color.mastering:
        out["mastering-display"] = _units(color.mastering)
    if color.content_light:
        out["cll"] = f"{color.content_light.max_cll},{color.content_light.max_fall}"
    return out


def _x265(color: ColorInfo) -> dict[str, str]:
    out = {}
    if color.mastering:
        out["master-display"] = _units(color.mastering)
    if color.content_light:
        out["max-cll"] = f"{color.content_light.max_cll},{color.content_light.max_fall}"
    if out:
        out["hdr10"] = "1"
    return out


def _svt(color: ColorInfo) -> dict[str, str]:
    out = {}
    if color.mastering:
        m = color.mastering
        points = zip(["G", "B", "R", "WP"], (m.green, m.blue, m.red, m.white), strict=True)
        text = "".join(f"{n}({_real(x)},{_real(y)})" for n, (x, y) in points)
        out["mastering-display"] = f"{text}L({_real(m.max_luminance)},{_real(m.min_luminance)})"
    if color.content_light:
        out["content-light"] = f"{color.content_light.max_cll},{color.content_light.max_fall}"
    return out


def _real(value: Fraction) -> str:
    return f"{float(value):.6f}"


def _units(m: MasteringDisplay) -> str:
    """x264's and x265's form: chromaticities in 1/50000, luminance in 1/10000 cd/m2."""

    def point(p: tuple[Fraction, Fraction]) -> str:
        return f"({round(p[0] * 50000)},{round(p[1] * 50000)})"

    low, high = round(m.min_luminance * 10000), round(m.max_luminance * 10000)
    return f"G{point(m.green)}B{point(m.blue)}R{point(m.red)}WP{point(m.white)}L({high},{low})"


def describe(color: ColorInfo) -> Mapping[str, str]:
    """Short names for messages: what is set, in FFmpeg's spelling of the numbers."""
    named = {"primaries": color.primaries, "transfer": color.transfer, "matrix": color.matrix}
    return {k: str(v) for k, v in named.items() if v != 2} | {"range": str(color.range)}
