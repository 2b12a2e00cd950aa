"""Reference grain to learn synthesis from, and the parametric fields that the nets begin with.

A pool holds looks: of each a segment, as its recipe reports it, and patches of n / sigma(Y) on ramps and on
smooth parts of photographs. Where a picture has texture, dividing by sigma(Y) would bring the texture into
the grain of recipes that blur or resize it after it was made, and a net would learn that as grain.
Statistics belong to a look, so a batch takes several patches of each look it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from filmgrain_codec.core.frame import FrameFormat, Plane
from filmgrain_codec.errors import InputError
from filmgrain_codec.grain.conditioning import conditions, slope_table
from filmgrain_codec.grain.filters import GrainFilter, Taps
from filmgrain_codec.grain.neural import REACH
from filmgrain_codec.grain.profile import Chroma, GrainSegment, Spectrum
from filmgrain_codec.grain.recipe import LUT_LAST, prepare
from filmgrain_codec.train.generators import looks
from filmgrain_codec.train.generators.families import FAMILIES, treated
from filmgrain_codec.train.generators.profiled import strength
from filmgrain_codec.train.material import Material

Array = NDArray[np.float32]
Batch = dict[str, Tensor]
SIDE = 96
PATCHES, DRAWN = 8, 24
"""Patches of a look, and how many are made: the smoothest are kept."""
SHARES = {"spectral": 0.2, "density": 0.45, "scans": 0.35}
"""Of the families in training. The spectral one is what the parametric model makes already. AV1's templates
are left out: a segment does not tell them from film, and film would get their spectrum."""
RAMP_SHARE = 0.3
FAINTEST = 0.15
"""Least sigma(Y) / level that grain is divided by."""
SILENT = 0.02
"""Chroma grain below this share of luma's counts as none."""
_ROW = 2
_GRIDS = {"luma": 128, "chroma": 80}
"""Sides of the FFTs that make fields: a patch, the nets' reach, and room for the filter to wrap in."""


@dataclass(frozen=True, slots=True)
class Pool:
    """``segments`` of the looks; ``luma`` (looks, PATCHES, SIDE, SIDE) and ``chroma`` (looks, PATCHES, 2,
    SIDE / 2, SIDE / 2) n / sigma(Y) as float16, 0 where there is no chroma grain; ``clean`` luma as uint8."""

    segments: tuple[GrainSegment, ...]
    luma: Tensor
    chroma: Tensor
    clean: Tensor

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {"luma": self.luma, "chroma": self.chroma, "clean": self.clean}
        torch.save({**arrays, "segments": [asdict(s) for s in self.segments]}, path)

    @classmethod
    def load(cls, path: Path) -> Pool:
        """Raises ``InputError`` if there is none."""
        if not path.exists():
            raise InputError(f"There is no pool of grain at {path}: leave --resume out to make one.")
        state = torch.load(path, weights_only=True)
        segments = tuple(_segment(s) for s in state["segments"])
        return cls(segments, state["luma"], state["chroma"], state["clean"])


def make(
    material: Material, count: int, seed: int, shares: Mapping[str, float] = SHARES, patches: int = PATCHES
) -> Pool:
    """A pool of ``count`` looks, each a pure function of (``seed``, number)."""
    names, chances = list(shares), np.array(list(shares.values()))
    found = []
    for k in range(count):
        rng = np.random.default_rng((seed, k))
        family = FAMILIES[str(rng.choice(names, p=chances / chances.sum()))]
        found.append(_look(material, treated(family.draw(rng), rng), rng, patches))
    segments, luma, chroma, clean = zip(*found, strict=True)
    return Pool(tuple(segments), *(torch.from_numpy(np.stack(x)) for x in (luma, chroma, clean)))


def _look(material: Material, recipe: Any, rng: Generator, patches: int) -> tuple[Any, ...]:
    fmt = FrameFormat(_ROW * SIDE, SIDE, bits=10)
    level = looks.log_uniform(rng, *looks.LEVELS)
    segment = recipe.segment(level)
    luma, chroma, clean = [], [], []
    for index in range(patches * DRAWN // (PATCHES * _ROW)):
        planes = _canvas(material, rng)
        made = recipe.grain(planes, fmt, level, int(rng.integers(1 << 30)), index, quantise=False)
        unit = normalised(segment, planes, made)
        luma += np.split(unit[0], _ROW, 1)
        chroma += np.split(np.stack(unit[1:]), _ROW, 2)
        clean += np.split(np.rint(planes[0] * 255).astype(np.uint8), _ROW, 1)
    calm = np.argsort([_roughness(c) for c in clean], kind="stable")[:patches]
    grain = (np.stack([x[k] for k in calm]).astype(np.float16) for x in (luma, chroma))
    return segment, *grain, np.stack([clean[k] for k in calm])


def _roughness(clean: NDArray[np.uint8]) -> float:
    """Mean difference of neighbours, in codes."""
    codes = clean.astype(np.float32)
    return float(np.abs(np.diff(codes, axis=0)).mean() + np.abs(np.diff(codes, axis=1)).mean())


def normalised(
    segment: GrainSegment, planes: tuple[Plane, ...], made: tuple[Plane, ...]
) -> tuple[Array, Array, Array]:
    """n / sigma(Y) of Y, Cb, Cr of a 4:2:0 picture; zeros where a plane has no grain."""
    codes = np.arange(LUT_LAST + 1) / LUT_LAST
    table = np.maximum(replace(segment, level=1.0).sigma(codes), FAINTEST).astype(np.float32)
    rows, columns = planes[1].shape
    at_chroma = planes[0].reshape(rows, 2, columns, 2).mean((1, 3))
    gains = (1.0, segment.chroma.cb, segment.chroma.cr)
    sigmas = [strength(y, table) for y in (planes[0], at_chroma, at_chroma)]
    each = [
        (m - p) / (s * np.float32(segment.level * g)) if g >= SILENT else np.zeros_like(p)
        for p, m, s, g in zip(planes, made, sigmas, gains, strict=True)
    ]
    return each[0], each[1], each[2]


def _canvas(material: Material, rng: Generator) -> tuple[Plane, ...]:
    cut = [_ramp(rng) if rng.random() < RAMP_SHARE else _photo(material, rng) for _ in range(_ROW)]
    luma, *chroma = np.concatenate(cut, 2)
    small = [c.reshape(SIDE // 2, 2, -1, 2).mean((1, 3)) for c in chroma]
    return luma, small[0], small[1]


def _photo(material: Material, rng: Generator) -> Array:
    photo = material.photos[rng.integers(len(material.photos))]
    y, x = (int(rng.integers(0, n - SIDE + 1)) for n in photo.shape[1:])
    return photo[:, y : y + SIDE, x : x + SIDE].astype(np.float32) / np.float32(255)


def _ramp(rng: Generator) -> Array:
    """Smooth luma between two random codes, neutral chroma: every tone occurs."""
    y, x = np.meshgrid(np.linspace(-0.5, 0.5, SIDE), np.linspace(-0.5, 0.5, SIDE), indexing="ij")
    angle, (low, high) = rng.uniform(0, 2 * np.pi), rng.uniform(0.02, 0.98, 2)
    luma = low + (high - low) * (0.5 + (x * np.cos(angle) + y * np.sin(angle)) / 1.5)
    return np.stack([luma, *(np.full_like(luma, 512 / 1023) for _ in range(2))]).astype(np.float32)


class Looks:
    """A pool ready for training: batches of reference grain, and fields to refine, by look."""

    def __init__(self, pool: Pool, device: str = "cpu") -> None:
        self.pool, self.device = pool, device
        recipes = [prepare(s, "yuv", 1, 1) for s in pool.segments]
        self.told = torch.from_numpy(np.concatenate([conditions(s) for s in pool.segments]))
        self.slopes = torch.from_numpy(np.stack([slope_table(s, 255) for s in pool.segments]))
        self.filters = {
            "luma": torch.stack([response(r.luma, _GRIDS["luma"]) for r in recipes]),
            "chroma": torch.stack([response(r.chroma, _GRIDS["chroma"]) for r in recipes]),
        }
        codes = np.rint(np.arange(256) * (LUT_LAST / 255)).astype(np.int64)
        flat = np.zeros(LUT_LAST + 1, np.float32)
        bends = [flat if r.bends is None else r.bends for r in recipes]
        self.bends = torch.from_numpy(np.stack([b[codes] for b in bends]))
        gains = torch.tensor([(1.0, s.chroma.cb, s.chroma.cr) for s in pool.segments])
        silent = gains < SILENT
        self.mix = torch.tensor([r.mix for r in recipes]) / gains.masked_fill(silent, 1.0)[..., None]
        self.mix[silent] = 0.0
        for name in ("told", "slopes", "bends", "mix"):
            setattr(self, name, getattr(self, name).to(device))
        self.filters = {k: v.to(device) for k, v in self.filters.items()}

    def batch(self, rng: Generator, count: int, patches: int) -> Batch:
        """``patches`` of each of ``count`` looks; patches of a look follow one another. See ``taken``."""
        number = np.repeat(rng.choice(len(self.pool.segments), count, replace=False), patches)
        chosen = [rng.permutation(self.pool.luma.shape[1])[:patches] for _ in range(count)]
        return self.taken(number, np.concatenate(chosen))

    def taken(self, number: NDArray[np.int64], chosen: NDArray[np.int64]) -> Batch:
        """``look``; ``luma`` (N, 1, SIDE, SIDE) and ``chroma`` (N, 2, half, half) reference grain;
        ``clean`` luma; ``tone``, ``chroma_tone`` maps for the nets; ``told``: conditions."""
        look = torch.from_numpy(number)
        part = (look, torch.from_numpy(chosen))
        code = self.pool.clean[part].to(self.device)
        luma, chroma = (x[part].to(self.device).float() for x in (self.pool.luma, self.pool.chroma))
        look = look.to(self.device)
        clean = code[:, None] / 255.0
        return {
            "look": look,
            "luma": luma[:, None],
            "chroma": chroma,
            "clean": clean,
            "tone": self._tone(look, F.avg_pool2d(clean, 2)),
            "chroma_tone": self._tone(look, F.avg_pool2d(clean, 4)),
            "told": self.told[look],
        }

    def _tone(self, look: Tensor, luma: Tensor) -> Tensor:
        codes = (luma[:, 0] * (self.slopes.shape[1] - 1)).round().long()
        return torch.cat([luma, self.slopes[look[:, None, None], codes][:, None]], 1)

    def noise(self, look: Tensor, random: torch.Generator) -> dict[str, Tensor]:
        """What the nets are given for patches of these looks: packed fields and their white noise."""
        luma, white = self._field("luma", look, 1, random)
        chroma, whites = self._field("chroma", look, 2, random)
        return {
            "luma": F.pixel_unshuffle(torch.cat([luma, white], 1), 2),
            "chroma": F.pixel_unshuffle(torch.cat([chroma, whites], 1), 2),
        }

    def _field(self, name: str, look: Tensor, planes: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
        side = _GRIDS[name]
        kept = SIDE // (1 if name == "luma" else 2) + 4 * REACH
        white = torch.randn(len(look), planes, side, side, generator=random).to(self.device)
        filtered = torch.fft.rfft2(white) * self.filters[name][look][:, None]
        made = torch.fft.irfft2(filtered, (side, side))
        return made[..., :kept, :kept], white[..., :kept, :kept]

    def mixed(self, look: Tensor, clean: Tensor, luma: Tensor, chroma: Tensor) -> tuple[Tensor, Tensor]:
        """Unit grain of Y (N, 1, SIDE, SIDE) and of Cb, Cr from packed, refined fields and clean luma."""
        first, others = F.pixel_shuffle(luma, 2), F.pixel_shuffle(chroma, 2)
        b = self.bends[look[:, None, None, None], (clean * 255).round().long()]
        first = first * ((1 - 2 * b * b).sqrt() + b * first) - b
        fields = torch.cat([4 * F.avg_pool2d(first, 2), others], 1)
        return first, torch.einsum("npq,nqyx->npyx", self.mix[look, 1:], fields)


def response(kernel: GrainFilter, side: int) -> Tensor:
    """Amplitude of ``kernel`` on the grid of a real FFT of ``side`` x ``side``."""
    total = np.zeros((side, side // 2 + 1))
    for term in kernel.terms:
        down, across = (_transfer(t, side) for t in (term.vertical, term.horizontal))
        total += term.weight * np.outer(down, across[: side // 2 + 1])
    return torch.from_numpy(total.astype(np.float32))


def _transfer(taps: Taps, side: int) -> NDArray[np.float64]:
    order = np.arange(1, len(taps))
    phase = 2 * np.pi * np.outer(np.fft.fftfreq(side), order)
    return np.asarray(taps[0] + 2 * np.cos(phase) @ np.array(taps[1:]), np.float64)


def _segment(state: dict[str, Any]) -> GrainSegment:
    shape, colour = Spectrum(**state["spectrum"]), Chroma(**state["chroma"])
    return GrainSegment(**{**state, "curve": tuple(state["curve"]), "spectrum": shape, "chroma": colour})
