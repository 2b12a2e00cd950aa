"""Specks: the connected pieces of what is suspect."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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
        return self.rows.start + float(down.mean()), self.columns.start + float(across.mean())

    def axes(self) -> tuple[float, float, float]:
        """Length, width (samples) and direction (radians from the row axis downwards, 0 to pi) of the
        ellipse with the same moments."""
        down, across = (k.astype(float) for k in np.nonzero(self.shape))
        spread = np.cov(np.stack([down, across]), bias=True) if len(down) > 1 else np.zeros((2, 2))
        values, vectors = np.linalg.eigh(spread + np.eye(2) / 12)
        direction = float(np.arctan2(vectors[1, 1], vectors[0, 1]) % np.pi)
        return 4 * float(np.sqrt(values[1])), 4 * float(np.sqrt(values[0])), direction


def specks(found: Suspects, polarity: int, least: int) -> list[Speck]:
    """The sure samples with the faint ones that hang together with them, in pieces of ``least`` or more."""
    cv = opencv()
    if not cv.countNonZero(found.sure):
        return []
    _, labels, stats, _ = cv.connectedComponentsWithStats(found.faint, connectivity=8)
    columns, rows = cv.findNonZero(found.sure).reshape(-1, 2).T
    chosen = np.unique(labels[rows, columns])
    return [_cut(labels, stats[k], k, polarity) for k in chosen if k and stats[k, cv.CC_STAT_AREA] >= least]


def pieces(mask: Mask, polarity: int = 0) -> list[Speck]:
    """Every connected piece of a mask."""
    cv = opencv()
    count, labels, stats, _ = cv.connectedComponentsWithStats(mask, connectivity=8)
    return [_cut(labels, stats[k], k, polarity) for k in range(1, count)]


def _cut(labels: NDArray[np.int32], stats: NDArray[np.int32], number: int, polarity: int) -> Speck:
    left, top, width, height = (int(v) for v in stats[:4])
    rows, columns = slice(top, top + height), slice(left, left + width)
    return Speck(rows, columns, labels[rows, columns] == number, polarity)


def painted(found: Iterable[Speck], shape: tuple[int, int]) -> Mask:
    """All specks in one mask (uint8, 0 or 1)."""
    made = np.zeros(shape, np.uint8)
    for speck in found:
        made[speck.rows, speck.columns] |= speck.shape
    return made
