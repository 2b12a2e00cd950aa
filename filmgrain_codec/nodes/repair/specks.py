"""Specks: the connected pieces of what is suspect."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.repair.detect import Mask, Suspects

FRESH, OLD = 2, 3
FILLING = 8 | 1 << 17 | FRESH << 8
"""Flags of OpenCV's floodFill: eight neighbours, FLOODFILL_MASK_ONLY, and what is put there."""


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
    return [s for s in _hanging_together(found.faint, found.sure, polarity) if s.area >= least]


def pieces(mask: Mask, polarity: int = 0) -> list[Speck]:
    """Every connected piece of a mask."""
    return list(_hanging_together(mask, mask, polarity))


def _hanging_together(mask: Mask, seeds: Mask, polarity: int) -> Iterator[Speck]:
    """The pieces of a mask that hold a seed, corners joined.

    To fill those alone takes half as long as to find all and choose: most of what is faint holds no seed.
    """
    cv = opencv()
    starts = seeds & mask
    # The first of a row's samples stands for those that follow it.
    starts[:, 1:] &= 1 - starts[:, :-1]
    places = cv.findNonZero(starts)
    if places is None:
        return
    known = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), np.uint8)
    for x, y in places.reshape(-1, 2).tolist():
        if known[y + 1, x + 1]:
            continue
        left, top, wide, high = cv.floodFill(mask, known, (x, y), 0, flags=FILLING)[3]
        part = known[top + 1 : top + 1 + high, left + 1 : left + 1 + wide]
        shape = part == FRESH
        part[shape] = OLD
        yield Speck(slice(top, top + high), slice(left, left + wide), shape, polarity)


def painted(found: Iterable[Speck], shape: tuple[int, int]) -> Mask:
    """All specks in one mask (uint8, 0 or 1)."""
    made = np.zeros(shape, np.uint8)
    for speck in found:
        made[speck.rows, speck.columns] |= speck.shape
    return made
