"""VapourSynth's pictures as planes and back, by duck type: nothing of VapourSynth is imported here.

Integer clips keep their codes: code / (2^bits - 1). Clips of 32-bit float hold nominal values (0 black,
1 white; chroma about 0), so they are expressed in the 16-bit codes that they stand for, by the frame's
``_Range`` (limited where it is not told, but full for RGB), and a level means the same for both.
Properties are those of VapourSynth's manual; ``_Range`` is H.273's flag, 0 limited and 1 full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.codes import read_codes, write_codes
from filmgrain_codec.core.frame import ColorInfo, ContentLight, FrameFormat, MasteringDisplay, Plane
from filmgrain_codec.errors import UsageError

FLOAT = 1
REAL_BITS = 16
_LIMITED_RANGE = (219 * 256 / 65535, 16 * 256 / 65535), (224 * 256 / 65535, 32768 / 65535)
_FULL_RANGE = (1.0, 0.0), (1.0, 32768 / 65535)


def is_real(form: Any) -> bool:
    """Whether a VideoFormat has floating-point samples."""
    return int(form.sample_type) == FLOAT


def frame_format(form: Any, width: int, height: int, color: ColorInfo | None = None) -> FrameFormat:
    """The FrameFormat of a VideoFormat; raises ``UsageError`` for what is not 8 to 16 bit or 32-bit float."""
    real, bits = is_real(form), int(form.bits_per_sample)
    family = form.color_family.name.lower()
    if family not in ("gray", "yuv", "rgb") or (bits != 32 if real else not 8 <= bits <= 16):
        raise UsageError(
            f"only GRAY, YUV and RGB clips of 8 to 16 bit integer or 32 bit float are supported, "
            f"not {form.name}"
        )
    return FrameFormat(
        width,
        height,
        family,
        form.subsampling_w,
        form.subsampling_h,
        REAL_BITS if real else bits,
        color or ColorInfo(),
    )


def color_of(props: Mapping[str, Any]) -> ColorInfo:
    """The colour description of a frame's properties."""
    location, full = props.get("_ChromaLocation"), props.get("_Range")
    return ColorInfo(
        primaries=int(props.get("_Primaries", 2)),
        transfer=int(props.get("_Transfer", 2)),
        matrix=int(props.get("_Matrix", 2)),
        range=0 if full is None else 1 + int(full),
        chroma_location=0 if location is None else 1 + int(location),
        mastering=_mastering(props),
        content_light=_content_light(props),
    )


def _mastering(props: Mapping[str, Any]) -> MasteringDisplay | None:
    x, y = props.get("MasteringDisplayPrimariesX"), props.get("MasteringDisplayPrimariesY")
    white = props.get("MasteringDisplayWhitePointX"), props.get("MasteringDisplayWhitePointY")
    light = props.get("MasteringDisplayMinLuminance"), props.get("MasteringDisplayMaxLuminance")
    if x is None or y is None or None in (*white, *light):
        return None
    red, green, blue = ((_exact(a), _exact(b)) for a, b in zip(x, y, strict=True))
    return MasteringDisplay(
        red, green, blue, (_exact(white[0]), _exact(white[1])), _exact(light[0]), _exact(light[1])
    )


def _exact(value: Any) -> Fraction:
    return Fraction(float(value)).limit_denominator(1_000_000)


def _content_light(props: Mapping[str, Any]) -> ContentLight | None:
    most, mean = (int(props.get(f"ContentLightLevel{name}", 0)) for name in ("Max", "Average"))
    return ContentLight(most, mean) if most or mean else None


def read(views: Sequence[Any], fmt: FrameFormat, real: bool) -> tuple[Plane, ...]:
    """The planes of a frame, fresh and contiguous, in code / (2^bits - 1)."""
    arrays = [np.asarray(view) for view in views]
    if not real:
        return tuple(read_codes(array, np.float32(fmt.peak)) for array in arrays)
    return tuple(_coded(array, *_swing(fmt, k)) for k, array in enumerate(arrays))


def write(
    planes: Sequence[Plane], views: Sequence[Any], fmt: FrameFormat, origin: Sequence[Any] | None = None
) -> None:
    """Fill a frame's writable planes. ``origin``: the frame of a float clip that ``planes`` were made of.

    Integers are rounded half to even and clipped. Float samples are neither, and those that did not
    change come out as they were, bit for bit.
    """
    if origin is None:
        for plane, view in zip(planes, views, strict=True):
            write_codes(plane, np.asarray(view), np.float32(fmt.peak))
        return
    for k, (plane, view, old) in enumerate(zip(planes, views, origin, strict=True)):
        gain, offset = _swing(fmt, k)
        before = np.asarray(old)
        np.copyto(np.asarray(view), before + (plane - _coded(before, gain, offset)) / np.float32(gain))


def _coded(array: NDArray[Any], gain: float, offset: float) -> Plane:
    made: Plane = np.multiply(array, np.float32(gain), dtype=np.float32) + np.float32(offset)
    return np.ascontiguousarray(made)


def _swing(fmt: FrameFormat, plane: int) -> tuple[float, float]:
    """Gain and offset from nominal values to codes of full scale."""
    if fmt.family == "rgb":
        return _FULL_RANGE[0]
    table = _FULL_RANGE if fmt.full_range else _LIMITED_RANGE
    return table[min(plane, 1)]
