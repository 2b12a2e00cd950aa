"""The profile of a recipe by measuring what it makes: for grain without a closed form.

Flat 4:2:0 greys are grained, without rounding, and described in the profile's own words: spectrum by
the estimator's fit to block DCT powers, chroma and skew from moments. Strength curves are known to the
recipes; ``curve`` measures them on stepped greys, to check.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import FrameFormat, Plane
from filmgrain_codec.grain import correction_fit, metrics, spectrum_fit
from filmgrain_codec.grain.profile import KNOT_POSITIONS, KNOTS, Chroma, Curve, GrainSegment, Spectrum

if TYPE_CHECKING:
    from filmgrain_codec.train.generators.families import Recipe

Field = NDArray[np.float64]
FMT = FrameFormat(192, 192, bits=10)
FRAMES = 4
LEVEL = 0.04
_STEP = 32
_SEED = 0x5EED
_PLAIN = 0.3
"""Misfit in dB up to which one Gaussian describes a spectrum well enough."""
_GRIDS = ((0, 0), (3, 5), (5, 2), (6, 7))
_SILENT = 0.02
"""Chroma grain below this share of luma's counts as none, as the estimator has it."""


@lru_cache(maxsize=4096)
def look(recipe: Recipe, known: Curve, frames: int = FRAMES) -> GrainSegment:
    """The recipe's profile at level 0.04 with the curve it is known to have; size within about 3 %."""
    grains = [np.stack(p) for p in zip(*_differences(recipe, _flat(FMT, 0.5), FMT, frames), strict=True)]
    luma, *chroma = (np.asarray(g, np.float64) for g in grains)
    spectrum = _spectrum(luma)
    z = luma / luma.std()
    skew = float((z**3).mean())
    return GrainSegment(
        0, 1, LEVEL, known, spectrum, _chroma(luma, chroma, spectrum),
        skew, kurtosis=float((z**4).mean()) - 3 - 4 / 3 * skew**2,
    )  # fmt: skip


def gain(recipe: Recipe, frames: int = FRAMES) -> float:
    """Level asked for over the level made, from flat grey."""
    made = [d[0] for d in _differences(recipe, _flat(FMT, 0.5), FMT, frames)]
    return LEVEL / float(np.stack(made).std())


def curve(recipe: Recipe) -> Field:
    """sigma at the eight knots over sigma at 0.5, from vertical steps of grey."""
    fmt = FrameFormat(_STEP * (KNOTS + 1), 512, bits=10)
    values = np.repeat([*KNOT_POSITIONS, 0.5], _STEP).astype(np.float32)
    planes = _flat(fmt, 0.5)
    stepped = (np.tile(values, (fmt.height, 1)), *planes[1:])
    made = np.stack([d[0] for d in _differences(recipe, stepped, fmt, 3)])
    # the middle of each step: what reaches over from the next one is not its own strength
    steps = made.reshape(-1, fmt.height, KNOTS + 1, _STEP)[..., 3:-3]
    sigma = steps.std((0, 1, 3))
    return np.asarray(sigma[:KNOTS] / max(float(sigma[KNOTS]), 1e-9), np.float64)


def _differences(
    recipe: Recipe, planes: tuple[Plane, ...], fmt: FrameFormat, frames: int
) -> list[tuple[Plane, ...]]:
    made = (recipe.grain(planes, fmt, LEVEL, _SEED, i, quantise=False) for i in range(frames))
    return [tuple(m - p for m, p in zip(grainy, planes, strict=True)) for grainy in made]


def _flat(fmt: FrameFormat, luma: float) -> tuple[Plane, ...]:
    # neutral: chroma codes are centred on 2^(bits-1)
    neutral = (1 << (fmt.bits - 1)) / fmt.peak
    return tuple(np.full(fmt.shape(k), neutral if k else luma, np.float32) for k in range(fmt.planes))


def block_powers(grain: Field, side: int) -> Field:
    """Mean squared DCT coefficients (side, side) over blocks of (frames, rows, columns).

    On several grids: what was coded has a grid of its own, on which it would show another spectrum.
    """
    return np.asarray(np.mean([_on_grid(grain[:, y:, x:], side) for y, x in _GRIDS], 0), np.float64)


def _on_grid(grain: Field, side: int) -> Field:
    rows, columns = (n // side for n in grain.shape[1:])
    cut = grain[:, : rows * side, : columns * side].reshape(-1, rows, side, columns, side)
    dct = spectrum_fit.dct_matrix(side)
    blocks = np.einsum("ki,frisj->frskj", dct, cut, optimize=True)
    return np.asarray(((blocks @ dct.T) ** 2).mean((0, 1, 2)), np.float64)


def _spectrum(grain: Field) -> Spectrum:
    whole, shape = block_powers(grain, 16), (16, 16)
    powers = spectrum_fit.cells(whole)
    rho = float(np.sqrt(np.prod(metrics.autocorrelation(grain, 1)[[1, 2], [2, 1]].clip(0.02, 0.98))))
    start = float(np.clip((-4.0 * np.log(rho)) ** -0.5, 0.4, 2.5))
    single = spectrum_fit.fit(powers, shape, second_lobe=False, start=start)
    plain = single if single.rms < _PLAIN else spectrum_fit.fit(powers, shape, start=start, pure=True)
    return correction_fit.corrected(correction_fit.rings(whole), plain.spectrum, correction_fit.KNOWN)


def _chroma(luma: Field, chroma: list[Field], spectrum: Spectrum) -> Chroma:
    cb, cr = (float(c.std() / luma.std()) for c in chroma)
    if max(cb, cr) < _SILENT:
        return Chroma()
    powers = sum(block_powers(c, 8) for c in chroma)
    size = spectrum_fit.fit(
        spectrum_fit.cells(np.asarray(powers)), (8, 8), second_lobe=False, anisotropy=spectrum.anisotropy
    ).spectrum.size
    rho = metrics.channel_correlation([luma, *chroma])
    return Chroma(cb, cr, size, float(rho[0, 1]), float(rho[0, 2]), float(rho[1, 2]))
