"""What synthesized grain is taught by: statistics of each look, the mean it must keep, and a discriminator.

No term compares samples with one realisation of the reference: grain of the right kind in another place
is right. Statistics belong to a look (a segment), so everything here works on groups of patches of one
look. Hinge loss: Lim and Ye 2017; lazy R1: Karras et al. 2020.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

WINDOW = 32
BINS, THIRDS = 10, 3
REACH = 3
UNSEEN = 1e-3
"""Power over that of white grain below which spectra are not told apart."""
FEWEST = 2000
"""Samples that a luma bin or third must hold on both sides before it counts."""
LARGE, SMALL = 0.4, 0.05
R1_WEIGHT, R1_EVERY = 1.0, 16
WEIGHTS = {
    "psd": 1.0, "acf": 0.5, "curve": 1.0, "channels": 0.5, "tone": 1.0, "skew": 1.0, "kurtosis": 0.3,
    "mean": 10.0, "draws": 1.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of K looks: log spectra (K, 32, 17) of luma and (K, 2, 16, 9) of chroma, autocovariance (K, 49), log
    variance and mean per luma bin (K, BINS), moments per third (K, THIRDS, 2), channel correlations (K, 3),
    samples per bin and third, whether there is chroma grain (K,), log variance of Cb and Cr (K, 2)."""

    psd: Tensor
    chroma_psd: Tensor
    acf: Tensor
    curve: Tensor
    mean: Tensor
    moments: Tensor
    channels: Tensor
    in_bins: Tensor
    in_thirds: Tensor
    coloured: Tensor
    chroma_power: Tensor

    def at(self, look: Tensor) -> Statistics:
        return Statistics(*(getattr(self, k)[look] for k in self.__slots__))


def statistics(luma: Tensor, chroma: Tensor, clean: Tensor) -> Statistics:
    """Of (K, M, 1, S, S) unit luma grain, (K, M, 2, S / 2, S / 2) chroma grain and clean luma."""
    flat, tone = luma.flatten(1), clean.flatten(1)
    bins, bin_weight = _bins(tone, BINS)
    energy = torch.zeros_like(bin_weight).scatter_add(1, bins, flat.square()) / bin_weight.clamp(min=1)
    mean = torch.zeros_like(bin_weight).scatter_add(1, bins, flat) / bin_weight.clamp(min=1)
    psd = spectrum(luma[:, :, 0], WINDOW)
    chroma_psd = torch.stack([spectrum(chroma[:, :, k], WINDOW // 2) for k in (0, 1)], 1)
    moments, in_thirds = _moments(flat, tone)
    power = chroma.square().mean((1, 3, 4))
    coloured = (power > 1e-6).all(1)
    return Statistics(
        psd, chroma_psd, autocovariance(luma[:, :, 0]), (energy + 1e-3).log(), mean, moments,
        _channels(luma, chroma), bin_weight, in_thirds, coloured, (power + 1e-3).log(),
    )  # fmt: skip


def spectrum(grain: Tensor, side: int) -> Tensor:
    """Log power (K, side, side / 2 + 1) of unit variance, from Hann windows that overlap by half."""
    window = torch.hann_window(side, device=grain.device)
    tiles = grain.unfold(2, side, side // 2).unfold(3, side, side // 2)
    tiles = (tiles - tiles.mean((-1, -2), keepdim=True)) * (window[:, None] * window)
    power = torch.fft.rfft2(tiles).abs().square().mean((1, 2, 3))
    # both diagonals alike, so that half as many numbers are twice as sure
    power = (power + power.roll(-1, 1).flip(1)) / 2
    return (power / power.mean((1, 2), keepdim=True).clamp(min=1e-12) + UNSEEN).log()


def autocovariance(grain: Tensor) -> Tensor:
    """(K, (2 REACH + 1)^2) of unit-variance grain (K, M, S, S)."""
    size = grain.shape[-1] - 2 * REACH
    core = grain[..., REACH : REACH + size, REACH : REACH + size]
    lags = [
        (core * grain[..., y : y + size, x : x + size]).mean((1, 2, 3))
        for y in range(2 * REACH + 1)
        for x in range(2 * REACH + 1)
    ]
    return torch.stack(lags, 1) / grain.square().mean((1, 2, 3)).clamp(min=1e-6)[:, None]


def _bins(tone: Tensor, count: int) -> tuple[Tensor, Tensor]:
    bins = (tone * count).long().clamp(0, count - 1)
    held = torch.zeros(len(tone), count, device=tone.device)
    return bins, held.scatter_add(1, bins, torch.ones_like(tone))


def _moments(flat: Tensor, tone: Tensor) -> tuple[Tensor, Tensor]:
    (bins, in_bins), (thirds, in_thirds) = _bins(tone, BINS), _bins(tone, THIRDS)

    def mean(values: Tensor, where: Tensor, held: Tensor) -> Tensor:
        return torch.zeros_like(held).scatter_add(1, where, values) / held.clamp(min=1)

    # bins are narrow enough that a wrong strength curve does not pass for kurtosis
    z = flat - mean(flat, bins, in_bins).gather(1, bins)
    z = z / mean(z.square(), bins, in_bins).clamp(min=1e-6).sqrt().gather(1, bins)
    moments = [mean(z**3, thirds, in_thirds), mean(z**4, thirds, in_thirds) - 3]
    return torch.stack(moments, 2), in_thirds


def _channels(luma: Tensor, chroma: Tensor) -> Tensor:
    """Correlations (K, 3) of Y with Cb, Y with Cr and Cb with Cr on the chroma grid."""
    small = F.avg_pool2d(luma.flatten(0, 1), 2).unflatten(0, luma.shape[:2])
    planes = torch.cat([small, chroma], 2).transpose(1, 2).flatten(2)
    planes = planes / planes.square().mean(2, keepdim=True).clamp(min=1e-6).sqrt()
    rho = planes @ planes.transpose(1, 2) / planes.shape[2]
    return torch.stack([rho[:, 0, 1], rho[:, 0, 2], rho[:, 1, 2]], 1)


def terms(made: Statistics, wanted: Statistics) -> dict[str, Tensor]:
    """RMS errors of each look, means over the looks. Chroma counts half as much as luma, where there is any.

    Roots, not squares: a look that its segment does not tell from others may not outweigh the rest.
    """
    bins = (made.in_bins > FEWEST) & (wanted.in_bins > FEWEST)
    thirds = (made.in_thirds > FEWEST) & (wanted.in_thirds > FEWEST)
    coloured = made.coloured & wanted.coloured

    def mean(errors: Tensor, where: Tensor) -> Tensor:
        return (errors * where).sum(1) / where.sum(1).clamp(min=1)

    moments = robust(made.moments - wanted.moments)
    chroma = root((made.chroma_psd - wanted.chroma_psd).square().mean((1, 2, 3))) * coloured
    power = robust(made.chroma_power - wanted.chroma_power).mean(1) * coloured
    found = {
        "psd": root((made.psd - wanted.psd).square().mean((1, 2))) + 0.5 * chroma,
        "acf": root((made.acf - wanted.acf).square().sum(1)),
        "curve": root(mean(robust(made.curve - wanted.curve), bins) + power),
        "channels": root((made.channels - wanted.channels).square().sum(1) * coloured),
        "tone": root(mean(made.mean.square(), bins)),
        "skew": root(mean(moments[..., 0], thirds)),
        "kurtosis": root(mean(moments[..., 1], thirds)),
    }
    return {k: v.mean() for k, v in found.items()}


def root(mean_square: Tensor) -> Tensor:
    """Square root, level below ``SMALL``, where errors are chance."""
    return (mean_square + SMALL**2).sqrt() - SMALL


def robust(error: Tensor) -> Tensor:
    """The square of small errors, linear from ``LARGE`` on: where sigma nears 0 no ratio is sure."""
    return 2 * F.huber_loss(error, torch.zeros_like(error), reduction="none", delta=LARGE)


def paired(first: Tensor, second: Tensor) -> dict[str, Tensor]:
    """Of two draws (N, C, S, S) over the same pictures: square of their means, and what they share."""
    low = [F.avg_pool2d(x, 8) for x in (first, second)]
    return {"mean": (low[0] * low[1]).mean().abs(), "draws": (first * second).mean().square()}


def total(found: dict[str, Tensor]) -> Tensor:
    return torch.stack([WEIGHTS[k] * v for k, v in found.items()]).sum()


def judge_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss of the discriminator."""
    return (F.relu(1 - real) + F.relu(1 + fake)).mean()


def gradient_penalty(judge: nn.Module, grain: Tensor, tone: Tensor, told: Tensor) -> Tensor:
    """R1 of the discriminator at real grain, scaled up for being computed every ``R1_EVERY`` steps."""
    grain = grain.detach().requires_grad_()
    answer = judge(grain, tone, told).mean((1, 2)).sum()
    (slope,) = torch.autograd.grad(answer, grain, create_graph=True)
    return 0.5 * R1_WEIGHT * R1_EVERY * slope.square().sum((1, 2, 3)).mean()


def decibels(log_error: Tensor) -> Tensor:
    """RMS of natural log ratios in dB."""
    return log_error.square().mean().sqrt() * 10 / math.log(10)
