"""Grain made from a profile segment by FFT: fast enough for training, and exactly what it says it is.

The filters are those of ``grain.filters`` (amplitudes add, as ``grain.profile.Spectrum`` defines them),
taken to the FFT grid; noise, strength table and channel mixing as in ``grain.parametric``, but with a
library's random numbers instead of the counter-based hash, because nothing has to be seekable here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import FrameFormat, Plane
from filmgrain_codec.grain.filters import GrainFilter, Taps
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.grain.recipe import LUT_LAST, Weights, prepare
from filmgrain_codec.train.generators.common import (
    block_mean,
    block_sum,
    fast_generator,
    finished,
    subsampling,
)

Array = NDArray[np.float32]
_FAST = sorted(2**a * 3**b * 5**c for a in range(13) for b in range(8) for c in range(5))


@dataclass(frozen=True, slots=True)
class ProfiledGrain:
    """A recipe that realises ``look``; its level is replaced by the one asked for."""

    look: GrainSegment

    def segment(self, level: float) -> GrainSegment:
        """What an ideal estimator would say of this grain at ``level``."""
        return replace(self.look, level=level)

    def grain(
        self,
        planes: Sequence[Plane],
        fmt: FrameFormat,
        level: float,
        seed: int = 0,
        index: int = 0,
        quantise: bool = True,
    ) -> tuple[Plane, ...]:
        """``planes`` with grain of ``level`` (sigma at luma 0.5) added; independent per (seed, index).

        ``quantise`` rounds and clips to the codes of ``fmt``. RGB planes get the Y, Cb, Cr grain
        through the BT.709 matrix, each driven by its own value.
        """
        recipe = prepare(replace(self.look, level=1.0), fmt.family, *subsampling(fmt))
        fields = unit_fields(self.look, fmt, seed, index)
        grains = []
        for k, plane in enumerate(planes):
            luma = plane if fmt.family == "rgb" else block_mean(planes[0], fmt, k)
            sigma = strength(luma, recipe.lut)
            sigma *= np.float32(level)
            grains.append(sigma * _mixed(recipe.mix[k], fields, fmt, k))
        return finished(planes, grains, fmt, quantise)


def _mixed(weights: Weights, fields: list[Array], fmt: FrameFormat, plane: int) -> Array:
    total = np.zeros(fmt.shape(plane), np.float32)
    for q, weight in enumerate(weights):
        if weight:
            total += np.float32(weight) * (fields[q] if q else block_sum(fields[0], fmt, plane))
    return total


def unit_fields(look: GrainSegment, fmt: FrameFormat, seed: int, index: int) -> list[Array]:
    """Unit-variance fields that the recipe's matrix mixes, each on its plane's grid."""
    rng = fast_generator(seed, index)
    recipe = prepare(replace(look, level=1.0), fmt.family, *subsampling(fmt))
    luma = field(fmt.shape(0), recipe.luma, rng)
    a, b, c = (np.float32(v) for v in recipe.skew)
    if b or c:
        luma = (luma * (a - 3 * c + luma * (b + c * luma)) - b).astype(np.float32)
    needed = [any(row[q] for row in recipe.mix[: fmt.planes]) for q in (1, 2)]
    return [
        luma,
        *(
            field(fmt.shape(k), recipe.chroma, rng) if n else luma
            for k, n in zip((1, 2), needed, strict=True)
        ),
    ]


def field(shape: tuple[int, int], kernel: GrainFilter, rng: np.random.Generator) -> Array:
    """One stationary Gaussian field (rows, columns) of unit variance; opposite edges do not meet."""
    across, down = kernel.radius
    padded = (_fast(shape[0] + down), _fast(shape[1] + across))
    noise = np.fft.rfft2(rng.standard_normal(padded, np.float32))
    noise *= _response(kernel, padded)
    return np.fft.irfft2(noise, padded)[: shape[0], : shape[1]]


def strength(luma: NDArray[np.floating], table: Array) -> Array:
    """sigma at ``luma`` from a table over codes 0..1; the ends hold outside."""
    place = np.asarray(luma * np.float32(LUT_LAST) + np.float32(0.5), np.float32)
    return np.take(table, place.clip(0, LUT_LAST).astype(np.int32))


@lru_cache(maxsize=512)
def _response(kernel: GrainFilter, shape: tuple[int, int]) -> Array:
    """Amplitude of ``kernel`` on the half plane that rfft2 keeps."""
    total = np.zeros((shape[0], shape[1] // 2 + 1))
    for term in kernel.terms:
        down = _transfer(term.vertical, np.fft.fftfreq(shape[0]))
        across = _transfer(term.horizontal, np.fft.rfftfreq(shape[1]))
        total += term.weight * np.outer(down, across)
    return total.astype(np.float32)


def _transfer(taps: Taps, f: NDArray[np.float64]) -> NDArray[np.float64]:
    order = np.arange(1, len(taps))
    return np.asarray(
        taps[0] + 2.0 * np.cos(2.0 * np.pi * np.outer(f, order)) @ np.array(taps[1:]), np.float64
    )


def _fast(n: int) -> int:
    return next((k for k in _FAST if k >= n and k % 2 == 0), n + n % 2)
