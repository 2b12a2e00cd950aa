"""The filter of a corrected spectrum: a small kernel, taken apart into a few separable ones.

The Gaussians' amplitude times the correction's is no product of a horizontal and a vertical response, but
its kernel is even in both directions and small, so two or three separable terms (its singular vectors) hold
nearly all of its energy. Synthesis then costs what that many Gaussians cost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.grain.profile import Spectrum

Field = NDArray[np.float64]
Separable = tuple[tuple[float, ...], tuple[float, ...]]
"""A horizontal and a vertical half kernel, centre tap first."""
LEAST_REACH = 5
_MOST_TERMS = 3
_LOST = 4e-4
"""Share of the kernel's energy that may be left out."""
_STEP = 2.0**-22
"""Taps are multiples of it, so that the last bits of a machine's linear algebra do not count."""


def separated(base: Sequence[tuple[float, *Separable]], spectrum: Spectrum) -> list[Separable]:
    """Half kernels whose sum is ``base`` (weight, horizontal, vertical) with the spectrum's correction.

    Their scale is that of the base, their variance is not 1. As long as the base's, at least 5 samples.
    """
    across = max(LEAST_REACH, *(len(h) - 1 for _, h, _ in base))
    down = max(LEAST_REACH, *(len(v) - 1 for _, _, v in base))
    half = 1 << math.ceil(math.log2(2 * max(across, down)))
    frequency = np.arange(half + 1) / (2 * half)
    amplitude = sum(w * np.outer(_transfer(v, frequency), _transfer(h, frequency)) for w, h, v in base)
    radius = np.hypot(frequency[:, None], frequency[None, :])
    amplitude = amplitude * 10 ** (spectrum.surplus(radius) / 20)
    kernel = _cosines(half, down).T @ amplitude @ _cosines(half, across)
    return _taken_apart(np.asarray(kernel))


def _taken_apart(kernel: Field) -> list[Separable]:
    """Separable terms of the quarter (rows, columns) of an even kernel; taps off the middle count twice."""
    down, across = (np.where(np.arange(n) > 0, math.sqrt(2.0), 1.0) for n in kernel.shape)
    left, values, right = np.linalg.svd(kernel * np.outer(down, across))
    energy = np.cumsum(values**2) / max(float((values**2).sum()), 1e-300)
    count = min(int(np.searchsorted(energy, 1 - _LOST)) + 1, _MOST_TERMS)
    return [(_rounded(right[k] / across), _rounded(left[:, k] * values[k] / down)) for k in range(count)]


def _rounded(taps: Field) -> tuple[float, ...]:
    return tuple(float(t) for t in np.rint(taps / _STEP) * _STEP)


def _transfer(taps: Sequence[float], frequency: Field) -> Field:
    order = np.arange(1, len(taps))
    return np.asarray(
        taps[0] + 2 * np.cos(2 * np.pi * np.outer(frequency, order)) @ np.array(taps[1:]), np.float64
    )


@lru_cache(maxsize=16)
def _cosines(half: int, reach: int) -> Field:
    """What an even response at k / (2 half) cycles per sample, k = 0..half, gives taps 0..reach."""
    k = np.arange(half + 1)
    weight = np.where((k == 0) | (k == half), 0.5, 1.0) / half
    return np.asarray(weight[:, None] * np.cos(np.pi * np.outer(k, np.arange(reach + 1)) / half), np.float64)
