"""Patches for the level net as pure functions of (seed, step): pictures, grain, and what is true of it.

The second frame of a pair is the same place as a block match leaves it: off by a fraction of a
sample, sometimes by more, sometimes another picture. Half of the patches are of single frames.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.utils.data import Dataset

from filmgrain_codec.train import noise
from filmgrain_codec.train.material import Material
from filmgrain_codec.train.networks.level import SIDE

Batch = dict[str, Tensor]
LEVELS = (0.002, 0.16)
SIZES = (0.4, 2.0)
SINGLE_SHARE, GRAINLESS_SHARE, STRANGER_SHARE = 0.5, 0.06, 0.05
FLOOR = 1.5e-3
"""Added to the truth in quadrature: half of what counts as no grain, so that none is not far from some."""
_CUT = 136
Luma = NDArray[np.uint8]


def halved(picture: Luma) -> Luma:
    """A plane averaged down by 2, which frees it of most of its own noise."""
    h, w = (n // 2 * 2 for n in picture.shape)
    return np.rint(picture[:h, :w].reshape(h // 2, 2, w // 2, 2).mean((1, 3))).astype(np.uint8)


class Patches(Dataset[Batch]):
    """Batch ``step`` of ``seed``: pair (B, 2, 64, 64), sigma (B,), size (B,), grainy (B,), single (B,)."""

    size = 64

    def __init__(self, material: Material, seed: int) -> None:
        whole = [p[0] for p in material.photos]
        whole += [frame for clip in material.clips for frame in clip[0][::8]]
        self.pictures = [p for p in (*whole, *map(halved, whole)) if min(p.shape) >= _CUT]
        self.seed = seed

    def __len__(self) -> int:
        return 1 << 31

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng([self.seed, step])
        torch.manual_seed(int(rng.integers(1 << 62)))
        return self.make(rng)

    def make(self, rng: Generator) -> Batch:
        clean = self.scenes(rng)
        looks = [draw(rng) for _ in range(self.size)]
        level = torch.tensor([k.level for k in looks], dtype=torch.float32)
        level = level * torch.from_numpy(rng.random(self.size) >= GRAINLESS_SHARE)
        curves = torch.from_numpy(np.stack([k.curve for k in looks]).astype(np.float32))
        strength = noise.strength(clean, curves) * level[:, None, None, None]
        grainy = noise.quantised(clean + fields(looks) * strength, depths(self.size, rng))
        single = torch.from_numpy(rng.random(self.size) < SINGLE_SHARE)
        grainy[single, 1] = grainy[single, 0]
        sigma = strength[:, 0].square().mean((1, 2))
        return {
            "pair": grainy,
            "sigma": (sigma + FLOOR**2).sqrt(),
            "size": torch.tensor([k.size for k in looks], dtype=torch.float32),
            "grainy": level > 0,
            "single": single,
        }

    def scenes(self, rng: Generator) -> Tensor:
        """Clean pairs (B, 2, SIDE, SIDE)."""
        cuts = np.stack([self.cut(rng) for _ in range(self.size)])
        strange = rng.random(self.size) < STRANGER_SHARE
        second = np.where(strange[:, None, None], np.roll(cuts, 1, 0), cuts)
        place, shift = self.places(rng), self.shifts(rng)
        seen = [look(cuts, place), look(second, place + shift)]
        return torch.stack([graded(torch.cat(pair), rng) for pair in zip(*seen, strict=True)])

    def cut(self, rng: Generator) -> Luma:
        picture = self.pictures[rng.integers(len(self.pictures))]
        y, x = (rng.integers(n - _CUT + 1) for n in picture.shape)
        return picture[y : y + _CUT, x : x + _CUT]

    def places(self, rng: Generator) -> Tensor:
        """Sampling places (B, SIDE, SIDE, 2) in a cut, in its samples, about its middle."""
        scale = torch.from_numpy(rng.uniform(0.6, 1.4, self.size).astype(np.float32))
        angle = torch.from_numpy(rng.uniform(-0.4, 0.4, self.size).astype(np.float32))
        quarter = torch.from_numpy(rng.integers(0, 4, self.size).astype(np.float32)) * (np.pi / 2)
        cos, sin = torch.cos(angle + quarter) * scale, torch.sin(angle + quarter) * scale
        step = torch.arange(SIDE) - (SIDE - 1) / 2
        y, x = torch.meshgrid(step, step, indexing="ij")
        cos, sin = cos[:, None, None], sin[:, None, None]
        return torch.stack([cos * x - sin * y, sin * x + cos * y], -1)

    def shifts(self, rng: Generator) -> Tensor:
        """What the match of the second frame is off by: a shift, and a slow stretch of it."""
        reach = rng.choice([0.0, 0.5, 0.5, 2.0], self.size)[:, None]
        offset = torch.from_numpy((rng.uniform(-1, 1, (self.size, 2)) * reach).astype(np.float32))
        matrix = torch.from_numpy(rng.normal(0, 0.006, (self.size, 2, 2)).astype(np.float32))
        matrix = matrix * torch.from_numpy((reach > 0).astype(np.float32))[:, :, None]
        step = (torch.arange(SIDE) - (SIDE - 1) / 2).float()
        y, x = torch.meshgrid(step, step, indexing="ij")
        bend = torch.einsum("bij,yxj->byxi", matrix, torch.stack([x, y], -1))
        return offset[:, None, None] + bend


def look(cuts: Luma, places: Tensor) -> Tensor:
    """Cuts (B, n, n) sampled at ``places``: (B, 1, SIDE, SIDE) in 0..1."""
    image = torch.from_numpy(cuts)[:, None].float() / 255
    grid = places / ((_CUT - 1) / 2)
    return F.grid_sample(image, grid, "bicubic", "reflection", align_corners=True).clamp(0, 1)


def graded(pair: Tensor, rng: Generator) -> Tensor:
    """(2, SIDE, SIDE) with a random tone and contrast, one in seven nearly flat; mostly limited range."""
    kind = rng.random()
    if kind < 0.15:
        pair = pair * rng.uniform(0.0, 0.15) + rng.uniform(0.05, 0.8)
    elif kind < 0.4:
        pair = pair * (gain := rng.uniform(0.3, 1.0)) + rng.uniform(0, 1 - gain)
    elif kind < 0.7:
        pair = pair ** rng.uniform(0.55, 1.7)
    return pair * (219 / 255) + 16 / 255 if rng.random() < 0.7 else pair


def draw(rng: Generator) -> noise.Look:
    """A random look of grain over more levels and sizes than removal is trained on."""
    second = rng.random() < 0.3
    return noise.Look(
        level=noise.log_uniform(rng, *LEVELS),
        size=noise.log_uniform(rng, *SIZES),
        anisotropy=rng.uniform(0.85, 1.15),
        weight=rng.uniform(-0.4, 0.5) if second else 0.0,
        spread=rng.uniform(1.5, 3.0),
        curve=noise.curve(rng),
        skew=rng.uniform(-0.3, 0.3) if rng.random() < 0.4 else 0.0,
    )


def fields(looks: list[noise.Look]) -> Tensor:
    """Unit grain (B, 2, SIDE, SIDE), independent in the two frames."""
    white = torch.randn(len(looks), 2, SIDE, SIDE)
    made = noise.filtered(white, noise.response(looks, SIDE).float())
    return noise.skewed(made, looks)


def depths(count: int, rng: Generator) -> Tensor:
    """Bit depths (B,): three in ten are 8 bit, the others 10."""
    return torch.from_numpy(np.where(rng.random(count) < 0.3, 8.0, 10.0).astype(np.float32))
