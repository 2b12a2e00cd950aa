"""What the perceptual end of the slider is trained for: pictures that look coded less, not nearer on average.

The net begins as a trained repair net, the critic learns alone for a while, then they take turns (NoGAN, as
the artifact-removal GAN was trained). What is nearest on average is smoother than any real picture (Blau and
Michaeli, CVPR 2018), so fine detail is also held to the strength that it has in the clean one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from filmgrain_codec.train.codec.batches import Batch
from filmgrain_codec.train.codec.losses import asked, gains, repair_loss
from filmgrain_codec.train.codec.nogan import NoGan, hinge
from filmgrain_codec.train.networks.codec import CONTRAST, NEAR, PLANES, CodecNets, pack
from filmgrain_codec.train.networks.codec_unet import TextureNets

POWER_WEIGHT, CRITIC_WEIGHT = 0.15, 0.05
BLURS = (3, 3, 5)
"""Sides of the boxes that luma is blurred with, one after the other: what each takes away is a band."""
CELL = 4
"""Side at half size of the squares in which the strength of detail is compared."""
FAINTEST = (0.5 / 255) ** 2
"""Variance of detail below which it does not count."""


@dataclass
class Textured(NoGan):
    """``NoGan`` with the losses above; the net is trained already when it starts."""

    alone: ClassVar[float] = 0.02
    critical: ClassVar[float] = 0.08
    slower: ClassVar[float] = 0.5

    def generate(self, nets: nn.Module, batch: Batch) -> Tensor:
        """The repair net's own loss, the strength of detail, and what the critic says in the contest."""
        assert isinstance(nets, TextureNets)
        given, made, clean = pictures(nets, batch)
        loss = repair_loss(given, made - given, batch) + POWER_WEIGHT * strength_error(made, clean)
        return loss - CRITIC_WEIGHT * critique(nets, made) if self.phase == "contest" else loss

    def criticise(self, nets: nn.Module, batch: Batch) -> Tensor:
        """Hinge loss of the critic."""
        assert isinstance(nets, TextureNets)
        with torch.no_grad():
            _, made, clean = pictures(nets, batch)
        return hinge(nets.critic, detail(made), detail(clean))


def pictures(nets: CodecNets, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """(decoded, repaired, clean), packed."""
    given, clean = pack(batch["luma"], batch["chroma"]), pack(batch["clean"], batch["clean_chroma"])
    with torch.autocast(given.device.type, torch.bfloat16):
        residual = nets.repair(*asked(given, batch["told"])).float()
    return given, given + residual, clean


def critique(nets: TextureNets, made: Tensor) -> Tensor:
    return nets.critic(detail(made)).mean()


def detail(packed: Tensor) -> Tensor:
    """What the critic sees: packed pictures less their means near by, about one half."""
    near = F.avg_pool2d(packed[:, :4].mean(1, keepdim=True), NEAR, 1, NEAR // 2, count_include_pad=False)
    tone = F.avg_pool2d(packed[:, 4:], NEAR, 1, NEAR // 2, count_include_pad=False)
    means = torch.cat([near.expand(-1, PLANES - 2, -1, -1), tone], 1)
    return CONTRAST / 4 * (packed - means) + 0.5


def strength_error(made: Tensor, clean: Tensor) -> Tensor:
    """Mean |log ratio| of the variance of luma's detail, square by square and band by band."""
    pairs = zip(strengths(made), strengths(clean), strict=True)
    return torch.stack([(a / b).log().abs().mean() for a, b in pairs]).mean()


def strengths(packed: Tensor) -> list[Tensor]:
    """Variance of luma's detail in squares, at least ``FAINTEST``: one tensor a band, the finest first.

    In one band alone a net would make up for what is missing with the finest pattern that there is.
    """
    seen = [F.pixel_shuffle(packed[:, :4], 2)]
    for side in BLURS:
        seen.append(F.avg_pool2d(seen[-1], side, 1, side // 2, count_include_pad=False))
    return [F.avg_pool2d((a - b).square(), 2 * CELL) + FAINTEST for a, b in pairwise(seen)]


def compared(nets: nn.Module, batch: Batch) -> tuple[float, float]:
    """(``strength_error``, mean gain of luma's PSNR in dB) on one batch."""
    assert isinstance(nets, CodecNets)
    with torch.no_grad():
        _, made, clean = pictures(nets, batch)
        return float(strength_error(made, clean)), gains(nets, batch)[1]
