"""What happens to grain after the film: averaged to 4:2:0, resized, rounded to fewer bits.

Each wrapper is a recipe around any other recipe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import FrameFormat, Plane
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.train.generators import measured
from filmgrain_codec.train.generators.colour import repeated
from filmgrain_codec.train.generators.common import block_mean, finished, subsampling

if TYPE_CHECKING:
    from filmgrain_codec.train.generators.families import Recipe

Array = NDArray[np.float32]
SCALES = (0.5, 1.5)
_LOBES = 3


@dataclass(frozen=True, slots=True)
class Averaged:
    """Grain made at 4:4:4, its chroma averaged onto the frame's chroma grid afterwards."""

    source: Recipe

    def segment(self, level: float) -> GrainSegment:
        """Chroma as measured on 4:2:0 frames; the rest is the source's own."""
        own = self.source.segment(level)
        return replace(own, chroma=measured.look(self, own.curve).chroma)

    def grain(
        self,
        planes: Sequence[Plane],
        fmt: FrameFormat,
        level: float,
        seed: int = 0,
        index: int = 0,
        quantise: bool = True,
    ) -> tuple[Plane, ...]:
        """As in ``families.Recipe``."""
        if subsampling(fmt) == (0, 0):
            return self.source.grain(planes, fmt, level, seed, index, quantise)
        full = replace(fmt, sub_w=0, sub_h=0)
        wide = (planes[0], *(repeated(p, fmt) for p in planes[1:]))
        made = self.source.grain(wide, full, level, seed, index, quantise=False)
        grains = [block_mean(m - w, fmt, k) for k, (m, w) in enumerate(zip(made, wide, strict=True))]
        return finished(planes, grains, fmt, quantise)


@dataclass(frozen=True, slots=True)
class Resized:
    """Grain made on a picture of 1 / ``scale`` times the size and brought to the frame's size with it.

    Above 1 the grain gets larger, below 1 finer; the level is that of the result. Lanczos (3 lobes),
    widened when scaling down. The picture itself is not resampled. ``scale`` 0.5 to 2.
    """

    source: Recipe
    scale: float

    def segment(self, level: float) -> GrainSegment:
        """As measured on the resized grain; the curve is the source's own."""
        own = self.source.segment(level)
        look = measured.look(self, own.curve)
        return replace(
            look, level=level, skew_slope=own.skew_slope, law=own.law, kurtosis_slope=own.kurtosis_slope
        )

    def grain(
        self,
        planes: Sequence[Plane],
        fmt: FrameFormat,
        level: float,
        seed: int = 0,
        index: int = 0,
        quantise: bool = True,
    ) -> tuple[Plane, ...]:
        """As in ``families.Recipe``."""
        gain = _resized_gain(self.source, self.scale)
        grains = self.raw(planes, fmt, level * gain, seed, index)
        return finished(planes, grains, fmt, quantise)

    def raw(
        self, planes: Sequence[Plane], fmt: FrameFormat, level: float, seed: int, index: int
    ) -> list[Array]:
        """Grain of the source at ``level``, resized, weaker or stronger as resizing makes it."""
        width, height = (max(16, round(n / self.scale / 2) * 2) for n in (fmt.width, fmt.height))
        other = replace(fmt, width=width, height=height)
        small = tuple(resampled(p, other.shape(k)) for k, p in enumerate(planes))
        made = self.source.grain(small, other, level, seed, index, quantise=False)
        return [resampled(m - s, fmt.shape(k)) for k, (m, s) in enumerate(zip(made, small, strict=True))]


@lru_cache(maxsize=4096)
def _resized_gain(source: Recipe, scale: float) -> float:
    return measured.gain(_Raw(source, scale))


@dataclass(frozen=True, slots=True)
class _Raw:
    """``Resized`` before its level is put right."""

    source: Recipe
    scale: float

    def segment(self, level: float) -> GrainSegment:
        return self.source.segment(level)

    def grain(
        self,
        planes: Sequence[Plane],
        fmt: FrameFormat,
        level: float,
        seed: int = 0,
        index: int = 0,
        quantise: bool = True,
    ) -> tuple[Plane, ...]:
        grains = Resized(self.source, self.scale).raw(planes, fmt, level, seed, index)
        return finished(planes, grains, fmt, quantise)


@dataclass(frozen=True, slots=True)
class Rounded:
    """Grain that has been through ``bits`` per sample before the frame's own depth."""

    source: Recipe
    bits: int = 8

    def segment(self, level: float) -> GrainSegment:
        """The source's own: rounding is not grain."""
        return self.source.segment(level)

    def grain(
        self,
        planes: Sequence[Plane],
        fmt: FrameFormat,
        level: float,
        seed: int = 0,
        index: int = 0,
        quantise: bool = True,
    ) -> tuple[Plane, ...]:
        """As in ``families.Recipe``; without ``quantise`` nothing is rounded at all."""
        coarse = replace(fmt, bits=min(self.bits, fmt.bits)) if quantise else fmt
        if coarse.bits == fmt.bits:
            return self.source.grain(planes, fmt, level, seed, index, quantise)
        # codes of the coarse depth are shifted up, as video does, not stretched over the range
        stretch = np.float32(fmt.peak / coarse.peak / (1 << (fmt.bits - coarse.bits)))
        narrow = tuple(p * stretch for p in planes)
        made = self.source.grain(narrow, coarse, level * float(stretch), seed, index)
        return tuple(m / stretch for m in made)


def resampled(plane: Array, shape: tuple[int, int]) -> Array:
    """``plane`` at another size, Lanczos with 3 lobes, edges repeated."""
    down, across = (_taps(a, b) for a, b in zip(plane.shape, shape, strict=True))
    return np.ascontiguousarray(_filtered(_filtered(plane, *down).T, *across).T)


def _filtered(plane: Array, places: NDArray[np.int64], weights: Array) -> Array:
    # tap by tap: small products that no BLAS can spread over threads training already uses
    out = plane[places[0]] * weights[0][:, None]
    for at, weight in zip(places[1:], weights[1:], strict=True):
        out += plane[at] * weight[:, None]
    return out


@lru_cache(maxsize=64)
def _taps(source: int, target: int) -> tuple[NDArray[np.int64], Array]:
    """Places and weights (taps, target) along one axis; weights of a sample sum to 1."""
    width = max(source / target, 1.0)
    centre = (np.arange(target) + 0.5) * source / target - 0.5
    reach = int(np.ceil(_LOBES * width))
    places = np.floor(centre).astype(np.int64) + np.arange(-reach, reach + 2)[:, None]
    x = (places - centre) / width
    values = np.where(np.abs(x) < _LOBES, np.sinc(x) * np.sinc(x / _LOBES), 0.0)
    return places.clip(0, source - 1), np.asarray(values / values.sum(0), np.float32)
