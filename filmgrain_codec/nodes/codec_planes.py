"""What nets of codec repair take: any frame as 4:2:0, and what is known of it; and answers put back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.core.quantiser import FAMILIES, HIGHEST
from filmgrain_codec.infer import tiling
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.packed import pack

Array = NDArray[np.float32]
_TO_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_BLUE, _RED = np.float32(1.8556), np.float32(1.5748)


def as_420(frame: Frame) -> list[Plane]:
    """Luma, and two planes of chroma at half its size (rounded up); gray has neutral ones."""
    fmt, rows, columns = frame.fmt, -(-frame.fmt.height // 2), -(-frame.fmt.width // 2)
    if fmt.family == "gray":
        return [frame.planes[0], *[np.full((rows, columns), 0.5, np.float32)] * 2]
    luma, *chroma = frame.planes if fmt.family == "yuv" else _ycbcr(frame.planes)
    return [luma, *(sized(p, (rows, columns)) for p in chroma)]


def luma_of(frame: Frame) -> Plane:
    """The first plane of ``as_420``."""
    return _ycbcr(frame.planes)[0] if frame.fmt.family == "rgb" else frame.planes[0]


def added(frame: Frame, found: Sequence[Plane], share: np.float32) -> tuple[Plane, ...]:
    """The frame's planes and a share of what was found lost, in their own family and subsampling."""
    if frame.fmt.family == "gray":
        return (frame.planes[0] + share * found[0],)
    shapes = [frame.fmt.shape(k) for k in range(3)]
    parts = [sized(p, s) for p, s in zip(found, shapes, strict=True)]
    if frame.fmt.family == "rgb":
        luma, blue, red = parts
        parts = [luma + _RED * red, _green(luma, blue, red), luma + _BLUE * blue]
    return tuple(p + share * r for p, r in zip(frame.planes, parts, strict=True))


def sized(plane: Plane, shape: tuple[int, int]) -> Plane:
    """A plane at another size: boxes averaged where it shrinks, straight lines where it grows."""
    if plane.shape == shape:
        return plane
    cv = opencv()
    shrinks = shape[0] < plane.shape[0] or shape[1] < plane.shape[1]
    how = cv.INTER_AREA if shrinks else cv.INTER_LINEAR
    made: Plane = cv.resize(np.ascontiguousarray(plane), shape[::-1], interpolation=how)
    return made


def packed(planes: Sequence[Plane]) -> Array:
    """(1, 6, rows / 2, columns / 2): the four phases of luma, then chroma; mirrored out to multiples of 4."""
    luma = tiling.fitted(planes[0], 4)
    out = np.empty((1, 6, luma.shape[0] // 2, luma.shape[1] // 2), np.float32)
    pack(np.ascontiguousarray(luma)[None], out[:, :4], 0)
    out[0, 4], out[0, 5] = (tiling.fitted(p, 2) for p in planes[1:])
    return out


def phases(rows: int, columns: int) -> Array:
    """(1, 4, rows, columns) of -1 and 1: where in the grid of 8 x 8 luma samples a packed sample lies."""
    out = np.empty((1, 4, rows, columns), np.float32)
    for k, wave in enumerate(((1, -1, -1, 1), (1, 1, -1, -1))):
        out[0, k] = np.resize(wave, rows)[:, None]
        out[0, 2 + k] = np.resize(wave, columns)
    return out


def told(qp: float, family: str) -> Array:
    """(1, 1 + families): QP / 63, and 1 for the family."""
    row = np.zeros((1, 1 + len(FAMILIES)), np.float32)
    row[0, 0], row[0, 1 + FAMILIES.index(family)] = qp / HIGHEST, 1
    return row


def _ycbcr(planes: Sequence[Plane]) -> tuple[Plane, Plane, Plane]:
    """Full-range BT.709 luma and chroma about 0.5."""
    red, green, blue = planes
    luma = _TO_LUMA[0] * red + _TO_LUMA[1] * green + _TO_LUMA[2] * blue
    half = np.float32(0.5)
    return luma, (blue - luma) / _BLUE + half, (red - luma) / _RED + half


def _green(luma: Plane, blue: Plane, red: Plane) -> Plane:
    made: Plane = luma - (_TO_LUMA[2] * _BLUE * blue + _TO_LUMA[0] * _RED * red) / _TO_LUMA[1]
    return made
