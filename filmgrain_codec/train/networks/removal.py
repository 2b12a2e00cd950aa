"""The grain-removal nets: one for luma, one for chroma.

A three-level convolutional U-Net without normalisation layers that predicts the grain and subtracts
it. It enters by a strided 6x6 convolution (the same arithmetic as pixel-unshuffle and 3x3) and goes
up by nearest-neighbour steps: both stay in the blocked layout of CPU runtimes, which is a third
faster than pixel-shuffle at equal arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

BLIND_SCALE = 0.05
"""Residual scale where no sigma is given."""
BLIND_MARK = -0.5
"""What the net sees in place of ten times sigma where no sigma is given."""
MULTIPLE = 8
"""Height and width must be multiples of this."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Width per level, planes per frame, guide planes."""

    widths: tuple[int, int, int]
    planes: int = 1
    guides: int = 0
    frames: int = 3


LUMA = Shape((16, 32, 48))
CHROMA = Shape((16, 24, 40), planes=2, guides=2)


class Conv(nn.Module):
    """x + relu(conv(x))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.relu(self.conv(x))


class Block(nn.Module):
    """x + conv(relu(conv(x)))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.relu(self.first(x)))


class Removal(nn.Module):
    """Clean centre planes from a window of grainy frames.

    ``frames`` (N, frames * planes, H, W) samples in code / (2^n - 1), oldest frame first;
    ``sigma`` (N, planes, H, W) expected grain sigma, 0 = not known (blind); ``size`` (N, 1) grain
    size in samples, 0 = not known; ``guide`` (N, guides, H, W) for chroma. Returns (N, planes, H, W).
    """

    def __init__(self, shape: Shape = LUMA) -> None:
        super().__init__()
        self.shape = shape
        fine, middle, coarse = shape.widths
        entering = shape.frames * shape.planes + shape.guides + shape.planes
        self.enter = nn.Conv2d(entering, fine, 6, stride=2, padding=2)
        self.size = nn.Conv2d(1, fine, 1, bias=False)
        self.fine = Conv(fine)
        self.down = nn.Conv2d(fine, middle, 2, stride=2)
        self.middle = Block(middle)
        self.deeper = nn.Conv2d(middle, coarse, 2, stride=2)
        self.coarse = Block(coarse)
        self.rise = nn.Conv2d(coarse, middle, 1)
        self.merge_middle = Conv(middle)
        self.up = nn.Conv2d(middle, fine, 1)
        self.merge_fine = Conv(fine)
        self.leave = nn.Conv2d(fine, 4 * shape.planes, 3, padding=1)

    def forward(self, frames: Tensor, sigma: Tensor, size: Tensor, guide: Tensor | None = None) -> Tensor:
        blind = (sigma <= 0).to(sigma.dtype)
        given = [frames, 10 * sigma + BLIND_MARK * blind, *([] if guide is None else [guide])]
        grain = self.grain(torch.cat(given, 1), size)
        planes = self.shape.planes
        first = self.shape.frames // 2 * planes
        return frames[:, first : first + planes] - grain * (sigma + BLIND_SCALE * blind)

    def grain(self, given: Tensor, size: Tensor) -> Tensor:
        """The centre frame's grain in units of sigma."""
        fine = self.fine(F.relu(self.enter(given) + self.size(size[:, :, None, None])))
        middle = self.middle(F.relu(self.down(fine)))
        coarse = self.coarse(F.relu(self.deeper(middle)))
        middle = self.merge_middle(middle + double(self.rise(coarse)))
        fine = self.merge_fine(fine + double(self.up(middle)))
        return F.pixel_shuffle(self.leave(fine), 2)


def double(x: Tensor) -> Tensor:
    """Twice the height and width, nearest neighbour."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def macs_per_sample(shape: Shape) -> int:
    """Multiply-accumulates per sample of the plane the net works on."""
    net = Removal(shape)
    total = 0

    def count(module: nn.Module, _: tuple[Tensor, ...], out: Tensor) -> None:
        nonlocal total
        assert isinstance(module, nn.Conv2d)
        total += out.shape[2] * out.shape[3] * module.weight.numel()

    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    with torch.no_grad():
        net(*example(shape, 64))
    return total // (64 * 64)


def example(shape: Shape, side: int) -> tuple[Tensor, ...]:
    """Random inputs of the right shapes, for counting and export."""
    planes = shape.planes
    frames = torch.rand(1, shape.frames * planes, side, side)
    sigma = torch.full((1, planes, side, side), 0.05)
    guide = (torch.rand(1, shape.guides, side, side),) if shape.guides else ()
    return (frames, sigma, torch.ones(1, 1), *guide)
