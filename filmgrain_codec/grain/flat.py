"""Blocks in which grain can be measured: motion, flatness and raw statistics of a frame pair.

Grain is independent from frame to frame and the picture is not. So for two aligned blocks A and B
the difference (A - B) holds grain alone, while the sum (A + B) holds picture and grain. For
Gaussian grain the two are statistically independent: choosing blocks by the variance of the *sum*
does not bias the variance of the *difference*. That is what this module measures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float32]
Index = NDArray[np.int64]

BLOCK = 16
"""Side of a measured block in luma samples."""
Follow = Callable[[Array, Array], tuple[Index, Index]]
"""From two luma planes, how many samples (down, right) each whole block of the first moves by."""
COARSE = 4
"""Samples per side averaged for motion search and the first look at flatness."""
_ALIKE = 2.5
_MIX = 0.6180339887
_CLEARLY = 0.75
"""Share of the cost of standing still that a block's motion may cost."""
BINS = 20
"""Luma bins, as in the noise estimator of the AV1 reference encoder."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Positions of n blocks in two pictures: rows and columns of the top-left luma samples."""

    rows: Index
    columns: Index
    rows_b: Index
    columns_b: Index

    def __len__(self) -> int:
        return len(self.rows)

    @staticmethod
    def none() -> Blocks:
        empty = np.zeros(0, np.int64)
        return Blocks(empty, empty, empty, empty)

    def take(self, which: NDArray[np.bool_] | Index) -> Blocks:
        return Blocks(self.rows[which], self.columns[which], self.rows_b[which], self.columns_b[which])

    def first(self, picture: Array, rows: int, columns: int | None = None) -> Array:
        """Blocks (n, rows, columns) of the first picture, subsampled by BLOCK / rows, BLOCK / columns."""
        return _cut(picture, self.rows, self.columns, rows, columns or rows)

    def second(self, picture: Array, rows: int, columns: int | None = None) -> Array:
        """Blocks (n, rows, columns) of the second picture."""
        return _cut(picture, self.rows_b, self.columns_b, rows, columns or rows)


def box(picture: Array, k: int) -> Array:
    """Means of k x k samples; what does not fill a cell at the right and bottom is left out."""
    rows, columns = picture.shape[0] // k, picture.shape[1] // k
    cut = picture[: rows * k, : columns * k]
    summed = np.add.reduceat(cut, np.arange(0, rows * k, k), axis=0)
    return np.asarray(np.add.reduceat(summed, np.arange(0, columns * k, k), axis=1) / (k * k), np.float32)


def _cut(picture: Array, y: Index, x: Index, rows: int, columns: int) -> Array:
    if len(y) == 0:
        return np.zeros((0, rows, columns), np.float32)
    views = sliding_window_view(picture, (rows, columns))
    at_y = np.minimum(y * rows // BLOCK, views.shape[0] - 1)
    at_x = np.minimum(x * columns // BLOCK, views.shape[1] - 1)
    return np.asarray(views[at_y, at_x], np.float32)


def aligned(a: Array, b: Array, move: bool) -> Blocks:
    """The blocks of two coarse pictures, matched by ``motion``; those that leave the second are dropped."""
    cell = BLOCK // COARSE
    rows, columns = a.shape[0] // cell, a.shape[1] // cell
    y, x = (k.ravel() * cell for k in np.mgrid[:rows, :columns])
    yb, xb = y, x
    if move:
        dy, dx = motion(a, b, cell)
        yb, xb = y + dy.ravel(), x + dx.ravel()
    inside = (yb >= 0) & (xb >= 0) & (yb + cell <= b.shape[0]) & (xb + cell <= b.shape[1])
    return Blocks(*(COARSE * k[inside] for k in (y, x, yb, xb)))


def followed(shape: tuple[int, ...], down: Index, right: Index) -> Blocks:
    """The blocks of planes of ``shape``, moved by whole samples; those that leave the second are dropped."""
    y, x = (k.ravel() * BLOCK for k in np.mgrid[: down.shape[0], : down.shape[1]])
    yb, xb = y + down.ravel(), x + right.ravel()
    inside = (yb >= 0) & (xb >= 0) & (yb + BLOCK <= shape[0]) & (xb + BLOCK <= shape[1])
    return Blocks(*(k[inside] for k in (y, x, yb, xb)))


def steadied(a: Array, b: Array, down: Index, right: Index) -> tuple[Index, Index]:
    """The same moves, but none where standing still explains a block and those around it about as well.

    Grain alone makes motion search find some; what it finds is where two grains happen to agree.
    """
    y, x = (BLOCK * k for k in np.mgrid[: down.shape[0], : down.shape[1]])
    rows, columns = (n - BLOCK for n in b.shape)
    moved = np.clip(y + down, 0, rows), np.clip(x + right, 0, columns)
    here, there, still = (_coarse(p, *at) for p, at in ((a, (y, x)), (b, moved), (b, (y, x))))
    costs = [_around(np.square(here - other)) for other in (there, still)]
    needed = costs[0] < _CLEARLY * costs[1]
    return np.where(needed, down, 0), np.where(needed, right, 0)


def _coarse(picture: Array, y: Index, x: Index) -> Array:
    """Blocks at (y, x) of a grid, as means over cells (rows, columns, 4, 4)."""
    cells = BLOCK // COARSE
    blocks = sliding_window_view(picture, (BLOCK, BLOCK))[y, x]
    return np.asarray(blocks.reshape(*y.shape, cells, COARSE, cells, COARSE).mean((3, 5)), np.float32)


def _around(cost: Array) -> Array:
    views = sliding_window_view(np.pad(cost.mean((2, 3)), 1, mode="edge"), (3, 3))
    return np.asarray(views.mean((2, 3)), np.float32)


def means(blocks: Array) -> Array:
    """Mean of every block (n, rows, columns)."""
    return np.asarray(blocks.mean((1, 2)), np.float32)


def planeless(blocks: Array) -> Array:
    """Mean square of every block (n, side, side) about its fitted plane."""
    if len(blocks) == 0:
        return np.zeros(0, np.float32)
    side = blocks.shape[-1]
    ramp = (np.arange(side, dtype=np.float32) - (side - 1) / 2) / np.float32(np.sqrt((side**2 - 1) / 12))
    slope_x = (blocks.mean(1) @ ramp) / side
    slope_y = (blocks.mean(2) @ ramp) / side
    flat = blocks.reshape(len(blocks), -1)
    variance = np.einsum("ij,ij->i", flat, flat) / flat.shape[1] - flat.mean(1) ** 2
    return np.asarray(np.maximum(variance - slope_x**2 - slope_y**2, 0.0), np.float32)


def motion(a: Array, b: Array, cell: int) -> tuple[Index, Index]:
    """Integer displacement of every ``cell`` x ``cell`` block of coarse picture ``a`` into ``b``.

    Two steps: +-4 samples of a 4 times coarser level, then +-2. A block keeps the vector it
    inherits unless another is clearly better: in flat parts the best match would otherwise be the
    one whose noise happens to agree, and the difference would be too small.
    """
    rows, columns = a.shape[0] // cell, a.shape[1] // cell
    dy = np.zeros((rows, columns), np.int64)
    dx = np.zeros((rows, columns), np.int64)
    if cell >= 4 and min(a.shape) >= 32:
        up_y, up_x = _search(box(a, 4), box(b, 4), cell // 4, np.zeros_like(dy), np.zeros_like(dx), 4, 3)
        dy, dx = 4 * up_y[:rows, :columns], 4 * up_x[:rows, :columns]
    return _search(a, b, cell, dy, dx, 2, 1)


def _search(
    a: Array, b: Array, cell: int, dy: Index, dx: Index, reach: int, spread: int
) -> tuple[Index, Index]:
    rows, columns = a.shape[0] // cell, a.shape[1] // cell
    dy, dx = dy[:rows, :columns], dx[:rows, :columns]
    cut = a[: rows * cell, : columns * cell]
    y = np.arange(rows * cell)[:, None] + np.repeat(np.repeat(dy, cell, 0), cell, 1)
    x = np.arange(columns * cell)[None, :] + np.repeat(np.repeat(dx, cell, 0), cell, 1)
    prior = _cost(cut, b, y, x, cell, spread)
    best, best_y, best_x = 0.75 * prior, dy.copy(), dx.copy()
    for sy in range(-reach, reach + 1):
        for sx in range(-reach, reach + 1):
            if not (sy or sx):
                continue
            cost = _cost(cut, b, y + sy, x + sx, cell, spread)
            better = cost < best
            best = np.where(better, cost, best)
            best_y, best_x = np.where(better, dy + sy, best_y), np.where(better, dx + sx, best_x)
    return best_y, best_x


def _cost(a: Array, b: Array, y: Index, x: Index, cell: int, spread: int) -> Array:
    """Mean absolute difference per cell, averaged over (2 spread + 1)^2 cells."""
    at = np.clip(y, 0, b.shape[0] - 1) * b.shape[1] + np.clip(x, 0, b.shape[1] - 1)
    difference = box(np.abs(a - b.ravel()[at]), cell)
    padded = np.pad(difference, spread, mode="edge")
    n = 2 * spread + 1
    views = sliding_window_view(padded, (n, n))
    return np.asarray(np.einsum("yxij->yx", views) / n**2, np.float32)


def luma_bin(luma: Array, bins: int = BINS) -> Index:
    """Bin number of luma values in 0..1."""
    return np.clip((luma * bins).astype(np.int64), 0, bins - 1)


def lowest(score: Array, luma: Array, share: float, least: int) -> NDArray[np.bool_]:
    """Blocks of low ``score`` in every luma bin: a share of them, at least so many.

    Scores within ``_ALIKE`` times the lowest fifth's count as the same, and any of those are taken: the
    lowest of all would be those where the grain happens to be weak.
    """
    chosen = np.zeros(len(score), bool)
    bins = luma_bin(luma)
    for k in np.unique(bins):
        members = np.flatnonzero(bins == k)
        count = max(round(share * len(members)), least)
        own = score[members]
        level = np.maximum(own, _ALIKE * np.quantile(own, 0.2))
        mixed = (np.arange(len(members)) * _MIX) % 1.0
        chosen[members[np.lexsort((mixed, level))[:count]]] = True
    return chosen
