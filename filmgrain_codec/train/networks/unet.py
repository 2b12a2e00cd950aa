"""The two backbones of DeepFilmGrain: a U-Net and a U-Net with residual blocks.

Written from the description of the published nets (Ameur et al., arXiv 2206.07411, section III, and the layer
sizes of the authors' program); removal and synthesis share them. At width 64 with RGB and a level plane
the residual U-Net has 32.45 M parameters and takes 875 kMAC per pixel, the plain one 16.7 M and 84 kMAC.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from filmgrain_codec.train.networks.macs import of_convolutions

EPSILON, MOMENTUM = 1e-3, 0.01
"""Of the normalisation: the defaults of the authors' framework."""
STATISTICS = ("running", "batch")
PEAK = 255.0


class Norm(nn.BatchNorm2d):
    """Batch normalisation whose statistics at inference can be chosen.

    ``statistics``: 'running' uses the averages gathered in training, so that a result does not depend on
    what else is in the picture; 'batch' uses the picture's own, as training does and as the authors'
    synthesis (not their removal) does at inference too.
    """

    statistics = "running"

    def __init__(self, width: int) -> None:
        super().__init__(width, EPSILON, MOMENTUM)

    def forward(self, x: Tensor) -> Tensor:
        if self.training or self.statistics == "running":
            return super().forward(x)
        mean = x.mean((0, 2, 3), keepdim=True)
        variance = ((x - mean) ** 2).mean((0, 2, 3), keepdim=True)
        scale = self.weight[:, None, None] / torch.sqrt(variance + self.eps)
        return (x - mean) * scale + self.bias[:, None, None]


def use_statistics(net: nn.Module, name: str) -> None:
    """Let all normalisations of a net infer with 'running' or 'batch' statistics."""
    if name not in STATISTICS:
        raise ValueError(f"unknown statistics {name!r}")
    for module in net.modules():
        if isinstance(module, Norm):
            module.statistics = name


class Residual(nn.Module):
    """relu(1x1 + norm(3x3 relu(norm(3x3))))."""

    def __init__(self, entering: int, width: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(entering, width, 1, bias=False)
        self.first = nn.Conv2d(entering, width, 3, padding=1)
        self.first_norm = Norm(width)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.second_norm = Norm(width)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.first_norm(self.first(x)))
        return F.relu(self.skip(x) + self.second_norm(self.second(inner)))


class Rise(nn.Module):
    """Twice the size by nearest neighbour, then a 2x2 convolution to half the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width // 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        doubled = F.interpolate(x, scale_factor=2.0, mode="nearest")
        return F.relu(self.conv(F.pad(doubled, (0, 1, 0, 1))))


class ResUNet(nn.Module):
    """(N, entering, H, W) to (N, leaving, H, W), any range; sides are multiples of 16."""

    multiple = 16

    def __init__(self, entering: int, leaving: int, width: int = 64, depth: int = 5) -> None:
        super().__init__()
        widths = [width << k for k in range(depth)]
        self.down = nn.ModuleList(Residual(a, b) for a, b in zip([entering, *widths], widths, strict=False))
        self.rise = nn.ModuleList(Rise(w) for w in widths[:0:-1])
        self.up = nn.ModuleList(Residual(2 * w, w) for w in widths[-2::-1])
        self.leave = nn.Conv2d(width, leaving, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for k, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if k else x)
            kept.append(x)
        for rise, block, skip in zip(self.rise, self.up, kept[-2::-1], strict=True):
            x = block(torch.cat([rise(x), skip], 1))
        made: Tensor = self.leave(x)
        return made


class UNet(nn.Module):
    """(N, entering, H, W) to (N, leaving, H, W), any range; sides are multiples of 32.

    Five 4x4 convolutions of stride 2 down and five transposed ones up, normalised but for the first
    and the last.
    """

    multiple = 32

    def __init__(self, entering: int, leaving: int, width: int = 64) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width, 8 * width, 8 * width]
        steps = zip([entering, *widths], widths, strict=False)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1, bias=False) for a, b in steps)
        self.down_norm = nn.ModuleList(Norm(w) for w in widths[1:])
        rising = [widths[-1], *(2 * w for w in widths[-2:0:-1])]
        steps = zip(rising, widths[-2::-1], strict=True)
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False) for a, b in steps)
        self.up_norm = nn.ModuleList(Norm(w) for w in widths[-2::-1])
        self.leave = nn.ConvTranspose2d(2 * width, leaving, 4, 2, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for k, conv in enumerate(self.down):
            x = conv(x)
            x = F.relu(self.down_norm[k - 1](x) if k else x)
            kept.append(x)
        for conv, norm, skip in zip(self.up, self.up_norm, kept[-2::-1], strict=True):
            x = torch.cat([F.relu(norm(conv(x))), skip], 1)
        made: Tensor = self.leave(x)
        return made


NETWORKS: dict[str, type[ResUNet] | type[UNet]] = {"res_unet": ResUNet, "unet": UNet}


class Baseline(nn.Module):
    """A backbone as the published removal or synthesis uses it.

    ``image`` (N, channels, H, W) in 0..1 and ``level`` (N, 1) to the other picture in 0..1: removal makes the
    clean one of the grainy one, synthesis the grainy one of the clean one. ``level`` is not looked at where
    the net is blind. Inside, the raw level is one more plane beside samples in -1..1, and the answer goes
    through tanh; in synthesis samples are in 0..255 and the answer is left as it is. There is no noise among
    the inputs: grain is a function of picture and level.
    """

    def __init__(
        self, network: str, channels: int, blind: bool, width: int = 64, *, synthesis: bool = False
    ) -> None:
        super().__init__()
        self.channels, self.blind, self.synthesis = channels, blind, synthesis
        self.net = NETWORKS[network](channels + (not blind), channels, width)

    @property
    def multiple(self) -> int:
        return self.net.multiple

    def forward(self, image: Tensor, level: Tensor) -> Tensor:
        x = PEAK * image if self.synthesis else 2 * image - 1
        if not self.blind:
            x = torch.cat([x, level_plane(level, image)], 1)
        made: Tensor = self.net(x)
        return made / PEAK if self.synthesis else (torch.tanh(made) + 1) / 2


def level_plane(level: Tensor, image: Tensor) -> Tensor:
    """Levels (N, 1) as planes of the size of ``image``."""
    return level[:, :, None, None].expand(-1, -1, image.shape[2], image.shape[3])


def parameters(net: nn.Module) -> int:
    """Numbers a net is made of, running statistics included."""
    state = net.state_dict().items()
    return sum(v.numel() for k, v in state if not k.endswith("num_batches_tracked"))


def macs_per_pixel(net: Baseline, side: int = 64) -> int:
    """Multiply-accumulates of all convolutions per pixel."""
    total = of_convolutions(net, torch.zeros(1, net.channels, side, side), torch.zeros(1, 1))
    return round(total / side**2)
