"""What an atlas gets wrong at drawn points: samples, gradients, motion, rigidity.

After Lei et al., "Blind Video Deflickering by Neural Filtering with a Flawed Atlas" (CVPR 2023), stage 1, and
the layered atlases it builds on (Kasten et al., 2021); written from their description.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from filmgrain_codec.train.atlas.footage import Footage
from filmgrain_codec.train.atlas.nets import Atlas
from filmgrain_codec.train.atlas.settings import Settings

Points = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Held:
    """A ``Footage`` on a device: planes (frames, rows, columns, planes), the rest as there; ``flow`` and
    ``sure`` ahead, then back.
    """

    planes: Tensor
    weight: Tensor
    flow: Tensor
    sure: Tensor

    @classmethod
    def of(cls, footage: Footage, device: str) -> Held:
        def there(array: object) -> Tensor:
            return torch.as_tensor(array, device=device)

        planes = there(footage.planes.transpose(0, 2, 3, 1).copy())
        flow = torch.stack([there(footage.ahead), there(footage.back)])
        return cls(planes, there(footage.weight), flow, there(footage.sure))


def drawn(held: Held, samples: int, seed: int, both: bool) -> Points:
    """Points of a step: frame ``t``, column ``x``, row ``y``, and ``way`` of the flow (0 ahead, 1 back; with
    ``both`` every point is followed both ways and this is not looked at). The same seed draws the same.
    """
    source = torch.Generator().manual_seed(seed)
    frames, rows, columns = held.weight.shape
    limits = {"t": frames, "x": columns - 1, "y": rows - 1, "way": 2}
    return {k: torch.randint(n, (samples,), generator=source) for k, n in limits.items()}


def wrong(net: Atlas, held: Held, at: Points, settings: Settings, early: bool) -> Tensor:
    """The weighted sum of all losses; ``early``: while the global rigidity counts."""
    t, x, y = at["t"], at["x"], at["y"]
    xy = torch.stack([x, y], 1).to(held.planes.dtype)
    right, down = xy.new_tensor([1.0, 0.0]), xy.new_tensor([0.0, 1.0])
    here, beside, below = (net.mapped(p, t) for p in (xy, xy + right, xy + down))
    total = samples(net, held, (here, beside, below), at, settings)
    total = total + settings.rigidity * bent(here, beside, below, net.unit)
    for way in (0, 1) if settings.both else (None,):
        total = total + settings.flow * drift(net, held, here, at, way)
    if early:
        far = float(settings.far)
        beside, below = net.mapped(xy + far * right, t), net.mapped(xy + far * down, t)
        total = total + settings.global_rigidity * bent(here, beside, below, far * net.unit)
    return total


def samples(net: Atlas, held: Held, places: tuple[Tensor, ...], at: Points, settings: Settings) -> Tensor:
    """Squared errors of samples and of their differences to the right and below; none under a mask."""
    t, x, y = at["t"], at["x"], at["y"]
    made = net.seen(torch.cat(places)).chunk(3)
    true = held.planes[t, y, x], held.planes[t, y, x + 1], held.planes[t, y + 1, x]
    weight = held.weight[t, y, x]
    steps = sum(((made[k] - made[0]) - (true[k] - true[0])).square().sum(1) for k in (1, 2))
    each = settings.rgb * (made[0] - true[0]).square().sum(1) + settings.gradient * steps
    return (weight * each).mean()


def bent(here: Tensor, beside: Tensor, below: Tensor, unit: float) -> Tensor:
    """How far the mapping is from keeping lengths and angles: the Frobenius norms of J'J and its inverse."""
    right, down = (beside - here) / unit, (below - here) / unit
    a, b, c = (right * right).sum(1), (right * down).sum(1), (down * down).sum(1)
    norm = (a * a + 2 * b * b + c * c + 1e-9).sqrt()
    return (norm * (1 + 1 / ((a * c - b * b).clamp_min(0) + 1e-2))).mean()


def drift(net: Atlas, held: Held, here: Tensor, at: Points, way: int | None) -> Tensor:
    """How far apart in the atlas a point lies from where flow says it is in the next or last frame."""
    t, x, y = at["t"], at["x"], at["y"]
    ways = at["way"] if way is None else torch.full_like(t, way)
    sure = held.sure[ways, t, y, x] * held.weight[t, y, x]
    then = (t + 1 - 2 * ways).clamp(0, len(held.planes) - 1)
    there = net.mapped(torch.stack([x, y], 1) + held.flow[ways, t, y, x], then)
    return (sure * ((there - here).square().sum(1) + 1e-12).sqrt()).mean()
