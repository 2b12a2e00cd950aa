"""DeepFilmGrain's discriminator: a PatchGAN on clean picture, candidate and level.

Written from the description of the published program (Ameur et al., arXiv 2206.07411) and its layer sizes:
2.78 M parameters at width 64 in colour, each answer about 70 x 70 samples of the picture.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from filmgrain_codec.train.networks.unet import PEAK, Norm, level_plane

LEAK = 0.3
"""Slope below 0: the default of the authors' framework."""


class PatchGan(nn.Module):
    """``clean`` and ``candidate`` (N, channels, H, W) in 0..1 and ``level`` (N, 1) to (N, channels, h, w).

    Three 4x4 convolutions of stride 2, normalised but for the first, two of stride 1. ``forward`` gives
    probabilities that a candidate is real, ``logits`` what they are made of. Samples are in 0..255 inside.
    """

    def __init__(self, channels: int, width: int = 64) -> None:
        super().__init__()
        widths = (2 * channels + 1, width, 2 * width, 4 * width)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1, bias=False) for a, b in pairwise(widths))
        self.down_norm = nn.ModuleList(Norm(w) for w in widths[2:])
        self.wide, self.wide_norm = nn.Conv2d(4 * width, 8 * width, 4, 1, 1), Norm(8 * width)
        self.leave = nn.Conv2d(8 * width, channels, 4, 1, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def logits(self, clean: Tensor, candidate: Tensor, level: Tensor) -> Tensor:
        x = torch.cat([PEAK * clean, PEAK * candidate, level_plane(level, clean)], 1)
        for k, conv in enumerate(self.down):
            x = conv(x)
            x = F.leaky_relu(self.down_norm[k - 1](x) if k else x, LEAK)
        made: Tensor = self.leave(F.relu(self.wide_norm(self.wide(x))))
        return made

    def forward(self, clean: Tensor, candidate: Tensor, level: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(clean, candidate, level))
