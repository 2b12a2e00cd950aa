"""Random looks of grain: strength curves, spectra, channel mixing, from one NumPy generator each.

Ranges follow the project's reference on grain: sizes 0.45 to 1.6 samples and some finer, anisotropy 0.85
to 1.15, a second lobe in three of ten, correlation of the RGB layers over the whole range 0 to 1, blue 1
to 3 times as strong as green.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from filmgrain_codec.grain.profile import KNOT_POSITIONS, KNOTS, Chroma, Curve, Spectrum, curve_at
from filmgrain_codec.grain.recipe import YCC_TO_RGB

Field = NDArray[np.float64]
LEVELS = (0.004, 0.12)
"""Levels that training covers."""
SIZES = (0.45, 1.6)
MAX_STRENGTH = 2.5
"""Largest sigma(luma) / level of a drawn curve."""
LUMA_OF_RGB, CB_OF_RGB, CR_OF_RGB = (np.array(r) for r in np.linalg.inv(np.array(YCC_TO_RGB)))


def log_uniform(rng: Generator, low: float, high: float) -> float:
    """A number in ``low``..``high`` whose logarithm is uniform."""
    return float(np.exp(rng.uniform(math.log(low), math.log(high))))


def as_curve(values: Field) -> Curve:
    """Eight knot values as a profile holds them."""
    a, b, c, d, e, f, g, h = (float(v) for v in values)
    return a, b, c, d, e, f, g, h


def normalised(values: Field) -> Curve:
    """Knot values divided by their interpolated value at luma 0.5, at most ``MAX_STRENGTH``."""
    scaled = np.minimum(values / curve_at(values, 0.5), MAX_STRENGTH)
    return as_curve(scaled / curve_at(scaled, 0.5))


def draw_curve(rng: Generator) -> Curve:
    """A strength curve: Boolean-shaped, shadow-heavy as colour negatives, flat, or eight random knots."""
    u = KNOT_POSITIONS
    family = rng.random()
    if family < 0.35:
        return normalised((u + 2e-3) ** rng.uniform(0.4, 0.65) * (1 - u + 2e-3) ** rng.uniform(0.5, 0.8))
    if family < 0.6:
        toe = np.minimum(1.0, (u + 0.03) / rng.uniform(0.03, 0.25))
        return normalised(np.exp(-rng.uniform(0.5, 2.5) * u) * toe)
    if family < 0.75:
        return normalised(np.ones(KNOTS))
    return normalised(np.exp(np.cumsum(rng.normal(0.0, 0.25, KNOTS))))


def draw_spectrum(rng: Generator) -> Spectrum:
    """A spectrum as the profile defines it; the second lobe reaches at most 4 samples.

    Sizes are log-uniform, and one in ten is finer still: sharpened scans are nearly white.
    """
    size = rng.uniform(0.3, SIZES[0]) if rng.random() < 0.1 else log_uniform(rng, *SIZES)
    weight = rng.uniform(-0.35, 0.5) if rng.random() < 0.3 else 0.0
    spread = min(rng.uniform(1.5, 3.5), max(4.0 / size, 1.5))
    return Spectrum(size, rng.uniform(0.85, 1.15), weight, spread)


def draw_layers(rng: Generator) -> Field:
    """Covariance (3, 3) of R, G, B grain: one correlation for all pairs, blue strongest."""
    sigma = np.array([rng.uniform(0.75, 1.3), 1.0, log_uniform(rng, 0.9, 3.0)])
    rho = rng.random()
    return np.asarray(np.outer(sigma, sigma) * (rho + (1.0 - rho) * np.eye(3)), np.float64)


def chroma_of(covariance: Field, size: float, fading: float = 1.0) -> Chroma:
    """Chroma grain of BT.709 Y, Cb, Cr for RGB grain with ``covariance``.

    ``fading``: what averaging onto the chroma grid leaves of chroma's standard deviation.
    """
    rows = np.stack([LUMA_OF_RGB, CB_OF_RGB, CR_OF_RGB])
    mixed = rows @ covariance @ rows.T
    sigma = np.sqrt(np.maximum(np.diag(mixed), 1e-12))
    rho = mixed / np.outer(sigma, sigma)
    cb, cr = (float(s / sigma[0] * fading) for s in sigma[1:])
    if max(cb, cr) < 0.02:
        return Chroma(size=size)
    return Chroma(cb, cr, size, *(float(v) for v in (rho[0, 1], rho[0, 2], rho[1, 2])))


def draw_chroma(rng: Generator, luma_size: float) -> Chroma:
    """Chroma grain: of mixed RGB layers, of independent chroma layers, or (one in ten) none."""
    kind = rng.random()
    size = float(np.clip(luma_size * rng.uniform(0.5, 1.1), 0.4, 1.4))
    if kind < 0.1:
        return Chroma(size=size)
    if kind < 0.6:
        return chroma_of(draw_layers(rng), size, rng.uniform(0.5, 1.0))
    cb = rng.uniform(0.2, 1.2)
    return Chroma(cb, cb * rng.uniform(0.6, 1.5), size, *_weak_correlations(rng))


def _weak_correlations(rng: Generator) -> tuple[float, float, float]:
    rows = np.eye(3) + rng.uniform(0.0, 0.35) * rng.normal(0.0, 1.0, (3, 3))
    matrix = rows @ rows.T
    sigma = np.sqrt(np.diag(matrix))
    rho = matrix / np.outer(sigma, sigma)
    return float(rho[0, 1]), float(rho[0, 2]), float(rho[1, 2])


def draw_skew(rng: Generator) -> float:
    """Third standardised moment: none in three of four."""
    return rng.uniform(-0.3, 0.3) if rng.random() < 0.25 else 0.0
