"""Shots of invented pictures that stand, pan, zoom or shake, for the tests of cut detection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, FrameFormat

HEIGHT, WIDTH = 180, 320
FORMAT = FrameFormat(WIDTH, HEIGHT, "gray", 0, 0, 10)
MOTIONS = ("static", "pan", "zoom", "shake")
Picture = NDArray[np.float32]


@cache
def picture(seed: int) -> Picture:
    """400 x 640: soft waves under 15 boxes and ellipses."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:400, :640].astype(np.float32)
    out = np.full(y.shape, rng.uniform(0.2, 0.7))
    for _ in range(4):
        out += rng.normal(0, 0.05) * np.sin(x * rng.normal(0, 0.03) + y * rng.normal(0, 0.03))
    for _ in range(15):
        down, across = (
            (y - rng.uniform(0, 400)) / rng.uniform(8, 80),
            (x - rng.uniform(0, 640)) / rng.uniform(8, 80),
        )
        inside = np.hypot(down, across) < 1 if rng.random() < 0.5 else np.maximum(abs(down), abs(across)) < 1
        out[inside] = 0.8 * rng.uniform(0.02, 0.98) + 0.2 * out[inside]
    return np.asarray(out.clip(0, 1), np.float32)


def shot(seed: int, length: int, motion: str = "static") -> list[Picture]:
    """``length`` pictures of 180 x 320 out of one larger picture."""
    whole = picture(seed)
    return [whole[_rows(i, motion)][:, _columns(i, motion)] for i in range(length)]


def frames(pictures: Sequence[Picture], level: float = 0.0, flicker: float = 0.0) -> Iterator[Frame]:
    """As frames, with soft grain of the given level and brightness that flickers."""
    rng = np.random.default_rng(len(pictures))
    for n, clean in enumerate(pictures):
        noise = rng.standard_normal((clean.shape[0] + 1, clean.shape[1] + 1), np.float32)
        soft = (noise[1:, 1:] + noise[:-1, 1:] + noise[1:, :-1] + noise[:-1, :-1]) / 2
        plane = clean * np.float32(1 + flicker * rng.standard_normal()) + np.float32(level) * soft
        yield Frame((plane,), FORMAT, n, n, Fraction(1, 24))


def _rows(i: int, motion: str) -> NDArray[np.intp]:
    rows = np.arange(HEIGHT)
    if motion == "zoom":
        return (200 + (rows - HEIGHT / 2) / (1 + 0.015 * i)).astype(np.intp)
    return rows + (100 + 8 * (i * i % 3 - 1) if motion == "shake" else 60)


def _columns(i: int, motion: str) -> NDArray[np.intp]:
    columns = np.arange(WIDTH)
    if motion == "zoom":
        return (320 + (columns - WIDTH / 2) / (1 + 0.015 * i)).astype(np.intp)
    if motion == "pan":
        return columns + min(20 + 7 * i, 319)
    return columns + (150 + 6 * (i % 3 - 1) if motion == "shake" else 150)
