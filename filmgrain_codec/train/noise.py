"""Grain for training batches: two-Gaussian spectra, strength curves, channel correlations (torch).

Every draw comes from the generator given, so a batch is a pure function of its seed. Spectrum and
strength follow ``grain.profile``; the strength families after Newson et al. 2017 (Boolean model:
u^.51 (1-u)^.66), Kodak-like shadow-heavy curves, flat, and random eight-knot curves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from filmgrain_codec.grain.profile import KNOT_POSITIONS, KNOTS


@dataclass(frozen=True, slots=True)
class Look:
    """Drawn grain of one sample. ``curve``: 8 knots, 1 at luma 0.5."""

    level: float
    size: float
    anisotropy: float
    weight: float
    spread: float
    curve: NDArray[np.float64]
    skew: float


def log_uniform(rng: Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def curve(rng: Generator) -> NDArray[np.float64]:
    """A strength curve of one of four families, 1 at luma 0.5 and at most 2.5."""
    u = KNOT_POSITIONS
    family = rng.random()
    if family < 0.4:
        raw = (u + 2e-3) ** rng.uniform(0.4, 0.65) * (1 - u + 2e-3) ** rng.uniform(0.5, 0.8)
    elif family < 0.6:
        raw = np.exp(-rng.uniform(0.5, 2.5) * u) * np.minimum(1, (u + 0.03) / rng.uniform(0.03, 0.25))
    elif family < 0.75:
        raw = np.ones(KNOTS)
    else:
        raw = np.exp(np.cumsum(rng.normal(0, 0.25, KNOTS)))
    return np.minimum(raw / np.interp(0.5, u, raw), 2.5)


def strength(luma: Tensor, curves: Tensor) -> Tensor:
    """Linear interpolation of curves (B, 8) at luma (B, ...) in 0..1; returns luma's shape."""
    place = luma.clamp(0, 1) * (KNOTS - 1)
    left = place.floor().clamp(max=KNOTS - 2)
    at = left.long().flatten(1)
    low, high = curves.gather(1, at), curves.gather(1, at + 1)
    return torch.lerp(low, high, (place - left).flatten(1)).view_as(luma)


def response(looks: list[Look], side: int, scale: float = 1.0) -> Tensor:
    """Amplitude spectra (B, side, side/2+1) of unit-variance grain, sizes divided by ``scale``."""
    fy, fx = torch.fft.fftfreq(side)[:, None] ** 2, torch.fft.rfftfreq(side)[None] ** 2
    out = []
    for look in looks:
        size, ratio, w = look.size / scale, look.anisotropy, look.weight
        first = gaussian(size, ratio, fx, fy)
        out.append((1 - abs(w)) * first + (w * gaussian(size * look.spread, ratio, fx, fy) if w else 0))
    spectra = torch.stack(out)
    return spectra / energy(spectra, side).sqrt()[:, None, None]


def gaussian(size: float, ratio: float, fx2: Tensor, fy2: Tensor) -> Tensor:
    """Unit-energy Gaussian filter of standard deviation ``size`` samples."""
    return size * torch.exp(-2 * np.pi**2 * size**2 * (fx2 * ratio + fy2 / ratio))


def energy(spectra: Tensor, side: int) -> Tensor:
    """Mean squared response over the full plane, from the half plane rfft keeps."""
    twice = torch.full((spectra.shape[-1],), 2.0)
    twice[0] = twice[-1] = 1.0
    return (spectra**2 * twice).sum((-1, -2)) / side**2


def filtered(white: Tensor, spectra: Tensor) -> Tensor:
    """White noise (B, ..., side, side) given the spectra (B, side, side/2+1)."""
    shape = (len(spectra), *[1] * (white.dim() - 3), *spectra.shape[1:])
    return torch.fft.irfft2(torch.fft.rfft2(white) * spectra.view(shape), s=white.shape[-2:])


def skewed(field: Tensor, looks: list[Look]) -> Tensor:
    """Unit-variance fields with a little third moment (a quadratic term)."""
    amount = torch.tensor([k.skew / 6 for k in looks]).view(-1, *[1] * (field.dim() - 1))
    return (field + amount * (field**2 - 1)) / (1 + 2 * amount**2).sqrt()


def quantised(samples: Tensor, bits: Tensor) -> Tensor:
    """Samples as codes of the given depths (B,), clipped as a file clips them."""
    peak = (2.0**bits - 1).view(-1, *[1] * (samples.dim() - 1))
    return (samples * peak).round().clamp(torch.zeros(1), peak) / peak
