"""Grain as AV1 makes it: an autoregressive template, random blocks with overlap, piecewise scaling.

After the film grain synthesis process of the AV1 specification (7.18.3), in floating point: a Gaussian
73 x 82 luma template (38 x 44 for 4:2:0 chroma) is filtered in raster order by 24 coefficients of lag 3
(chroma has one more, for the luma grain at its place); 32 x 32 blocks are cut at random offsets and
blended over two samples; strength is a piecewise linear function of luma, for chroma of luma averaged.
Coefficients are integers over 2^7. What differs from a decoder: NumPy's random numbers, no rounding
of grain to integers, any resolution of the scaling function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from filmgrain_codec.core.frame import FrameFormat, Plane
from filmgrain_codec.grain.filters import grain_filter
from filmgrain_codec.grain.profile import KNOT_POSITIONS, GrainSegment, Spectrum
from filmgrain_codec.grain.recipe import LUT_LAST
from filmgrain_codec.train.generators import looks, measured
from filmgrain_codec.train.generators.colour import to_rgb_grain
from filmgrain_codec.train.generators.common import block_mean, fast_generator, finished, subsampling
from filmgrain_codec.train.generators.profiled import strength

Array = NDArray[np.float32]
Field = NDArray[np.float64]
Points = tuple[tuple[float, float], ...]

LAG = 3
BLOCK = 32
_SHIFT = 7
_BORDER = 3
_START = 9
"""First luma row and column that a block may be cut from."""
_OFFSETS = 16
_OVERLAP = {2: (17 / 32, 27 / 32), 1: (22 / 32,)}
_FADE = {2: (27 / 32, 17 / 32), 1: (23 / 32,)}
_FRAMES = 12
"""Frames to measure on: one template a frame is few samples."""
_STABLE_MOST = 60.0
"""Largest variance over that of the innovation: beyond it the filter is nearly unstable."""


@dataclass(frozen=True, slots=True)
class AutoregressiveGrain:
    """``luma``, ``chroma``: 24 coefficients, rows from 3 above, columns from 3 left, last the left one.

    ``luma_share``: coefficients of Cb and Cr for the luma grain at their place. ``points``: (luma
    code, strength) of the scaling function. ``cb``, ``cr``: standard deviations over luma's.
    """

    luma: tuple[float, ...]
    chroma: tuple[float, ...]
    luma_share: tuple[float, float] = (0.0, 0.0)
    points: Points = ((0.0, 1.0), (1.0, 1.0))
    cb: float = 0.5
    cr: float = 0.5

    def segment(self, level: float) -> GrainSegment:
        """Spectrum and correlations as measured on grey 4:2:0 frames; the rest is known."""
        knots = np.interp(KNOT_POSITIONS * LUT_LAST, np.arange(LUT_LAST + 1), _table(self.points))
        seen = measured.look(self, looks.as_curve(knots), _FRAMES)
        return replace(seen, level=level, chroma=replace(seen.chroma, cb=self.cb, cr=self.cr), skew=0.0)

    def grain(
        self,
        planes: Sequence[Plane],
        fmt: FrameFormat,
        level: float,
        seed: int = 0,
        index: int = 0,
        quantise: bool = True,
    ) -> tuple[Plane, ...]:
        """``planes`` with grain of ``level`` (sigma of luma at luma 0.5) added; one template a frame."""
        rng = fast_generator(seed, index)
        subs = subsampling(fmt)
        units = self._templates(rng, subs)
        offsets = rng.integers(0, _OFFSETS, (2, -(-fmt.height // BLOCK), -(-fmt.width // BLOCK)))
        table = _table(self.points) * np.float32(level)
        gains = (1.0, self.cb, self.cr)[: fmt.planes]
        grains = []
        for k, gain in enumerate(gains):
            field = blocks(units[k], offsets, fmt.shape(k), subs if k else (0, 0))
            luma = block_mean(planes[0], fmt, k) if fmt.family != "rgb" else planes[0]
            grains.append(strength(luma, table) * field * np.float32(gain))
        return finished(planes, to_rgb_grain(grains, fmt), fmt, quantise)

    def _templates(self, rng: Generator, subs: tuple[int, int]) -> list[Array]:
        """Unit-variance templates of luma, Cb and Cr."""
        luma, *spreads = _spreads(self, subs)
        first = template(rng, self.luma, _luma_shape())
        at_chroma = _averaged(first, subs)
        out = [first / luma]
        for share, spread in zip(self.luma_share, spreads, strict=True):
            out.append(template(rng, self.chroma, at_chroma.shape, share * at_chroma) / spread)
        return [t.astype(np.float32) for t in out]


def _luma_shape() -> tuple[int, int]:
    return 73, 82


def _averaged(luma: Field, subs: tuple[int, int]) -> Field:
    """The luma template on the chroma template's grid: a border of 3 samples, then block means."""
    sub_w, sub_h = subs
    rows, columns = (luma.shape[0] - _BORDER) >> sub_h, (luma.shape[1] - 2 * _BORDER) >> sub_w
    inner = luma[_BORDER : _BORDER + (rows << sub_h), _BORDER : _BORDER + (columns << sub_w)]
    means = inner.reshape(rows, 1 << sub_h, columns, 1 << sub_w).mean((1, 3))
    return np.pad(means, ((_BORDER, 0), (_BORDER, _BORDER)))


def template(
    rng: Generator, coefficients: tuple[float, ...], shape: tuple[int, int], added: Field | None = None
) -> Field:
    """Unit Gaussian noise filtered in raster order; the border of 3 samples stays as drawn."""
    noise = rng.standard_normal(shape)
    if added is not None:
        noise[_BORDER:, _BORDER:-_BORDER] += added[_BORDER:, _BORDER:-_BORDER]
    inside = shape[1] - 2 * _BORDER
    above = np.array(coefficients[: LAG * (2 * LAG + 1)]).reshape(LAG, 2 * LAG + 1)
    left = np.array(coefficients[LAG * (2 * LAG + 1) :])
    solved = _row_filter(tuple(left), inside)
    for y in range(_BORDER, shape[0]):
        row = noise[y, _BORDER:-_BORDER].copy()
        for j in range(2 * LAG + 1):
            row += above[:, j] @ noise[y - LAG : y, j : j + inside]
        lead = noise[y, :_BORDER]
        for j in range(LAG):
            # the first samples also look back into the border on their left
            row[j] += sum(left[k] * lead[j + k] for k in range(LAG - j))
        noise[y, _BORDER:-_BORDER] = solved @ row
    return noise


@lru_cache(maxsize=256)
def _row_filter(left: tuple[float, ...], width: int) -> Field:
    """The recursion along a row as a matrix: inverse of 1 minus the taps on the left."""
    matrix = np.eye(width)
    for k, value in enumerate(left):
        matrix -= value * np.eye(width, k=k - LAG)
    return np.asarray(np.linalg.inv(matrix), np.float64)


@lru_cache(maxsize=1024)
def _spreads(recipe: AutoregressiveGrain, subs: tuple[int, int]) -> tuple[float, float, float]:
    """Standard deviations of the three templates before scaling, over many of them."""
    rng = fast_generator(0xA71, 1)
    energy = np.zeros(3)
    count = 24
    for _ in range(count):
        first = template(rng, recipe.luma, _luma_shape())
        at_chroma = _averaged(first, subs)
        others = [template(rng, recipe.chroma, at_chroma.shape, s * at_chroma) for s in recipe.luma_share]
        energy += [_energy(first, (0, 0)), *(_energy(t, subs) for t in others)]
    a, b, c = np.sqrt(energy / count)
    return float(a), float(b), float(c)


def _energy(unit: Field, subs: tuple[int, int]) -> float:
    """Mean square over the 64 x 64 luma samples that blocks are cut from."""
    (top, left), (rows, columns) = _starts(subs), (2 * BLOCK >> s for s in subs[::-1])
    return float((unit[top : top + rows, left : left + columns] ** 2).mean())


def _starts(subs: tuple[int, int]) -> tuple[int, int]:
    """First row and column of a template that blocks are cut from."""
    sub_w, sub_h = subs
    return (_START - _BORDER >> sub_h) + _BORDER, (_START - _BORDER >> sub_w) + _BORDER


def blocks(unit: Array, offsets: NDArray[np.int64], shape: tuple[int, int], subs: tuple[int, int]) -> Array:
    """A plane of blocks cut from a template at ``offsets`` (2, rows, columns), blended at their edges."""
    sizes = [BLOCK >> s for s in subs[::-1]]
    reach = [2 >> s for s in subs[::-1]]
    top, left = (
        first + offset * (2 >> s) for first, offset, s in zip(_starts(subs), offsets, subs[::-1], strict=True)
    )
    down, across = (np.arange(n + r) for n, r in zip(sizes, reach, strict=True))
    cut = unit[(top[..., None] + down)[..., :, None], (left[..., None] + across)[..., None, :]]
    tall = _joined(cut.transpose(0, 2, 1, 3), sizes[0], reach[0])
    merged = _joined(tall.transpose(1, 2, 0), sizes[1], reach[1]).T
    return merged[: shape[0], : shape[1]]


def _joined(cut: Array, size: int, reach: int) -> Array:
    """Blocks (count, size + reach, ...) laid side by side along their first axis, ends blended."""
    own, old = np.array(_OVERLAP[reach], np.float32), np.array(_FADE[reach], np.float32)
    wide = (slice(None), *[None] * (cut.ndim - 2))
    body = cut[:, :size].copy()
    body[1:, :reach] *= own[wide]
    body[1:, :reach] += old[wide] * cut[:-1, size:]
    return body.reshape(-1, *cut.shape[2:])


@lru_cache(maxsize=512)
def _table(points: Points) -> Array:
    codes = np.arange(LUT_LAST + 1) / LUT_LAST
    x, y = zip(*points, strict=True)
    values = np.interp(codes, x, y)
    return np.asarray(values / np.interp(0.5, codes, values), np.float32)


def coefficients(spectrum: Spectrum) -> tuple[float, ...]:
    """The 24 coefficients whose process comes nearest to a spectrum (Yule-Walker), rounded to 2^-7.

    The autocorrelation gets a white floor until the process is well damped.
    """
    kernel = grain_filter(spectrum)
    places = [(y, x) for y in range(-LAG, 0) for x in range(-LAG, LAG + 1)] + [(0, x) for x in range(-LAG, 0)]
    lags = np.array([[kernel.autocorrelation(bx - ax, by - ay) for by, bx in places] for ay, ax in places])
    target = np.array([kernel.autocorrelation(x, y) for y, x in places])
    floor = 0.01
    while True:
        solved = np.linalg.solve(lags + floor * np.eye(len(places)), target)
        rounded = np.rint(solved * 2**_SHIFT) / 2**_SHIFT
        left = 1.0 + floor - float(solved @ target)
        if left * _STABLE_MOST > 1.0 and np.abs(rounded).max() < 1.0:
            return tuple(float(v) for v in rounded)
        floor *= 2.0


def draw(rng: Generator) -> AutoregressiveGrain:
    """Low-pass and (one in three) band-pass coefficients, chroma led by luma, random scaling points.

    Correlations at one to three samples lie around those of the AV1 reference encoder's test vectors:
    0.5 to 0.75, 0.1 to 0.35, about 0 for low-pass; about 0.2, -0.14, -0.05 for band-pass.
    """
    shape = rng.uniform(0.9, 1.1)
    if rng.random() < 1 / 3:
        luma = Spectrum(rng.uniform(0.6, 0.75), shape, rng.uniform(-0.4, -0.3), rng.uniform(1.8, 2.6))
    else:
        luma = Spectrum(rng.uniform(0.6, 1.0), shape, rng.uniform(-0.2, 0.0), rng.uniform(1.6, 2.4))
    chroma = Spectrum(rng.uniform(0.4, 0.8))
    share = (0.0, 0.0) if rng.random() < 0.4 else tuple(rng.uniform(-0.5, 0.7, 2))
    return AutoregressiveGrain(
        coefficients(luma),
        coefficients(chroma),
        (float(share[0]), float(share[1])),
        draw_points(rng),
        rng.uniform(0.2, 1.1),
        rng.uniform(0.2, 1.1),
    )


def draw_points(rng: Generator) -> Points:
    """Two to eight points of a strength function; half of them sample one of the curves of ``looks``."""
    inner = np.sort(rng.uniform(0.03, 0.97, rng.integers(0, 7)))
    x = np.array([0.0, *inner, 1.0])
    if rng.random() < 0.5:
        y = np.interp(x, np.linspace(0, 1, 8), looks.draw_curve(rng))
    else:
        y = np.exp(rng.normal(0.0, 0.4, len(x)))
    y = np.minimum(y, looks.MAX_STRENGTH * np.interp(0.5, x, y))
    return tuple((float(a), float(b)) for a, b in zip(x, np.maximum(y, 0.02), strict=True))
