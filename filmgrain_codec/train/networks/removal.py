"""The grain-removal nets: one for luma, one for chroma, in three tiers.

A three-level convolutional U-Net without normalisation layers. It sees everything in units of the
grain's own sigma (``normalised``), so that one set of weights serves all levels: how the motion-
compensated neighbours differ from the centre frame, and the centre's detail. It answers with gates,
by which neighbours that agree are averaged in (as in burst denoising by kernel prediction,
Mildenhall et al., CVPR 2018), and with the grain that is left after that, which is subtracted.

Planes come and go packed at half size (pixel-unshuffled, each plane's four phases side by side), and
steps up are nearest-neighbour: both keep CPU runtimes in their fast layouts. Channels are multiples
of 16, and few at the half size, where memory, not arithmetic, is what costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from filmgrain_codec.train.networks.macs import of_convolutions

MULTIPLE = 8
"""Height and width must be multiples of this."""
SIGMA_FLOOR = 5e-4
DIFFERENCE, DETAIL, SIGMA = 0.5, 0.25, 10.0
"""What differences and detail, in units of sigma, and sigma itself are multiplied with."""
MOST = 4.0
"""Normalised differences and details are clamped to this: eight and sixteen sigma."""
LOWPASS = 8
PHASES = 4
"""Samples of a plane that lie side by side when packed at half size."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Channels and residual convolutions per level (half, quarter, eighth size), and the planes.

    The half and quarter levels hold ``depths`` convolutions on the way down and as many on the way
    up, the half level one more. ``planes`` per frame, ``guides`` more, ``frames`` of the window.
    """

    widths: tuple[int, int, int]
    depths: tuple[int, int, int] = (0, 1, 2)
    planes: int = 1
    guides: int = 0
    frames: int = 5

    @property
    def neighbours(self) -> int:
        return self.frames - 1

    @property
    def entering(self) -> int:
        """Planes that enter: differences, detail, centre, sigma for every plane, and guides."""
        return self.planes * (self.neighbours + 3) + self.guides


@dataclass(frozen=True, slots=True)
class Tier:
    """The two nets of a model, and the preset of the product's motion search for them."""

    luma: Shape
    chroma: Shape
    motion: str


def tier(
    luma: tuple[int, int, int],
    luma_depths: tuple[int, int, int],
    chroma: tuple[int, int, int],
    chroma_depths: tuple[int, int, int],
    motion: str,
) -> Tier:
    """A tier of 5-frame nets from widths and depths."""
    return Tier(Shape(luma, luma_depths), Shape(chroma, chroma_depths, planes=2, guides=2), motion)


TIERS = {
    "fast": tier((16, 32, 48), (0, 1, 3), (16, 32, 32), (0, 1, 2), "fast"),
    "balanced": tier((32, 48, 64), (1, 3, 4), (32, 48, 48), (0, 2, 2), "fine"),
    "best": tier((64, 96, 128), (2, 3, 4), (48, 64, 64), (0, 2, 4), "fine"),
}
"""Multiply-accumulates per luma sample, both nets on 4:2:0: at most 4.5, 25 and 97 thousand (tested)."""


class Conv(nn.Module):
    """relu(x + conv(x)): runtimes fuse the sum into the convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.conv(x))


def convs(width: int, depth: int) -> nn.Sequential:
    return nn.Sequential(*(Conv(width) for _ in range(depth)))


class Removal(nn.Module):
    """The centre's grain in units of sigma, from what ``normalised`` makes of a window.

    ``given`` (N, 4 * shape.entering, H/2, W/2) packed, ``size`` (N, 1) grain size in samples, 0 = not
    known. Returns (N, 4 * planes, H/2, W/2) packed; clean = centre - sigma * grain.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        fine, middle, coarse = shape.widths
        self.enter = nn.Conv2d(PHASES * shape.entering, fine, 2)
        self.fine = convs(fine, shape.depths[0])
        self.down = nn.Conv2d(fine, middle, 2, stride=2)
        self.size = nn.Conv2d(1, middle, 1, bias=False)
        self.middle = convs(middle, shape.depths[1])
        self.deeper = nn.Conv2d(middle, coarse, 2, stride=2)
        self.coarse = convs(coarse, shape.depths[2])
        self.rise = nn.Conv2d(coarse, middle, 1)
        self.merge_middle = convs(middle, shape.depths[1])
        self.up = nn.Conv2d(middle, fine, 1)
        self.merge_fine = convs(fine, shape.depths[0] + 1)
        self.leave = nn.Conv2d(fine, PHASES * shape.planes + shape.neighbours, 1)

    def forward(self, given: Tensor, size: Tensor) -> Tensor:
        phases, count = PHASES * self.shape.planes, self.shape.neighbours
        answer = self.answer(given, size)
        gates = torch.sigmoid(answer[:, phases:])
        differing = given[:, : count * phases].unflatten(1, (count, phases))
        merged = (gates[:, :, None] * differing).sum(1) / (1 + gates.sum(1, keepdim=True))
        return answer[:, :phases] - merged / DIFFERENCE

    def answer(self, given: Tensor, size: Tensor) -> Tensor:
        """Grain of every sample, then one gate per neighbour and 2x2 samples."""
        fine = self.fine(F.relu(self.enter(F.pad(given, (0, 1, 0, 1)))))
        middle = self.middle(F.relu(self.down(fine) + self.size(size[:, :, None, None])))
        coarse = self.coarse(F.relu(self.deeper(middle)))
        middle = self.merge_middle(middle + double(self.rise(coarse)))
        fine = self.merge_fine(fine + double(self.up(middle)))
        packed: Tensor = self.leave(fine)
        return packed


def normalised(frames: Tensor, sigma: Tensor, guide: Tensor | None = None) -> Tensor:
    """What a net is given: (N, 4 * shape.entering, H/2, W/2).

    ``frames`` (N, frames, planes, H, W) in code / (2^n - 1), motion-compensated; ``sigma`` (N,
    planes, H, W) expected grain; ``guide`` (N, 2, H, W) luma with and without grain, for chroma.
    ``nodes.normal`` does the same with NumPy and OpenCV.
    """
    middle = frames.shape[1] // 2
    centre, each = frames[:, middle], 1 / sigma.clamp(min=SIGMA_FLOOR)
    others = torch.cat([frames[:, :middle], frames[:, middle + 1 :]], 1)
    differing = clamped((others - centre[:, None]) * each[:, None] * DIFFERENCE).flatten(1, 2)
    parts = [differing, clamped(detail(centre) * each * DETAIL), centre, sigma * SIGMA]
    if guide is not None:
        mean = 1 / sigma.mean(1, keepdim=True).clamp(min=SIGMA_FLOOR)
        parts.append(clamped((guide[:, :1] - guide[:, 1:]) * mean * DETAIL))
        parts.append(clamped(detail(guide[:, 1:]) * mean * DETAIL))
    return F.pixel_unshuffle(torch.cat(parts, 1), 2)


def clamped(x: Tensor) -> Tensor:
    return x.clamp(-MOST, MOST)


def detail(x: Tensor) -> Tensor:
    """x minus its means over 8x8 samples, stretched bilinearly."""
    means = F.avg_pool2d(x, LOWPASS)
    return x - F.interpolate(means, scale_factor=float(LOWPASS), mode="bilinear", align_corners=False)


def cleaned(net: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    """The clean centre planes (N, planes, H, W) of a batch; the net in bfloat16, the rest in float32."""
    frames, sigma = batch["frames"], batch["sigma"]
    given = normalised(frames, sigma, batch.get("guide")).to(memory_format=torch.channels_last)
    with torch.autocast(given.device.type, torch.bfloat16):
        grain = net(given, batch["size"])
    return frames[:, frames.shape[1] // 2] - sigma * F.pixel_shuffle(grain.float(), 2)


def double(x: Tensor) -> Tensor:
    """Twice the height and width, nearest neighbour."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def macs_per_sample(shape: Shape) -> int:
    """Multiply-accumulates per sample of the plane the net works on."""
    total = of_convolutions(Removal(shape), *example(shape, 64))
    return total // (64 * 64)


def macs_per_luma_sample(chosen: Tier) -> float:
    """Both nets' multiply-accumulates per luma sample of a 4:2:0 picture."""
    return macs_per_sample(chosen.luma) + macs_per_sample(chosen.chroma) / 4


def reach(shape: Shape) -> int:
    """Samples around a tile that its result depends on at most, a multiple of 16."""
    fine, middle, coarse = shape.depths
    samples = 2 * (2 * fine + 1) + 4 * 2 * middle + 8 * coarse + LOWPASS
    return -(-samples // 16) * 16


def example(shape: Shape, side: int) -> tuple[Tensor, Tensor]:
    """Random inputs for planes of ``side`` samples, for counting and export."""
    return torch.randn(1, PHASES * shape.entering, side // 2, side // 2), torch.ones(1, 1)
