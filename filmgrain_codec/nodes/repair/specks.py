"""Specks: the connected pieces of what is suspect."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.repair.detect import Mask, Suspects


@dataclass(frozen=True, slots=True, eq=False)
class Speck:
    """One piece: ``rows`` and ``columns`` of its box in luma samples, which of the box's samples it has
    (``shape``), and whether it is brighter (1) or darker (-1) than what belongs there, 0 if unknown."""

    rows: slice
    columns: slice
    shape: NDArray[np.bool_]
    polarity: int

    @property
    def area(self) -> int:
        return int(np.count_nonzero(self.shape))

    @property
    def middle(self) -> tuple[float, float]:
        """Its mean place: row, column."""
        down, across = np.nonzero(self.shape)
        return self.rows.start + float(down.sum()) / len(down), self.columns.start + float(
            across.sum()
        ) / len(down)

    def axes(self) -> tuple[float, float, float]:
        """Length, width (samples) and direction (radians from the row axis downwards, 0 to pi) of the
        ellipse with the same moments."""
        down, across = np.nonzero(self.shape)
        count, y, x = len(down), int(down.sum()), int(across.sum())
        high, wide = (float(k @ k) / count - (m / count) ** 2 + 1 / 12 for k, m in ((down, y), (across, x)))
        both = float(down @ across) / count - y * x / count**2
        apart = math.hypot(wide - high, 2 * both)
        length, width = (4 * math.sqrt(max(0.0, (high + wide + k * apart) / 2)) for k in (1, -1))
        return length, width, math.atan2(2 * both, wide - high) / 2 % math.pi


def specks(found: Suspects, polarity: int, least: int) -> list[Speck]:
    """The sure samples with the faint ones that hang together with them, in pieces of ``least`` or more."""
    cv = opencv()
    seeds = cv.findNonZero(found.sure)
    if seeds is None:
        return []
    count, labels = cv.connectedComponents(found.faint, connectivity=8)
    chosen = np.zeros(count, bool)
    columns, rows = seeds.reshape(-1, 2).T
    chosen[labels[rows, columns]] = True
    chosen[0] = False
    return [s for s in _cut(found.faint, labels, chosen, polarity) if s.area >= least]


def pieces(mask: Mask, polarity: int = 0) -> list[Speck]:
    """Every connected piece of a mask."""
    count, labels = opencv().connectedComponents(mask, connectivity=8)
    chosen = np.ones(count, bool)
    chosen[0] = False
    return _cut(mask, labels, chosen, polarity)


def _cut(mask: Mask, labels: NDArray[np.int32], chosen: NDArray[np.bool_], polarity: int) -> list[Speck]:
    """The pieces of the chosen labels. OpenCV's own statistics cost ten times as much as finding them."""
    found = opencv().findNonZero(mask)
    if found is None:
        return []
    columns, rows = found.reshape(-1, 2).T
    numbers = labels[rows, columns]
    inside = chosen[numbers]
    rows, columns, numbers = rows[inside], columns[inside], numbers[inside]
    order = np.argsort(numbers, kind="stable")
    rows, columns, numbers = rows[order], columns[order], numbers[order]
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    made = []
    for first, last in pairwise([*starts.tolist(), len(numbers)]):
        down, across = rows[first:last], columns[first:last]
        # Samples come row by row, so the first and the last row are known.
        top, left = int(down[0]), int(across.min())
        shape = np.zeros((int(down[-1]) - top + 1, int(across.max()) - left + 1), bool)
        shape[down - top, across - left] = True
        height, width = shape.shape
        made.append(Speck(slice(top, top + height), slice(left, left + width), shape, polarity))
    return made


def painted(found: Iterable[Speck], shape: tuple[int, int]) -> Mask:
    """All specks in one mask (uint8, 0 or 1)."""
    made = np.zeros(shape, np.uint8)
    for speck in found:
        made[speck.rows, speck.columns] |= speck.shape
    return made
