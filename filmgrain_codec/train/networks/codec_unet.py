"""Codec repair with a critic. The baseline: a U-Net generator, its critic, eyes for a perceptual loss.

Written from the description of the artifact-removal GAN (Mameli, Bertini, Galteri and Del Bimbo, ACM
MM 2020): a U-Net with spectral norm, self-attention and blurred upsampling that adds a bounded residual,
and a patch critic. The encoder here is plain convolutions and starts from noise: no weights of others are
used. The interface is that of ``RepairNet``, so that the same filter and benchmark run it; QP and codec are
not seen.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from filmgrain_codec.train.networks.codec import PLANES, CodecNets

WIDTHS = (32, 64, 96, 128)
RANGE = 0.1
"""Largest residual."""
LEAK = 0.2
EYES, SEEN = (16, 32, 48), 7
"""Channels of the eyes' three scales; the seed that they are drawn with."""


class Attention(nn.Module):
    """Self-attention over all places (Zhang et al., SAGAN, ICML 2019); nothing at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key = (spectral_norm(nn.Conv2d(width, width // 8, 1)) for _ in range(2))
        self.value, self.share = spectral_norm(nn.Conv2d(width, width, 1)), nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (part(x).flatten(2) for part in (self.query, self.key, self.value))
        seen = value @ torch.softmax(query.transpose(1, 2) @ key, -1).transpose(1, 2)
        made: Tensor = x + self.share * seen.reshape(x.shape)
        return made


class Rise(nn.Module):
    """Twice the size by shuffled samples, blurred so that no grid shows, joined to what was seen before."""

    def __init__(self, width: int, leaving: int) -> None:
        super().__init__()
        self.spread = spectral_norm(nn.Conv2d(width, 4 * leaving, 1))
        self.join = spectral_norm(nn.Conv2d(2 * leaving, leaving, 3, padding=1))

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        risen = F.pixel_shuffle(self.spread(x), 2)
        risen = F.avg_pool2d(F.pad(risen, (1, 0, 1, 0), mode="replicate"), 2, 1)
        return F.leaky_relu(self.join(torch.cat([risen, seen], 1)), LEAK)


class UnetRepair(nn.Module):
    """``given`` (N, 11, h, w) as ``RepairNet`` takes it, sides multiples of 8: what to add, (N, 6, h, w)."""

    tier, radius, multiple, halo = "unet", 0, 16, 96
    """In luma samples. Attention sees the whole tile, so tiles of another size change the result."""

    def __init__(self) -> None:
        super().__init__()
        steps = list(pairwise((PLANES, *WIDTHS)))
        self.down = nn.ModuleList(
            spectral_norm(nn.Conv2d(a, b, 3, 1 if k == 0 else 2, 1)) for k, (a, b) in enumerate(steps)
        )
        self.attention = Attention(WIDTHS[-1])
        self.rise = nn.ModuleList(Rise(b, a) for a, b in reversed(list(pairwise(WIDTHS))))
        self.last = nn.Conv2d(WIDTHS[0], PLANES, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    def forward(self, given: Tensor, told: Tensor) -> Tensor:
        x, kept = 2 * given[:, :PLANES] - 1, list[Tensor]()
        for conv in self.down:
            x = F.leaky_relu(conv(x), LEAK)
            kept.append(x)
        x = self.attention(x)
        for rise, seen in zip(self.rise, kept[-2::-1], strict=True):
            x = rise(x, seen)
        # an ONNX graph keeps both of its inputs only if it uses both
        made: Tensor = RANGE * torch.tanh(self.last(x)) + 0 * told[:, :1, None, None]
        return made


def settled(net: nn.Module) -> nn.Module:
    """A copy whose normed weights are plain ones, as an ONNX file holds them."""
    plain = deepcopy(net).eval()
    for module in plain.modules():
        if is_parametrized(module, "weight"):
            remove_parametrizations(module, "weight")
    return plain


class Critic(nn.Module):
    """Packed pictures (N, 6, h, w) to how real their patches look, (N, 1, h / 8, w / 8)."""

    def __init__(self) -> None:
        super().__init__()
        steps = pairwise((PLANES, 32, 64, 96))
        self.down = nn.ModuleList(spectral_norm(nn.Conv2d(a, b, 4, 2, 1)) for a, b in steps)
        self.last = spectral_norm(nn.Conv2d(96, 1, 3, padding=1))

    def forward(self, packed: Tensor) -> Tensor:
        x = 2 * packed - 1
        for conv in self.down:
            x = F.leaky_relu(conv(x), LEAK)
        made: Tensor = self.last(x)
        return made


class Eyes(nn.Module):
    """Features of packed pictures by fixed random filters at three scales, each of unit length at a place.

    They stand in for the trained classifier of LPIPS, whose weights may not ship. Random features tell
    structure from smoothness, but know nothing of what people notice.
    """

    def __init__(self) -> None:
        super().__init__()
        drawn = torch.Generator().manual_seed(SEEN)
        for k, (a, b) in enumerate(pairwise((PLANES, *EYES))):
            weight = torch.randn(b, a, 3, 3, generator=drawn) * (2 / (9 * a)) ** 0.5
            self.register_buffer(f"scale{k}", weight - weight.mean((2, 3), keepdim=True) * (k == 0))

    def forward(self, packed: Tensor) -> list[Tensor]:
        x, found = packed, list[Tensor]()
        for k in range(len(EYES)):
            x = F.relu(F.conv2d(x, getattr(self, f"scale{k}"), stride=1 if k == 0 else 2, padding=1))
            found.append(F.normalize(x, dim=1, eps=1e-3))
        return found


def nets_of(tier: str) -> CodecNets:
    """The nets of a tier of ours, of the slider's perceptual end, or of the baseline."""
    critical = {UnetRepair.tier: BaselineNets, TextureNets.tier: TextureNets}
    return critical[tier]() if tier in critical else CodecNets(tier)


class BaselineNets(CodecNets):
    """Generator and critic, so that a checkpoint holds both."""

    repair: UnetRepair  # type: ignore[assignment]

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.repair, self.critic = UnetRepair(), Critic()


class TextureNets(CodecNets):
    """A ``fast`` repair net and its critic; see ``train.codec.texture``."""

    tier = "texture"

    def __init__(self) -> None:
        super().__init__("fast")
        self.critic = Critic()
