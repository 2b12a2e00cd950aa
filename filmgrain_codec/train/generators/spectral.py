"""Two-Gaussian spectral grain: filtered Gaussian noise with signal-dependent strength.

The noise power spectrum is (1 - w) G(s) + w G(s * spread), each G of unit energy and
G(s) = exp(-(2 pi f s)^2): the sum of *powers* of Stephenson and Saunders. It is made with
exact FFT filters over the whole plane, on purpose unlike the short amplitude filters of
``grain/parametric.py``, so that one can judge the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from filmgrain_codec.core.frame import FrameFormat, Plane
from filmgrain_codec.train.generators.common import Field, add, generator, luma_on, tone_of

_MARGIN = 16
"""Samples cut from the right and bottom, so that the FFT's wrap-around is never seen."""


@dataclass(frozen=True, slots=True)
class SpectralGrain:
    """Parameters of one grain.

    ``size`` is the standard deviation of the Gaussian grain filter in luma samples and
    ``anisotropy`` its ratio horizontal / vertical; ``chroma_size`` counts chroma samples.
    ``cb`` and ``cr`` are strengths relative to luma; ``y_cb``, ``y_cr`` and ``cb_cr``
    correlations, with luma grain averaged onto the chroma grid where planes are subsampled.
    """

    size: float = 0.8
    anisotropy: float = 1.0
    weight: float = 0.0
    spread: float = 2.5
    tone: str = "negative"
    cb: float = 0.5
    cr: float = 0.4
    chroma_size: float = 0.7
    y_cb: float = 0.0
    y_cr: float = 0.0
    cb_cr: float = 0.0


def power(
    shape: tuple[int, int], size: float, anisotropy: float = 1.0, weight: float = 0.0, spread: float = 2.5
) -> Field:
    """Noise power on the FFT grid of ``shape``, mean 1 (unit variance)."""

    def lobe(s: float) -> Field:
        horizontal, vertical = s * anisotropy**0.5, s / anisotropy**0.5
        fy = np.fft.fftfreq(shape[0])[:, None] * vertical
        fx = np.fft.fftfreq(shape[1])[None, :] * horizontal
        p = np.exp(-((2.0 * np.pi) ** 2) * (fy**2 + fx**2))
        return np.asarray(p / p.mean(), np.float64)

    return np.asarray((1.0 - weight) * lobe(size) + weight * lobe(size * spread), np.float64)


def field(
    shape: tuple[int, int],
    rng: np.random.Generator,
    size: float,
    anisotropy: float = 1.0,
    weight: float = 0.0,
    spread: float = 2.5,
) -> Field:
    """One stationary Gaussian field of unit variance, shape (rows, columns)."""
    padded = (_even(shape[0] + _MARGIN), _even(shape[1] + _MARGIN))
    amplitude = np.sqrt(power(padded, size, anisotropy, weight, spread))[:, : padded[1] // 2 + 1]
    noise = np.fft.rfft2(rng.standard_normal(padded)) * amplitude
    return np.asarray(np.fft.irfft2(noise, padded)[: shape[0], : shape[1]], np.float64)


def _even(n: int) -> int:
    return n + n % 2


def fields(fmt: FrameFormat, grain: SpectralGrain, seed: int, index: int) -> tuple[Field, ...]:
    """Unit-variance grain of every plane of frame ``index``, with the wanted correlations."""
    luma = field(
        fmt.shape(0), generator(seed, index, 0), grain.size, grain.anisotropy, grain.weight, grain.spread
    )
    if fmt.planes == 1:
        return (luma,)
    own = [field(fmt.shape(k), generator(seed, index, k), grain.chroma_size) for k in (1, 2)]
    shared = luma_on(1, luma.astype(np.float32), fmt)
    shared = shared / max(float(shared.std()), 1e-12)
    cholesky = np.linalg.cholesky(_correlation(grain))
    layers = np.stack([shared, *own])
    cb, cr = np.tensordot(cholesky[1:], layers, 1)
    return luma, cb, cr


def _correlation(grain: SpectralGrain) -> Field:
    y_cb, y_cr, cb_cr = grain.y_cb, grain.y_cr, grain.cb_cr
    matrix = np.array([[1.0, y_cb, y_cr], [y_cb, 1.0, cb_cr], [y_cr, cb_cr, 1.0]])
    return np.asarray(matrix + 1e-9 * np.eye(3), np.float64)


def grain(
    planes: Sequence[Plane],
    fmt: FrameFormat,
    level: float,
    seed: int = 0,
    index: int = 0,
    recipe: SpectralGrain | None = None,
    quantise: bool = True,
) -> tuple[Plane, ...]:
    """``planes`` with grain of ``level`` (sigma at luma 0.5, fraction of full scale) added.

    Independent for every (seed, index). ``quantise`` rounds and clips to the format's bits.
    """
    recipe = recipe or SpectralGrain()
    tone = tone_of(recipe.tone)
    gains = (1.0, recipe.cb, recipe.cr)
    grains = [
        level * gain * tone(luma_on(k, planes[0], fmt)) * unit
        for k, (gain, unit) in enumerate(zip(gains, fields(fmt, recipe, seed, index), strict=False))
    ]
    return add(planes, grains, fmt, quantise)
