"""Pictures of any size through nets that want multiples, in tiles where memory would grow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from filmgrain_codec.infer.session import Array, Net

TILE = 1024
WHOLE = 3 << 20
"""Up to this many samples a picture goes through in one piece (2048 x 1080 does), if no tile is asked for."""
LEAST = 64
"""No tile is smaller: its margins would cost many times what it does."""
Make = Callable[[slice], Mapping[str, Array]]


def run(net: Net, inputs: Mapping[str, Array], *, halo: int, multiple: int, tile: int | None = None) -> Array:
    """The net's answer for arrays (1, C, H, W) of one size; others, such as (1, 1), go in as they are.

    Sides that are no multiple of ``multiple`` are mirrored out to one, and the answer cut back.
    ``tile`` (a multiple, None: the whole at once) and ``halo``: see ``bands``.
    """
    height, width = _size(inputs)
    padded = {k: fitted(v, multiple) if v.ndim == 4 else v for k, v in inputs.items()}
    size, ahead = _size(padded), (slice(None), slice(None))

    def rows(part: slice) -> dict[str, Array]:
        return {k: v[(*ahead, part)] if v.ndim == 4 else v for k, v in padded.items()}

    made = [answer for _, answer in bands(net, rows, size, halo=halo, tile=tile or max(size))]
    return np.concatenate(made, axis=2)[:, :, :height, :width]


def bands(
    net: Net, given: Make, size: tuple[int, int], *, halo: int, tile: int
) -> Iterator[tuple[slice, Array]]:
    """Rows of a picture of ``size`` (rows, columns) and the net's answer for them, band after band.

    ``given(rows)`` makes the net's inputs for some rows, one band at a time, so that they never need to be
    in memory for the whole picture. A tile has at most ``tile`` samples a side, and ``halo`` more (at least
    the net's reach) from around it, so the answer is that of the whole picture. Both, and the size, must be
    multiples of what the net wants.
    """
    for rows, wide in _spans(size[0], tile, halo):
        yield rows, _band(net, given(wide), _inner(rows, wide), halo, tile)


def side(size: tuple[int, int], multiple: int, asked: int | None = None, *, scale: int = 1) -> int:
    """Samples a tile of a picture of ``size`` has at most: as ``asked``, else as memory needs it.

    All but ``asked`` counts samples of which each stands for ``scale`` x ``scale`` of the picture's.
    """
    if asked is not None:
        return max(multiple, asked // scale // multiple * multiple)
    return max(size) if size[0] * size[1] * scale**2 <= WHOLE else TILE // scale


def fitted(array: Array, multiple: int) -> Array:
    """The last two axes mirrored out to multiples, at the bottom and at the right."""
    missing = [-n % multiple for n in array.shape[-2:]]
    if not any(missing):
        return array
    before = [(0, 0)] * (array.ndim - 2)
    return np.pad(array, [*before, (0, missing[0]), (0, missing[1])], mode="symmetric")


def _band(net: Net, inputs: Mapping[str, Array], rows: slice, halo: int, tile: int) -> Array:
    """The answer for ``rows`` of the inputs, tile after tile from left to right."""
    width = _size(inputs)[1]
    if width <= tile:
        return net.run(inputs)[:, :, rows]
    out: Array | None = None
    for columns, wide in _spans(width, tile, halo):
        cut = {k: v[..., wide] if v.ndim == 4 else v for k, v in inputs.items()}
        made = net.run(cut)[:, :, rows, _inner(columns, wide)]
        if out is None:
            out = np.empty((*made.shape[:3], width), np.float32)
        out[..., columns] = made
    assert out is not None
    return out


def _size(inputs: Mapping[str, Array]) -> tuple[int, int]:
    rows, columns = next(v.shape[2:] for v in inputs.values() if v.ndim == 4)
    return rows, columns


def _spans(length: int, tile: int, halo: int) -> Iterator[tuple[slice, slice]]:
    """Each tile's own stretch, and the stretch it is computed from."""
    for start in range(0, length, tile):
        stop = min(start + tile, length)
        yield slice(start, stop), slice(max(0, start - halo), min(length, stop + halo))


def _inner(own: slice, wide: slice) -> slice:
    return slice(own.start - wide.start, own.stop - wide.start)
