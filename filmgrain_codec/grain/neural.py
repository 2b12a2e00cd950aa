"""Unit fields of grain refined by a net: what it is told, what it sees, and how it is run tile by tile.

The parametric model (``grain.parametric``) makes unit fields out of hash noise; a net refines them before
they are skewed, mixed, multiplied by sigma(Y) and added: f' = f + R(f, w, Y, c). f is the unit field, w the
white noise it was filtered from, both packed 2x2 (``PHASES`` channels at half size); Y (mean luma of the 2x2
block) and the slope of the strength curve there say the tone; c, ``conditions``, is the segment.

Exactness: tiles have one fixed shape and lie on one fixed grid of the plane's absolute coordinates, their
margins are drawn from the hash also beyond the picture, and Y acts on its own 2x2 block only. So bands,
threads and order change no bit, and fields of a crop whose corners lie on such blocks (2 chroma samples wide
and high) are those of the whole picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.grain.conditioning import conditions, share, slope_table
from filmgrain_codec.grain.fields import scratch
from filmgrain_codec.grain.filters import GrainFilter
from filmgrain_codec.grain.parametric import Fields, Request, unit_field_of_noise
from filmgrain_codec.grain.profile import GrainSegment

Array = NDArray[np.float32]
PHASES = 4
TONES = 2
"""Maps of tone: luma, and the slope of the strength curve at it."""
REACH = 2
"""Packed samples around a result that a net depends on."""
TILE = (180, 320)
"""Rows and columns of a plane refined at a time: common picture sizes are multiples of it."""
LUMA, CHROMA = "luma", "chroma"
_SLOPES = 255
_LUMA_OF_RGB = (0.2126, 0.7152, 0.0722)


class Refiner(Protocol):
    """Runs one net of a synthesizer, ``LUMA`` or ``CHROMA``; safe to share between threads.

    ``noise`` (1, 2 * PHASES * fields, rows + 2 REACH, columns + 2 REACH): packed fields, then the packed
    white noise they were made of; ``tone`` (1, TONES, rows, columns); ``told`` (1, CONDITIONS). Returns what
    is added to the packed fields, (1, PHASES * fields, rows, columns).
    """

    def __call__(self, part: str, noise: Array, tone: Array, told: Array) -> Array: ...


def refined(net: Refiner, segment: GrainSegment) -> Fields:
    """Makes the unit fields of ``segment`` for ``parametric.synthesize``, refined by ``net``."""

    def fields(request: Request) -> Sequence[Array | None] | None:
        told = replace(segment, level=request.level)
        if not share(told):
            return None
        luma = _Plan(request, net, LUMA, (0,), (0, 0), request.recipe.luma, told)
        made: list[Array | None] = [*_made(luma), None, None]
        if len(request.planes) > 1 and (request.used(1) or request.used(2)):
            made[1:] = _made(_Plan(request, net, CHROMA, (1, 2), request.subs, request.recipe.chroma, told))
        return made

    return fields


@dataclass(frozen=True, slots=True)
class _Plan:
    """Fields ``planes`` that share a grid, refined by net ``part``."""

    request: Request
    net: Refiner
    part: str
    planes: tuple[int, ...]
    subs: tuple[int, int]
    kernel: GrainFilter
    segment: GrainSegment

    @property
    def area(self) -> tuple[int, int, int, int]:
        """Top, left, rows, columns of the fields wanted, in absolute samples of their grid."""
        (sub_w, sub_h), (wide, high) = self.subs, self.request.subs
        rows, columns = self.request.planes[0].shape
        blocks = (-(-rows >> high) << high) >> sub_h, (-(-columns >> wide) << wide) >> sub_w
        return self.request.origin[1] >> sub_h, self.request.origin[0] >> sub_w, *blocks


def _made(plan: _Plan) -> list[Array]:
    """The fields of the area wanted, made tile by tile on the whole tiles that cover it."""
    top, left, rows, columns = plan.area
    down, across = (
        range(a // t * t, a + n, t) for a, n, t in zip((top, left), (rows, columns), TILE, strict=True)
    )
    shape = len(down) * TILE[0], len(across) * TILE[1]
    out = [scratch(f"refined {p}", shape[0] * shape[1], np.float32).reshape(shape) for p in plan.planes]
    tone = _tone(plan, (down[0], across[0]), (shape[0] // 2, shape[1] // 2))
    told, part = conditions(plan.segment), share(plan.segment)

    def run(places: list[tuple[int, int]]) -> None:
        for y, x in places:
            noise = _noise(plan, y, x)
            v, u = y - down[0], x - across[0]
            seen = tone[:, :, v // 2 : (v + TILE[0]) // 2, u // 2 : (u + TILE[1]) // 2]
            answer = plan.net(plan.part, noise, seen, told) if part else None
            for k, target in enumerate(out):
                own = slice(PHASES * k, PHASES * (k + 1))
                added = None if answer is None else answer[0, own]
                _laid(target[v : v + TILE[0], u : u + TILE[1]], noise[0, own], added, part)

    places = [(y, x) for y in down for x in across]
    threads = plan.request.threads
    if threads < 2 or len(places) < 2:
        run(places)
    else:
        list(_pool(threads).map(run, [places[k::threads] for k in range(threads)]))
    v, u = top - down[0], left - across[0]
    return [field[v : v + rows, u : u + columns] for field in out]


@lru_cache(maxsize=8)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="refine")


def _noise(plan: _Plan, y: int, x: int) -> Array:
    """Packed fields and their white noise of the tile at (y, x), with margins."""
    margin = 2 * REACH
    shape = TILE[0] + 2 * margin, TILE[1] + 2 * margin
    count = PHASES * len(plan.planes)
    packed = scratch("packed", 2 * count * (shape[0] // 2) * (shape[1] // 2), np.float32)
    packed = packed.reshape(1, 2 * count, shape[0] // 2, shape[1] // 2)
    for k, plane in enumerate(plan.planes):
        key = plan.request.keys[plane]
        field, white = unit_field_of_noise(key, plan.kernel, x - margin, y - margin, shape)
        for phase, (dy, dx) in enumerate(_phases()):
            packed[0, PHASES * k + phase] = field[dy::2, dx::2]
            packed[0, count + PHASES * k + phase] = white[dy::2, dx::2]
    return packed


def _laid(tile: Array, field: Array, added: Array | None, part: float) -> None:
    """Unpack one field of a tile, plus ``part`` of what is added to it."""
    high, wide = TILE[0] // 2, TILE[1] // 2
    for phase, (dy, dx) in enumerate(_phases()):
        base, out = field[phase, REACH : REACH + high, REACH : REACH + wide], tile[dy::2, dx::2]
        if added is None:
            out[...] = base
        else:
            np.add(base, added[phase] if part == 1 else added[phase] * np.float32(part), out=out)


def _phases() -> Iterator[tuple[int, int]]:
    return ((k >> 1, k & 1) for k in range(PHASES))


def _tone(plan: _Plan, first: tuple[int, int], shape: tuple[int, int]) -> Array:
    """Maps of tone (1, TONES, *shape) from the sample ``first`` on, one value for 2x2 samples of the grid."""
    step = [2 << s for s in plan.subs[::-1]]
    corner = [a * s // 2 - b for a, s, b in zip(first, step, plan.request.origin[::-1], strict=True)]
    luma = _luma(plan.request, corner, step, shape)
    maps = np.empty((1, TONES, *shape), np.float32)
    # an undefined base sample must not undo the grain around it
    np.fmin(np.fmax(luma, 0, out=maps[0, 0]), 1, out=maps[0, 0])
    code = np.rint(maps[0, 0] * np.float32(_SLOPES)).astype(np.intp)
    np.take(slope_table(plan.segment, _SLOPES), code, out=maps[0, 1], mode="clip")
    return maps


def _luma(request: Request, corner: list[int], step: list[int], shape: tuple[int, int]) -> Array:
    """Means of luma over blocks of ``step`` from ``corner`` (luma samples) on, edges repeated."""
    if request.fmt.family != "rgb":
        return _means(request.planes[0], corner, step, shape)
    means = (_means(p, corner, step, shape) for p in request.planes)
    red, green, blue = (np.float32(w) * m for w, m in zip(_LUMA_OF_RGB, means, strict=True))
    return np.asarray(red + green + blue, np.float32)


def _means(plane: Array, corner: list[int], step: list[int], shape: tuple[int, int]) -> Array:
    for axis in (0, 1):
        # blocks that hold a sample of the picture; the others repeat the first or the last of them
        first, last = -corner[axis] // step[axis], (plane.shape[axis] - 1 - corner[axis]) // step[axis]
        begin = corner[axis] + first * step[axis]
        before, after = -begin, corner[axis] + (last + 1) * step[axis] - plane.shape[axis]
        plane = _edged(plane, axis, max(before, 0), after)
        kept = [slice(None)] * 2
        total: Array | None = None
        for k in range(step[axis]):
            kept[axis] = slice(k, None, step[axis])
            total = (
                plane[tuple(kept)].copy() if total is None else np.add(total, plane[tuple(kept)], out=total)
            )
        assert total is not None
        plane = _edged(total * np.float32(1 / step[axis]), axis, first, shape[axis] - 1 - last)
    return plane


def _edged(plane: Array, axis: int, before: int, after: int) -> Array:
    if not before and not after:
        return plane
    return np.pad(plane, [(before, after) if k == axis else (0, 0) for k in (0, 1)], mode="edge")
