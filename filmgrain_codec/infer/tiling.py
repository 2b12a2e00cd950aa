"""Pictures of any size through nets that want multiples, in tiles where memory would grow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from filmgrain_codec.infer.session import Array, Net

TILE = 1024
WHOLE = 3 << 20
"""Up to this many samples a picture goes through in one piece (2048 x 1080 does)."""


def run(
    net: Net, inputs: Mapping[str, Array], *, halo: int, multiple: int, tile: int = TILE, whole: int = WHOLE
) -> Array:
    """The net's answer for arrays (1, C, H, W) of one size; others, such as (1, 1), go in as they are.

    Sides that are no multiple of ``multiple`` are mirrored out to one, and the answer cut back.
    Tiles start on multiples and overlap by ``halo`` (at least the net's reach, a multiple too), so
    the answer is that of the whole picture, to rounding.
    """
    assert tile % multiple == 0
    assert halo % multiple == 0
    height, width = next(v.shape[2:] for v in inputs.values() if v.ndim == 4)
    padded = {k: fitted(v, multiple) if v.ndim == 4 else v for k, v in inputs.items()}
    if height * width <= whole:
        return net.run(padded)[:, :, :height, :width]
    return _tiled(net, padded, halo, tile)[:, :, :height, :width]


def fitted(array: Array, multiple: int) -> Array:
    """The last two axes mirrored out to multiples, at the bottom and at the right."""
    missing = [-n % multiple for n in array.shape[-2:]]
    if not any(missing):
        return array
    before = [(0, 0)] * (array.ndim - 2)
    return np.pad(array, [*before, (0, missing[0]), (0, missing[1])], mode="symmetric")


def _tiled(net: Net, inputs: Mapping[str, Array], halo: int, tile: int) -> Array:
    height, width = next(v.shape[2:] for v in inputs.values() if v.ndim == 4)
    out: Array | None = None
    for rows, wide_rows in _spans(height, tile, halo):
        for columns, wide_columns in _spans(width, tile, halo):
            cut = {k: v[:, :, wide_rows, wide_columns] if v.ndim == 4 else v for k, v in inputs.items()}
            made = net.run(cut)
            if out is None:
                out = np.empty((1, made.shape[1], height, width), np.float32)
            inner = _inner(rows, wide_rows), _inner(columns, wide_columns)
            out[:, :, rows, columns] = made[:, :, inner[0], inner[1]]
    assert out is not None
    return out


def _spans(length: int, tile: int, halo: int) -> Iterator[tuple[slice, slice]]:
    """Each tile's own stretch, and the stretch it is computed from."""
    for start in range(0, length, tile):
        stop = min(start + tile, length)
        yield slice(start, stop), slice(max(0, start - halo), min(length, stop + halo))


def _inner(own: slice, wide: slice) -> slice:
    return slice(own.start - wide.start, own.stop - wide.start)
