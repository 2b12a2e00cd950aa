"""Chroma grain and skew from the blocks in which luma grain was found."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.grain import spectrum_fit
from filmgrain_codec.grain.filters import grain_filter
from filmgrain_codec.grain.flat import BLOCK
from filmgrain_codec.grain.profile import BENT_CURVE, BENT_LAW, Chroma, GrainSegment, Spectrum
from filmgrain_codec.grain.samples import Samples

Field = NDArray[np.float64]

_FEWEST = 20
_NONE_BELOW = 0.02
"""Chroma grain weaker than this share of the luma level counts as none."""
_STRONGEST = 4.0
_SKEWEST = 1.0
_SLOPES = -2.0, 6.0
_SKEW_DOUBT = np.array([0.1, 1.0])
"""How far skew and its slope may well lie from what a tone curve makes, before blocks are asked."""
_KURTOSES = np.array([0.2, 0.6])
"""How far kurtosis and its slope may well lie from Boolean grain's."""
_TONES = np.linspace(0.05, 0.95, 10)
_SKEW_AT_TONE, _KURTOSIS_AT_TONE = 0.3, 0.8
"""How far skew and kurtosis may well lie from the same at any one tone."""
_OFF = 0.1
"""What blocks of one tone may be off together, as a share of that; of blocks in doubt by as much more."""
_BOOLEAN_KURTOSIS = -0.55, 3.5
"""Kurtosis and its slope over squared radius, of simulated Boolean grain."""
_STEEPEST = -2.0, 2.0


def fit_chroma(found: Samples, curve2: Field, level: float, luma: Spectrum, fmt: FrameFormat) -> Chroma:
    """Chroma strengths, size and correlations.

    ``curve2``: square of the strength curve at each block, as chroma follows the same curve.
    ``luma``: the luma spectrum, whose anisotropy chroma shares on the screen.
    """
    if fmt.planes == 1 or len(found) < _FEWEST or found.chroma.shape[-1] < 4:
        return Chroma()
    floor = 1.0 / (12.0 * fmt.peak**2)
    scale = (curve2 * level**2)[:, None, None]
    typical = [spectrum_fit.typical((found.chroma[:, k] - floor) / scale) for k in (0, 1)]
    spectrum = _spectrum(typical, luma, fmt)
    cb, cr = (_strength(t, spectrum, found.chroma.shape[2:]) for t in typical)
    y_cb, y_cr, cb_cr = _correlations(found, scale[:, 0, 0], floor, fmt)
    return Chroma(
        cb=cb,
        cr=cr,
        size=spectrum.size,
        y_cb=y_cb if cb else 0.0,
        y_cr=y_cr if cr else 0.0,
        cb_cr=cb_cr if cb and cr else 0.0,
    )


def _spectrum(typical: list[Field], luma: Spectrum, fmt: FrameFormat) -> Spectrum:
    sub_h, sub_w = (fmt.sub_h, fmt.sub_w) if fmt.family == "yuv" else (0, 0)
    stretch = luma.anisotropy * 2.0 ** (sub_h - sub_w)
    measured = sum(np.maximum(t, 0.0) / max(float(np.median(np.abs(t))), 1e-12) for t in typical)
    shape = (16 >> sub_h, 16 >> sub_w)
    fitted = spectrum_fit.fit(np.asarray(measured), shape, second_lobe=False, anisotropy=stretch)
    return fitted.spectrum


def _strength(typical: Field, spectrum: Spectrum, shape: tuple[int, ...]) -> float:
    """Standard deviation in units of the luma level."""
    model = spectrum_fit.expected(spectrum, *shape)
    weight = spectrum_fit.cells(np.where(spectrum_fit.band(model), np.sqrt(model), 0.0))
    ratio = np.maximum(typical, 0.0) / spectrum_fit.cells(model)
    value = float(np.sqrt((weight * ratio).sum() / weight.sum()))
    return min(value, _STRONGEST) if value >= _NONE_BELOW else 0.0


def _correlations(found: Samples, scale: Field, floor: float, fmt: FrameFormat) -> tuple[float, float, float]:
    """Correlations of luma (averaged onto the chroma grid) with Cb and Cr, and of Cb with Cr."""
    count = found.cross[:, 4].astype(np.float64)
    grid = 2.0 ** (fmt.sub_w + fmt.sub_h) if fmt.family == "yuv" else 1.0
    power = found.chroma.reshape(len(found), 2, -1)[:, :, 1:].sum(2).astype(np.float64)
    y = float(((found.cross[:, 3] - floor / grid * count) / scale).sum())
    cb, cr = (float(((power[:, k] - floor * count) / scale).sum()) for k in (0, 1))
    shared = (found.cross[:, :3] / scale[:, None]).sum(0)
    pairs = ((y, cb), (y, cr), (cb, cr))
    return tuple(_ratio(float(s), a * b) for s, (a, b) in zip(shared, pairs, strict=True))  # type: ignore[return-value]


def _ratio(shared: float, product: float) -> float:
    value = shared / np.sqrt(product) if product > 0 else 0.0
    return float(np.clip(value, -0.99, 0.99)) if abs(value) > 0.02 else 0.0


def fit_skew(found: Samples, variance: Field, alike: GrainSegment, doubt: float = 0.0) -> tuple[float, float]:
    """(skew, skew_slope) of the luma grain: its third standardised moment over luma.

    A straight fit to the tilt that ``alike``, which has the strength curve and spectrum, would have. Where
    blocks say little it stays near what a tone curve alone makes: skew 3 d sigma / dY, slope 1.
    """
    # a strength curve that is in doubt has a slope that is; that of small grains stands for it
    slopes = [float(s.slope(np.array(0.5))) for s in (alike, replace(alike, curve=BENT_CURVE, law=BENT_LAW))]
    usual = np.array([3 * ((1 - doubt) * slopes[0] + doubt * slopes[1]), 1.0])
    clear = np.maximum(found.low, found.high) < 1e-3
    if clear.sum() < 4 * _FEWEST:
        return float(usual[0]), float(usual[1])
    luma, sigma = found.luma[clear], np.sqrt(variance[clear])
    texture = found.sway[clear] * 2 * sigma * alike.slope(luma)
    cubes = (found.third[clear] - texture) / kept(alike.spectrum) / sigma**3
    terms = np.stack([np.ones(len(cubes)), alike.tilt(luma)], 1)
    rest = cubes - terms @ usual
    low, high = np.quantile(rest, [0.02, 0.98])
    used = (rest >= low) & (rest <= high)
    at_tones = np.stack([np.ones(len(_TONES)), alike.tilt(_TONES)], 1)
    change = _by_tone(luma[used], rest[used], at_tones, _SKEW_DOUBT, _SKEW_AT_TONE, doubt)
    skew, slope = usual + change
    return float(np.clip(skew, -_SKEWEST, _SKEWEST)), float(np.clip(slope, *_SLOPES))


def _by_tone(luma: Field, rest: Field, terms: Field, apart: Field, at_tone: float, doubt: float) -> Field:
    """Value and slope of what blocks have beyond the usual: ``rest`` (n,), over the ``terms`` (tones, 2).

    ``apart``: how far both may lie from 0, ``at_tone``: what they make at any tone. Tones without blocks
    count as usual, or a few blocks of one tone would settle what all others have. ``doubt``: 0..1.
    """
    tone = np.abs(luma[:, None] - _TONES).argmin(1)
    count = np.bincount(tone, minlength=len(_TONES))
    mean = np.bincount(tone, rest, len(_TONES)) / np.maximum(count, 1)
    seen = count / (rest.var() + count * ((_OFF + doubt) * at_tone) ** 2)
    square = terms.T @ ((seen + 1 / at_tone**2)[:, None] * terms) + np.diag(1 / apart**2)
    return np.asarray(np.linalg.solve(square, terms.T @ (seen * mean)), np.float64)


def _radius(segment: GrainSegment) -> float:
    """Radius of the disks of Boolean grain of this level, in grain sizes (Newson et al. 2017)."""
    return segment.level / 0.226


def fit_kurtosis(
    found: Samples, variance: Field, alike: GrainSegment, doubt: float = 0.0
) -> tuple[float, float]:
    """``kurtosis`` and ``kurtosis_slope`` of luma grain that has the skew of ``alike``.

    The difference of two grains has half of it, whatever the picture. As far as blocks are in doubt, it stays
    near that of Boolean grain of this level.
    """
    usual = np.array(_BOOLEAN_KURTOSIS) * _radius(alike) ** 2
    clear = np.maximum(found.low, found.high) < 1e-3
    if clear.sum() < 4 * _FEWEST:
        return float(usual[0]), float(usual[1])
    luma = found.luma[clear].astype(np.float64)
    squares = found.grain[clear].mean((1, 2)) / variance[clear]
    fourth = found.fourth[clear] / variance[clear] ** 2
    # a block's own strength, where that is a little off, must not pass for kurtosis
    each = 2 * (fourth - 6 * squares + 3) - 4 / 3 * alike.skewness(luma) ** 2
    terms = np.stack([np.ones(len(each)), luma - 0.5], 1)
    at_tones = np.stack([np.ones(len(_TONES)), _TONES - 0.5], 1)
    change = _by_tone(luma, each - terms @ usual, at_tones, _KURTOSES, _KURTOSIS_AT_TONE, doubt)
    value, slope = usual + change
    return float(np.clip(value, -1.0, 1.0)), float(np.clip(slope, *_STEEPEST))


@lru_cache(maxsize=32)
def kept(spectrum: Spectrum) -> float:
    """Share of the third moment of grain that is left in a block where one of three factors loses its plane.

    For weakly skewed grain, g + b g^2 with Gaussian g: E[y y y'] is as 2 rho + rho^2.
    """
    lags, own = np.arange(BLOCK), grain_filter(spectrum)
    rho = np.array([[own.autocorrelation(x, y) for x in range(BLOCK)] for y in range(BLOCK)])
    ramp = (lags - lags.mean()) / np.sqrt((BLOCK**2 - 1) / 12)
    apart = np.abs(lags[:, None] - lags[None, :])
    flat, sloped = np.ones((BLOCK, BLOCK)), np.outer(ramp, ramp)
    shared = (2 * rho + rho**2)[apart[:, None, :, None], apart[None, :, None, :]] / 3
    pairs = (flat, flat), (sloped, flat), (flat, sloped)
    plane = sum(np.einsum("ab,cd->acbd", down, across) for down, across in pairs)
    return 1.0 - float((plane * shared).sum()) / BLOCK**4
