"""A frame made small, and the motion between two of them whatever their light.

The motion is dense inverse search (Kroeger et al., ECCV 2016) between pictures whose brightness and contrast
are levelled locally, so that flicker cannot bias it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.nodes.align import lattice, search
from filmgrain_codec.nodes.flicker.correction import LIFT
from filmgrain_codec.nodes.opencv import opencv

Array = NDArray[np.float32]
Codes = NDArray[np.uint8]
LARGEST = 140_000
"""Samples of a proxy at most."""
CLIPPED = 0.02
"""Luma that close to black or white, of their distance, says nothing about gains."""
_BLUR, _LEVEL, _FLOOR, _CONTRAST = 0.8, 9.0, 0.02, 42.0
_DIFFERENT = 30.0
"""Levelled codes by which a sample differs from its like, where it counts 1/e."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """All planes at one small size. ``others``: all but luma, of RGB all; ``offsets``: added to them before a
    gain, as ``correction`` does; ``usable``: where luma is not clipped; ``level``: levelled luma, 8 bit.
    """

    luma: Plane
    others: tuple[Plane, ...]
    offsets: tuple[float, ...]
    usable: NDArray[np.bool_]
    level: Codes

    @classmethod
    def of(cls, frame: Frame) -> Proxy:
        size = _size(frame.planes[0].shape)
        luma, *others = (_small(p, size) for p in frame.planes)
        offsets = [-0.5] * len(others)
        if frame.fmt.family == "rgb":
            others, offsets = [luma, *others], [LIFT] * 3
            luma = sum(others[1:], luma) / np.float32(3)
        return cls(luma, tuple(others), tuple(offsets), _usable(luma, frame.fmt), _levelled(luma))


@dataclass(frozen=True, slots=True)
class Motion:
    """Where a frame's samples lie in the one before (``places``, x first), and how sure that is (0 to 1)."""

    places: Array
    sure: Array

    @classmethod
    def between(cls, before: Proxy, frame: Proxy) -> Motion:
        flow = search("fast").calc(frame.level, before.level, None)
        places = flow + lattice(*frame.luma.shape)
        x, y = places[..., 0], places[..., 1]
        rows, columns = frame.luma.shape
        inside = (x >= 0) & (x <= columns - 1) & (y >= 0) & (y <= rows - 1)
        cv = opencv()
        error = cv.absdiff(frame.level, _drawn(before.level, places)).astype(np.float32)
        error = cv.GaussianBlur(error, (0, 0), 1.5)
        return cls(places, inside * cv.exp(-np.square(error / np.float32(_DIFFERENT))))

    def drawn(self, plane: Array) -> Array:
        """A plane of the frame before as the frame would show it."""
        return np.asarray(_drawn(plane, self.places))


def _drawn(plane: NDArray[Any], places: Array) -> NDArray[Any]:
    cv = opencv()
    return np.asarray(cv.remap(plane, places, None, cv.INTER_LINEAR, borderMode=cv.BORDER_REPLICATE))


def _size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Columns and rows of the proxy: halved as often as needed, then to whole fours, at least 32."""
    halvings = 1
    while (shape[0] >> halvings) * (shape[1] >> halvings) > LARGEST:
        halvings += 1
    rows, columns = (max(32, (n >> halvings) // 4 * 4) for n in shape)
    return columns, rows


def _small(plane: Plane, size: tuple[int, int]) -> Plane:
    cv = opencv()
    shrinks = plane.shape[1] >= size[0] and plane.shape[0] >= size[1]
    small = cv.resize(plane, size, interpolation=cv.INTER_AREA if shrinks else cv.INTER_LINEAR)
    return np.asarray(np.clip(cv.GaussianBlur(small, (0, 0), _BLUR), 0, 1))


def _usable(luma: Plane, fmt: FrameFormat) -> NDArray[np.bool_]:
    low, high = (16 / 255, 235 / 255) if fmt.family != "rgb" and fmt.color.range == 1 else (0.0, 1.0)
    margin = CLIPPED * (high - low)
    return (luma > low + margin) & (luma < high - margin)


def _levelled(luma: Plane) -> Codes:
    """Luma less its local mean, divided by its local deviation, as codes about 128."""
    cv = opencv()
    detail = luma - cv.GaussianBlur(luma, (0, 0), _LEVEL)
    spread = cv.sqrt(cv.GaussianBlur(detail * detail, (0, 0), _LEVEL) + np.float32(_FLOOR**2))
    coded = np.clip(detail / spread * np.float32(_CONTRAST) + 128, 0, 255)
    return np.asarray(coded.astype(np.uint8))
