"""How near synthetic grain is to the real thing, without pairs.

Every metric takes *sets*: arrays of shape (frames, rows, columns). ``grain`` is what was added
(grainy minus clean, or a block of real film minus its fitted plane), ``luma`` the clean luma of the
same samples, ``picture`` the grainy luma itself; all as fractions of full scale.

A number alone says little, because two finite sets of the very same grain differ too. ``floor``
gives a metric between two disjoint halves of one set: report a metric beside it.

Definitions and the acceptance figures follow the project's reference on realism; N_eff = N / sum of
squared autocorrelations. Two measures are missing on purpose, because they need trained nets:
C2ST (a classifier that tries to tell the sets apart: ``train.c2st``) and LPIPS / DISTS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.floating]
Field = NDArray[np.float64]

BINS = 20
WINDOW = 64
BAND = (0.02, 0.5)
"""Frequencies in cycles per sample over which spectra are compared."""
UNSEEN = 1e-3
"""Power, relative to white grain of the same variance, below which spectra are not told apart:
30 dB down, where 10-bit rounding and the source's own noise lie."""


def _set(grain: Array) -> Field:
    g = np.asarray(grain, np.float64)
    return g[None] if g.ndim == 2 else g


# strength ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StrengthCurve:
    """Standard deviation of grain per luma bin of width 1/20, and the share of samples in each."""

    sigma: Field
    occupancy: Field


def strength_curve(grain: Array, luma: Array) -> StrengthCurve:
    """Root mean square of zero-mean grain per luma bin."""
    return curve_of(power_sums(grain, luma))


def power_sums(grain: Array, luma: Array) -> Field:
    """Sums of grain^0 to grain^4 in 60 ranges of luma, (60, 5): three ranges a bin, so that thirds are whole.

    Sums of parts add up to the sums of the whole, as do all that this module calls sums.
    """
    g, y = _set(grain).ravel(), _set(luma).ravel()
    fine = np.clip((y * (3 * BINS)).astype(np.int64), 0, 3 * BINS - 1)
    power, sums = np.ones_like(g), []
    for _ in range(5):
        sums.append(np.bincount(fine, power, minlength=3 * BINS))
        power = power * g
    return np.stack(sums, 1)


def curve_of(sums: Field) -> StrengthCurve:
    """The strength curve that ``power_sums`` hold."""
    count, _, energy, *_ = sums.reshape(BINS, 3, 5).sum(1).T
    sigma = np.sqrt(energy / np.maximum(count, 1))
    return StrengthCurve(np.asarray(sigma, np.float64), np.asarray(count / max(count.sum(), 1), np.float64))


@dataclass(frozen=True, slots=True)
class CurveError:
    """``mean``: occupancy-weighted mean |ln ratio|; ``worst``: largest |ln ratio| of a bin in use."""

    mean: float
    worst: float


def curve_error(measured: Field, reference: Field, occupancy: Field, least: float = 0.002) -> CurveError:
    """Error of a strength curve; bins that hold a smaller share than ``least`` are left out."""
    used = (occupancy >= least) & (reference > 0)
    if not used.any():
        return CurveError(0.0, 0.0)
    ratio = np.abs(np.log(np.maximum(measured[used], 1e-9) / reference[used]))
    weight = occupancy[used] / occupancy[used].sum()
    return CurveError(float((ratio * weight).sum()), float(ratio.max()))


# spectrum and correlation --------------------------------------------------------------------


def radial_psd(grain: Array) -> Field:
    """Power at k/64 cycles per sample, k = 0..32, unit variance, from 64 x 64 Hann windows.

    Windows overlap by half and lose their mean first. Raises ``ValueError`` for smaller pictures.
    """
    return radial(spectrum_sums(grain))


def spectrum_sums(grain: Array) -> Field:
    """Power summed over all windows, (64, 64) in the order of the FFT."""
    frames = _set(grain)
    w = np.sin(np.pi * (np.arange(WINDOW) + 0.5) / WINDOW) ** 2
    window = np.outer(w, w)
    total = np.zeros((WINDOW, WINDOW))
    for frame in frames:
        tiles = sliding_window_view(frame, (WINDOW, WINDOW))[:: WINDOW // 2, :: WINDOW // 2]
        tiles = tiles.reshape(-1, WINDOW, WINDOW)
        centred = tiles - tiles.mean((1, 2), keepdims=True)
        total += (np.abs(np.fft.fft2(centred * window)) ** 2).sum(0)
    return total


def radial(total: Field) -> Field:
    """Mean of ``spectrum_sums`` over rings of k/64 cycles per sample, k = 0..32, unit variance."""
    f = np.fft.fftfreq(WINDOW) * WINDOW
    ring = np.rint(np.hypot(f[:, None], f[None, :])).astype(np.int64).ravel()
    power = np.bincount(ring, total.ravel()) / np.bincount(ring)
    return np.asarray(power[: WINDOW // 2 + 1] / max(float(total.mean()), 1e-30), np.float64)


def psd_distance(a: Array, b: Array, unseen: float = UNSEEN) -> float:
    """RMS over .02 to .5 cycles per sample of 10 log10 of the ratio of two radial spectra, in dB.

    ``a``, ``b``: grain, or spectra as ``radial_psd`` gives them. ``unseen`` is added to both.
    """
    return float(np.sqrt((psd_ratio(a, b, unseen) ** 2).mean()))


def psd_ratio(a: Array, b: Array, unseen: float = UNSEEN) -> Field:
    """10 log10 of the ratio of two radial spectra in dB, at the frequencies that are compared."""
    pa, pb = (p if p.ndim == 1 else radial_psd(p) for p in (np.asarray(a), np.asarray(b)))
    f = np.arange(WINDOW // 2 + 1) / WINDOW
    used = (f >= BAND[0]) & (f <= BAND[1])
    return np.asarray(10.0 * np.log10((pa[used] + unseen) / (pb[used] + unseen)), np.float64)


def correlation(a: Field, b: Field, reach: int = 3) -> Field:
    """Correlation of two sets at lags -reach..reach, shape (2 reach + 1, 2 reach + 1), rows first."""
    a, b = _set(a), _set(b)
    a, b = a - a.mean(), b - b.mean()
    norm = np.sqrt(max(float((a**2).mean() * (b**2).mean()), 1e-60))
    out = np.empty((2 * reach + 1, 2 * reach + 1))
    rows, columns = a.shape[1:]
    core = a[:, reach : rows - reach, reach : columns - reach]
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            moved = b[:, reach + dy : rows - reach + dy, reach + dx : columns - reach + dx]
            out[dy + reach, dx + reach] = (core * moved).mean() / norm
    return out


def autocorrelation(grain: Array, reach: int = 3) -> Field:
    """Correlation of grain with itself at lags up to ``reach``: 7 x 7 by default."""
    return correlation(_set(grain), _set(grain), reach)


def autocorrelation_distance(a: Array, b: Array) -> float:
    """L2 norm of the difference of the two 7 x 7 autocorrelations."""
    return float(np.linalg.norm(autocorrelation(a) - autocorrelation(b)))


def effective_samples(grain: Array, reach: int = 8) -> float:
    """N / sum of squared autocorrelations: how many independent samples the set is worth."""
    g = _set(grain)
    reach = max(0, min(reach, (min(g.shape[1:]) - 1) // 3))
    return float(g.size / (autocorrelation(g, reach) ** 2).sum())


# distribution --------------------------------------------------------------------------------


def marginal(grain: Array, luma: Array) -> Field:
    """Skew and excess kurtosis (3, 2) of grain / sigma(luma) in three equal ranges of luma.

    NaN where a third of the range holds fewer than 100 samples.
    """
    return moments_of(power_sums(grain, luma))


def moments_of(sums: Field) -> Field:
    """Skew and excess kurtosis (3, 2) that ``power_sums`` hold, as ``marginal`` says."""
    sigma = np.maximum(curve_of(sums).sigma, 1e-12).repeat(3)
    scaled = (sums / sigma[:, None] ** np.arange(5)).reshape(3, BINS, 5).sum(1)
    out = np.full((3, 2), np.nan)
    for k, (count, *rest) in enumerate(scaled):
        if count >= 100:
            m, m2, m3, m4 = (v / count for v in rest)
            spread = max(m2 - m * m, 1e-24)
            out[k, 0] = (m3 - 3 * m * m2 + 2 * m**3) / spread**1.5
            out[k, 1] = (m4 - 4 * m * m3 + 6 * m * m * m2 - 3 * m**4) / spread**2 - 3.0
    return out


def marginal_difference(a: tuple[Array, Array], b: tuple[Array, Array]) -> tuple[float, float]:
    """Largest difference of skew and of kurtosis over luma thirds; arguments are (grain, luma)."""
    return largest_difference(marginal(*a), marginal(*b))


def largest_difference(a: Field, b: Field) -> tuple[float, float]:
    """Largest difference of two tables of skew and kurtosis over the thirds that both have."""
    difference = np.abs(a - b)
    known = ~np.isnan(difference[:, 0])
    skew, kurtosis = difference[known].max(0) if known.any() else (0.0, 0.0)
    return float(skew), float(kurtosis)


def channel_correlation(planes: Sequence[Array]) -> Field:
    """Correlation matrix of the grain of several planes, larger ones averaged onto the smallest."""
    return correlation_of(product_sums(planes))


def product_sums(planes: Sequence[Array]) -> Field:
    """Summed products of the grain of all pairs of planes, larger planes averaged onto the smallest."""
    sets = [_set(p) for p in planes]
    rows, columns = (min(s.shape[k] for s in sets) for k in (1, 2))
    flat = []
    for s in sets:
        fy, fx = max(1, round(s.shape[1] / rows)), max(1, round(s.shape[2] / columns))
        r, c = s.shape[1] // fy, s.shape[2] // fx
        boxed = s[:, : r * fy, : c * fx].reshape(len(s), r, fy, c, fx).mean((2, 4))
        flat.append(boxed)
    r, c = (min(s.shape[k] for s in flat) for k in (1, 2))
    even = np.stack([s[:, :r, :c].ravel() for s in flat])
    even -= even.mean(1, keepdims=True)
    return np.asarray(even @ even.T, np.float64)


def correlation_of(products: Field) -> Field:
    """Correlation matrix that ``product_sums`` hold; NaN for planes without grain."""
    sigma = np.sqrt(np.diag(products))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(products / np.outer(sigma, sigma), np.float64)


def channel_difference(a: Sequence[Array], b: Sequence[Array]) -> float:
    """Largest absolute difference of the two correlation matrices."""
    return float(np.abs(channel_correlation(a) - channel_correlation(b)).max())


@dataclass(frozen=True, slots=True)
class Divergence:
    """Kullback-Leibler (of the first from the second) and Jensen-Shannon divergence, in nats."""

    kld: float
    jsd: float


def divergence(p: Field, q: Field) -> Divergence:
    """Divergence of two histograms of counts; half a count is added to each bin that either uses."""
    used = (p > 0) | (q > 0)
    a, b = ((h[used] + 0.5) / (h[used] + 0.5).sum() for h in (p, q))
    m = (a + b) / 2
    kld = float((a * np.log(a / b)).sum())
    return Divergence(kld, float(0.5 * (a * np.log(a / m)).sum() + 0.5 * (b * np.log(b / m)).sum()))


def histogram_divergence(a: tuple[Array, Array], b: tuple[Array, Array], step: float = 1 / 255) -> Divergence:
    """Divergence of the distributions of grain given luma; arguments are (grain, luma).

    Histograms in bins of ``step`` (one 8-bit code) within each of the 20 luma bins, averaged by the
    share of samples the two sets have in common.
    """
    return divergence_of(code_counts(*a, step), code_counts(*b, step))


def code_counts(grain: Array, luma: Array, step: float = 1 / 255) -> Field:
    """How many samples have which grain in which luma bin: (20, number of steps in -0.5..0.5)."""
    g, y = _set(grain).ravel(), _set(luma).ravel()
    half = int(np.ceil(0.5 / step))
    codes = np.clip(np.rint(g / step), -half, half).astype(np.int64) + half
    bins = np.clip((y * BINS).astype(np.int64), 0, BINS - 1)
    wide = 2 * half + 1
    return np.bincount(bins * wide + codes, minlength=BINS * wide).reshape(BINS, wide).astype(np.float64)


def divergence_of(p: Field, q: Field) -> Divergence:
    """Divergence of two tables of ``code_counts``."""
    shares = [t.sum(1) / max(t.sum(), 1) for t in (p, q)]
    weight = np.sqrt(shares[0] * shares[1])
    weight /= max(weight.sum(), 1e-12)
    each = [divergence(a, b) if w else Divergence(0, 0) for a, b, w in zip(p, q, weight, strict=True)]
    return Divergence(
        float(sum(w * d.kld for w, d in zip(weight, each, strict=True))),
        float(sum(w * d.jsd for w, d in zip(weight, each, strict=True))),
    )


def mscn_products(picture: Array) -> Field:
    """Products of diagonal neighbours of the mean-subtracted, contrast-normalised luma.

    MSCN = (I - mu) / (s + 1) on the 8-bit scale, mu and s by a 7 x 7 Gaussian of sigma 1. (Common
    code uses the constant 1 on a 0..1 scale, which flattens the measure.)
    """
    taps = np.exp(-0.5 * np.arange(-3, 4) ** 2)
    taps /= taps.sum()
    out = []
    for frame in _set(picture) * 255.0:
        mean = _separable(frame, taps)
        deviation = np.sqrt(np.maximum(_separable(frame**2, taps) - mean**2, 0.0))
        mscn = (frame[3:-3, 3:-3] - mean) / (deviation + 1.0)
        out += [(mscn[:-1, :-1] * mscn[1:, 1:]).ravel(), (mscn[:-1, 1:] * mscn[1:, :-1]).ravel()]
    return np.concatenate(out)


def _separable(frame: Field, taps: Field) -> Field:
    down = sliding_window_view(frame, len(taps), 0) @ taps
    return np.asarray(sliding_window_view(down, len(taps), 1) @ taps, np.float64)


def nss_divergence(a: Array, b: Array) -> float:
    """JSD-NSS: Jensen-Shannon divergence of the MSCN products of two grainy pictures, 150 edges in +-3."""
    return divergence(nss_counts(a), nss_counts(b)).jsd


def nss_counts(picture: Array) -> Field:
    """Histogram of MSCN products between 150 edges from -3 to 3; what lies beyond counts at the ends."""
    edges = np.linspace(-3.0, 3.0, 150)
    return np.histogram(np.clip(mscn_products(picture), -3.0, 3.0), edges)[0].astype(np.float64)


# time and mean -------------------------------------------------------------------------------


def temporal_correlation(grain: Array, reach: int = 3) -> float:
    """Largest absolute correlation of a frame's grain with the next frame's, at lags up to +-3 samples.

    0 for independent grain, up to about 4 / sqrt(N_eff) by chance.
    """
    g = _set(grain)
    return float(np.abs(correlation(g[:-1], g[1:], reach)).max()) if len(g) > 1 else 0.0


def mean_shift(grainy: Array, clean: Array, side: int = 16) -> float:
    """Mean shift of the local brightness by grain, in 8-bit codes, from means over 16 x 16 samples.

    The shift is averaged over all frames at each place before its absolute value is taken, so that
    grain itself counts less with every frame; with few frames compare with the floor.
    """
    difference = (_set(grainy) - _set(clean)).mean(0)
    rows, columns = (n // side for n in difference.shape)
    cut = difference[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return float(np.abs(cut.mean((1, 3))).mean() * 255.0) if rows and columns else 0.0


def shift_by_luma(sums: Field) -> float:
    """Mean amount in 8-bit codes by which grain moves the brightness of a luma bin, from ``power_sums``.

    Unlike ``mean_shift`` it averages over all that is of one luma, so that grain itself hardly counts.
    """
    count, total, *_ = sums.reshape(BINS, 3, 5).sum(1).T
    return float(np.abs(total).sum() / max(count.sum(), 1) * 255.0)


def lag_map(a: Array, b: Array) -> Field:
    """Correlation of two sets at all lags, (rows, columns), lag (0, 0) first, edges wrapped around."""
    a, b = _set(a), _set(b)
    norm = np.sqrt(max(float(a.var() * b.var()), 1e-60)) * a[0].size
    product = sum(
        np.fft.rfft2(x - a.mean()).conj() * np.fft.rfft2(y - b.mean()) for x, y in zip(a, b, strict=True)
    )
    return np.asarray(np.fft.irfft2(product, a.shape[1:]) / (norm * len(a)), np.float64)


# floors --------------------------------------------------------------------------------------


def halves(*sets: Array) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Two disjoint halves of sets that belong together: by frames, or by rows of a single frame."""
    first, second = [], []
    for s in (_set(s) for s in sets):
        axis = 0 if len(s) > 1 else 1
        middle = s.shape[axis] // 2
        first.append(s.take(range(middle), axis))
        second.append(s.take(range(middle, 2 * middle), axis))
    return tuple(first), tuple(second)


def floor(metric: Callable[[tuple[Array, ...], tuple[Array, ...]], float], *sets: Array) -> float:
    """``metric`` between two disjoint halves of real (or reference) sets: what 'the same' looks like.

    ``metric`` takes two tuples in the order of ``sets``, for example
    ``floor(lambda a, b: psd_distance(a[0], b[0]), grain)``.
    """
    return float(metric(*halves(*sets)))
