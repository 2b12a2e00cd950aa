"""What a removal net is trained for."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from filmgrain_codec.train.networks.removal import cleaned
from filmgrain_codec.train.samples import Batch

LEVEL_FLOOR = 0.004
GRADIENT_WEIGHT = 0.1
WHITENESS_WEIGHT = 0.02
WHITENESS_BOX = 16
LESSON_WEIGHT = 1 / 3


def removal_loss(made: Tensor, clean: Tensor, level: Tensor) -> Tensor:
    """Charbonnier error in units of the grain level, plus its gradient's, plus what leaks of texture.

    ``made``, ``clean`` (B, C, H, W); ``level`` (B, C). Error in units of the level makes weak and
    strong grain count alike; the gradient term keeps edges.
    """
    error = (made - clean) / level.clamp(min=LEVEL_FLOOR)[:, :, None, None]
    down, right = error.diff(dim=2), error.diff(dim=3)
    gradient = charbonnier(down) + charbonnier(right)
    return charbonnier(error) + GRADIENT_WEIGHT * gradient + WHITENESS_WEIGHT * leakage(error, clean)


def taught(net: nn.Module, batch: Batch) -> Tensor:
    """The loss of a net on a batch; where it holds a teacher's ``lesson`` that counts for a third."""
    made = cleaned(net, batch)
    loss = removal_loss(made, batch["clean"], batch["level"])
    if "lesson" not in batch:
        return loss
    lesson = removal_loss(made, batch["lesson"], batch["level"])
    return (1 - LESSON_WEIGHT) * loss + LESSON_WEIGHT * lesson


def charbonnier(error: Tensor) -> Tensor:
    return torch.sqrt(error**2 + 0.01).mean()


def leakage(error: Tensor, clean: Tensor) -> Tensor:
    """How much of the picture's fine detail went with the grain: mean squared local correlation.

    Detail is the clean picture minus its 3x3 mean, and the grain itself does not correlate with it,
    so what the removed residual has in common with it is the error's.
    """
    detail = clean - F.avg_pool2d(F.pad(clean, (1, 1, 1, 1), mode="replicate"), 3, 1)
    common = F.avg_pool2d(error * detail, WHITENESS_BOX)
    power = F.avg_pool2d(error**2, WHITENESS_BOX) * F.avg_pool2d(detail**2, WHITENESS_BOX)
    return (common**2 / (power + 1e-6)).mean()


def gain_db(made: Tensor, noisy: Tensor, clean: Tensor) -> Tensor:
    """Mean PSNR gain over the grainy centre per sample and plane, in dB."""
    before = ((noisy - clean) ** 2).mean((2, 3)).clamp(min=1e-9)
    after = ((made - clean) ** 2).mean((2, 3)).clamp(min=1e-9)
    return (10 * torch.log10(before / after)).mean()
