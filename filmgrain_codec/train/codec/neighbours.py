"""Neighbours as a net meets them in use: missing, badly followed, of another scene, coded nobody knows how.

The pool's own always fit: its cameras are simulated. A net that was shown nothing else leans on them, and
loses where there are none, as on stills, at cuts and at a clip's ends, or where motion was not followed.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from filmgrain_codec.core.quantiser import FAMILIES
from filmgrain_codec.train.repair_samples import bends

Batch = dict[str, Tensor]
ALONE_SHARE, STILL_SHARE = 0.3, 0.4
"""Share of patches without any neighbour; of JPEG's other patches, as most of its pictures are stills."""
MISSING_SHARE = 0.08
"""Share of the other neighbours that is missing by itself."""
BENT_SHARE, FOREIGN_SHARE = 0.3, 0.04
"""Shares of patches with neighbours bent in waves in a part of them, and with those of another patch."""
LEVEL_SHARE = 0.2
"""Share of patches of which is not told how much coarser the neighbours were coded."""
JPEG = FAMILIES.index("jpeg")


def as_in_use(batch: Batch, family: NDArray[np.generic], rng: Generator) -> None:
    """Spoil the neighbours of some patches of a batch, in place; ``family``: numbers of their codecs."""
    count = len(family)
    for k in np.flatnonzero(rng.random(count) < FOREIGN_SHARE):
        other = int(rng.integers(count))
        for name in ("near", "near_chroma", "coarser"):
            batch[name][k] = batch[name][other]
    for k in np.flatnonzero(rng.random(count) < BENT_SHARE):
        bend(batch, int(k), rng)
    alone = rng.random(count) < ALONE_SHARE
    alone |= (rng.random(count) < STILL_SHARE) & (family == JPEG)
    missing = alone[:, None] | (rng.random((count, 2)) < MISSING_SHARE)
    batch["coarser"][rng.random(count) < LEVEL_SHARE] = 0
    for k, n in np.argwhere(missing):
        take_away(batch, k, n)


def take_away(batch: Batch, k: int, n: int) -> None:
    """Neighbour ``n`` of patch ``k``: where there is none, the filter takes the frame itself for it."""
    batch["near"][k, n] = batch["luma"][k, 0]
    batch["near_chroma"][k, 2 * n : 2 * n + 2] = batch["chroma"][k]
    batch["coarser"][k, n] = 0


def bend(batch: Batch, k: int, rng: Generator) -> None:
    """Both neighbours of patch ``k``, half of the time the same way."""
    side, alike = batch["near"].shape[-1], rng.random() < 0.5
    places = bends(side, rng)
    for n in (0, 1):
        chroma = slice(2 * n, 2 * n + 2)
        smaller = F.avg_pool2d(places.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1)
        batch["near"][k, n] = _seen(batch["near"][k, n : n + 1], places)[0]
        batch["near_chroma"][k, chroma] = _seen(batch["near_chroma"][k, chroma], smaller)
        places = places if alike else bends(side, rng)


def _seen(planes: Tensor, places: Tensor) -> Tensor:
    made = F.grid_sample(planes[None], places, padding_mode="reflection", align_corners=False)
    return torch.clamp(made[0], 0, 1)
