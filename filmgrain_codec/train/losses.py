"""What a removal net is trained for."""

from __future__ import annotations

import torch
from torch import Tensor

LEVEL_FLOOR = 0.004
GRADIENT_WEIGHT = 0.1


def removal_loss(made: Tensor, clean: Tensor, level: Tensor) -> Tensor:
    """Charbonnier error in units of the grain level, plus a tenth of its gradient's.

    ``made``, ``clean`` (B, C, H, W); ``level`` (B, C). Error in units of the level makes weak and
    strong grain count alike; the gradient term keeps edges.
    """
    error = (made - clean) / level.clamp(min=LEVEL_FLOOR)[:, :, None, None]
    down, right = error.diff(dim=2), error.diff(dim=3)
    return charbonnier(error) + GRADIENT_WEIGHT * (charbonnier(down) + charbonnier(right))


def charbonnier(error: Tensor) -> Tensor:
    return torch.sqrt(error**2 + 0.01).mean()


def gain_db(made: Tensor, noisy: Tensor, clean: Tensor) -> Tensor:
    """Mean PSNR gain over the grainy centre per sample and plane, in dB."""
    before = ((noisy - clean) ** 2).mean((2, 3)).clamp(min=1e-9)
    after = ((made - clean) ** 2).mean((2, 3)).clamp(min=1e-9)
    return (10 * torch.log10(before / after)).mean()
