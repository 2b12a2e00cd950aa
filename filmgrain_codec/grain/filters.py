"""The grain filters: a two-Gaussian spectrum as fixed-order FIR sums of unit variance.

Gaussians, separable, cut at three standard deviations, each of unit energy. Sums run in
one fixed order of single multiplications and additions, so the result does not depend on
tiles, threads or machines. No FFT, no BLAS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.grain.kernel import Weighted, separated, unbent
from filmgrain_codec.grain.profile import Spectrum

Taps = tuple[float, ...]
"""One half of a symmetric kernel: centre tap first."""
WHITE_BELOW = 0.25
"""A Gaussian with a smaller standard deviation (samples) is taken as no filter at all."""
_CUT = 3.0
_UNFOLDED = 1.25
"""A Gaussian from which on nothing folds."""
_LAGS, _WAVES = 12, 64
_COSINES = [math.cos(2 * math.pi * k / _WAVES) for k in range(_WAVES)]
_VANISHED = 1e-4


@lru_cache(maxsize=4096)
def gaussian_taps(sigma: float) -> Taps:
    """Half kernel of unit energy that makes white noise what white noise on film is behind a Gaussian.

    ``sigma``: its standard deviation in samples. Samples of the result are correlated as
    exp(-d^2 / (4 sigma^2)) (Newson et al. 2017); a sampled Gaussian would leave twice the power at the
    highest frequencies, because there amplitudes fold, not powers.
    """
    if sigma < WHITE_BELOW:
        return (1.0,)
    reach = range(math.ceil(_CUT * sigma) + 1)
    half = [math.exp(-0.5 * (i / sigma) ** 2) for i in reach] if sigma >= _UNFOLDED else _folded(sigma, reach)
    energy = math.fsum([half[0] ** 2, *(2 * k * k for k in half[1:])])
    return tuple(k / math.sqrt(energy) for k in half)


def _folded(sigma: float, reach: range) -> list[float]:
    """Taps whose power spectrum is that of the correlation: the transform of its root."""
    rho = [math.exp(-((d / sigma) ** 2) / 4) for d in range(1, _LAGS)]
    powers = [1 + 2 * math.fsum(r * _wave(k * d) for d, r in enumerate(rho, 1)) for k in range(_WAVES)]
    roots = [math.sqrt(max(p, 0.0)) for p in powers]
    return [math.fsum(r * _wave(k * i) for k, r in enumerate(roots)) for i in reach]


def _wave(step: int) -> float:
    return _COSINES[step % _WAVES]


@dataclass(frozen=True, slots=True)
class Term:
    """One separable filter: horizontal and vertical half kernels, and its weight in the sum."""

    weight: float
    horizontal: Taps
    vertical: Taps


@dataclass(frozen=True, slots=True)
class GrainFilter:
    """A sum of separable filters that turns unit white noise into unit-variance grain."""

    terms: tuple[Term, ...]

    @property
    def radius(self) -> tuple[int, int]:
        """(horizontal, vertical) reach in samples."""
        return (
            max(len(t.horizontal) for t in self.terms) - 1,
            max(len(t.vertical) for t in self.terms) - 1,
        )

    def autocorrelation(self, dx: int, dy: int) -> float:
        """Covariance of the filtered field at a lag of (dx, dy) samples; 1 at lag 0."""
        return math.fsum(
            a.weight
            * b.weight
            * _correlate(a.horizontal, b.horizontal, dx)
            * _correlate(a.vertical, b.vertical, dy)
            for a in self.terms
            for b in self.terms
        )

    def response(self, fx: float, fy: float) -> float:
        """Amplitude at (fx, fy) cycles per sample; its square is the power spectral density."""
        return math.fsum(
            t.weight * _transfer(t.horizontal, fx) * _transfer(t.vertical, fy) for t in self.terms
        )


@lru_cache(maxsize=256)
def grain_filter(spectrum: Spectrum) -> GrainFilter:
    """The filter of a ``Spectrum``, normalised to unit variance from its own taps.

    H = (1 - |w|) G(size) + w G(size * spread). Where the two Gaussians cancel (negative weight,
    equal sizes) nothing would be left to normalise: then G(size) alone is used. A spectrum's correction
    changes the shape of the sum (``grain.kernel``).
    """
    narrow = _gaussian(1 - abs(spectrum.weight), spectrum.size, spectrum.anisotropy)
    wide = _gaussian(spectrum.weight, spectrum.size * spectrum.spread, spectrum.anisotropy)
    terms = tuple(t for t in (narrow, wide) if t.weight)
    variance = GrainFilter(terms).autocorrelation(0, 0)
    if variance < _VANISHED:
        terms, variance = (_gaussian(1.0, spectrum.size, spectrum.anisotropy),), 1.0
        if not spectrum.corrected:
            return GrainFilter(terms)
    if spectrum.corrected:
        terms = _corrected(terms, spectrum)
        variance = GrainFilter(terms).autocorrelation(0, 0)
    return _normalised(terms, variance)


def before_bending(made: GrainFilter, squares: tuple[float, float, float]) -> GrainFilter:
    """The filter of noise that has the spectrum of ``made`` when it has been bent (see ``kernel.unbent``)."""
    terms = tuple(Term(1.0, *taps) for taps in unbent(_parts(made.terms), squares))
    return _normalised(terms, GrainFilter(terms).autocorrelation(0, 0))


def _normalised(terms: tuple[Term, ...], variance: float) -> GrainFilter:
    gain = 1 / math.sqrt(variance)
    return GrainFilter(tuple(Term(t.weight * gain, t.horizontal, t.vertical) for t in terms))


def _corrected(terms: tuple[Term, ...], spectrum: Spectrum) -> tuple[Term, ...]:
    return tuple(Term(1.0, *taps) for taps in separated(_parts(terms), spectrum))


def _parts(terms: tuple[Term, ...]) -> list[Weighted]:
    return [(t.weight, t.horizontal, t.vertical) for t in terms]


def _gaussian(weight: float, size: float, anisotropy: float) -> Term:
    stretch = math.sqrt(anisotropy)
    return Term(weight, gaussian_taps(size * stretch), gaussian_taps(size / stretch))


def _correlate(a: Taps, b: Taps, lag: int) -> float:
    """Sum over i of a(i) b(i + lag), both kernels centred on 0."""
    return math.fsum(a[abs(i)] * b[abs(i + lag)] for i in range(1 - len(a), len(a)) if abs(i + lag) < len(b))


def _transfer(taps: Taps, f: float) -> float:
    return taps[0] + 2 * math.fsum(k * math.cos(2 * math.pi * f * i) for i, k in enumerate(taps) if i)


def fir(
    src: NDArray[np.float32],
    taps: Taps,
    stride: int,
    centre: int,
    out: NDArray[np.float32],
    tmp: NDArray[np.float32],
) -> None:
    """out[i] = sum over j of taps[|j|] * src[centre + i + j * stride], all arrays flat.

    A flat view of a picture with row pitch P is filtered along rows by stride 1 and along
    columns by stride P; whoever calls pads the picture and ignores what wraps around.
    """
    n = out.size
    np.multiply(src[centre : centre + n], np.float32(taps[0]), out=out)
    for j, k in enumerate(taps[1:], 1):
        before, after = centre - j * stride, centre + j * stride
        np.add(src[before : before + n], src[after : after + n], out=tmp[:n])
        np.multiply(tmp[:n], np.float32(k), out=tmp[:n])
        np.add(out, tmp[:n], out=out)
