"""The synthesis tasks of the DeepFilmGrain baseline: a generator, alone with L1 or against a discriminator.

As published: adversarial loss by binary cross-entropy plus 0.1 L1 on samples in 0..255; both nets learn from
the same forward pass. With L1 against one realisation of grain the best answer is its mean, which is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from filmgrain_codec.train.dfg_run import Training
from filmgrain_codec.train.networks.patchgan import PatchGan
from filmgrain_codec.train.networks.unet import PEAK, Baseline, use_statistics
from filmgrain_codec.train.samples import Batch

CRITIC_RATE = 1e-4
L1_WEIGHT = 0.1


class Adversarial(nn.Module):
    """A generator and its discriminator, so that a checkpoint holds both."""

    def __init__(self, generator: Baseline, critic: PatchGan) -> None:
        super().__init__()
        self.generator, self.critic = generator, critic


@dataclass
class Synthesis(Training):
    """``Training`` of a synthesis task; ``net`` is a ``Baseline``, or ``Adversarial`` where the loss is."""

    def __post_init__(self) -> None:
        super().__post_init__()
        use_statistics(self.net, self.task.statistics)
        if self.critic is not None:
            groups = [
                {"params": self.generator.parameters()},
                {"params": self.critic.parameters(), "lr": CRITIC_RATE},
            ]
            beta = (self.task.beta1, 0.999)
            self.optimiser = torch.optim.Adam(groups, self.task.rate, beta, eps=1e-7)

    @property
    def generator(self) -> Baseline:
        return generator_of(self.net)

    @property
    def critic(self) -> PatchGan | None:
        return self.net.critic if isinstance(self.net, Adversarial) else None

    def answer(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(made, real) grainy pictures in 0..1 and float32."""
        grainy, level, clean = self.given(batch)
        with torch.autocast(self.config.device, torch.bfloat16, enabled=self.config.bf16):
            made = self.generator(clean, level)
        return made.float(), grainy

    def given(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        layout = torch.channels_last if self.config.channels_last else torch.contiguous_format
        grainy, clean = (batch[k].to(self.config.device, memory_format=layout) for k in ("image", "clean"))
        return grainy, batch["level"].to(self.config.device), clean

    def learn(self, batch: Batch) -> None:
        """One step of the optimiser, for both nets where there are two."""
        self.net.train()
        made, real = self.answer(batch)
        off = distance(made, real)
        self.optimiser.zero_grad()
        if self.critic is None:
            loss = off
            loss.backward()  # type: ignore[no-untyped-call]
        else:
            loss = self.contest(self.critic, batch, made, L1_WEIGHT * off)
        self.optimiser.step()
        self.step += 1
        self.loss += max(0.01, 1 / self.step) * (loss.item() - self.loss)

    def contest(self, critic: PatchGan, batch: Batch, made: Tensor, pull: Tensor) -> Tensor:
        """Gradients of both nets from one look at both pictures; the generator's loss."""
        real, level, clean = self.given(batch)
        with torch.autocast(self.config.device, torch.bfloat16, enabled=self.config.bf16):
            of_made, of_real = (critic.logits(clean, x, level).float() for x in (made, real))
        wins = judged(of_made, 1) + pull
        loses = judged(of_real, 1) + judged(of_made, 0)
        for net, loss in ((self.generator, wins), (critic, loses)):
            learned = list(net.parameters())
            for value, slope in zip(
                learned, torch.autograd.grad(loss, learned, retain_graph=True), strict=True
            ):
                value.grad = slope
        return wins

    def check(self, batch: Batch) -> tuple[float, float]:
        """(L1 on samples in 0..255, strength of the grain made over the real grain's in dB) of one batch."""
        made, real = self.answer(batch)
        _, _, clean = self.given(batch)
        strengths = [float((x - clean).std().clamp(min=1e-9)) for x in (made, real)]
        return float(distance(made, real)), 20 * float(torch.log10(torch.tensor(strengths[0] / strengths[1])))


def generator_of(net: nn.Module) -> Baseline:
    """The net that synthesises."""
    found = net.generator if isinstance(net, Adversarial) else net
    assert isinstance(found, Baseline)
    return found


def distance(made: Tensor, real: Tensor) -> Tensor:
    """Mean absolute error of samples in 0..1, on the 0..255 scale."""
    return PEAK * (made - real).abs().mean()


def judged(logits: Tensor, truth: int) -> Tensor:
    """Binary cross-entropy of a discriminator's answers."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(truth)))
