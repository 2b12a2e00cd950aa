"""What stills hold that is like dirt and is none: clumps of grain, leaves, an uneven density of the film.

Scans of real film have them all over the picture, alike and close together, which damage is not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.opencv import opencv

Lumas = NDArray[np.float32]
"""(frames, rows, columns), 0..1."""
SPARSE, DENSE = 1 / 400, 1 / 40
"""Clumps a sample."""
RADII, CONTRASTS = (0.6, 1.8), (0.02, 0.15)
"""Sigma of a clump in samples, and the usual height of one, of full scale."""
CELLS, DEPTHS = (4.0, 24.0), (0.004, 0.04)
"""Size in samples of what is denser than the rest, and deviation of luma by it."""
LEAVES, SIZES, LIGHTS = (30, 250), (0.8, 6.0), 0.2
"""Count, half axes in samples and deviation of luma."""


def spots(planes: Sequence[Plane], rng: Generator) -> list[Plane]:
    """Clumps of grain: round, of one polarity and alike, others in every frame."""
    density = np.exp(rng.uniform(*np.log((SPARSE, DENSE))))
    sigma, height = rng.uniform(*RADII), rng.uniform(*CONTRASTS) * rng.choice([-1, 1])
    # A unit impulse behind the blur has this peak.
    peak = 1 / (2 * np.pi * sigma**2)

    def clumps(plane: Plane) -> Plane:
        seeds = (rng.random(plane.shape) < density) * rng.uniform(0.5, 1.5, plane.shape)
        made = opencv().GaussianBlur(seeds.astype(np.float32), (0, 0), sigma)
        return np.clip(plane + np.float32(height / peak) * made, 0, 1)

    return [clumps(plane) for plane in planes]


def mottle(planes: Sequence[Plane], rng: Generator) -> list[Plane]:
    """Stains and uneven development: smooth, low, others in every frame."""
    sigma, depth = rng.uniform(*CELLS), rng.uniform(*DEPTHS)

    def stained(plane: Plane) -> Plane:
        made = opencv().GaussianBlur(rng.normal(0, 1, plane.shape).astype(np.float32), (0, 0), sigma)
        return np.clip(plane + np.float32(depth) * made / made.std(), 0, 1)

    return [stained(plane) for plane in planes]


def leaves(lumas: Lumas, rng: Generator) -> None:
    """Foliage, gravel, cloth: many small ellipses of any brightness in a part of the picture."""
    cv = opencv()
    count, drift = int(rng.integers(*LEAVES)), rng.normal(0, 1, 2)
    size = np.array(lumas.shape[1:])
    corner, span = rng.uniform(-0.5, 0.7, 2) * size, rng.uniform(0.3, 1.2, 2) * size
    at = corner + rng.random((count, 2)) * span
    least, most = np.log(SIZES)
    axes = np.exp(rng.uniform(least, most, (count, 2)))
    turned, lights = rng.uniform(0, 180, count), rng.normal(0, LIGHTS, count)
    soft = rng.uniform(0.4, 1.0)
    for number, plane in enumerate(lumas):
        cover, light = np.zeros(plane.shape, np.float32), np.zeros(plane.shape, np.float32)
        for k, place in enumerate(at + drift * number):
            middle, half = (tuple(round(16 * v) for v in pair[::-1]) for pair in (place, axes[k]))
            for layer, value in ((cover, 1.0), (light, float(lights[k]))):
                cv.ellipse(layer, middle, half, turned[k], 0, 360, value, -1, cv.LINE_8, 4)
        cover, light = (cv.GaussianBlur(layer, (0, 0), soft) for layer in (cover, light))
        ground = plane * (1 - cover) + cover * plane.mean()
        np.clip(ground + light, 0, 1, out=plane)
