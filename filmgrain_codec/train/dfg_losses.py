"""Losses and measures of the DeepFilmGrain baseline: L1, MS-SSIM with Gaussian-weighted L1, PSNR, SSIM.

SSIM after Wang et al. 2004 (11x11 Gaussian window of standard deviation 1.5, constants 0.01 and 0.03),
MS-SSIM after Wang et al. 2003 (five scales), their mix with L1 after Zhao et al. 2017 (alpha 0.84).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

WINDOW, WINDOW_SIGMA = 11, 1.5
HALF = WINDOW // 2
K1, K2 = 0.01, 0.03
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
ALPHA = 0.84
SMALLEST_SIDE = 161
"""Below this the coarsest of five scales holds no window."""
Loss = Callable[[Tensor, Tensor], Tensor]


def window(like: Tensor) -> Tensor:
    """Gaussian taps (11,) that sum to 1."""
    x = torch.arange(WINDOW, device=like.device, dtype=like.dtype) - HALF
    taps = torch.exp(-0.5 * (x / WINDOW_SIGMA) ** 2)
    return taps / taps.sum()


def smoothed(x: Tensor) -> Tensor:
    """Local Gaussian means of every channel where the window fits."""
    channels, taps = x.shape[1], window(x)
    down = taps.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    along = taps.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    return F.conv2d(F.conv2d(x, down, groups=channels), along, groups=channels)


def similarity(a: Tensor, b: Tensor, span: float) -> tuple[Tensor, Tensor]:
    """(SSIM, its contrast-structure factor), means over all positions; samples span ``span``."""
    c1, c2 = (K1 * span) ** 2, (K2 * span) ** 2
    mean_a, mean_b = smoothed(a), smoothed(b)
    var_a, var_b = smoothed(a * a) - mean_a**2, smoothed(b * b) - mean_b**2
    covariance = smoothed(a * b) - mean_a * mean_b
    structure = (2 * covariance + c2) / (var_a + var_b + c2)
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return (luminance * structure).mean(), structure.mean()


def scales(a: Tensor, b: Tensor, span: float) -> tuple[Tensor, Tensor]:
    """SSIM and contrast-structure at five scales, each (5,)."""
    found = []
    for _ in SCALE_WEIGHTS:
        found.append(similarity(a, b, span))
        a, b = (F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False) for x in (a, b))
    ssim, structure = zip(*found, strict=True)
    return torch.stack(ssim), torch.stack(structure)


def product(ssim: Tensor, structure: Tensor) -> Tensor:
    """Contrast-structure of all scales but the last, SSIM of the last, weighted in the exponent."""
    terms = torch.cat([structure[:-1], ssim[-1:]]).clamp(min=1e-6)
    weights = torch.tensor(SCALE_WEIGHTS, device=terms.device, dtype=terms.dtype)
    return (terms**weights).prod()


def l1(made: Tensor, clean: Tensor) -> Tensor:
    """Mean absolute error."""
    return (made - clean).abs().mean()


def ms_ssim_l1(made: Tensor, clean: Tensor) -> Tensor:
    """0.84 (1 - MS-SSIM) + 0.16 Gaussian-weighted L1, of samples in -1..1, sides of 151 or more.

    As published: pictures are mirrored at the borders, and every scale's similarity is moved from -1..1 to
    0..1 before the product, so that its powers stay defined.
    """
    around = (HALF,) * 4
    a, b = (F.pad(x, around, mode="reflect") for x in (made, clean))
    ssim, structure = scales(a, b, 2.0)
    likeness = product((ssim + 1) / 2, (structure + 1) / 2)
    weighted = smoothed(F.pad((made - clean).abs(), around)).mean()
    return ALPHA * (1 - likeness) + (1 - ALPHA) * weighted


LOSSES: dict[str, Loss] = {"l1": l1, "ms_ssim_l1": ms_ssim_l1}


def psnr(made: Tensor, clean: Tensor) -> float:
    """In dB, of samples in 0..1."""
    return float(-10 * torch.log10(((made - clean) ** 2).mean().clamp(min=1e-12)))


def figures(made: Tensor, clean: Tensor) -> dict[str, float]:
    """PSNR (dB), SSIM and MS-SSIM of samples in 0..1; MS-SSIM is NaN where a side is below 161."""
    enough = min(clean.shape[-2:]) >= SMALLEST_SIDE
    ssim, _ = similarity(made, clean, 1.0)
    many = product(*scales(made, clean, 1.0)) if enough else torch.tensor(float("nan"))
    return {"psnr": psnr(made, clean), "ssim": float(ssim), "ms_ssim": float(many)}
