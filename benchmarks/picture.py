"""Contact sheets: labelled crops side by side, as PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from filmgrain_codec.core.frame import Frame

RGB = NDArray[np.uint8]
LABEL = 18


def rgb(frame: Frame) -> RGB:
    """A frame as 8-bit RGB (BT.709 limited range unless tagged full), for looking at."""
    fmt = frame.fmt
    planes = [np.asarray(p, np.float64) for p in frame.planes]
    if fmt.family == "rgb":
        return _eight(np.stack(planes, -1))
    luma = planes[0]
    full = fmt.color.range == 2
    y = luma if full else (luma * fmt.peak / (1 << fmt.bits - 8) - 16) / 219
    if fmt.family == "gray":
        return _eight(np.stack([y] * 3, -1))
    swing = 255 if full else 224
    cb, cr = (
        (_up(p, fmt.sub_w, fmt.sub_h, luma.shape) * fmt.peak / (1 << fmt.bits - 8) - 128) / swing
        for p in planes[1:]
    )
    return _eight(np.stack([y + 1.5748 * cr, y - 0.1873 * cb - 0.4681 * cr, y + 1.8556 * cb], -1))


def difference(a: Frame, b: Frame, gain: float = 4.0) -> RGB:
    """``gain`` times the luma difference around mid-grey."""
    d = np.asarray(a.planes[0], np.float64) - b.planes[0]
    return _eight(np.stack([0.5 + gain * d] * 3, -1))


def sheet(rows: Sequence[Sequence[tuple[str, RGB]]], path: Path, scale: int = 2) -> None:
    """Save rows of labelled crops, enlarged without smoothing."""
    strips = [np.concatenate([_tile(label, crop, scale) for label, crop in row], axis=1) for row in rows]
    width = max(s.shape[1] for s in strips)
    strips = [np.pad(s, ((0, 4), (0, width - s.shape[1]), (0, 0))) for s in strips]
    Image.fromarray(np.concatenate(strips)).save(path, optimize=True)


def _tile(label: str, crop: RGB, scale: int) -> RGB:
    big = np.kron(crop, np.ones((scale, scale, 1), np.uint8))
    banner = Image.new("RGB", (big.shape[1], LABEL), "black")
    ImageDraw.Draw(banner).text((4, 3), label, fill="white")
    return np.pad(np.concatenate([np.asarray(banner), big]), ((0, 0), (0, 4), (0, 0)))


def _up(plane: NDArray[np.float64], sub_w: int, sub_h: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    big = plane.repeat(1 << sub_h, 0).repeat(1 << sub_w, 1)
    return big[: shape[0], : shape[1]]


def _eight(x: NDArray[np.float64]) -> RGB:
    return np.clip(np.rint(x * 255), 0, 255).astype(np.uint8)
