"""Masks painted by hand, and masks shown: PNG files in, overlays out."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.errors import InputError
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.repair.detect import Mask
from filmgrain_codec.nodes.repair.fill import reduced

SHOWS = ("repaired", "overlay", "mask")
KEPT = 16
TINT = (0.55, 0.35, 0.85)
"""Y, Cb, Cr of the overlay, of full scale."""


class Painted:
    """Masks of one picture file for all frames, or of one a frame (``mask.%04d.png``); white is mask.
    Numbers start at 1, as those that ``fgcodec filter`` writes.

    A frame of a sequence without a file has no mask. Raises ``InputError`` for what cannot be read.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.single = "%" not in path
        if self.single and not Path(path).is_file():
            raise InputError(f"There is no mask {path!r}: give a picture, or a sequence like mask.%04d.png.")

    def at(self, n: int, fmt: FrameFormat) -> Mask | None:
        """The mask of frame ``n`` (luma's shape, 0 or 1). Raises ``InputError`` if it has another size."""
        path = self.path if self.single else self._named(n)
        if not self.single and not Path(path).is_file():
            return None
        mask = _read(path)
        if mask.shape != fmt.shape(0):
            (high, wide), (rows, columns) = mask.shape, fmt.shape(0)
            raise InputError(f"The mask {path!r} is {wide}x{high}, the picture {columns}x{rows}.")
        return mask

    def _named(self, n: int) -> str:
        try:
            return self.path % (n + 1)
        except (TypeError, ValueError):
            raise InputError(f"{self.path!r} names no sequence: write mask.%04d.png.") from None


@lru_cache(KEPT)
def _read(path: str) -> Mask:
    cv = opencv()
    found = cv.imread(path, cv.IMREAD_GRAYSCALE)
    if found is None:
        raise InputError(f"The mask {path!r} cannot be read: give an 8-bit PNG, white where it counts.")
    made: Mask = (found > 127).astype(np.uint8)
    return made


def shown(frame: Frame, mask: Mask, show: str) -> tuple[Plane, ...]:
    """The planes of an overlay of the mask on the frame, or of the mask itself (white on black)."""
    return tuple(
        _plane(p, reduced(mask, frame.fmt, k), frame.fmt, k, show) for k, p in enumerate(frame.planes)
    )


def _plane(plane: Plane, mask: Mask, fmt: FrameFormat, number: int, show: str) -> Plane:
    chroma = number > 0 and fmt.family == "yuv"
    if show == "mask":
        low, high = (0.0, 1.0) if fmt.full_range else (16 / 255, 235 / 255)
        middle = ((fmt.peak + 1) >> 1) / fmt.peak
        black, white = (middle, middle) if chroma else (low, high)
        return np.where(mask > 0, np.float32(white), np.float32(black)).astype(np.float32)
    tint = TINT[number] if fmt.family == "yuv" else (1.0, 0.1, 0.1)[number]
    return np.where(mask > 0, np.float32(tint), plane).astype(np.float32)
