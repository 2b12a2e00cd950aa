"""Training batches from a pool, as pure functions of (seed, step): resume needs no saved sampler.

A batch holds grainy windows, the sigma map an estimator would give (a little wrong, sometimes very),
the size, the clean centre and the divisor of the loss; a chroma batch also a guide (noisy and cleaned
luma). Blind removal measures each window by itself, so it is told too, only worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812
from torch.utils.data import Dataset

from filmgrain_codec.train.pool import FACTS, LAYOUTS, RADIUS, Pool

SIGMA_FLOOR = 5e-4
"""A known sigma is never below this."""
ERROR, ROUGH_ERROR, ROUGH_SHARE = 0.06, 0.2, 0.25
"""Standard deviations of ln(told / true level): of a good estimate, and of a rough one."""
SIZE_ERROR, SIZE_UNKNOWN_SHARE, FLAT_SHARE = 0.08, 0.15, 0.1
Batch = dict[str, Tensor]
Answers = NDArray[np.uint16]
"""A net's answers to every sample of a pool, as 16-bit codes."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the net is told about each sample's grain: right only within the estimator's error.

    ``gain`` (B,), ``size`` (B, 1), ``flat`` (B,): a curve not known.
    """

    gain: Tensor
    size: Tensor
    flat: Tensor

    @classmethod
    def draw(cls, sizes: Tensor, rng: Generator, rough: bool | None) -> Told:
        count = len(sizes)
        bad = rng.random(count) < ROUGH_SHARE if rough is None else np.full(count, rough)
        error = rng.normal(0, 1, count).clip(-2, 2) * np.where(bad, ROUGH_ERROR, ERROR)
        sized = (rng.random(count) >= SIZE_UNKNOWN_SHARE) & ~(bad & bool(rough))
        size = sizes * tensor(np.exp(rng.normal(0, SIZE_ERROR, count)) * sized)
        flat = rng.random(count) < FLAT_SHARE
        return cls(tensor(np.exp(error)), size[:, None], torch.from_numpy(flat))

    def sigma(self, shape: Tensor, level: Tensor) -> Tensor:
        """The map handed over, from the curve's value (B, C, H, W) and the level (B, C or 1)."""
        shape = torch.where(over(self.flat, shape), torch.ones_like(shape), shape)
        return (shape * level[:, :, None, None] * over(self.gain, shape)).clamp(min=SIGMA_FLOOR)


class Batches(Dataset[Batch]):
    """Batch number ``step`` of ``seed``; ``rough`` tells all samples well or badly (None mixes).

    ``lessons``: a teacher's answers (samples, ...) to learn from beside the truth.
    """

    def __init__(
        self,
        pool: Pool,
        seed: int,
        rough: bool | None = None,
        size: int = 12,
        lessons: Answers | None = None,
    ) -> None:
        self.pool, self.seed, self.rough, self.size, self.lessons = pool, seed, rough, size, lessons

    def __len__(self) -> int:
        return 1 << 31

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng([self.seed, step])
        return turned(self.make(np.sort(rng.integers(0, len(self.pool), self.size)), rng), rng)

    def make(self, picked: NDArray[np.int64], rng: Generator) -> Batch:
        """The batch of the samples ``picked``, as they lie in the pool."""
        raise NotImplementedError

    def facts(self, picked: NDArray[np.int64]) -> dict[str, Tensor]:
        """The numbers of ``pool.FACTS``, each (B,)."""
        rows = tensor(self.pool.arrays["facts"][picked])
        return {name: rows[:, k] for k, name in enumerate(FACTS)}

    def codes(self, name: str, picked: NDArray[np.int64]) -> Tensor:
        """Samples of an array of 16-bit codes, in 0..1."""
        return tensor(self.pool.arrays[name][picked]) / 65535

    def lesson(self, picked: NDArray[np.int64]) -> Batch:
        """{'lesson': (B, C, H, W)} where there is a teacher."""
        return {} if self.lessons is None else {"lesson": tensor(self.lessons[picked]) / 65535}


class LumaBatches(Batches):
    """frames (B, 5, 1, S, S), sigma (B, 1, S, S), size (B, 1), clean (B, 1, S, S), level (B, 1)."""

    def make(self, picked: NDArray[np.int64], rng: Generator) -> Batch:
        facts = self.facts(picked)
        shape = tensor(self.pool.arrays["shape"][picked])[:, None]
        told, level = Told.draw(facts["size"], rng, self.rough), facts["level"][:, None]
        return {
            "frames": self.codes("luma", picked)[:, :, None],
            "sigma": told.sigma(shape, level),
            "size": told.size,
            "clean": self.codes("clean", picked)[:, None],
            "level": level,
            **self.lesson(picked),
        }


class ChromaBatches(Batches):
    """frames (B, 5, 2, s, s), guide (B, 2, s, s), sigma (B, 2, s, s), clean (B, 2, s, s), level (B, 2).

    ``cleaned``: the luma net's answers (samples, 1, S, S), from which the guide is made.
    """

    def __init__(
        self,
        pool: Pool,
        seed: int,
        rough: bool | None = None,
        size: int = 24,
        lessons: Answers | None = None,
        *,
        cleaned: Answers,
    ) -> None:
        super().__init__(pool, seed, rough, size, lessons)
        self.cleaned = cleaned

    def make(self, picked: NDArray[np.int64], rng: Generator) -> Batch:
        facts = self.facts(picked)
        told = Told.draw(facts["chroma_size"], rng, self.rough)
        level = facts["level"][:, None] * torch.stack([facts["cb"], facts["cr"]], 1)
        noisy = self.codes("luma", picked)[:, RADIUS : RADIUS + 1]
        shape = tensor(self.pool.arrays["shape"][picked])[:, None]
        luma = torch.cat([noisy, tensor(self.cleaned[picked]) / 65535, shape], 1)
        small = torch.stack([on_chroma(p, int(k)) for p, k in zip(luma, facts["layout"], strict=True)])
        return {
            "frames": self.codes("chroma", picked),
            "guide": small[:, :2],
            "sigma": told.sigma(small[:, 2:].expand(-1, 2, -1, -1), level),
            "size": told.size,
            "clean": self.codes("clean_chroma", picked),
            "level": level,
            **self.lesson(picked),
        }


def on_chroma(planes: Tensor, layout: int) -> Tensor:
    """(C, S, S) luma planes averaged onto the (C, S/2, S/2) chroma samples of a layout."""
    sub_w, sub_h = LAYOUTS[layout]
    side = planes.shape[-1] // 2
    rows, columns = ((side if sub else side // 2) * 2 for sub in (sub_h, sub_w))
    top, left = ((2 * side - n) // 2 for n in (rows, columns))
    cut = planes[:, top : top + rows, left : left + columns]
    return F.avg_pool2d(cut, (1 << sub_h, 1 << sub_w)) if sub_w or sub_h else cut


def turned(batch: Batch, rng: Generator) -> Batch:
    """All planes mirrored and transposed alike, one way for the batch."""
    way = int(rng.integers(8))
    axes = [axis for bit, axis in ((1, -1), (2, -2)) if way & bit]

    def one(planes: Tensor) -> Tensor:
        planes = planes.flip(axes) if axes else planes
        return (planes.transpose(-1, -2) if way & 4 else planes).contiguous()

    return {k: one(v) if v.dim() >= 4 else v for k, v in batch.items()}


def tensor(values: object) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))


def over(values: Tensor, like: Tensor) -> Tensor:
    """Per-sample values (B,) shaped to go with (B, C, H, W)."""
    return values.view(-1, *[1] * (like.dim() - 1))
