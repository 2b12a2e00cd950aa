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
from filmgrain_codec.nodes.flicker.correction import LIFT
from filmgrain_codec.nodes.flow import lattice, search
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
    usable: Array
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
    """Where samples halfway between two frames lie in each (``here``, ``there``, x first), and how sure that
    is (``sure``, 0 to 1). Both frames are drawn halfway: drawn onto the other, one would be the softer, and
    contrast would seem to grow from frame to frame.
    """

    here: Array
    there: Array
    sure: Array

    @classmethod
    def between(cls, before: Proxy, frame: Proxy) -> Motion:
        flow = search("fast").calc(frame.level, before.level, None) / np.float32(2)
        still = lattice(*frame.luma.shape)
        here, there = still - flow, still + flow
        cv, (rows, columns) = opencv(), frame.luma.shape
        last = np.array([columns - 1, rows - 1], np.float32)
        inside = ((here >= 0) & (here <= last) & (there >= 0) & (there <= last)).all(-1)
        error = cv.absdiff(_drawn(frame.level, here), _drawn(before.level, there)).astype(np.float32)
        error = cv.GaussianBlur(error, (0, 0), 1.5)
        return cls(here, there, inside * cv.exp(-np.square(error / np.float32(_DIFFERENT))))

    def drawn(self, frame: Array, before: Array) -> tuple[Array, Array]:
        """A plane of both frames, as it would be halfway."""
        return np.asarray(_drawn(frame, self.here)), np.asarray(_drawn(before, self.there))


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


def _usable(luma: Plane, fmt: FrameFormat) -> Array:
    low, high = (0.0, 1.0) if fmt.full_range else (16 / 255, 235 / 255)
    margin = CLIPPED * (high - low)
    return ((luma > low + margin) & (luma < high - margin)).astype(np.float32)


def _levelled(luma: Plane) -> Codes:
    """Luma less its local mean, divided by its local deviation, as codes about 128."""
    cv = opencv()
    detail = luma - cv.GaussianBlur(luma, (0, 0), _LEVEL)
    spread = cv.sqrt(cv.GaussianBlur(detail * detail, (0, 0), _LEVEL) + np.float32(_FLOOR**2))
    coded = np.clip(detail / spread * np.float32(_CONTRAST) + 128, 0, 255)
    return np.asarray(coded.astype(np.uint8))
