"""What a trained net says to every sample of a pool: the chroma net's guide, and a teacher's lesson."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from filmgrain_codec.train.networks.removal import cleaned
from filmgrain_codec.train.pool import Pool, coded
from filmgrain_codec.train.samples import Answers, Batches

SHARE = 64


def answered(net: nn.Module, asked: Batches, path: Path) -> Answers:
    """The answers (samples, C, ...), kept at ``path``; made there if missing or of another pool."""
    if path.exists():
        found: Answers = np.load(path, mmap_mode="r")
        if len(found) == len(asked.pool):
            return found
    count = len(asked.pool)
    part = path.with_suffix(f".{os.getpid()}.part.npy")  # two runs may learn from the same net
    shape = say(net, asked, np.arange(1)).shape[1:]
    out = np.lib.format.open_memmap(part, "w+", np.uint16, (count, *shape))
    for start in range(0, count, SHARE):
        picked = np.arange(start, min(start + SHARE, count))
        out[picked] = say(net, asked, picked)
    out.flush()
    part.replace(path)
    return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]


def say(net: nn.Module, asked: Batches, picked: NDArray[np.int64]) -> Answers:
    """Answers to some samples as they lie in the pool."""
    with torch.no_grad():
        return coded(cleaned(net, asked.make(picked, np.random.default_rng(0))).numpy())


def name_of(pool: Pool) -> str:
    """A file name for answers to a pool."""
    return f"answers-{pool.facts['seed']}-{len(pool)}.npy"
