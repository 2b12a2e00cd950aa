"""The grain synthesizer's nets: what refines unit fields of grain, and what judges the result in training.

A refiner sees packed fields and noise through two 3x3 layers, scaled and shifted per channel by the
segment (feature-wise linear modulation, Perez et al. 2018), then, sample by sample, the tone. Tone comes
last and only through 1x1 layers, so that edges of the picture cannot be drawn into the grain. No
normalisation: the result depends on nothing but the noise within ``REACH``. The output layer begins at
zero: R = 0.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.parametrizations import spectral_norm

from filmgrain_codec.grain.conditioning import CONDITIONS
from filmgrain_codec.grain.neural import CHROMA, LUMA, PHASES, REACH, TONES

WIDTH = 16
FIELDS = {LUMA: 1, CHROMA: 2}


class Refiner(nn.Module):
    """R of ``fields`` unit fields that share a grid.

    ``noise`` (N, 2 * PHASES * fields, h + 2 REACH, w + 2 REACH): packed fields, then the packed white noise
    they were made of; ``tone`` (N, TONES, h, w); ``segment`` (N, CONDITIONS). Returns what is added to the
    fields, (N, PHASES * fields, h, w) packed.
    """

    def __init__(self, fields: int, width: int = WIDTH) -> None:
        super().__init__()
        self.fields, self.width = fields, width
        self.first = nn.Conv2d(2 * PHASES * fields, width, 3)
        self.second = nn.Conv2d(width, width, 3)
        self.third = nn.Conv2d(width, width, 1)
        self.tone = nn.Conv2d(TONES, width, 1, bias=False)
        self.leave = nn.Conv2d(width, PHASES * fields, 1)
        self.told = nn.Sequential(nn.Linear(CONDITIONS, 32), nn.ReLU(), nn.Linear(32, 5 * width))
        nn.init.zeros_(self.leave.weight)
        assert self.leave.bias is not None
        nn.init.zeros_(self.leave.bias)

    def forward(self, noise: Tensor, tone: Tensor, segment: Tensor) -> Tensor:
        told = self.told(segment)[:, :, None, None].split(self.width, 1)
        x = F.relu(self.first(noise) * (1 + told[0]) + told[1])
        x = F.relu(self.second(x) * (1 + told[2]) + told[3])
        x = F.relu(self.third(x) + self.tone(tone) + told[4])
        made: Tensor = self.leave(x)
        return made


class Discriminator(nn.Module):
    """PatchGAN with spectral norms; a patch of its answer sees 36 x 36 luma samples.

    ``grain`` (N, 6, h, w): n / sigma(Y) of luma packed, Cb, Cr; ``tone`` (N, TONES, h, w); ``segment``. The
    segment enters as planes and as a projection (Miyato and Koyama 2018).
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        wide = 3 * width // 2
        self.told = spectral_norm(nn.Linear(CONDITIONS, width))
        self.first = spectral_norm(nn.Conv2d(PHASES + 2 + TONES, width, 3))
        self.down = spectral_norm(nn.Conv2d(width, wide, 4, 2))
        self.middle = spectral_norm(nn.Conv2d(wide, wide, 3))
        self.last = spectral_norm(nn.Conv2d(wide, wide, 3, dilation=2))
        self.leave = spectral_norm(nn.Conv2d(wide, 1, 1))
        self.project = spectral_norm(nn.Linear(CONDITIONS, wide))

    def forward(self, grain: Tensor, tone: Tensor, segment: Tensor) -> Tensor:
        x = self.first(torch.cat([grain, tone], 1)) + self.told(segment)[:, :, None, None]
        x = F.leaky_relu(x, 0.2)
        for layer in (self.down, self.middle, self.last):
            x = F.leaky_relu(layer(x), 0.2)
        made: Tensor = self.leave(x)[:, 0] + (x * self.project(segment)[:, :, None, None]).mean(1)
        return made


def refiners() -> nn.ModuleDict:
    """Both nets of a synthesizer."""
    return nn.ModuleDict({name: Refiner(fields) for name, fields in FIELDS.items()})


def example(fields: int, shape: tuple[int, int] = (16, 16)) -> tuple[Tensor, Tensor, Tensor]:
    """Random inputs for export and tests; ``shape`` of the answer in packed samples."""
    wide = [n + 2 * REACH for n in shape]
    noise, tone = torch.randn(1, 2 * PHASES * fields, *wide), torch.rand(1, TONES, *shape)
    return noise, tone, torch.zeros(1, CONDITIONS)


def macs_per_sample(net: Refiner) -> float:
    """Multiply-accumulates of the convolutions per sample of a plane's grid, margins not counted."""
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
    return sum(m.weight.numel() for m in layers) / PHASES


def macs_per_luma_sample(nets: nn.ModuleDict) -> float:
    """Both nets' multiply-accumulates per luma sample of a 4:2:0 picture."""
    luma, chroma = (net for net in (nets[LUMA], nets[CHROMA]) if isinstance(net, Refiner))
    return macs_per_sample(luma) + macs_per_sample(chroma) / 4
