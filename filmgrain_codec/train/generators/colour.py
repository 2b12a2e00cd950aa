"""Frames as RGB codes at luma's resolution, and RGB grain back on the frame's planes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import FrameFormat, Plane
from filmgrain_codec.train.generators.common import block_mean, subsampling

Array = NDArray[np.float32]
_RED_BLUE = {4: (0.30, 0.11), 5: (0.299, 0.114), 6: (0.299, 0.114), 7: (0.212, 0.087),
             9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}  # fmt: skip
_BT709 = (0.2126, 0.0722)
LIMITED = 1
_LUMA_SPAN, _CHROMA_SPAN = 219 / 256, 224 / 256


def luma_weights(fmt: FrameFormat) -> tuple[float, float, float]:
    """Shares of R, G, B in luma by the frame's matrix (ITU-T H.273); BT.709 where it says none."""
    red, blue = _RED_BLUE.get(fmt.color.matrix, _BT709)
    return red, 1.0 - red - blue, blue


def spans(fmt: FrameFormat) -> tuple[float, float]:
    """Share of the code range that luma and chroma use."""
    if fmt.family != "rgb" and fmt.color.range == LIMITED:
        scale = (1 << fmt.bits) / fmt.peak
        return _LUMA_SPAN * scale, _CHROMA_SPAN * scale
    return 1.0, 1.0


def to_rgb(planes: Sequence[Plane], fmt: FrameFormat) -> tuple[Array, ...]:
    """R', G', B' codes in 0..1 (black to white), shape of luma; chroma samples are repeated."""
    if fmt.family == "rgb":
        return tuple(np.clip(p, 0, 1) for p in planes)
    luma_span, chroma_span = spans(fmt)
    black = 16 * (1 << (fmt.bits - 8)) / fmt.peak if luma_span < 1.0 else 0.0
    luma = (planes[0] - np.float32(black)) * np.float32(1 / luma_span)
    if fmt.family == "gray":
        return (np.clip(luma, 0, 1),) * 3
    middle = np.float32((1 << (fmt.bits - 1)) / fmt.peak)
    cb, cr = (repeated((p - middle) * np.float32(1 / chroma_span), fmt) for p in planes[1:])
    kr, kg, kb = (np.float32(w) for w in luma_weights(fmt))
    red, blue = luma + 2 * (1 - kr) * cr, luma + 2 * (1 - kb) * cb
    green = (luma - kr * red - kb * blue) / kg
    return tuple(np.clip(c, 0, 1) for c in (red, green, blue))


def to_planes(rgb: Sequence[Array], fmt: FrameFormat) -> list[Array]:
    """Differences of R', G', B' codes as differences of the frame's planes, chroma averaged down."""
    if fmt.family == "rgb":
        return list(rgb)
    kr, kg, kb = (np.float32(w) for w in luma_weights(fmt))
    luma_span, chroma_span = (np.float32(s) for s in spans(fmt))
    luma = kr * rgb[0] + kg * rgb[1] + kb * rgb[2]
    if fmt.family == "gray":
        return [luma]
    cb, cr = (rgb[2] - luma) / (2 * (1 - kb)), (rgb[0] - luma) / (2 * (1 - kr))
    return [luma * luma_span, *(block_mean(c * chroma_span, fmt, 1) for c in (cb, cr))]


def repeated(chroma: Plane, fmt: FrameFormat) -> Plane:
    """A chroma plane on luma's grid, each sample repeated over its block."""
    sub_w, sub_h = subsampling(fmt)
    for axis, times in ((0, 1 << sub_h), (1, 1 << sub_w)):
        chroma = np.repeat(chroma, times, axis) if times > 1 else chroma
    return chroma[: fmt.height, : fmt.width]


def to_rgb_grain(grains: Sequence[Array], fmt: FrameFormat) -> list[Array]:
    """Y, Cb, Cr grain as grain of the frame's planes: through the matrix where these are R, G, B."""
    if fmt.family != "rgb":
        return list(grains)
    luma, cb, cr = grains
    kr, kg, kb = (np.float32(w) for w in luma_weights(fmt))
    red, blue = luma + 2 * (1 - kr) * cr, luma + 2 * (1 - kb) * cb
    return [red, (luma - kr * red - kb * blue) / kg, blue]
