"""The mapping (x, y, t) -> (u, v) and the atlas (u, v) -> samples."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from filmgrain_codec.train.atlas.settings import Net, Settings


def stack(inputs: int, outputs: int, shape: Net) -> nn.Sequential:
    """``shape.layers`` linear layers in all."""
    sizes = [inputs, *[shape.width] * (shape.layers - 1), outputs]
    parts: list[nn.Module] = []
    for a, b in pairwise(sizes):
        parts += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


class Atlas(nn.Module):
    """Both nets. The mapping adds to the camera's motion, at first nothing; ``places`` (frames, 2, 3) and
    ``unit`` are of ``camera.places``, ``size`` is (frames, rows, columns), ``middle`` (planes) the mean.
    """

    places: Tensor
    middle: Tensor
    halves: Tensor
    bands: Tensor

    def __init__(
        self, settings: Settings, places: Tensor, unit: float, size: tuple[int, int, int], middle: Tensor
    ) -> None:
        super().__init__()
        self.unit = unit
        frames, rows, columns = size
        wide = (max(rows, columns) - 1) / 2
        self.register_buffer("places", places, persistent=False)
        self.register_buffer("middle", middle, persistent=False)
        halves = torch.tensor(
            [[(columns - 1) / 2, (rows - 1) / 2, (frames - 1) / 2], [wide, wide, frames / 2]]
        )
        self.register_buffer("halves", halves, persistent=False)
        bands = math.pi * 2.0 ** torch.arange(settings.frequencies)
        self.register_buffer("bands", bands, persistent=False)
        self.mapping = stack(3, 2, settings.mapping)
        self.colour = stack(2 + 4 * settings.frequencies, len(middle), settings.atlas)
        nn.init.zeros_(self.mapping[-1].weight)  # type: ignore[arg-type]
        nn.init.zeros_(self.mapping[-1].bias)  # type: ignore[arg-type]

    def mapped(self, xy: Tensor, t: Tensor) -> Tensor:
        """(n, 2) places in the atlas of points (n, 2), in samples, of frames ``t`` (n)."""
        camera = self.places[t]
        base = (camera[:, :, :2] @ xy[:, :, None])[:, :, 0] + camera[:, :, 2]
        point = (torch.cat([xy, t[:, None].to(xy)], 1) - self.halves[0]) / self.halves[1]
        learned: Tensor = self.mapping(point)
        return base + learned

    def seen(self, uv: Tensor) -> Tensor:
        """(n, planes) samples at places in the atlas."""
        turned = (uv[:, :, None] * self.bands).flatten(1)
        made: Tensor = self.colour(torch.cat([uv, turned.sin(), turned.cos()], 1))
        return self.middle + made
