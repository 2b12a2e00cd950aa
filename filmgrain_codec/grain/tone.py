"""The tone that drives grain: the base picture as a grain sees it, and tables over it.

A grain of film averages the light over its own size, so strength and skew follow the picture smoothed
by about the grain's size. A strength curve read at every sample instead would print the picture's
finest detail into the grain.

Of grains behind an aperture h, samples have the variance h^2 * V, V what the light at each grain makes: the
variance is what is smoothed, by the Gaussian of the grain's size over the root of two (and by the square that
a sample stands for). The first law smoothed luma instead, by the size itself, which gives too much grain in
small highlights, where V falls steeply.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.grain.fields import scratch
from filmgrain_codec.grain.filters import Taps, fir
from filmgrain_codec.grain.recipe import LUT_LAST

Array = NDArray[np.float32]


def smoothed(plane: Plane, top: int, rows: int, taps: Taps) -> Array:
    """Rows ``top`` to ``top + rows`` of ``plane`` through the symmetric filter ``taps`` both ways.

    Edges are repeated; samples within ``len(taps) - 1`` of a crop's edge differ from the whole's. A view
    of this thread's buffer, or of ``plane`` where there is nothing to do.
    """
    reach = len(taps) - 1
    if not reach:
        return plane[top : top + rows]
    return _filtered(_with_margin(plane, top, rows, reach), rows, plane.shape[1], taps, "tone")


def spread(plane: Plane, top: int, rows: int, taps: Taps, variance: Array) -> Array:
    """Variance of grain in rows of ``plane``, ``variance`` a table over its codes, smoothed by ``taps``.

    Rows, edges and result as in ``smoothed``.
    """
    reach = len(taps) - 1
    seen = _with_margin(plane, top, rows, reach) if reach else plane[top : top + rows]
    found = take(variance, places(seen), "variance")
    return _filtered(found, rows, plane.shape[1], taps, "spread") if reach else found


def root(variance: Array, scale: float = 1.0) -> Array:
    """The root of ``variance * scale``, in this thread's buffer."""
    out = buffer("sigma", variance.shape)
    if scale != 1.0:
        np.multiply(variance, np.float32(scale), out=out)
        variance = out
    np.sqrt(variance, out=out)
    return out


def _filtered(seen: Array, rows: int, columns: int, taps: Taps, name: str) -> Array:
    """What has margins through ``taps`` both ways, in the buffer ``name``."""
    reach = len(taps) - 1
    pitch = seen.shape[1]
    size = rows * pitch
    across, out, tmp = (buffer(n, seen.shape).reshape(-1) for n in ("tone across", name, "tone tmp"))
    kept = seen.size - 2 * reach
    fir(seen.reshape(-1), taps, 1, reach, across[:kept], tmp)
    across[kept:] = 0
    fir(across, taps, pitch, reach * pitch, out[:size], tmp)
    return out[:size].reshape(rows, pitch)[:, :columns]


def _with_margin(plane: Plane, top: int, rows: int, reach: int) -> Array:
    height, width = plane.shape
    out = buffer("tone seen", (rows + 2 * reach, width + 2 * reach))
    inside = slice(max(top - reach, 0), min(top + rows + reach, height))
    first = inside.start - (top - reach)
    last = first + inside.stop - inside.start
    out[first:last, reach : reach + width] = plane[inside]
    out[:first], out[last:] = out[first], out[last - 1]
    out[:, :reach], out[:, reach + width :] = (
        out[:, reach : reach + 1],
        out[:, reach + width - 1 : reach + width],
    )
    return out


def places(tone: Array, scale: float = 1.0) -> NDArray[np.intp]:
    """Where in a table over luma k / LUT_LAST to look for ``tone * scale``; ``take`` clips it."""
    position = buffer("position", tone.shape)
    np.multiply(tone, np.float32(scale * LUT_LAST), out=position)
    np.add(position, np.float32(0.5), out=position)
    found = scratch("places", tone.size, np.intp).reshape(tone.shape)
    np.copyto(found, position, casting="unsafe")
    return found


def take(table: Array, at: NDArray[np.intp], name: str = "sigma") -> Array:
    """The table's entries at ``places``; below 0 and above 1 its ends hold."""
    out = buffer(name, at.shape)
    np.take(table, at, out=out, mode="clip")
    return out


def bend(field: Array, at: NDArray[np.intp], bends: Array, c: float = 0.0) -> None:
    """Give unit Gaussian grain the moments of its tone, in place: a g + b (g^2 - 1) + c (g^3 - 3 g).

    a^2 + 2 b^2 + 6 c^2 = 1. ``bends``: b over luma (``recipe.moment_map``).
    """
    b, a = take(bends, at, "bend"), buffer("keep", field.shape)
    np.multiply(b, b, out=a)
    np.multiply(a, np.float32(-2.0), out=a)
    np.add(a, np.float32(1.0 - 6.0 * c * c), out=a)
    np.sqrt(a, out=a)
    squares = buffer("squares", field.shape)
    if c:
        np.subtract(a, np.float32(3.0 * c), out=a)
        np.multiply(field, np.float32(c), out=squares)
        np.add(squares, b, out=squares)
        np.multiply(field, squares, out=squares)
    else:
        np.multiply(field, b, out=squares)
    np.add(squares, a, out=squares)
    np.multiply(field, squares, out=field)
    np.subtract(field, b, out=field)


def shape(field: Array, at: NDArray[np.intp], bends: Array, keeps: Array, cubes: Array) -> None:
    """As ``bend``, with all its coefficients in tables over luma: b, a - 3 c and c."""
    b = take(bends, at, "bend")
    total = take(cubes, at, "keep")
    np.multiply(total, field, out=total)
    np.add(total, b, out=total)
    np.multiply(total, field, out=total)
    np.add(total, take(keeps, at, "squares"), out=total)
    np.multiply(field, total, out=field)
    np.subtract(field, b, out=field)


def buffer(name: str, shape: tuple[int, int]) -> Array:
    """This thread's buffer ``name``; its content is undefined."""
    flat: Array = scratch(name, shape[0] * shape[1], np.float32)
    return flat.reshape(shape)
