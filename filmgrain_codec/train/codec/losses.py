"""What a codec repair net is trained for."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from filmgrain_codec.core.quantiser import HIGHEST
from filmgrain_codec.train.codec.batches import Batch
from filmgrain_codec.train.networks.codec import PLANES, CodecNets, pack, phases, usual

FLOOR = 0.006
"""Added to errors that are units of a loss."""
CORNER = 4.0
"""Errors below it count as their squares, larger ones by themselves: PSNR wants means, outliers a limit. At
1 a net says a median of what may have been lost, which on video is a quarter to a half too little.
"""
CHROMA_WEIGHT = 0.5
STRUCTURE_WEIGHT = 0.1
WORSE_WEIGHT = 0.05
_WINDOW, _EVERY, _SCALES = 7, 2, 3
_C1, _C2 = 0.01**2, 0.03**2


def objective(nets: nn.Module, batch: Batch) -> Tensor:
    """Loss of a repair net on a batch, in bfloat16 arithmetic on a processor."""
    assert isinstance(nets, CodecNets)
    given = pack(batch["luma"], batch["chroma"])
    with torch.autocast(given.device.type, torch.bfloat16):
        residual = nets.repair(*asked(given, batch["told"], beside(batch, given))).float()
    return repair_loss(given, residual, batch)


def asked(given: Tensor, told: Tensor, beside: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """What a repair net takes: the packed picture, its QP plane, the grid's phases, what its neighbours show
    (see ``beside``); and what is told.
    """
    size = given.shape[2:]
    plane = told[:, :1, None, None].expand(-1, 1, *size)
    grid = phases(*size).to(given).expand(len(given), -1, -1, -1)
    around = [] if beside is None else [beside]
    return torch.cat([given, plane, grid, *around], 1).contiguous(memory_format=torch.channels_last), told


def beside(batch: Batch, given: Tensor) -> Tensor | None:
    """(N, 2 * BESIDE, h, w): the frames before and after less this one, and how much higher their QP / 63 is;
    None where a pool holds none.
    """
    if "near" not in batch:
        return None
    planes = list[Tensor]()
    for k in (0, 1):
        drawn = pack(batch["near"][:, k : k + 1], batch["near_chroma"][:, 2 * k : 2 * k + 2])
        coarser = batch["coarser"][:, k, None, None, None].expand(-1, 1, *given.shape[2:])
        planes += [drawn - given, coarser / HIGHEST]
    return torch.cat(planes, 1)


def repair_loss(given: Tensor, residual: Tensor, batch: Batch) -> Tensor:
    """Charbonnier error in ``units``, plus 0.1 (1 - MS-SSIM), plus what was made worse."""
    clean = pack(batch["clean"], batch["clean_chroma"])
    made, weight = given + residual, torch.ones(PLANES, 1, 1, device=given.device)
    weight[4:] = CHROMA_WEIGHT
    error = (made - clean) / units(given, clean, batch["qp"])
    pixels = CORNER * (((error.square() + CORNER**2).sqrt() - CORNER) * weight).mean()
    luma = F.pixel_shuffle(made[:, :4], 2)
    return (
        pixels
        + STRUCTURE_WEIGHT * (1 - ms_ssim(luma, batch["clean"]))
        + WORSE_WEIGHT * worse(made, given, clean)
    )


def units(given: Tensor, clean: Tensor, qp: Tensor) -> Tensor:
    """(N, 1, 1, 1): the geometric mean of the patch's own error and of what is usual at its QP.

    Weak and strong quantisers so count about alike. Each patch's own error alone would make those that lost
    little decide how much is given back, and a picture's PSNR hangs on those that lost much.
    """
    own = (given - clean).square().mean((1, 2, 3), keepdim=True).sqrt()
    common = usual(qp[:, None] / HIGHEST)
    made: Tensor = ((own + FLOOR) * (common + FLOOR)).sqrt()
    return made


def worse(made: Tensor, given: Tensor, clean: Tensor) -> Tensor:
    """By how much luma is further from the clean one than it was, as a logarithm; mean over the patches."""
    after = (made - clean)[:, :4].square().mean((1, 2, 3))
    before = (given - clean)[:, :4].square().mean((1, 2, 3))
    return F.relu(((after + 1e-7) / (before + 1e-7)).log()).mean()


def ms_ssim(made: Tensor, clean: Tensor) -> Tensor:
    """Structural similarity (Wang et al. 2004) in 7x7 boxes at every other sample, mean over three scales."""
    found = []
    for scale in range(_SCALES):
        found.append(_ssim(made, clean))
        if scale < _SCALES - 1:
            made, clean = F.avg_pool2d(made, 2), F.avg_pool2d(clean, 2)
    return torch.stack(found).mean()


def _ssim(a: Tensor, b: Tensor) -> Tensor:
    seen = torch.cat([a, b, a * a, b * b, a * b], 1)
    ma, mb, aa, bb, ab = F.avg_pool2d(seen, _WINDOW, _EVERY).split(1, 1)
    va, vb, both = aa - ma * ma, bb - mb * mb, ab - ma * mb
    light = (2 * ma * mb + _C1) / (ma * ma + mb * mb + _C1)
    return (light * (2 * both + _C2) / (va + vb + _C2)).mean()


def gains(nets: nn.Module, batch: Batch) -> tuple[float, float]:
    """(loss, mean gain of luma's PSNR in dB) on one batch."""
    assert isinstance(nets, CodecNets)
    given = pack(batch["luma"], batch["chroma"])
    clean = pack(batch["clean"], batch["clean_chroma"])
    residual = nets.repair(*asked(given, batch["told"], beside(batch, given)))
    after, before = ((p - clean)[:, :4].square().mean((1, 2, 3)) + 1e-8 for p in (given + residual, given))
    return float(repair_loss(given, residual, batch)), float(10 * (before / after).log10().mean())
