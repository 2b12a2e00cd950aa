"""Boolean grain (Newson et al. 2017) by direct simulation: Poisson disks, coverage, Gaussian filter.

Written from the published formulas. Every luma sample is cut into ``FINE`` x ``FINE`` cells. A cell
holds a grain centre with the inhomogeneous Poisson intensity that gives coverage u = luma, where
u is the luma at the centre; disks are stamped, and the covered area is averaged with a Gaussian of
``size`` luma samples and read at the sample positions. What is added is coverage minus its
expectation, so the picture itself is not blurred.

Small grains have a small amplitude: sigma at u = 0.5 is about 0.226 r / size. Radii below
``RADIUS_MIN`` cannot be drawn on the grid, so a weaker grain is drawn at that radius with its
contrast lowered, as a grading step would; its skew is then larger than true small grain has. The
gain to the wanted level is exact: it comes from the covariance of the discrete disk and filter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import FrameFormat, Plane
from filmgrain_codec.grain.filters import gaussian_taps
from filmgrain_codec.grain.profile import KNOT_POSITIONS, WRITTEN_LAW, Chroma, Curve, GrainSegment, Spectrum
from filmgrain_codec.train.generators.common import Field, add, generator, luma_on

FINE = 8
"""Cells per luma sample in each direction."""
RADIUS_MIN, RADIUS_MAX = 0.19, 0.9
_U_MAX = 0.995
_STEEPEST = 8.0
_HALF = 4
"""Fine cells averaged before filtering: the filter runs on 2 samples per luma sample."""


@dataclass(frozen=True, slots=True)
class BooleanGrain:
    """``size``: standard deviation of the Gaussian filter in samples of the plane drawn.

    ``radius`` of the disks in samples (None: the one whose natural strength is the wanted
    level). ``cb`` and ``cr``: strengths relative to luma of independent chroma layers.
    """

    size: float = 0.8
    radius: float | None = None
    cb: float = 0.5
    cr: float = 0.5
    chroma_size: float = 0.7


def disk(radius: float) -> NDArray[np.int64]:
    """Half-widths of the rows of a disk of ``radius`` samples in cells, middle row in the centre."""
    r = radius * FINE
    reach = int(np.floor(r))
    rows = np.arange(-reach, reach + 1)
    return np.floor(np.sqrt(np.maximum(r * r - rows * rows, 0.0))).astype(np.int64)


def strength(u: float, radius: float, size: float) -> float:
    """Standard deviation of the filtered coverage at constant ``u``: exact for the discrete model."""
    return float(np.sqrt(max(_covariance(u, radius, size)[0], 0.0)))


def _covariance(u: float, radius: float, size: float) -> tuple[float, float]:
    """Variance of the filtered coverage, and its covariance with the sample beside."""
    widths = disk(radius)
    n = 1 << int(np.ceil(np.log2(FINE * (12.0 * size + 4.0 * radius + 2.0))))
    mask = np.zeros((n, n))
    for row, w in enumerate(widths):
        mask[row, : 2 * w + 1] = np.roll(mask[row], 0)[: 2 * w + 1] + 1.0
        mask[row] = np.roll(mask[row], len(widths) - w)
    overlap = np.fft.irfft2(np.abs(np.fft.rfft2(mask)) ** 2, (n, n))
    rate = -np.log1p(-min(u, _U_MAX)) / mask.sum()
    covariance = (1.0 - u) ** 2 * np.expm1(rate * overlap)
    kernel = np.abs(_transfer(n, size)) ** 2
    power = np.fft.fft2(covariance).real * kernel[:, None] * kernel[None, :]
    beside = np.cos(2.0 * np.pi * FINE * np.arange(n) / n)
    return float(power.mean()), float((power.mean(0) * beside).mean())


def _transfer(n: int, size: float) -> NDArray[np.complex128]:
    taps = np.zeros(n)
    fine = np.repeat(_taps(size), _HALF) / _HALF
    taps[: len(fine)] = fine
    return np.asarray(np.fft.fft(taps), np.complex128)


@lru_cache(maxsize=32)
def _taps(size: float) -> Field:
    """Gaussian on the half-sample grid; the box of one half sample counts towards its width."""
    s = 2.0 * np.sqrt(max(size**2 - 1.0 / 48.0, 0.01))
    reach = int(np.ceil(4.0 * s))
    reach += 1 - reach % 2
    x = np.arange(-reach, reach + 2) - 0.5
    taps = np.exp(-0.5 * (x / s) ** 2)
    return np.asarray(taps / taps.sum(), np.float64)


@lru_cache(maxsize=256)
def _radius_and_gain(level: float, size: float, radius: float | None) -> tuple[float, float]:
    wanted = level * size / 0.2262 if radius is None else radius
    chosen = float(np.clip(wanted, RADIUS_MIN, RADIUS_MAX))
    return chosen, level / strength(0.5, chosen, size)


def coverage(u: Field, rng: np.random.Generator, radius: float, size: float) -> Field:
    """Filtered coverage minus its expectation for mean coverage ``u`` in 0..1, same shape."""
    widths = disk(radius)
    margin = int(np.ceil(4.0 * size)) + 2
    padded = np.pad(np.clip(u, 0.0, _U_MAX), margin, mode="edge").astype(np.float32)
    rate = np.asarray(-np.log1p(-padded) / (2 * widths + 1).sum(), np.float32)
    covered = _stamp(_centres(rate, rng), widths)
    rows, columns = padded.shape
    half = covered.reshape(2 * rows, _HALF, 2 * columns, _HALF).mean((1, 3), dtype=np.float32)
    half -= expected(rate, widths)
    taps = _taps(size)
    filtered = _decimate(_decimate(half, taps).T, taps).T
    cut = margin - (len(taps) // 2 - 1) // 2
    return np.asarray(filtered[cut : cut + u.shape[0], cut : cut + u.shape[1]], np.float64)


def expected(rate: NDArray[np.float32], widths: NDArray[np.int64]) -> NDArray[np.float32]:
    """Expected coverage, (rows, columns) of centres in a cell as means over squares of half a sample.

    It is 1 - exp(-centres within reach). Where the tone changes that is not the tone: disks reach over,
    and the bright side has far more of them.
    """
    (rows, columns), around = rate.shape, np.pad(rate, 1, mode="edge")
    out = np.zeros((rows, FINE // _HALF, columns, FINE // _HALF), np.float32)
    for y, x in np.ndindex(FINE, FINE):
        near = np.zeros_like(rate)
        for (down, across), count in np.ndenumerate(_reached(widths, y, x)):
            near += count * around[down : down + rows, across : across + columns]
        out[:, y // _HALF, :, x // _HALF] -= np.expm1(-near)
    return out.reshape(2 * rows, 2 * columns) / np.float32(_HALF**2)


def _reached(widths: NDArray[np.int64], y: int, x: int) -> NDArray[np.float32]:
    """(3, 3): how many cells of a sample and of those around it a disk in its cell (``y``, ``x``) covers."""
    reach = len(widths) // 2
    mask = np.zeros((3 * FINE, 3 * FINE), np.float32)
    for row, width in enumerate(widths.tolist(), FINE + y - reach):
        mask[row, FINE + x - width : FINE + x + width + 1] = 1
    return np.asarray(mask.reshape(3, FINE, 3, FINE).sum((1, 3)), np.float32)


def _centres(rate: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Cells that hold at least one grain centre."""
    chance = np.rint(-np.expm1(-rate) * 2.0**32).clip(0, 2**32 - 1).astype(np.uint32)
    rows, columns = rate.shape
    out = np.empty((rows * FINE, columns * FINE), bool)
    wide = np.repeat(chance, FINE, 1)
    for row in range(rows):
        draw = rng.integers(0, 2**32, (FINE, columns * FINE), np.uint32)
        out[row * FINE : (row + 1) * FINE] = draw < wide[row]
    return out


def _stamp(centres: NDArray[np.bool_], widths: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Cells within a disk of some centre; the border repeats nothing (callers cut it off)."""
    reach = len(widths) // 2
    covered = np.zeros_like(centres)
    rows = centres.shape[0]
    run, width = centres, 0
    for offset in range(reach, -1, -1):
        target = int(widths[reach + offset])
        run, width = _widen(run, target - width), target
        for dy in {offset, -offset}:
            to, of = slice(max(dy, 0), rows + min(dy, 0)), slice(max(-dy, 0), rows - max(dy, 0))
            covered[to] |= run[of]
    return covered


def _widen(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """``mask`` dilated along rows by ``by`` cells to each side."""
    out = mask
    for _ in range(by):
        wider = out.copy()
        wider[:, 1:] |= out[:, :-1]
        wider[:, :-1] |= out[:, 1:]
        out = wider
    return out


def _decimate(x: NDArray[np.float32], taps: Field) -> NDArray[np.float32]:
    """Filter down the columns and keep every second row."""
    count = (x.shape[0] - len(taps)) // 2 + 1
    out = np.zeros((count, x.shape[1]), np.float32)
    for k, tap in enumerate(taps):
        out += np.float32(tap) * x[k : k + 2 * count - 1 : 2]
    return out


def grain(
    planes: Sequence[Plane],
    fmt: FrameFormat,
    level: float,
    seed: int = 0,
    index: int = 0,
    recipe: BooleanGrain | None = None,
    quantise: bool = True,
) -> tuple[Plane, ...]:
    """``planes`` with Boolean grain of ``level`` (sigma at luma 0.5) added.

    Independent for every (seed, index). A 960x540 4:2:0 frame takes about two seconds.
    """
    recipe = recipe or BooleanGrain()
    gains = (1.0, recipe.cb, recipe.cr)[: fmt.planes]
    sizes = (recipe.size, recipe.chroma_size, recipe.chroma_size)
    grains = []
    for k, (gain, size) in enumerate(zip(gains, sizes, strict=False)):
        if gain == 0.0:
            grains.append(np.zeros(fmt.shape(k)))
            continue
        radius, contrast = _radius_and_gain(level, size, recipe.radius)
        u = luma_on(k, planes[0], fmt)
        grains.append(gain * contrast * coverage(u, generator(seed, index, k), radius, size))
    return add(planes, grains, fmt, quantise)


@dataclass(frozen=True, slots=True)
class BooleanRecipe(BooleanGrain):
    """Boolean grain with its profile, as the families hand it out; fields as in ``BooleanGrain``."""

    def grain(
        self,
        planes: Sequence[Plane],
        fmt: FrameFormat,
        level: float,
        seed: int = 0,
        index: int = 0,
        quantise: bool = True,
    ) -> tuple[Plane, ...]:
        """``planes`` with grain of ``level`` added; see the module's ``grain``."""
        return grain(planes, fmt, level, seed, index, self, quantise)

    def segment(self, level: float) -> GrainSegment:
        """Its profile: curve and size from the model's exact covariance, skew from ``skewness``.

        Grading keeps the skew but not the slope of the strength. The constants of moments over tone fit
        simulations with radius / size from 0.22 to 0.44: slope of the skew within 8 %, kurtosis within 0.1.
        """
        radius, contrast = _radius_and_gain(level, self.size, self.radius)
        chroma_radius, _ = _radius_and_gain(level, self.chroma_size, self.radius)
        chroma = Chroma(self.cb, self.cr, apparent_size(chroma_radius, self.chroma_size))
        coarse = (radius / apparent_size(radius, self.size)) ** 2
        return GrainSegment(
            0, 1, level, _curve(radius, self.size), Spectrum(apparent_size(radius, self.size)),
            chroma, skewness(radius, self.size), skew_slope=min(0.88 / contrast, _STEEPEST),
            kurtosis=-0.55 * coarse, law=WRITTEN_LAW, kurtosis_slope=3.5 * coarse,
        )  # fmt: skip


@lru_cache(maxsize=512)
def apparent_size(radius: float, size: float) -> float:
    """Size of the profile's Gaussian filter with the same correlation of neighbouring samples."""
    variance, beside = _covariance(0.5, radius, size)
    low, high = 0.25, 2.0 * size + radius
    for _ in range(30):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _neighbours(middle) < beside / variance else (low, middle)
    return low


def _neighbours(size: float) -> float:
    """Correlation of neighbouring samples of white noise through ``gaussian_taps``."""
    half = np.array(gaussian_taps(size))
    taps = np.concatenate([half[:0:-1], half])
    return float((taps[1:] * taps[:-1]).sum())


def skewness(radius: float, size: float) -> float:
    """Third standardised moment at coverage 0.5, proportional to disk radius over size.

    The constant fits simulations with radius / size from 0.25 to 0.5 within 7 %; larger disks have
    less skew than it says.
    """
    return -0.4 * radius / apparent_size(radius, size)


@lru_cache(maxsize=512)
def _curve(radius: float, size: float) -> Curve:
    half = strength(0.5, radius, size)
    a, b, c, d, e, f, g, h = (strength(float(u), radius, size) / half for u in KNOT_POSITIONS)
    return a, b, c, d, e, f, g, h
