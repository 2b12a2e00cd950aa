"""Families of grain for training, and one kept for tests and benchmarks.

A family draws recipes; a recipe grains frames at any level and says what an ideal estimator would say
of its grain. ``held_out`` families must never be trained on: they stand for grain that no net has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from numpy.random import Generator

from filmgrain_codec.core.frame import FrameFormat, Plane
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.train.generators import autoregressive, density, looks, scans
from filmgrain_codec.train.generators.boolean import BooleanRecipe
from filmgrain_codec.train.generators.profiled import ProfiledGrain
from filmgrain_codec.train.generators.treated import SCALES, Averaged, Resized, Rounded


class Recipe(Protocol):
    """Grain of one look, for any frame and level. Frozen, so that what is measured can be kept."""

    def __hash__(self) -> int: ...

    def grain(
        self,
        planes: Sequence[Plane],
        fmt: FrameFormat,
        level: float,
        seed: int = 0,
        index: int = 0,
        quantise: bool = True,
    ) -> tuple[Plane, ...]:
        """``planes`` with grain of ``level`` (sigma of luma grain at luma 0.5, fraction of full scale).

        The same (seed, index) gives the same grain, another one independent grain. ``quantise`` rounds
        and clips to the codes of ``fmt``. Planes are float32, code / (2^bits - 1).
        """
        ...

    def segment(self, level: float) -> GrainSegment:
        """What an ideal estimator would say: level, curve, spectrum, chroma, skew (4:2:0 frames)."""
        ...


@dataclass(frozen=True, slots=True)
class Family:
    """``draw`` makes a random recipe; ``held_out`` families are for tests and benchmarks only."""

    name: str
    draw: Callable[[Generator], Recipe]
    held_out: bool = False


def draw_spectral(rng: Generator) -> Recipe:
    """Filtered Gaussian noise: two-Gaussian spectrum, random curve, channel mixing and skew."""
    spectrum = looks.draw_spectrum(rng)
    chroma = looks.draw_chroma(rng, spectrum.size)
    curve, skew = looks.draw_curve(rng), looks.draw_skew(rng)
    return ProfiledGrain(GrainSegment(0, 1, 0.05, curve, spectrum, chroma, skew))


def draw_boolean(rng: Generator) -> Recipe:
    """Newson's disks: size, disk radius and chroma strengths random."""
    size = rng.uniform(*looks.SIZES)
    radius = looks.log_uniform(rng, 0.19, 0.5) if rng.random() < 0.5 else None
    cb, cr = (rng.uniform(0.2, 1.0) for _ in range(2))
    return BooleanRecipe(size, radius, cb, cr, max(0.45, size * rng.uniform(0.6, 1.0)))


def treated(recipe: Recipe, rng: Generator) -> Recipe:
    """The recipe with what may happen afterwards: one in five resized, 30 % averaged to 4:2:0 after
    graining, 30 % through 8 bits."""
    resized, averaged, rounded = rng.random(3) < (0.2, 0.3, 0.3)
    scale = rng.uniform(*SCALES)
    recipe = Resized(recipe, scale) if resized else recipe
    recipe = Averaged(recipe) if averaged else recipe
    return Rounded(recipe) if rounded else recipe


FAMILIES: dict[str, Family] = {
    f.name: f
    for f in (
        Family("spectral", draw_spectral),
        Family("density", density.draw),
        Family("autoregressive", autoregressive.draw),
        Family("scans", scans.draw),
        Family("boolean", draw_boolean, held_out=True),
        Family("scans-held-out", scans.draw_held_out, held_out=True),
    )
}
