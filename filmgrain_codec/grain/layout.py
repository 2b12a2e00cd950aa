"""Grain between picture formats: another range of codes, another chroma grid."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.grain.filters import grain_filter
from filmgrain_codec.grain.profile import KNOT_POSITIONS, Chroma, Curve, GrainSegment, Spectrum, curve_at
from filmgrain_codec.grain.wire import MAX_REACH

LIMITED = (219 / 255, 16 / 255)
"""Width of limited range and its black, in fractions of all codes."""


def for_format(segment: GrainSegment, had: FrameFormat, wanted: FrameFormat) -> GrainSegment:
    """Grain measured in pictures of one format, as the same grain in pictures of another.

    Range and chroma grid are converted; sizes stay in samples, so that both pictures count as equally wide.
    """
    if had.full_range != wanted.full_range:
        segment = _in_range(segment, wanted.full_range)
    return replace(segment, chroma=_regridded(segment, _subs(had), _subs(wanted)))


def _in_range(segment: GrainSegment, full: bool) -> GrainSegment:
    scale, black = LIMITED if full else (1 / LIMITED[0], -LIMITED[1] / LIMITED[0])
    strength = segment.sigma(black + scale * KNOT_POSITIONS) / scale
    level = float(curve_at(strength, 0.5, segment.law))
    if level <= 0:
        return segment
    curve: Curve = tuple(float(v) for v in strength / level)  # type: ignore[assignment]
    kurtosis = float(segment.excess(np.array(black + scale / 2)))
    slope = segment.kurtosis_slope * scale
    return replace(segment, level=level, curve=curve, kurtosis=kurtosis, kurtosis_slope=slope)


def _subs(fmt: FrameFormat) -> tuple[int, int]:
    return (fmt.sub_w, fmt.sub_h) if fmt.family == "yuv" else (0, 0)


def _regridded(segment: GrainSegment, had: tuple[int, int], wanted: tuple[int, int]) -> Chroma:
    """Chroma grain on another grid: averaged where that is coarser, spread out where it is finer."""
    chroma, coarser = segment.chroma, [w - h for h, w in zip(had, wanted, strict=True)]
    finer = 2.0 ** -sum(min(c, 0) for c in coarser)
    size = chroma.size * math.sqrt(finer)
    share, size = thinned(Spectrum(size), *(max(c, 0) for c in coarser))
    return replace(chroma, cb=share * chroma.cb, cr=share * chroma.cr, size=min(size, MAX_REACH / 2))


def thinned(spectrum: Spectrum, sub_w: int, sub_h: int) -> tuple[float, float]:
    """(share of the sigma that is left, size in chroma samples) of grain averaged onto a coarser grid.

    The size is that of the Gaussian with the same second moment, a geometric mean over both directions.
    """
    grain, wide, high = grain_filter(spectrum), 1 << sub_w, 1 << sub_h
    total = math.fsum(
        (wide - abs(x)) * (high - abs(y)) * grain.autocorrelation(x, y)
        for y in range(1 - high, high)
        for x in range(1 - wide, wide)
    )
    across, down = (math.sqrt(spectrum.size**2 + (n * n - 1) / 12) / n for n in (wide, high))
    return math.sqrt(total) / (wide * high), math.sqrt(across * down)
