"""The picture's own shape, where a codec could only hold a larger or more colourful one.

4:2:0 needs even sizes, some encoders have a smallest size, and AV1's encoder takes no grey. Such
pictures are coded padded (edges repeated) or with neutral chroma; the tag ``FILMGRAIN_SIZE``, for
example ``17x33`` or ``17x33 gray``, lets our reader restore them. Matroska and MOV also get their own
cropping fields, so players show the right size too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from filmgrain_codec.core.frame import FrameFormat

SIZE_TAG = "FILMGRAIN_SIZE"
_SHAPE = re.compile(r"(\d{1,5})x(\d{1,5})( gray)?")


@dataclass(frozen=True, slots=True)
class Shape:
    """Size in luma samples, and whether the chroma is only there for the codec."""

    width: int
    height: int
    gray: bool = False


def shape_tag(fmt: FrameFormat, spec: Any) -> str:
    """The tag for frames of ``fmt`` coded as the EncoderSpec says; '' if nothing is lost without it."""
    # FFmpeg decodes monochrome H.264 as 4:2:0 with neutral chroma.
    coloured = fmt.family == "gray" and (spec.pix_fmt.startswith("yuv") or spec.codec == "h264")
    if (spec.width, spec.height) == (fmt.width, fmt.height) and not coloured:
        return ""
    return f"{fmt.width}x{fmt.height}{' gray' if coloured else ''}"


def shape_of(metadata: Mapping[str, str], width: int, height: int) -> Shape:
    """The shape to restore from a stream's or file's tags; the coded one if there is no valid tag."""
    text = next((v for k, v in metadata.items() if k.upper() == SIZE_TAG), "")
    found = _SHAPE.fullmatch(text[:32])
    if not found:
        return Shape(width, height)
    wide, high = int(found[1]), int(found[2])
    # Padding is small; anything else is a tag left over from other pictures.
    if not (0 < wide <= width < wide + 32 and 0 < high <= height < high + 32):
        return Shape(width, height)
    return Shape(wide, high, found[3] is not None)
