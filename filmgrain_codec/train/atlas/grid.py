"""Log gains of a frame over its atlas by cell of a correction's field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.nodes.flicker.correction import COLUMNS, LIFT, ROWS
from filmgrain_codec.nodes.opencv import opencv

Array = NDArray[np.float32]
ODD, ROUNDS = 0.25, 2
"""Log gain off its cell's at which a sample counts nothing, and times that samples are weighed again."""
CELL, PRIOR, LENT = 0.7, 0.02, 0.25
"""Cells smoothed over; samples' share in a cell that stands for no gain; share lent between the depths."""


def field(luma: Array, wanted: Array, trust: Array) -> tuple[Array, Array]:
    """Log gain of a frame over the atlas by cell (DEPTHS, ROWS, COLUMNS), and how many told it."""
    steps = np.log((np.maximum(luma, 0) + LIFT) / (np.maximum(wanted, 0) + LIFT)).astype(np.float32)
    bright = np.clip(2 * luma - 0.5, 0, 1)
    parts = np.stack([trust * (1 - bright), trust * bright]).astype(np.float32)
    kept = parts
    for _ in range(ROUNDS + 1):
        total = np.stack([cells(k * steps) for k in kept])
        count = np.stack([cells(k) for k in kept])
        total, count = (a + LENT * a[::-1] for a in (total, count))
        found = total / (count + PRIOR)
        size = luma.shape[::-1]
        spread = [opencv().resize(f, size, interpolation=opencv().INTER_LINEAR) for f in found]
        missed = np.clip(1 - ((steps - np.stack(spread)) / ODD) ** 2, 0, 1)
        kept = parts * missed * missed
    return found.astype(np.float32), count.astype(np.float32)


def cells(samples: Array) -> Array:
    """Means over the field's cells (ROWS, COLUMNS), smoothed."""
    cv = opencv()
    made: Array = cv.resize(samples.astype(np.float32), (COLUMNS, ROWS), interpolation=cv.INTER_AREA)
    return np.asarray(cv.GaussianBlur(made, (0, 0), CELL), np.float32)
