"""What the synthesis benchmark works on: two held-out photographs that stand still, and a clip that moves.

Grain of the family that no net is trained on (Boolean), and of held-out real film: flat tiles of scans,
quilted over the frames. Frames with even numbers get their quilt from the first half of a stock's tiles, odd
ones from the second, so that the two halves of the real set share no film.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import material
from benchmarks.peers.case import Case, grained, kept
from benchmarks.synthesizers import marks
from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.grain import metrics
from filmgrain_codec.grain.profile import BENT_CURVE, WRITTEN_LAW, GrainSegment
from filmgrain_codec.train.generators import measured, scans
from filmgrain_codec.train.generators.common import block_mean, boolean_tone, fast_generator, finished
from filmgrain_codec.train.generators.profiled import strength

SIZE = (768, 432)
FRAMES = 8
PHOTOS = ("kodim08", "kodim15")
CLIP = "set8_motorbike_540p"
LEVELS = (0.025, 0.05, 0.1)
SIZES = (0.8, 1.4)
STOCKS = {scans.HELD_OUT: 0.025, "kodak_tmax400": 0.05, "kodak_tmax3200": 0.05, "kodak_trix1600": 0.05,
          "orwo_np20": 0.05}  # fmt: skip
"""Stocks and the level they are shown at. The colour stock is fine, and its chroma grain twice its luma's."""
_TILES = "gmic_{}.png"
_SPACING = 32
Array = NDArray[np.float32]


@lru_cache(maxsize=8)
def base(name: str) -> tuple[Frame, ...]:
    """The clean frames of a photograph (all the same) or of the clip."""
    if name == CLIP:
        return tuple(material.clip(name, FRAMES, size=SIZE))
    still = material.crop(material.still(name), *SIZE)
    return tuple(replace(still, index=n, pts=n) for n in range(FRAMES))


def boolean(cache: Path, size: float, level: float) -> list[Case]:
    """Boolean grain of one size and level on every base."""
    names = (*PHOTOS, CLIP)
    return [
        grained(cache, f"{name}-{SIZE[0]}x{SIZE[1]}x{FRAMES}", base(name), "boolean", size, level, 11 + seed)
        for seed, name in enumerate(names)
    ]


def scanned(cache: Path, stock: str) -> list[Case]:
    """Grain of a real stock on every base; its ideal segment is what is measured of the quilt."""
    grain, level = StockGrain(stock), STOCKS[stock]
    segment = replace(grain.segment(level), end=FRAMES)
    found = []
    for seed, name in enumerate((*PHOTOS, CLIP)):
        frames, key = base(name), f"{name}-{SIZE[0]}x{SIZE[1]}x{FRAMES}-tone"
        empty = Case(key, f"scan {stock}", segment.spectrum.size, level, frames, (), segment)
        found.append(kept(cache, empty, lambda f=frames, s=seed: grain.on(f, s)))  # type: ignore[misc]
    return found


@dataclass(frozen=True, slots=True)
class StockGrain:
    """Real grain of a held-out stock with the strength curve of small grains; a ``families.Recipe``."""

    stock: str

    def on(self, frames: Sequence[Frame], seed: int) -> list[Frame]:
        return [
            f.with_planes(self.grain(f.planes, f.fmt, STOCKS[self.stock], 31 + seed, f.index)) for f in frames
        ]

    def grain(
        self,
        planes: Sequence[Plane],
        fmt: FrameFormat,
        level: float,
        seed: int = 0,
        index: int = 0,
        quantise: bool = True,
    ) -> tuple[Plane, ...]:
        """``planes`` with grain of ``level`` added, from the half of the tiles that ``index`` calls for."""
        unit = scans.quilt(halves(self.stock)[index % 2], fmt.shape(0), fast_generator(seed, index))
        table = (level * boolean_tone(np.arange(4093) / 4092)).astype(np.float32)
        parts = [block_mean(unit[k], fmt, k) if k else unit[0] for k in range(fmt.planes)]
        sigma = [strength(block_mean(planes[0], fmt, k), table) for k in range(fmt.planes)]
        return finished(planes, [s * p for s, p in zip(sigma, parts, strict=True)], fmt, quantise)

    def segment(self, level: float) -> GrainSegment:
        """As measured on flat grey."""
        return replace(measured.look(self, BENT_CURVE), level=level, law=WRITTEN_LAW)


@lru_cache(maxsize=8)
def halves(stock: str) -> tuple[Array, Array]:
    """Unit tiles (n, 3, 64, 64) of a stock in two halves that share no film, or hardly any."""
    if stock in scans.STOCKS:
        tiles = scans.tiles(scans.default_folder(), stock)
        return tiles[: len(tiles) // 2], tiles[len(tiles) // 2 :]
    first, second = pieces(stock)
    return cut(first[0]), cut(second[0])


@lru_cache(maxsize=8)
def pieces(stock: str) -> tuple[Array, Array]:
    """Luma grain as it is on the film, unit variance, two halves (n, rows, columns): what a judge may see.

    Quilts will not do: a judge sees the seams of their tiles in two patches of three.
    """
    if stock in scans.STOCKS:
        first, second = halves(stock)
        return first[:, 0], second[:, 0]
    with Image.open(material.data() / "grain_tiles" / _TILES.format(stock)) as image:
        grey = np.asarray(image.convert("L"), np.float32)
    upper, lower = np.split(grey - grey.mean(), [len(grey) // 2])
    return upper[None] / upper.std(), lower[None] / lower.std()


def cut(grey: Array) -> Array:
    """Tiles of a grey picture, minus their quadratic surfaces, of unit variance, without chroma."""
    side = scans.TILE
    tiles = np.lib.stride_tricks.sliding_window_view(grey, (side, side))[::_SPACING, ::_SPACING]
    flat = scans.detrended(np.ascontiguousarray(tiles.reshape(-1, side, side)))
    unit = flat / flat.std((1, 2), keepdims=True)
    return np.stack([unit, 0 * unit, 0 * unit], 1)


def codes(stock: str) -> Array | None:
    """Strengths of ``pieces`` in their scans, in 8-bit codes, of a stock whose scans show JPEG's blocks."""
    if stock not in scans.STOCKS or marks.edges(np.concatenate(pieces(stock))) < marks.SEEN:
        return None
    return scans.strengths(scans.default_folder(), stock)


def worth(stock: str) -> float:
    """Effective samples of all that there is of a stock; of tiles that overlap, a quarter of each."""
    film = np.concatenate(pieces(stock))
    side = _SPACING if stock in scans.STOCKS else None
    return metrics.effective_samples(film[:, :side, :side])
