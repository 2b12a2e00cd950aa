"""How well grain was taken off a picture, where the clean picture is known.

All functions take luma planes (rows, columns) as fractions of full scale: ``clean``, ``noisy``
(clean plus grain) and ``made`` (what the remover left). The *grain* is noisy - clean, what was
*removed* is noisy - made.

An ideal remover, the conditional mean, does not take everything off where picture and grain cannot
be told apart: then <removed, grain> = <removed, removed> = sigma^2 - MSE, and the ratio of
deviations is ``bound`` = sqrt(1 - MSE / sigma^2). So over the whole frame read the ratio beside
its bound. On blocks that are flat in the clean frame nothing but grain is there to be removed, and the
ratio and the slope should both be 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from filmgrain_codec.grain import flat

Array = NDArray[np.floating]
Field = NDArray[np.float64]
Mask = NDArray[np.bool_]

FLAT = 0.006
"""A block counts as flat if it departs from its fitted plane by at most this (standard deviation)."""
FEWEST_BLOCKS = 24
"""Fewer flat blocks than this say nothing about a clip."""
STEADY_SHARE = 0.25
_DARK, _BRIGHT = 0.08, 0.92
_SILENT = 1e-12


def psnr(made: Array, clean: Array) -> float:
    """PSNR in dB, peak 1; at most 120."""
    return float(-10.0 * np.log10(max(mse(made, clean), 1e-12)))


def mse(made: Array, clean: Array) -> float:
    """Mean squared difference."""
    return float(np.mean((np.asarray(made, np.float64) - clean) ** 2))


@dataclass(frozen=True, slots=True)
class Removal:
    """``ratio``: deviation of what was removed over that of the grain. ``slope``: <removed, grain> /
    <grain, grain>, the share of the grain itself that went."""

    ratio: float
    slope: float


def removal(noisy: Array, made: Array, clean: Array, where: Mask | None = None) -> Removal:
    """Ratio and slope over the samples of ``where`` (all). Without any grain both are 0."""
    grain = np.asarray(noisy, np.float64) - clean
    removed = np.asarray(noisy, np.float64) - made
    if where is not None:
        grain, removed = grain[where], removed[where]
    grain, removed = grain - grain.mean(), removed - removed.mean()
    energy = float((grain**2).mean())
    if energy < _SILENT:
        return Removal(0.0, 0.0)
    ratio = float(np.sqrt((removed**2).mean() / energy))
    return Removal(ratio, float((removed * grain).mean() / energy))


def bound(noisy: Array, made: Array, clean: Array) -> float:
    """sqrt(1 - MSE / sigma^2): the ratio of an ideal remover with this error; 0 if it did harm."""
    energy = float((np.asarray(noisy, np.float64) - clean).var())
    return float(np.sqrt(max(1.0 - mse(made, clean) / max(energy, _SILENT), 0.0)))


def flat_where(clean: Array, limit: float = FLAT) -> Mask | None:
    """Samples of the 16 x 16 blocks that are flat in ``clean``, or None if there are too few.

    A block departs from its fitted plane by at most ``limit``, and its mean is far enough from
    black and white for grain not to be clipped.
    """
    side = flat.BLOCK
    rows, columns = clean.shape[0] // side, clean.shape[1] // side
    cut = np.asarray(clean[: rows * side, : columns * side], np.float32)
    blocks = cut.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(-1, side, side)
    means = flat.means(blocks)
    chosen = (flat.planeless(blocks) <= limit**2) & (means > _DARK) & (means < _BRIGHT)
    if int(chosen.sum()) < FEWEST_BLOCKS:
        return None
    where = np.zeros(clean.shape, bool)
    grid = np.repeat(np.repeat(chosen.reshape(rows, columns), side, 0), side, 1)
    where[: rows * side, : columns * side] = grid
    return where


def leakage(noisy: Array, made: Array, clean: Array) -> float:
    """Correlation of what was removed with the fine texture: clean minus its Gaussian of 1 sample.

    0 if no texture went with the grain. Positive if texture was blurred.
    """
    removed = np.asarray(noisy, np.float64) - made
    texture = np.asarray(clean, np.float64) - blurred(clean)
    removed, texture = removed - removed.mean(), texture - texture.mean()
    energy = float((removed**2).mean() * (texture**2).mean())
    return float((removed * texture).mean() / np.sqrt(energy)) if energy > _SILENT**2 else 0.0


def blurred(picture: Array, sigma: float = 1.0) -> Field:
    """Gaussian blur, edges repeated."""
    reach = int(np.ceil(4 * sigma))
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    taps /= taps.sum()
    padded = np.pad(np.asarray(picture, np.float64), reach, mode="edge")
    across = sliding_window_view(padded, len(taps), 1) @ taps
    return np.asarray(sliding_window_view(across, len(taps), 0) @ taps, np.float64)


@dataclass(frozen=True, slots=True)
class Steady:
    """Blocks of two frames between which the clean picture hardly changes."""

    blocks: flat.Blocks

    @staticmethod
    def of(first: Array, second: Array) -> Steady:
        """The quarter of the blocks that motion compensation of the clean frames matches best."""
        a, b = (np.asarray(p, np.float32) for p in (first, second))
        found = flat.aligned(flat.box(a, flat.COARSE), flat.box(b, flat.COARSE), move=True)
        change = _change(found, a, b)
        count = max(1, round(STEADY_SHARE * len(change)))
        return Steady(found.take(np.argsort(change, kind="stable")[:count]))

    def flicker(self, first: Array, second: Array) -> float:
        """Standard deviation of the change of these blocks from one frame to the next."""
        a, b = (np.asarray(p, np.float32) for p in (first, second))
        return float(np.sqrt(_change(self.blocks, a, b).mean()))


def _change(blocks: flat.Blocks, a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    difference = blocks.second(b, flat.BLOCK) - blocks.first(a, flat.BLOCK)
    return np.asarray((difference**2).mean((1, 2)), np.float32)
