"""The filters of spectra that are no Gaussians: a small kernel, taken apart into a few separable ones.

The Gaussians' amplitude times the correction's is no product of a horizontal and a vertical response, but
its kernel is even in both directions and small, so two or three separable terms (its singular vectors) hold
nearly all of its energy. Synthesis then costs what that many Gaussians cost. The same goes for filters of
what is bent afterwards.
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
Weighted = tuple[float, tuple[float, ...], tuple[float, ...]]
LEAST_REACH = 5
_MOST_TERMS = 3
_LOST = 4e-4
"""Share of the kernel's energy that may be left out."""
_NEWTON = 20
_STEP = 2.0**-22
"""Taps are multiples of it, so that the last bits of a machine's linear algebra do not count."""


def separated(base: Sequence[Weighted], spectrum: Spectrum) -> list[Separable]:
    """Half kernels whose sum is ``base`` (weight, horizontal, vertical) with the spectrum's correction.

    Their scale is that of the base, their variance is not 1. As long as the base's, at least 5 samples.
    """
    reach, frequency = _reach(base), _frequencies(base)
    radius = np.hypot(frequency[:, None], frequency[None, :])
    amplitude = _amplitude(base, frequency) * 10 ** (spectrum.surplus(radius) / 20)
    return _taken_apart(_taps(amplitude, *reach))


def unbent(base: Sequence[Weighted], squares: tuple[float, float, float]) -> list[Separable]:
    """Half kernels of Gaussian noise that has the base's spectrum once it is bent, of unit variance.

    ``squares``: of the weights a, b, c of a g + b (g^2 - 1) + c (g^3 - 3 g), on average. Bending makes
    correlations r into a^2 r + 2 b^2 r^2 + 6 c^2 r^3, which widens a spectrum by as much as skew is worth;
    each lag is solved for r.
    """
    reach, frequency = _reach(base), _frequencies(base)
    amplitude = _amplitude(base, frequency)
    wanted = np.fft.irfft2(_mirrored(amplitude**2), s=(2 * len(amplitude) - 2,) * 2)
    wanted /= wanted[0, 0]
    lags = wanted.copy()
    for _ in range(_NEWTON):
        lags -= (_bent(lags, *squares) - wanted) / _bent_slope(lags, *squares)
    power = np.fft.rfft2(lags).real[: len(amplitude)]
    sign = np.where(amplitude < 0, -1.0, 1.0)
    return _taken_apart(_taps(sign * np.sqrt(np.maximum(power, 0.0)), *reach))


def _bent(lag: Field, a: float, b: float, c: float) -> Field:
    return a * lag + 2 * b * lag**2 + 6 * c * lag**3


def _bent_slope(lag: Field, a: float, b: float, c: float) -> Field:
    return a + 4 * b * lag + 18 * c * lag**2


def _mirrored(quarter: Field) -> Field:
    """Rows of an even response for ``irfft2``: those of negative frequencies too."""
    return np.concatenate([quarter, quarter[-2:0:-1]])


def _reach(base: Sequence[Weighted]) -> tuple[int, int]:
    """(down, across): taps on each side of the middle."""
    across = max(LEAST_REACH, *(len(h) - 1 for _, h, _ in base))
    return max(LEAST_REACH, *(len(v) - 1 for _, _, v in base)), across


def _frequencies(base: Sequence[Weighted]) -> Field:
    half = 1 << math.ceil(math.log2(2 * max(_reach(base))))
    return np.arange(half + 1) / (2 * half)


def _amplitude(base: Sequence[Weighted], frequency: Field) -> Field:
    """The response at (down, across) cycles per sample."""
    return np.asarray(
        sum(w * np.outer(_transfer(v, frequency), _transfer(h, frequency)) for w, h, v in base), np.float64
    )


def _taps(amplitude: Field, down: int, across: int) -> Field:
    """The quarter of the even kernel that has this response."""
    half = len(amplitude) - 1
    return np.asarray(_cosines(half, down).T @ amplitude @ _cosines(half, across), np.float64)


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
