"""The mask net: where a frame is damaged, how, and how far that can be believed.

A three-level convolutional U-Net like the removal nets', without normalisation layers. It sees the frame, its
detail, how the motion-compensated neighbours differ from it and from each other. A convolution with a step of
two takes it to half size: packing there costs as much as two convolutions. For the same reason only the mask
is answered at full size, the rest at half. Shown no neighbours it tells damage from the picture alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from filmgrain_codec.train.networks.macs import of_convolutions
from filmgrain_codec.train.networks.removal import PHASES, convs, detail, double

MULTIPLE = 16
"""Height and width must be multiples of this."""
INPUTS = ("here", "before", "after", "apart", "seen")
ANSWERS = ("mask", "polarity", "opacity", "confidence")
GAIN = 4.0
"""What differences and detail are multiplied with."""
ENTERING = 6


@dataclass(frozen=True, slots=True)
class Shape:
    """Channels and residual convolutions per level (half, quarter, eighth size).

    The first two levels hold ``depths`` convolutions on the way down and as many on the way up, the half
    level one more there. ``entry``: side of the first convolution's kernel, even.
    """

    widths: tuple[int, int, int] = (32, 32, 64)
    depths: tuple[int, int, int] = (0, 2, 4)
    entry: int = 4


class Repair(nn.Module):
    """Given (N, 5, H, W): frame, frame before, after, how much those differ, where they count; 0..1.

    ``forward`` answers with (N, 4, H, W) in 0..1: mask, polarity (1 = brighter than the film), opacity,
    confidence; ``logits`` with the same before the sigmoid.
    """

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__()
        self.shape = shape or Shape()
        fine, middle, coarse = self.shape.widths
        depths = self.shape.depths
        self.enter = nn.Conv2d(ENTERING, fine, self.shape.entry, stride=2, padding=self.shape.entry // 2 - 1)
        self.fine = convs(fine, depths[0])
        self.down = nn.Conv2d(fine, middle, 2, stride=2)
        self.middle = convs(middle, depths[1])
        self.deeper = nn.Conv2d(middle, coarse, 2, stride=2)
        self.coarse = convs(coarse, depths[2])
        self.rise = nn.Conv2d(coarse, middle, 1)
        self.merge_middle = convs(middle, depths[1])
        self.up = nn.Conv2d(middle, fine, 1)
        self.merge_fine = convs(fine, depths[0] + 1)
        self.leave = nn.Conv2d(fine, PHASES + len(ANSWERS) - 1, 1)

    def forward(self, given: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(given))

    def logits(self, given: Tensor) -> Tensor:
        fine = self.fine(F.relu(self.enter(features(given))))
        middle = self.middle(F.relu(self.down(fine)))
        coarse = self.coarse(F.relu(self.deeper(middle)))
        middle = self.merge_middle(middle + double(self.rise(coarse)))
        fine = self.merge_fine(fine + double(self.up(middle)))
        answers = self.leave(fine)
        mask = F.pixel_shuffle(answers[:, :PHASES], 2)
        return torch.cat([mask, double(answers[:, PHASES:])], 1)


def unpacked(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of a net that packed its input and had all answers at full size, for one that does not.

    The mask is the same but for rounding, at half the time; the other answers become means over 2x2. The
    shape's ``entry`` must be 6.
    """
    packed, made = state["enter.weight"], dict(state)
    width = len(packed)
    phased = packed.reshape(width, ENTERING, 2, 2, 3, 3)
    made["enter.weight"] = phased.permute(0, 1, 4, 2, 5, 3).reshape(width, ENTERING, 6, 6).contiguous()
    for name in ("leave.weight", "leave.bias"):
        answers = state[name].unflatten(0, (len(ANSWERS), PHASES))
        made[name] = torch.cat([answers[0], answers[1:].mean(1)])
    return made


def features(given: Tensor) -> Tensor:
    """(N, ENTERING, H, W): differences instead of neighbours, detail beside the frame."""
    here, seen = given[:, :1], given[:, 4:5]
    differing = (given[:, 1:3] - here * seen) * GAIN
    return torch.cat([here, detail(here) * GAIN, differing, given[:, 3:4] * GAIN, seen], 1)


def macs_per_sample(shape: Shape | None = None) -> int:
    """Multiply-accumulates per sample of luma."""
    total = of_convolutions(Repair(shape), torch.zeros(1, len(INPUTS), 64, 64))
    return total // (64 * 64)


def reach(shape: Shape | None = None) -> int:
    """Samples around a tile that its result depends on at most, a multiple of 16."""
    fine, middle, coarse = (shape or Shape()).depths
    samples = 2 * (2 * fine + 2) + 4 * 2 * middle + 8 * coarse + 16
    return -(-samples // 16) * 16
