"""What one frame, or one pair of consecutive frames, says about its grain: block statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import FrameFormat, Plane
from filmgrain_codec.grain import flat
from filmgrain_codec.grain.flat import BLOCK, COARSE, Array, Blocks, Follow
from filmgrain_codec.grain.profile import bent_basis
from filmgrain_codec.grain.spectrum_fit import dct_matrix

Moments = tuple[Array, Array, Array]
_PER_FRAME = 2400
"""Blocks measured per frame or pair at most; 600,000 luma samples."""
_LEAST_PER_BIN = 24
_TONES = 1025
GRIDS = ((0, 0), (6, 10), (10, 14), (14, 6))
"""Where blocks begin, pair after pair of frames: on its own grid coded video has a spectrum of its own."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Statistics of n blocks of ``flat.BLOCK`` luma samples, in squares of full scale.

    luma       (n,)        mean luma code, 0..1, of both frames
    tones      (n, 8)      mean of ``profile.bent_basis`` over the picture's 2 x 2 means: what the squares
               of a strength curve's knots count for in the block's variance
    grain      (n, 16, 16) squared DCT of what is grain: (A - B) / sqrt 2, or A where there is no B
    picture    (n, 16, 16) squared DCT of what is grain plus twice the picture: (A + B) / sqrt 2;
               with a reference, of the reference alone; without any second frame, as ``grain``
    low, high  (n,)        share of luma samples at code 0 and at the largest code
    third      (n,)        third moment of grain, one factor without its plane (``chroma_fit.kept``)
    sway       (n,)        what is added to it per slope of the grain's variance over luma, by texture
    fourth     (n,)        mean fourth power of (A - B) / sqrt 2
    chroma     (n, 2, r, c) squared DCT of the chroma grain
    cross      (n, 5)      sums over the AC of the products y-cb, y-cr, cb-cr, y-y of grain, luma
               averaged onto the chroma grid; and the number of chroma coefficients
    """

    luma: Array
    tones: Array
    grain: Array
    picture: Array
    low: Array
    high: Array
    third: Array
    sway: Array
    fourth: Array
    chroma: Array
    cross: Array

    def __len__(self) -> int:
        return len(self.luma)

    def take(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Samples:
        return Samples(*(getattr(self, f.name)[which] for f in fields(self)))

    @staticmethod
    def join(parts: Sequence[Samples]) -> Samples:
        return Samples(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Samples)))


def of_pair(
    a: Sequence[Plane],
    b: Sequence[Plane],
    fmt: FrameFormat,
    follow: Follow | None = None,
    grid: tuple[int, int] = GRIDS[0],
) -> Samples:
    """Statistics of two frames of independent grain; ``follow`` matches blocks better than to 4 samples.

    ``grid``: row and column of luma that the first block begins at, or the chroma sample's before it.
    """
    a, b = (_from(planes, grid, fmt) for planes in (a, b))
    at = candidates(a[0], b[0], follow=follow)
    block_a, block_b = at.first(a[0], BLOCK), at.second(b[0], BLOCK)
    root = np.float32(np.sqrt(0.5))
    difference = (block_a - block_b) * root
    chroma = [
        (at.first(p, *c) - at.second(q, *c)) * root
        for p, q, c in zip(a[1:], b[1:], _chroma_cells(fmt), strict=False)
    ]
    alive = _alive(block_a) & _alive(block_b) & _alive(difference)
    both = (block_a + block_b) * root
    moments = _of_two(difference, both)
    return _samples(block_a, difference, both, both * root, difference * root, moments, chroma, fmt).take(
        alive
    )


def _from(planes: Sequence[Plane], grid: tuple[int, int], fmt: FrameFormat) -> list[Plane]:
    """The planes without what lies above and left of ``grid``, where they are large enough."""
    if not any(grid) or min(planes[0].shape) < 4 * BLOCK:
        return list(planes)
    subs = [(0, 0), *[(fmt.sub_h, fmt.sub_w) if fmt.family == "yuv" else (0, 0)] * 2]
    y, x = (at >> sub << sub for at, sub in zip(grid, subs[-1], strict=True))
    return [p[y >> sub_h :, x >> sub_w :] for p, (sub_h, sub_w) in zip(planes, subs, strict=False)]


def of_reference(a: Sequence[Plane], ref: Sequence[Plane], fmt: FrameFormat) -> Samples:
    """Statistics of a frame and its own denoised version."""
    still = candidates(ref[0], ref[0], move=False)
    block_a, block_r = still.first(a[0], BLOCK), still.first(ref[0], BLOCK)
    chroma = [
        still.first(p, *c) - still.first(q, *c)
        for p, q, c in zip(a[1:], ref[1:], _chroma_cells(fmt), strict=False)
    ]
    alive, grain = _alive(block_a), block_a - block_r
    moments = _of_one(grain, grain)
    return _samples(block_a, grain, block_r * 2, block_r, block_r * 0, moments, chroma, fmt).take(alive)


def of_frame(a: Sequence[Plane], fmt: FrameFormat) -> Samples:
    """Statistics of a single frame."""
    still = candidates(a[0], a[0], move=False)
    block = still.first(a[0], BLOCK)
    chroma = [still.first(p, *c) for p, c in zip(a[1:], _chroma_cells(fmt), strict=False)]
    moments = _of_one(_detrended(block), block)
    return _samples(block, block, block, block, block * 0, moments, chroma, fmt).take(_alive(block))


def candidates(a: Plane, b: Plane, move: bool = True, follow: Follow | None = None) -> Blocks:
    """The blocks worth measuring: in every luma bin those of flattest coarse mean picture."""
    if min(a.shape) < BLOCK:
        return Blocks.none()
    coarse_a = flat.box(a, COARSE)
    coarse_b = flat.box(b, COARSE) if move else coarse_a
    if follow and move:
        at = flat.followed(a.shape, *flat.steadied(a, b, *follow(a, b)))
    else:
        at = flat.aligned(coarse_a, coarse_b, move)
    cell = BLOCK // COARSE
    mean: Array = (at.first(coarse_a, cell) + at.second(coarse_b, cell)) / np.float32(2)
    share = min(0.6, _PER_FRAME / max(len(at), 1))
    return at.take(flat.lowest(flat.planeless(mean), flat.means(mean), share, _LEAST_PER_BIN))


def _chroma_cells(fmt: FrameFormat) -> list[tuple[int, int]]:
    """(rows, columns) of the chroma block over one luma block, for each chroma plane."""
    if fmt.planes == 1:
        return []
    sub_h, sub_w = (fmt.sub_h, fmt.sub_w) if fmt.family == "yuv" else (0, 0)
    return [(BLOCK >> sub_h, BLOCK >> sub_w)] * 2


def _alive(blocks: Array) -> NDArray[np.bool_]:
    """Blocks that are not constant: bars, logos, frozen or wholly clipped parts carry no grain."""
    return np.asarray(blocks.std((1, 2)) > 1e-5, np.bool_)


def _samples(
    a: Array,
    grain: Array,
    picture: Array,
    seen: Array,
    doubt: Array,
    moments: Moments,
    chroma: Sequence[Array],
    fmt: FrameFormat,
) -> Samples:
    """``seen``: the picture as well as it is known; ``doubt``: grain as strong as it holds.

    ``moments``: ``third``, ``sway`` and ``fourth``.
    """
    edge = np.float32(0.5 / fmt.peak)
    luma, transformed = seen.mean((1, 2)), dct(grain)
    chroma_power, cross = _chroma(grain, chroma)
    return Samples(
        np.asarray(luma, np.float32),
        _tones(seen, doubt),
        transformed**2,
        dct(picture) ** 2,
        np.asarray((a <= edge).mean((1, 2)), np.float32),
        np.asarray((a >= 1 - edge).mean((1, 2)), np.float32),
        *moments,
        chroma_power,
        cross,
    )


def _tones(seen: Array, doubt: Array) -> Array:
    """``tones`` of blocks of which ``seen`` holds as much grain as ``doubt`` (n, 16, 16).

    Grain on top of the picture bends a mean over it as the picture's own detail does. Of three means, of what
    is seen and of that much more and less, the second order of grain cancels.
    """
    means, spread = _means(seen), _means(doubt).std(1)[:, None]
    first = _basis_at(means).mean(1)
    if not spread.any():
        return first
    moved = (_basis_at(means + spread).mean(1) + _basis_at(means - spread).mean(1)) / 2
    return np.asarray(2 * first - moved, np.float32)


def _means(blocks: Array) -> Array:
    """Means of 2 x 2 samples, (n, 64)."""
    side = BLOCK // 2
    return blocks.reshape(len(blocks), side, 2, side, 2).mean((2, 4)).reshape(len(blocks), side**2)


def _basis_at(luma: Array) -> Array:
    return np.take(_basis(), np.rint(luma.clip(0, 1) * (_TONES - 1)).astype(np.intp), 0)


@lru_cache(maxsize=1)
def _basis() -> Array:
    return bent_basis(np.linspace(0.0, 1.0, _TONES)).astype(np.float32)


def dct(blocks: Array) -> Array:
    """Orthonormal two-dimensional DCT-II of blocks (n, rows, columns)."""
    down = dct_matrix(blocks.shape[1]).astype(np.float32)
    across = dct_matrix(blocks.shape[2]).astype(np.float32)
    return np.asarray(down @ blocks @ across.T, np.float32)


def _of_two(grain: Array, both: Array) -> Moments:
    """``third``, ``sway`` and ``fourth`` from the (A - B) / sqrt 2 and (A + B) / sqrt 2 of independent grain.

    E[(a - b)^2 (a + b)] = E[a^3] + E[b^3]. Texture meets squared grain alone, and only as far as that
    depends on it.
    """
    rest, own, squares = _detrended(both), _detrended(grain), grain * grain
    third = (squares * rest).mean((1, 2)) * np.float32(np.sqrt(2.0))
    sway, fourth = (rest * rest - own * own).mean((1, 2)), (squares * squares).mean((1, 2))
    return np.asarray(third, np.float32), np.asarray(sway, np.float32), np.asarray(fourth, np.float32)


def _of_one(grain: Array, rest: Array) -> Moments:
    """The same of grain that is known by itself; parts of a block stand for two grains."""
    third = np.asarray((grain * grain * _detrended(rest)).mean((1, 2)), np.float32)
    apart = (grain - np.roll(grain, BLOCK // 2, 1)) * np.float32(np.sqrt(0.5))
    return third, np.zeros_like(third), np.asarray((apart**4).mean((1, 2)), np.float32)


def _detrended(blocks: Array) -> Array:
    side = blocks.shape[-1]
    ramp = (np.arange(side, dtype=np.float32) - (side - 1) / 2) / np.float32(np.sqrt((side**2 - 1) / 12))
    slope_x, slope_y = (blocks.mean(1) @ ramp) / side, (blocks.mean(2) @ ramp) / side
    plane = slope_x[:, None, None] * ramp[None, None, :] + slope_y[:, None, None] * ramp[None, :, None]
    return np.asarray(blocks - blocks.mean((1, 2), keepdims=True) - plane, np.float32)


def _chroma(luma: Array, chroma: Sequence[Array]) -> tuple[Array, Array]:
    n = len(luma)
    if not chroma:
        return np.zeros((n, 2, 0, 0), np.float32), np.zeros((n, 5), np.float32)
    rows, columns = chroma[0].shape[1:]
    boxed = luma.reshape(n, rows, BLOCK // rows, columns, BLOCK // columns).mean((2, 4))
    y, cb, cr = (dct(k).reshape(n, rows * columns)[:, 1:] for k in (boxed, *chroma))
    products = [np.einsum("ij,ij->i", p, q) for p, q in ((y, cb), (y, cr), (cb, cr), (y, y))]
    power = np.stack([dct(k) ** 2 for k in chroma], 1)
    count = np.full(n, rows * columns - 1)
    return np.asarray(power, np.float32), np.asarray(np.stack([*products, count], 1), np.float32)
