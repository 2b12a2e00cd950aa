"""BM3D of the `bm3d` package (Dabov et al. 2007; Makinen et al. 2020 for correlated noise), luma only.

Twice: told the true sigma of the frame's grain as if it were white, and told its true spectrum
scaled to that sigma. Both in the default profile, one frame of an excerpt, for it takes half a
minute a frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata

import numpy as np
from numpy.typing import NDArray

from benchmarks import material
from benchmarks.peers.case import MIDDLE, Case
from benchmarks.peers.peer import Cleaned, Settings
from filmgrain_codec.core.frame import Frame, FrameFormat

_TILE, _TILES = 256, 24


@dataclass(frozen=True, slots=True)
class Bm3d:
    """``spectrum``: told the true noise power spectrum instead of white noise."""

    spectrum: bool = False
    frames: tuple[int, ...] = (MIDDLE,)
    oracle: bool = True

    @property
    def name(self) -> str:
        return "BM3D, true spectrum" if self.spectrum else "BM3D, white"

    def settings(self, case: Case) -> Settings:
        return {"package": f"bm3d {metadata.version('bm3d')}", "profile": "np", "spectrum": self.spectrum}

    def clean(self, case: Case) -> Cleaned:
        if not hasattr(np, "trapz"):  # bm3d asks for a name that NumPy dropped
            np.trapz = np.trapezoid  # type: ignore[attr-defined]
        import bm3d

        luma, sigma = case.grainy[MIDDLE].planes[0], case.sigma()
        noise = sigma
        if self.spectrum:
            noise = power(luma.shape, case.family, case.size, case.level) * sigma**2 * luma.size
        return {MIDDLE: (np.asarray(bm3d.bm3d(luma.astype(np.float64), noise), np.float32),)}


def power(shape: tuple[int, int], family: str, size: float, level: float) -> NDArray[np.float64]:
    """The noise power spectrum of a grain on the FFT grid of ``shape``, mean 1.

    Measured on flat grey frames (luma 0.5) grained by the very same generator, averaged over
    rings of equal frequency.
    """
    rings = _rings(family, size, level)
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None]
    spectrum = np.interp(np.hypot(fy, fx), np.arange(len(rings)) / _TILE, rings)
    return np.asarray(spectrum / spectrum.mean(), np.float64)


@lru_cache(maxsize=64)
def _rings(family: str, size: float, level: float) -> NDArray[np.float64]:
    """Power at k/256 cycles per sample, from Hann windows."""
    fmt = FrameFormat(_TILE, _TILE, family="gray", bits=material.BITS)
    grey = (np.full((_TILE, _TILE), 0.5, np.float32),)
    frames = [Frame(grey, fmt, n, n, 1 / material.RATE) for n in range(_TILES)]
    window = np.outer(np.hanning(_TILE), np.hanning(_TILE))
    total = np.zeros((_TILE, _TILE))
    for frame in material.grained(frames, material.Grain(family, level, size, tone="boolean"), seed=99):
        grain = frame.planes[0] - frame.planes[0].mean()
        total += np.abs(np.fft.fft2(grain * window)) ** 2
    f = np.fft.fftfreq(_TILE) * _TILE
    ring = np.rint(np.hypot(f[:, None], f[None])).astype(np.int64).ravel()
    return np.asarray(np.bincount(ring, total.ravel()) / np.bincount(ring), np.float64)
