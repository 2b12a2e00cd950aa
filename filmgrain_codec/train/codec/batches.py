"""Batches out of a pool of coded patches; what is told of them is partly wrong, as it is in use."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from filmgrain_codec.core.quantiser import FAMILIES, HIGHEST
from filmgrain_codec.train.codec.neighbours import as_in_use
from filmgrain_codec.train.codec.pool import GRID, SIDE, Pool
from filmgrain_codec.train.networks.codec import PATCH

Batch = dict[str, Tensor]
LEAST = 14.0
"""Patches of a lower QP are left out: the filter leaves such pictures alone."""
UNCODED_SHARE, UNCODED = 0.03, 8.0
"""Share of patches that were not coded at all, and the QP they count as."""
SHIFTED_SHARE = 0.05
"""Share of patches that lie off the codec's grid, as in pictures that were cut or padded after it."""
ROUGH_SHARE, ROUGH_ERROR = 0.4, 3.0
"""Share of patches whose QP is told wrong, and by how much (standard deviation)."""
UNTOLD_SHARE = 0.12
_NAMES = ("luma", "chroma", "clean", "clean_chroma")
_AROUND = {"near": "clean", "near_chroma": "clean_chroma"}
"""Arrays of the neighbours, and what they show of a picture that was not coded."""
Row = dict[str, np.ndarray]


class Numbered(Protocol):
    """Batches by number."""

    def __getitem__(self, step: int, /) -> Batch: ...


def from_step(batches: Numbered, step: int) -> Iterator[Batch]:
    """Batches from number ``step`` on, without end."""
    return map(batches.__getitem__, count(step))


class Batches:
    """Batch ``step`` of a seed is the same on every run.

    ``error``: QP is told exactly (0), or always wrong with this deviation; None is the mixture of training.
    """

    def __init__(self, pool: Pool, size: int, seed: int, error: float | None = None) -> None:
        self.pool, self.size, self.seed, self.error = pool, size, seed, error
        self.facts = np.asarray(pool.arrays["facts"])
        self.chosen = np.flatnonzero(self.facts[:, 0] >= LEAST)

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng([self.seed, step])
        picked = rng.choice(self.chosen, self.size, replace=len(self.chosen) < self.size)
        rows, uncoded = [self._patch(k, rng) for k in picked], rng.random(self.size) < UNCODED_SHARE
        rows = [_uncoded(r) if u else r for r, u in zip(rows, uncoded, strict=True)]
        batch = {name: _scaled(np.stack([r[name] for r in rows])) for name in rows[0]}
        qp, codec = np.where(uncoded, UNCODED, self.facts[picked, 0]), self.facts[picked, 1]
        wrong = rng.normal(0, ROUGH_ERROR, self.size) * (rng.random(self.size) < ROUGH_SHARE)
        if self.error is not None:
            wrong = rng.normal(0, 1, self.size) * self.error
        known = np.where(rng.random(self.size) < UNTOLD_SHARE, len(FAMILIES) - 1, codec).astype(int)
        if "coarser" in self.pool.arrays:
            batch["coarser"] = _tensor(np.asarray(self.pool.arrays["coarser"])[picked])
            as_in_use(batch, codec, rng)
        return {**batch, "qp": _tensor(qp), "told": told(np.clip(qp + wrong, 0, HIGHEST), known)}

    def _patch(self, number: int, rng: np.random.Generator) -> Row:
        """Codes of luma, chroma, clean luma, clean chroma of a square in it, mirrored and turned at random;
        of its neighbours too, where the pool has them.
        """
        step = 2 if rng.random() < SHIFTED_SHARE else GRID
        top, left = (step * rng.integers((SIDE - PATCH) // step + 1, size=2)).tolist()
        mirror, turn = rng.random(2) < 0.5
        out: Row = {}
        for name in (*_NAMES, *(n for n in _AROUND if n in self.pool.arrays)):
            array, half = self.pool.arrays[name][number], "chroma" in name
            y, x, n = (v // 2 if half else v for v in (top, left, PATCH))
            part = array.reshape(-1, *array.shape[-2:])[:, y : y + n, x : x + n]
            part = part[:, :, ::-1] if mirror else part
            part = part.swapaxes(1, 2) if turn else part
            out[name] = part
        return out


def _uncoded(row: Row) -> Row:
    """The square as if nothing had been coded, and nothing had moved."""
    around = {k: np.concatenate([row[v]] * 2) for k, v in _AROUND.items() if k in row}
    return row | {"luma": row["clean"], "chroma": row["clean_chroma"]} | around


def told(qp: np.ndarray, family: np.ndarray) -> Tensor:
    """(N, TOLD): QP / 63 and the codec family."""
    return _tensor(np.concatenate([qp[:, None] / HIGHEST, np.eye(len(FAMILIES))[family]], 1))


def _scaled(codes: np.ndarray) -> Tensor:
    """Codes of 16 bits as 0..1."""
    return torch.from_numpy(codes.astype(np.float32) / np.float32(65535))


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))
