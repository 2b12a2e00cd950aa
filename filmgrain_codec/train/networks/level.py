"""The level net: from a patch of luma, and the same patch one frame on, to its grain's strength and size.

The patch is looked at through the DCT powers of its 16 blocks: of the frame, which hold grain and
picture, and of the difference to the next, which hold grain and what was not followed. A small net
judges every block, others weigh the blocks against each other, as a hand would look for a flat spot.
Powers enter as logarithms relative to the patch's own, so strength is a shift and kind a shape. Where
there is no second frame, the first is given twice, and the frame's powers stand for the difference's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from filmgrain_codec.grain.spectrum_fit import cells, dct_matrix

SIDE = 64
"""Side of a patch in luma samples."""
BLOCK = 16
WIDTH = 128
DROPPED = 0.1
"""Share of a block's features left out in training: the nets would learn the training pictures by heart."""
_CELLS = 64
_LEAST = 1e-9
_VARIANCE = (-7.0, 3.0)
"""Bounds of the logarithm of a predicted variance."""
_STRENGTH = (-7.0, 3.0)
"""Mean and spread of the log power of trained grain, roughly."""


class LevelNet(nn.Module):
    """``pair`` (n, 2, 64, 64), luma 0..1 of a frame and of the matched place in the next, to (n, 4):

    log of the grain's standard deviation (fraction of full scale), log of that logarithm's error
    variance, log of the grain size in samples, log of its error variance.
    """

    basis: Tensor
    pooling: Tensor

    def __init__(self) -> None:
        super().__init__()
        dct = dct_matrix(BLOCK)
        waves = torch.einsum("yi,xj->yxij", *2 * [torch.from_numpy(dct)]).reshape(BLOCK**2, 1, BLOCK, BLOCK)
        self.register_buffer("basis", waves.float(), persistent=False)
        unit = torch.eye(BLOCK**2).reshape(BLOCK**2, BLOCK, BLOCK)
        self.register_buffer(
            "pooling", torch.from_numpy(cells(unit.numpy())).reshape(-1, _CELLS).float(), persistent=False
        )
        self.block = nn.Sequential(
            nn.Linear(2 * _CELLS + 3, WIDTH),
            nn.ReLU(),
            nn.Dropout(DROPPED),
            nn.Linear(WIDTH, WIDTH),
            nn.ReLU(),
        )
        self.voice = nn.Linear(WIDTH, 4)
        self.head = nn.Sequential(nn.Linear(4 * WIDTH // 2 + 2, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 4))
        self.carried = nn.Linear(WIDTH, WIDTH // 2)

    def forward(self, pair: Tensor) -> Tensor:
        first, second = pair[:, :1], pair[:, 1:]
        gap = (first - second) * 0.5**0.5
        alone = (gap.abs().amax((1, 2, 3)) < 1e-6).float()[:, None, None]
        both, means = self.powers(torch.cat([first, gap]))
        picture, difference = both.chunk(2)
        luma = means.chunk(2)[0]
        difference = alone * picture + (1 - alone) * difference
        reference = difference.mean((1, 2), keepdim=True)
        strength = (reference - _STRENGTH[0]) / _STRENGTH[1]
        told = torch.cat([strength, alone], 2).expand(-1, picture.shape[1], -1)
        features = torch.cat([(picture - reference) / 3, (difference - reference) / 3, told, luma], 2)
        judged = self.block(features)
        weights = self.voice(judged).softmax(1)
        pooled = torch.einsum("nbv,nbc->nvc", weights, self.carried(judged)).flatten(1)
        out = self.head(torch.cat([pooled, strength[:, 0], alone[:, 0]], 1))
        level = 0.5 * reference[:, 0] + out[:, :1]
        spread = out[:, 1::2].clamp(*_VARIANCE)
        return torch.cat([level, spread[:, :1], out[:, 2:3], spread[:, 1:]], 1)

    def powers(self, patch: Tensor) -> tuple[Tensor, Tensor]:
        """Log powers (n, 16, 64) of a patch's blocks by frequency, and the blocks' means (n, 16, 1)."""
        waves = F.conv2d(patch, self.basis, stride=BLOCK).flatten(2).transpose(1, 2)
        mean = waves[..., :1] / BLOCK
        power = torch.cat([torch.zeros_like(mean), waves[..., 1:].square()], 2)
        return (power @ self.pooling + _LEAST).log(), mean


def macs_per_sample() -> float:
    """Multiply-accumulates per luma sample of a patch."""
    blocks = (SIDE // BLOCK) ** 2
    seen = 2 * BLOCK**2 * (BLOCK**2 + _CELLS)
    judged = WIDTH * (2 * _CELLS + 3 + WIDTH + 4 + WIDTH // 2) + 4 * WIDTH // 2
    head = WIDTH * (4 * WIDTH // 2 + 2 + 4)
    return (blocks * (seen + judged) + head) / SIDE**2
