"""The baseline's losses and its NoGAN schedule: generator alone, critic alone, a short contest of both.

As the artifact-removal GAN (Mameli et al., ACM MM 2020) was trained: the generator learns from pixels and
features until it has learned what they teach, the critic then from its pictures, and only the last part
of the time the two learn from each other, at a lower rate. Features are those of ``Eyes``, not of a trained
classifier. Here it learns from all codecs of the pool, not from JPEG of one quality.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from filmgrain_codec.train.codec.batches import Batch
from filmgrain_codec.train.codec.losses import asked
from filmgrain_codec.train.loop import Run
from filmgrain_codec.train.networks.codec import CodecNets, pack
from filmgrain_codec.train.networks.codec_unet import BaselineNets, Critic, Eyes

ALONE, CRITICAL = 0.6, 0.15
"""Shares of the time that the generator and the critic learn alone; the rest is the contest."""
SLOWER = 0.2
"""Learning rate of the contest."""
PIXEL_WEIGHT, FEATURE_WEIGHT, CRITIC_WEIGHT = 10.0, 1.0, 0.02


@dataclass
class NoGan(Run):
    """``Run`` of nets with a critic; ``phase`` says whose turn it is."""

    alone: ClassVar[float] = ALONE
    critical: ClassVar[float] = CRITICAL
    slower: ClassVar[float] = SLOWER

    def __post_init__(self) -> None:
        super().__post_init__()
        self.eyes = Eyes().to(self.device)

    @property
    def phase(self) -> str:
        part = self.schedule.progress(self.step, self.elapsed)
        return (
            "generator" if part < self.alone else "critic" if part < self.alone + self.critical else "contest"
        )

    def learn(self, batch: Batch) -> None:
        """One step of one net: in the contest they take turns."""
        phase, nets = self.phase, self.net
        assert isinstance(nets, CodecNets)
        assert isinstance(nets.critic, nn.Module)
        critical = phase == "critic" or (phase == "contest" and self.step % 2 == 1)
        nets.critic.requires_grad_(critical)
        nets.repair.requires_grad_(not critical)
        self.slowed = self.slower if phase == "contest" else 1.0
        self.objective = self.criticise if critical else self.generate
        super().learn(batch)

    def generate(self, nets: nn.Module, batch: Batch) -> Tensor:
        """Pixels, features, and what the critic says in the contest."""
        assert isinstance(nets, BaselineNets)
        made, clean = pictures(nets, batch)
        loss = PIXEL_WEIGHT * (made - clean).abs().mean() + FEATURE_WEIGHT * self.unlike(made, clean)
        if self.phase == "contest":
            loss = loss - CRITIC_WEIGHT * nets.critic(made).mean()
        return loss

    def criticise(self, nets: nn.Module, batch: Batch) -> Tensor:
        """Hinge loss of the critic."""
        assert isinstance(nets, BaselineNets)
        with torch.no_grad():
            made, clean = pictures(nets, batch)
        return hinge(nets.critic, made, clean)

    def unlike(self, made: Tensor, clean: Tensor) -> Tensor:
        """Mean squared distance of features."""
        pairs = zip(self.eyes(made), self.eyes(clean), strict=True)
        return torch.stack([(a - b).square().sum(1).mean() for a, b in pairs]).sum()


def pictures(nets: BaselineNets, batch: Batch) -> tuple[Tensor, Tensor]:
    """(repaired, clean), packed."""
    given, clean = pack(batch["luma"], batch["chroma"]), pack(batch["clean"], batch["clean_chroma"])
    made: Tensor = given + nets.repair(*asked(given, batch["told"]))
    return made, clean


def hinge(critic: Critic, made: Tensor, clean: Tensor) -> Tensor:
    loss: Tensor = F.relu(1 + critic(made)).mean() + F.relu(1 - critic(clean)).mean()
    return loss
