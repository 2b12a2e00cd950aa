"""Grain of real film: residuals of flat tiles of scans, quilted over the frame.

Tiles of 64 x 64 samples are cut where a scan shows nothing but grain: a quadratic surface is taken off
every channel, and tiles stay whose slow frequencies and local strengths are as low and even as those
of the flattest of that stock, without lines or specks. Each is divided by its own luma strength, so
that density does not matter; Cb and Cr keep their strength relative to luma. A frame is covered with
random tiles, flipped at random, that overlap by 16 samples under power-complementary windows: variance
stays even, and every frame gets a mosaic of its own.

The scans are no part of this package: ``folder`` names where they lie, or the environment variable
FGCODEC_GRAIN_SCANS, or train/grain_real in the shared material. Recipes are tied to one stock, and a
stock is either for training or held out. What cannot be seen in a tile stays unknown: frequencies
below 1/64 cycle per sample, and strength over luma, which is drawn as in the other families. Faint
straight edges of the picture can remain in a few tiles of dark scans.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from filmgrain_codec.core.frame import FrameFormat, Plane
from filmgrain_codec.errors import InputError, UsageError
from filmgrain_codec.grain import spectrum_fit
from filmgrain_codec.grain.profile import Curve, GrainSegment, curve_at
from filmgrain_codec.grain.recipe import LUT_LAST
from filmgrain_codec.train.generators import looks, measured
from filmgrain_codec.train.generators.colour import to_rgb_grain
from filmgrain_codec.train.generators.common import block_mean, fast_generator, finished
from filmgrain_codec.train.generators.profiled import strength
from filmgrain_codec.train.generators.treated import Resized

if TYPE_CHECKING:
    from filmgrain_codec.train.generators.families import Recipe

Array = NDArray[np.float32]
Field = NDArray[np.float64]

TRAIN, HELD_OUT = "fymmot", "amoslu"
STOCKS: Final = {TRAIN: False, HELD_OUT: True}
"""Stocks by the beginning of their files' names, and whether a stock is held out."""
TILE, OVERLAP = 64, 16
_STEP = 32
_LOW = (2.0, 6.0)
"""DCT radii of a tile that picture shows in; slower ones went with the quadratic surface."""
_CALM: Final = (1.35, 1.35, 1.25, 1.35)
"""Most that slow power, lines, unevenness and the largest sample may be over their 30 % quantile."""
_SEGMENT, _LINED = 48, 4.5
_CLIPPED_MOST = 0.02
_FEWEST = 12
_ENV = "FGCODEC_GRAIN_SCANS"


@dataclass(frozen=True, slots=True)
class ScanGrain:
    """Grain of the scans of ``stock`` in ``folder``, with the strength curve given.

    ``colour``: strength of chroma over the scan's own (0 for a grey picture).
    """

    folder: str
    stock: str
    curve: Curve
    colour: float = 1.0

    def segment(self, level: float) -> GrainSegment:
        """Spectrum, chroma and skew as measured on grey 4:2:0 frames."""
        return replace(measured.look(self, self.curve), level=level)

    def grain(
        self,
        planes: Sequence[Plane],
        fmt: FrameFormat,
        level: float,
        seed: int = 0,
        index: int = 0,
        quantise: bool = True,
    ) -> tuple[Plane, ...]:
        """``planes`` with grain of ``level`` (sigma of luma at luma 0.5) added."""
        unit = quilt(tiles(self.folder, self.stock), fmt.shape(0), fast_generator(seed, index))
        table = _table(self.curve) * np.float32(level)
        grains = []
        for k in range(fmt.planes):
            luma = block_mean(planes[0], fmt, k) if fmt.family != "rgb" else planes[0]
            part = block_mean(unit[k] * np.float32(self.colour), fmt, k) if k else unit[0]
            grains.append(strength(luma, table) * part)
        return finished(planes, to_rgb_grain(grains, fmt), fmt, quantise)


@lru_cache(maxsize=512)
def _table(curve: Curve) -> Array:
    codes = np.arange(LUT_LAST + 1) / LUT_LAST
    return curve_at(curve, codes).astype(np.float32)


def quilt(source: Array, shape: tuple[int, int], rng: Generator) -> Array:
    """Unit grain (3, rows, columns) of random tiles (n, 3, 64, 64), flipped, blended over 16 samples."""
    step = TILE - OVERLAP
    rows, columns = (-(-(n + OVERLAP) // step) for n in shape)
    out = np.zeros((3, rows * step + OVERLAP, columns * step + OVERLAP), np.float32)
    window = _window()
    chosen = rng.integers(0, len(source), (rows, columns))
    flips = rng.integers(0, 4, (rows, columns))
    for y in range(rows):
        for x in range(columns):
            tile = source[chosen[y, x]]
            tile = tile[:, :: 1 - 2 * int(flips[y, x] & 1), :: 1 - int(flips[y, x] & 2)]
            out[:, y * step : y * step + TILE, x * step : x * step + TILE] += tile * window
    # the first samples lie under one falling window alone
    return out[:, OVERLAP : OVERLAP + shape[0], OVERLAP : OVERLAP + shape[1]]


@lru_cache(maxsize=1)
def _window() -> Array:
    rise = np.sin(0.5 * np.pi * (np.arange(OVERLAP) + 0.5) / OVERLAP)
    line = np.concatenate([rise, np.ones(TILE - 2 * OVERLAP), rise[::-1]])
    return np.outer(line, line).astype(np.float32)


def tiles(folder: str, stock: str) -> Array:
    """Unit-luma grain tiles (n, 3, 64, 64), Y, Cb, Cr at full resolution, of one stock.

    Raises ``InputError`` when ``folder`` holds too few flat tiles of it, ``UsageError`` for a stock
    that is not known.
    """
    return _tiles(folder, stock)[0]


def strengths(folder: str, stock: str) -> Array:
    """The strength that each of ``tiles`` has in its scan, in 8-bit codes (n,)."""
    return _tiles(folder, stock)[1]


@lru_cache(maxsize=4)
def _tiles(folder: str, stock: str) -> tuple[Array, Array]:
    """``tiles`` and ``strengths``."""
    if stock not in STOCKS:
        raise UsageError(f"No stock of scans is called {stock!r}; choose one of {', '.join(STOCKS)}.")
    files = sorted(Path(folder).glob(f"{stock}*.png"))
    if not files:
        raise InputError(
            f"No scans of {stock} found in {folder}: it must hold {stock}*.png; set {_ENV} to their folder."
        )
    found = np.concatenate([_residuals(path) for path in files])
    kept = found[_plain(found[:, 0])]
    kept = kept[lined(kept[:, 0]) < _LINED]
    if len(kept) < _FEWEST:
        raise InputError(
            f"The scans of {stock} in {folder} have only {len(kept)} flat tiles; add flatter ones."
        )
    sigma = kept[:, :1].std((2, 3), keepdims=True)
    return np.asarray(kept / sigma, np.float32), np.asarray(255 * sigma.ravel(), np.float32)


def _residuals(path: Path) -> Array:
    """All tiles (n, 3, 64, 64) of a scan that are not clipped, minus a quadratic surface, Y, Cb, Cr."""
    from PIL import Image

    with Image.open(path) as image:
        rgb = np.asarray(image.convert("RGB"), np.float32).transpose(2, 0, 1) / 255
    planes = np.tensordot(_ycc(), rgb, 1)
    cut = np.lib.stride_tricks.sliding_window_view(planes, (TILE, TILE), (1, 2))[:, ::_STEP, ::_STEP]
    codes = np.lib.stride_tricks.sliding_window_view(rgb, (TILE, TILE), (1, 2))[:, ::_STEP, ::_STEP]
    clipped = ((codes <= 0) | (codes >= 1)).mean((3, 4)).max(0).ravel() > _CLIPPED_MOST
    flat = cut.transpose(1, 2, 0, 3, 4).reshape(-1, 3, TILE * TILE)[~clipped]
    return detrended(flat.reshape(-1, 3, TILE, TILE))


def detrended(cut: Array) -> Array:
    """Tiles (..., 64, 64) minus their quadratic surfaces."""
    flat, basis = cut.reshape(-1, TILE * TILE), _surfaces()
    return np.asarray(flat - (flat @ basis.T) @ basis, np.float32).reshape(cut.shape)


@lru_cache(maxsize=1)
def _ycc() -> Array:
    return np.stack([looks.LUMA_OF_RGB, looks.CB_OF_RGB, looks.CR_OF_RGB]).astype(np.float32)


@lru_cache(maxsize=1)
def _surfaces() -> Array:
    """Orthonormal quadratic surfaces (6, 64 * 64)."""
    t = np.linspace(-1, 1, TILE)
    y, x = np.meshgrid(t, t, indexing="ij")
    powers = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], -1).reshape(-1, 6)
    return np.linalg.qr(powers)[0].T.astype(np.float32)


def _plain(luma: Array) -> NDArray[np.bool_]:
    """Which tiles (n, 64, 64) show grain alone: none of the four measures far above the calmest's."""
    dct = spectrum_fit.dct_matrix(TILE).astype(np.float32)
    power = (dct @ luma @ dct.T) ** 2
    order = np.arange(TILE)
    radius = np.hypot(order[:, None], order[None, :])
    power /= power[:, (radius >= 12) & (radius < 40)].mean(1)[:, None, None]
    low = power[:, (radius >= _LOW[0]) & (radius < _LOW[1])].mean(1)
    calmest = power[low <= np.quantile(low, 0.3)].mean(0)
    lines = power[:, radius >= _LOW[0]] / _smooth(calmest)[radius >= _LOW[0]]
    local = luma.reshape(-1, 8, TILE // 8, 8, TILE // 8).std((2, 4)).reshape(len(luma), -1)
    uneven = local.std(1) / local.mean(1)
    z = luma / luma.std((1, 2), keepdims=True)
    measures = (low, np.sort(lines, 1)[:, -8:].mean(1), uneven, np.abs(z).max((1, 2)))
    calm = [m <= _CALM[k] * np.quantile(m, 0.3) for k, m in enumerate(measures)]
    return np.asarray(np.logical_and.reduce(calm), np.bool_)


def lined(luma: Array) -> Field:
    """Largest mean along a segment of 48 samples in 16 directions, in standard deviations, per tile.

    Of grain alone 4 to 5; an edge or a hair in the tile shows as more.
    """
    spectra = np.fft.rfft2(luma)
    worst = np.zeros(len(luma))
    for angle in np.arange(16) * np.pi / 16:
        along = np.linspace(-_SEGMENT / 2, _SEGMENT / 2, 4 * _SEGMENT)
        kernel = np.zeros((TILE, TILE))
        np.add.at(kernel, tuple(np.rint(along * f(angle)).astype(int) % TILE for f in (np.sin, np.cos)), 1.0)
        mean = np.fft.irfft2(spectra * np.fft.rfft2(kernel), (TILE, TILE))
        # wrapped around: a line at the tile's edge shows, and grain does no harm to it
        typical = np.median(np.abs(mean)) / 0.6745
        worst = np.maximum(worst, np.abs(mean).max((1, 2)) / typical)
    return np.asarray(worst, np.float64)


def _smooth(power: NDArray[np.floating]) -> NDArray[np.floating]:
    """5 x 5 means, edges repeated: what a coefficient is expected to hold."""
    padded = np.pad(power, 2, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, (5, 5)).mean((2, 3))


def default_folder() -> str:
    """Where the scans are looked for: FGCODEC_GRAIN_SCANS, else the shared material."""
    beside = Path(__file__).resolve().parents[4] / "shared"
    shared = Path(os.environ.get("FGCODEC_SHARED", beside)) / "data" / "train" / "grain_real"
    return os.environ.get(_ENV, str(shared))


def draw(rng: Generator, folder: str | None = None, stock: str = TRAIN) -> Recipe:
    """Real grain of a stock for training with a random curve; see ``draw_held_out`` for the other."""
    if STOCKS.get(stock, True):
        raise UsageError(f"{stock} is no stock for training; {TRAIN} is.")
    return _drawn(rng, folder, stock)


def draw_held_out(rng: Generator, folder: str | None = None, stock: str = HELD_OUT) -> Recipe:
    """Real grain of a stock that no net was trained on."""
    if not STOCKS.get(stock, False):
        raise UsageError(f"{stock} is not held out; {HELD_OUT} is.")
    return _drawn(rng, folder, stock)


def _drawn(rng: Generator, folder: str | None, stock: str) -> Recipe:
    place = folder or default_folder()
    tiles(place, stock)
    colour = 0.0 if rng.random() < 0.1 else rng.uniform(0.4, 1.2)
    recipe = ScanGrain(place, stock, looks.draw_curve(rng), colour)
    # one stock has one size: half the recipes show it larger, as a closer scan would
    return Resized(recipe, rng.uniform(1.0, 2.0)) if rng.random() < 0.5 else recipe
