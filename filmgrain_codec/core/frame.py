"""Frame, FrameFormat and ColorInfo: what travels through the graph."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Family = Literal["gray", "yuv", "rgb"]


@dataclass(frozen=True, slots=True)
class MasteringDisplay:
    """SMPTE ST 2086. CIE 1931 chromaticities and luminance in cd/m2, as exact rationals."""

    red: tuple[Fraction, Fraction]
    green: tuple[Fraction, Fraction]
    blue: tuple[Fraction, Fraction]
    white: tuple[Fraction, Fraction]
    min_luminance: Fraction
    max_luminance: Fraction


@dataclass(frozen=True, slots=True)
class ContentLight:
    """CTA-861.3 content light levels in cd/m2."""

    max_cll: int
    max_fall: int


@dataclass(frozen=True, slots=True)
class ColorInfo:
    """Colour description by ITU-T H.273 code points; 2 (and range 0) mean unspecified.

    ``range``: 0 unspecified, 1 limited, 2 full. ``chroma_location``: FFmpeg's
    AVChromaLocation numbers, 0 unspecified, 1 left, 2 centre, 3 top-left.
    """

    primaries: int = 2
    transfer: int = 2
    matrix: int = 2
    range: int = 0
    chroma_location: int = 0
    mastering: MasteringDisplay | None = None
    content_light: ContentLight | None = None


@dataclass(frozen=True, slots=True)
class FrameFormat:
    """Layout of one frame: size in luma samples, family, log2 subsampling, bit depth."""

    width: int
    height: int
    family: Family = "yuv"
    sub_w: int = 1
    sub_h: int = 1
    bits: int = 8
    color: ColorInfo = field(default_factory=ColorInfo)

    @property
    def planes(self) -> int:
        return 1 if self.family == "gray" else 3

    @property
    def peak(self) -> int:
        """Largest code value, 2^bits - 1."""
        return (1 << self.bits) - 1

    @property
    def full_range(self) -> bool:
        """Whether all codes are used; a range that is not told counts as limited, but for RGB."""
        return self.family == "rgb" or self.color.range == 2

    def shape(self, plane: int) -> tuple[int, int]:
        """(rows, columns) of a plane; chroma rounds up, as every codec does."""
        if plane == 0 or self.family != "yuv":
            return self.height, self.width
        return -(-self.height >> self.sub_h), -(-self.width >> self.sub_w)


@dataclass(slots=True)
class Frame:
    """One picture. Planes are 2-D float32 in code / (2^bits - 1), native layout, unclamped.

    Order: Y, Cb, Cr (``yuv``), Y (``gray``), R, G, B (``rgb``). Chroma is centred on
    2^(bits-1) / (2^bits - 1). Nodes never write into the planes they are given.
    ``index`` counts frames of the clip from 0, ``pts`` is in ``time_base`` units.
    """

    planes: tuple[Plane, ...]
    fmt: FrameFormat
    index: int
    pts: int
    time_base: Fraction
    duration: int = 0
    props: dict[str, Any] = field(default_factory=dict)

    @property
    def time(self) -> Fraction:
        """Presentation time in seconds."""
        return self.pts * self.time_base

    def with_planes(self, planes: tuple[Plane, ...], **props: Any) -> Frame:
        """The same picture position with new samples; ``props`` are added to the old ones."""
        return replace(self, planes=planes, props={**self.props, **props})
