"""The net that repairs a decoded picture, and the small one that judges its quantiser.

Both see a 4:2:0 picture packed at half size: the four phases of luma, then the two of chroma, as
(N, 6, H/2, W/2) in 0..1. Conditioning by scale and shift is FiLM (Perez et al., AAAI 2018).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from filmgrain_codec.core.quantiser import FAMILIES, HIGHEST
from filmgrain_codec.nodes.standing import DOUBLING, USUAL, USUAL_AT
from filmgrain_codec.train.networks.macs import of_convolutions

PLANES = 6
TOLD = 1 + len(FAMILIES)
"""QP / 63, and one number a codec family, 1 for the one it is."""
WIDTHS = {"fast": (32, 48, 2), "best": (48, 96, 5)}
"""Channels at half size, at a quarter, residual blocks there; at most 8 and 60 kMAC per luma sample."""
RADIUS = {"fast": 0, "best": 1}
"""Frames seen on each side."""
BESIDE = PLANES + 1
"""Planes of each neighbour: how it differs as drawn onto the frame, and by how much QP / 63 is higher."""
HIDDEN = 32
CENTRE, CONTRAST = 0.5, 16.0
NEAR = 5
"""Side of the box (at half size) whose mean is taken off: faint errors shall not be small beside tone."""
FITS = 1.0
"""Typical errors that a neighbour may differ by, as a mean near by; at twice that it is not seen."""
PATCH = 96
"""Luma samples a side of the patches that the quantiser is judged from."""
PHASES = 4
"""Planes that say where in the grid of 8 x 8 luma samples one is."""


class Film(nn.Module):
    """Scale and shift of channels by what is told; nothing at first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(HIDDEN, 2 * channels)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        scale, shift = self.linear(told)[:, :, None, None].chunk(2, 1)
        return x * (1 + scale) + shift


class Block(nn.Module):
    """Two 3x3 convolutions with FiLM between, added to what came in."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.film = Film(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        out: Tensor = x + self.second(F.relu(self.film(self.first(F.relu(x)), told)))
        return out


class Up(nn.Module):
    """To twice the size: each sample becomes a square of 2 x 2, whose four share a bias."""

    def __init__(self, channels: int, wide: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(4 * wide, channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(wide))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        if torch.onnx.is_in_onnx_export():  # the same sums, but ONNX Runtime is slow at shuffling
            square = self.weight.reshape(-1, 2, 2, self.weight.shape[1]).permute(3, 0, 1, 2)
            return F.conv_transpose2d(x, square, self.bias, stride=2)
        return F.pixel_shuffle(F.conv2d(x, self.weight, self.bias.repeat_interleave(4)), 2)


class RepairNet(nn.Module):
    """What to add to a decoded picture: (N, 6, h, w).

    ``given`` (N, 11, h, w): the packed picture, a plane of QP / 63 and the ``phases`` of the grid, even
    sides; behind them ``BESIDE`` planes of each neighbour, where the tier sees any. ``told``: (N, TOLD).
    """

    multiple = 4
    """Luma samples that sides must be multiples of."""

    def __init__(self, tier: str = "fast") -> None:
        super().__init__()
        wide, deep, blocks = WIDTHS[tier]
        self.tier, self.radius = tier, RADIUS[tier]
        self.halo = 32 + 8 * blocks
        """Luma samples that a tile needs around it; the reach is 14 and 8 a block."""
        self.told = nn.Sequential(nn.Linear(TOLD, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU())
        self.first = nn.Conv2d(entering(self.radius) + 1, wide, 3, padding=1)
        self.film = Film(wide)
        self.down = nn.Conv2d(wide, deep, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(Block(deep) for _ in range(blocks))
        self.up = Up(deep, wide)
        self.last = nn.Conv2d(wide, PLANES, 3, padding=1)
        self.gain = Film(PLANES)
        started(self)
        nn.init.zeros_(self.last.weight)

    @property
    def whole(self) -> bool:
        """Whether no channels were taken out of its blocks (see ``train.codec.slim``)."""
        return all(block.second.weight.shape[0] == block.second.weight.shape[1] for block in self.blocks)

    def forward(self, given: Tensor, told: Tensor) -> Tensor:
        known = self.told(told)
        own = PLANES + 1 + PHASES
        beside = given[:, own:].split(BESIDE, 1) if self.radius else ()
        around = [CONTRAST * fitting(part, told) for part in beside]
        first = torch.cat([detail(given[:, :PLANES]), given[:, PLANES:own], *around], 1)
        seen = F.relu(self.film(self.first(first), known))
        deep = self.down(seen)
        for block in self.blocks:
            deep = block(deep, known)
        whole = F.relu(seen + self.up(F.relu(deep)))
        out: Tensor = self.gain(self.last(whole), known) * usual(told)
        return out


def entering(radius: int) -> int:
    """Planes that a net of a radius is given."""
    return PLANES + 1 + PHASES + 2 * radius * BESIDE


def fitting(neighbour: Tensor, told: Tensor) -> Tensor:
    """What a neighbour shows (N, BESIDE, h, w), faded out where it differs by more than coding explains:
    there motion was not followed, and the frame stands alone, as a still does.
    """
    apart = neighbour[:, :4].abs().mean(1, keepdim=True)
    misfit = F.avg_pool2d(apart, NEAR, 1, NEAR // 2, count_include_pad=False) / (FITS * usual(told))
    return neighbour * (2 - misfit).clamp(0, 1)


def detail(given: Tensor) -> Tensor:
    """The planes without their means near by, and luma's mean: (N, PLANES + 1, h, w)."""
    planes = torch.cat([given[:, :4].mean(1, keepdim=True), given[:, 4:]], 1)
    near = F.avg_pool2d(planes, NEAR, 1, NEAR // 2, count_include_pad=False)
    luma, chroma = near[:, :1], near[:, 1:]
    return torch.cat([(given[:, :4] - luma) * CONTRAST, (given[:, 4:] - chroma) * CONTRAST, luma - CENTRE], 1)


def started(net: nn.Module) -> None:
    """Convolutions that keep the size of what goes through them (He et al., ICCV 2015)."""
    for part in net.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
            assert part.bias is not None
            nn.init.zeros_(part.bias)


def usual(told: Tensor) -> Tensor:
    """About how far a picture of that QP is from the clean one (N, 1, 1, 1): as the root of the step."""
    return USUAL * torch.exp((told[:, :1, None, None] * HIGHEST - USUAL_AT) * (math.log(2) / DOUBLING))


class QuantiserNet(nn.Module):
    """QP / 63 of patches and the logarithm of its error variance: (N, 2).

    ``given`` (N, 6, PATCH / 2, PATCH / 2), ``told`` (N, TOLD) of which the QP is not looked at.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen = nn.Sequential(
            nn.Conv2d(PLANES + 1, 16, 3, padding=1), nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(32, 48, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(48, 48, 3, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.out = nn.Sequential(nn.Linear(96 + TOLD - 1, 48), nn.ReLU(), nn.Linear(48, 2))
        started(self)

    def forward(self, given: Tensor, told: Tensor) -> Tensor:
        seen = self.seen(detail(given))
        pooled = torch.cat([seen.mean((2, 3)), seen.square().mean((2, 3)).add(1e-6).sqrt(), told[:, 1:]], 1)
        out: Tensor = self.out(pooled)
        return out


class CodecNets(nn.Module):
    """The repair net of a tier; others hold what it is trained with beside it."""

    def __init__(self, tier: str = "fast") -> None:
        super().__init__()
        self.repair = RepairNet(tier)


def phases(rows: int, columns: int) -> Tensor:
    """(PHASES, rows, columns) of -1 and 1, at half size: two planes for the row, two for the column."""
    whole, half = torch.tensor([1.0, -1, -1, 1]), torch.tensor([1.0, 1, -1, -1])
    down = [wave.repeat(-(-rows // 4))[:rows, None].expand(rows, columns) for wave in (whole, half)]
    across = [wave.repeat(-(-columns // 4))[None, :columns].expand(rows, columns) for wave in (whole, half)]
    return torch.stack([*down, *across])


def pack(luma: Tensor, chroma: Tensor) -> Tensor:
    """(N, 1, H, W) and (N, 2, H/2, W/2) as (N, 6, H/2, W/2)."""
    return torch.cat([F.pixel_unshuffle(luma, 2), chroma], 1)


def macs_per_sample(net: nn.Module) -> float:
    """Multiply-accumulates per luma sample of 4:2:0, chroma counted."""
    if not isinstance(net, RepairNet):
        return of_convolutions(net, torch.zeros(1, PLANES + 1 + PHASES, 32, 32), torch.zeros(1, TOLD)) / 64**2
    wide, deep, _ = WIDTHS[net.tier]
    within = sum(part.second.weight.shape[1] for part in net.blocks)
    half = 9 * (entering(net.radius) + 1) * wide + 9 * wide * PLANES
    quarter = 9 * wide * deep + 2 * 9 * deep * within + deep * 4 * wide
    return half / 4 + quarter / 16
