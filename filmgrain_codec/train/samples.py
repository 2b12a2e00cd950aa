"""Training batches as pure functions of (seed, step): resume needs no saved sampler.

A luma batch holds grainy windows, the sigma map an estimator would give (a little wrong), the size,
the clean centre and the divisor of the loss; a chroma batch also a guide (noisy and cleaned luma).
About 28 % of the samples are blind (sigma = size = 0), so one net serves both ways.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.utils.data import Dataset

from filmgrain_codec.train import motion, noise
from filmgrain_codec.train.material import Clip, Material, Picture

SIGMA_FLOOR = 5e-4
"""A known sigma is never below this: zero means unknown."""
BLIND_SHARE, SIZE_UNKNOWN_SHARE, FLAT_SHARE, GRAINLESS_SHARE, CLIP_SHARE = 0.28, 0.12, 0.1, 0.06, 0.22
Batch = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Told:
    """What the net is told about each sample's grain: right only within the estimator's error."""

    gain: Tensor
    size: Tensor
    blind: Tensor
    flat: Tensor

    @classmethod
    def draw(cls, sizes: Tensor, rng: Generator, blind: bool | None) -> Told:
        count = len(sizes)
        known = rng.random(count) >= BLIND_SHARE if blind is None else np.full(count, not blind)
        sized = known & (rng.random(count) >= SIZE_UNKNOWN_SHARE)
        gain = np.exp(rng.normal(0, 0.09, count).clip(-0.25, 0.25))
        size = sizes * tensor(np.exp(rng.normal(0, 0.08, count)) * sized)
        flat = rng.random(count) < FLAT_SHARE
        return cls(tensor(gain), size[:, None], torch.from_numpy(~known), torch.from_numpy(flat))

    def sigma(self, shape: Tensor, level: Tensor) -> Tensor:
        """The map handed over, from the curve's value (B, C, H, W) and the level (B, C or 1)."""
        shape = torch.where(over(self.flat, shape), torch.ones_like(shape), shape)
        known = (shape * level[:, :, None, None] * over(self.gain, shape)).clamp(min=SIGMA_FLOOR)
        return torch.where(over(self.blind, shape), torch.zeros_like(known), known)


class Batches(Dataset[Batch]):
    """Batch number ``step`` of ``seed``; ``blind`` forces one way (None mixes them)."""

    side, size = 96, 12

    def __init__(self, material: Material, seed: int, blind: bool | None = None) -> None:
        self.material, self.seed, self.blind = material, seed, blind

    def __len__(self) -> int:
        return 1 << 31

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng([self.seed, step])
        torch.manual_seed(int(rng.integers(1 << 62)))
        return self.make(rng)

    def make(self, rng: Generator) -> Batch:
        raise NotImplementedError


class LumaBatches(Batches):
    """frames (B, 3, S, S), sigma (B, 1, S, S), size (B, 1), clean (B, 1, S, S), level (B, 1)."""

    def __init__(self, material: Material, seed: int, blind: bool | None = None) -> None:
        super().__init__(material, seed, blind)
        self.photos = tuple(p[:1] for p in material.photos)
        self.clips = tuple((c[0],) for c in material.clips)

    def make(self, rng: Generator) -> Batch:
        clean = torch.stack([self.scene(rng) for _ in range(self.size)])
        looks = [noise.draw(rng) for _ in range(self.size)]
        level, curves = levels(looks, rng), tensor(np.stack([k.curve for k in looks]))
        fields = noise.filtered(torch.randn_like(clean), noise.response(looks, self.side))
        grainy = clean + noise.skewed(fields, looks) * noise.strength(clean, curves) * level[:, :, None, None]
        grainy = noise.quantised(grainy, depths(self.size, rng))
        told = Told.draw(tensor([k.size for k in looks]), rng, self.blind)
        shape = noise.strength(noise.lowpass(grainy[:, 1:2]), curves)
        return {
            "frames": grainy,
            "sigma": told.sigma(shape, level),
            "size": told.size,
            "clean": clean[:, 1:2],
            "level": level,
        }

    def scene(self, rng: Generator) -> Tensor:
        if self.clips and rng.random() < CLIP_SHARE:
            seen = motion.excerpt(self.clips[rng.integers(len(self.clips))], self.side, rng)
        else:
            seen = motion.scene(self.photos, self.side, rng)
        return motion.graded(motion.turned(seen[:, 0], rng), rng)


class ChromaBatches(Batches):
    """frames (B, 6, S, S), guide (B, 2, S, S), sigma (B, 2, S, S), clean (B, 2, S, S), level (B, 2).

    Chroma of 4:4:4 comes from photographs as they are, of 4:2:0 and 4:2:2 from pictures averaged
    down both ways or across; the guide's grain is then finer and weaker, as averaging makes it.
    """

    side, size = 64, 12

    def __init__(self, material: Material, seed: int, blind: bool | None = None) -> None:
        super().__init__(material, seed, blind)
        photos = material.photos
        across = tuple(averaged(p, 2, 1) for p in photos)
        self.photos = {1: photos, 2: across, 4: tuple(averaged(p, 2, 2) for p in photos)}
        coloured = (c for c in material.clips if len(c) == 3)
        self.clips: tuple[Clip, ...] = tuple((averaged(c[0], 2, 2), *c[1:]) for c in coloured)

    def make(self, rng: Generator) -> Batch:
        pooled = rng.choice([1, 2, 4], self.size, p=[0.25, 0.15, 0.6])
        scenes = torch.stack([self.scene(int(k), rng) for k in pooled])
        luma, chroma = scenes[:, :, 0], scenes[:, :, 1:]
        looks = [noise.draw(rng) for _ in range(self.size)]
        curves = tensor(np.stack([k.curve for k in looks]))
        level = levels(looks, rng) * tensor(rng.uniform(0.3, 1.2, (self.size, 2)))
        fields, luma_field = self.fields(looks, tensor(pooled), rng)
        bits = depths(self.size, rng)
        grainy = chroma + fields * (noise.strength(luma, curves)[:, :, None] * level[:, None, :, None, None])
        noisy = luma[:, 1] + luma_field * noise.strength(luma[:, 1], curves)
        guide = self.guide(noisy, luma[:, 1], rng)
        told = Told.draw(tensor([k.size for k in looks]), rng, self.blind)
        shape = noise.strength(noise.lowpass(noisy[:, None]), curves).expand(-1, 2, -1, -1)
        return {
            "frames": noise.quantised(grainy, bits).flatten(1, 2),
            "guide": guide,
            "sigma": told.sigma(shape, level),
            "size": told.size,
            "clean": chroma[:, 1],
            "level": level,
        }

    def scene(self, pooled: int, rng: Generator) -> Tensor:
        if self.clips and pooled == 4 and rng.random() < 2 * CLIP_SHARE:
            seen = motion.excerpt(self.clips[rng.integers(len(self.clips))], self.side, rng)
        else:
            seen = motion.scene(self.photos[pooled], self.side, rng)
        seen = motion.turned(seen, rng)
        luma, chroma = motion.graded(seen[:, :1], rng), seen[:, 1:] - 0.5
        chroma = chroma * tensor(rng.uniform(0.3, 1.25, (1, 1, 1, 1)) * rng.choice([-1, 1], (1, 2, 1, 1)))
        return torch.cat([luma, (chroma.flip(1) if rng.random() < 0.5 else chroma) + 0.5], 1)

    def fields(self, looks: list[noise.Look], pooled: Tensor, rng: Generator) -> tuple[Tensor, Tensor]:
        """Unit chroma fields (B, 3, 2, S, S) and the centre's luma grain (B, S, S), correlated."""
        white = torch.randn(self.size, 3, 3, self.side, self.side)
        mix = torch.stack([mixing(rng) for _ in looks])
        white = torch.einsum("bij,btjyx->btiyx", mix, white)
        chroma = noise.filtered(white[:, :, 1:], noise.response(looks, self.side))
        ratio = tensor(rng.uniform(0.7, 1.3, self.size))
        luma = noise.filtered(white[:, 1, 0], noise.response(looks, self.side, 1.3))
        fading = pooled ** (-0.5 * tensor(rng.uniform(0.3, 1, self.size)))
        weaker = tensor([k.level for k in looks]) * ratio * fading
        return chroma, luma * weaker[:, None, None]

    def guide(self, noisy: Tensor, clean: Tensor, rng: Generator) -> Tensor:
        """Noisy luma and a stand-in for the luma net's output: some grain left, some detail lost."""
        left = tensor(rng.uniform(0, 0.45, self.size))[:, None, None]
        lost = tensor(rng.uniform(0, 0.7, self.size))[:, None, None]
        rest = F.avg_pool2d(F.pad((noisy - clean)[:, None], (1, 1, 1, 1), mode="replicate"), 3, 1)[:, 0]
        soft = F.avg_pool2d(F.pad(clean[:, None], (1, 1, 1, 1), mode="replicate"), 3, 1)[:, 0]
        return torch.stack([noisy, torch.lerp(clean, soft, lost) + left * rest], 1)


def averaged(picture: Picture, across: int, down: int) -> Picture:
    """Box-averaged planes (..., h, w), as 4:2:0 and 4:2:2 make chroma."""
    h, w = (n // k * k for n, k in zip(picture.shape[-2:], (down, across), strict=True))
    boxes = picture[..., :h, :w].reshape(*picture.shape[:-2], h // down, down, w // across, across)
    return np.rint(boxes.mean((-3, -1))).astype(np.uint8)


def mixing(rng: Generator) -> Tensor:
    """A random 3x3 factor of a correlation matrix of Y, Cb, Cr; half the time nearly independent."""
    spread = rng.uniform(0, 0.25) if rng.random() < 0.5 else rng.uniform(0.25, 0.9)
    rows = np.eye(3) + spread * rng.normal(0, 1, (3, 3)) * (1 - np.eye(3))
    return tensor(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def levels(looks: list[noise.Look], rng: Generator) -> Tensor:
    """Levels (B, 1); a few samples have no grain at all."""
    kept = rng.random(len(looks)) >= GRAINLESS_SHARE
    return tensor([k.level for k in looks])[:, None] * tensor(kept)[:, None]


def depths(count: int, rng: Generator) -> Tensor:
    """Bit depths (B,): three in ten are 8 bit, the others 10."""
    return tensor(np.where(rng.random(count) < 0.3, 8, 10))


def tensor(values: object) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))


def over(values: Tensor, like: Tensor) -> Tensor:
    """Per-sample values (B,) shaped to go with (B, C, H, W)."""
    return values.view(-1, *[1] * (like.dim() - 1))
