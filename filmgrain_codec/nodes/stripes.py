"""Planes a stripe of rows at a time, so that what is computed on the way stays in the processor's cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.opencv import opencv

Array = NDArray[np.float32]
STRIPE = 32
AHEAD = 64
"""Rows that are stretched at a time, where they are asked for one after the other."""


class Rows(Protocol):
    """A plane, or what gives one's rows when they are asked for."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: slice, /) -> Array: ...


class Grown:
    """A small array stretched bilinearly by whole ratios (down, right): sliced, it gives rows.

    ``bordered`` (rows + 2, columns + 2) or (rows + 2, columns + 2, 2) has one more sample on each side,
    ``shape`` is that of the whole, at most (rows * down, columns * right). Means of blocks stand at their
    blocks' middles.
    """

    def __init__(self, bordered: Array, ratio: tuple[int, int], shape: tuple[int, ...]) -> None:
        self._bordered, self._ratio = bordered, ratio
        self.shape = shape
        self._made: tuple[slice, Array] | None = None

    def __getitem__(self, rows: slice) -> Array:
        top, bottom, _ = rows.indices(self.shape[0])
        if self._made is None or not self._made[0].start <= top <= bottom <= self._made[0].stop:
            follows = self._made is not None and self._made[0].start < top <= self._made[0].stop
            ahead = slice(top, max(bottom, min(top + AHEAD, self.shape[0]) if follows else bottom))
            self._made = ahead, self._stretched(ahead.start, ahead.stop)
        first = self._made[0].start
        return self._made[1][top - first : bottom - first]

    def box(self, rows: slice, columns: slice) -> Array:
        """Some columns of some rows, without the rest of them."""
        (top, bottom, _), (left, right, _) = (
            part.indices(size) for part, size in zip((rows, columns), self.shape, strict=False)
        )
        return self._stretched(top, bottom, left, right)

    def _stretched(self, top: int, bottom: int, left: int = 0, end: int | None = None) -> Array:
        down, right = self._ratio
        end = self.shape[1] if end is None else end
        rows, columns = slice(top // down, -(-bottom // down) + 2), slice(left // right, -(-end // right) + 2)
        part = self._bordered[rows, columns]
        if self._ratio != (1, 1):
            size = part.shape[1] * right, part.shape[0] * down
            part = opencv().resize(part, size, interpolation=opencv().INTER_LINEAR)
        above, before = down + top - rows.start * down, right + left - columns.start * right
        return part[above : above + bottom - top, before : before + end - left]


def bordered(small: Array) -> Array:
    """With the outermost samples repeated once."""
    cv = opencv()
    made: Array = cv.copyMakeBorder(small, 1, 1, 1, 1, cv.BORDER_REPLICATE)
    return made


def stripes(rows: int, height: int = STRIPE) -> Iterator[slice]:
    """The stretches that ``rows`` rows are worked on in."""
    return (slice(top, min(top + height, rows)) for top in range(0, rows, height))


def whole(rows: Rows) -> Plane:
    """All rows, contiguous."""
    made = np.empty(rows.shape[:2], np.float32)
    for part in stripes(rows.shape[0]):
        made[part] = rows[part]
    return made


def mirrored(plane: Rows, rows: slice, columns: int) -> Array:
    """Rows of a plane that is mirrored out at the bottom, and at the right to ``columns``."""
    height, width = plane.shape
    if rows.stop <= height and columns == width:
        return plane[rows]
    top = max(0, min(rows.start, 2 * height - rows.stop))
    part, cv = plane[top : min(rows.stop, height)], opencv()
    below = rows.stop - top - len(part)
    out: Array = cv.copyMakeBorder(part, 0, below, 0, columns - width, cv.BORDER_REFLECT)
    return out[rows.start - top :]
