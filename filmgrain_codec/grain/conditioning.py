"""What a neural synthesizer is told of a grain segment: numbers, and tables over luma.

Shared by training and decoding. All finite and bounded for any profile that ``wire`` lets through.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.grain.profile import GrainSegment

Array = NDArray[np.float32]
CONDITIONS = 28
LEVELS = (0.002, 0.15)
SIZES = (0.25, 2.4)
"""Grain sizes (samples) that the nets have seen, as ``share`` has it."""
_WEAKEST, _SLOPE, _STEEPEST = 0.05, 4.0, 2.0


def conditions(segment: GrainSegment) -> Array:
    """The segment as (1, CONDITIONS) numbers of about unit size, finite and bounded for any profile."""
    s, c = segment.spectrum, segment.chroma
    weight = _within(s.weight, -0.5, 0.7)
    numbers = (
        math.log(_within(segment.level, *LEVELS) / 0.03),
        *(math.log(_within(k, _WEAKEST, 4.0)) for k in segment.curve),
        2 * math.log(_within(s.size, *SIZES) / 0.8),
        4 * math.log(_within(s.anisotropy, 0.7, 1.4)),
        3 * weight,
        2 * math.log(_within(s.spread, 1.0, 5.0) / 2.5) if weight else 0.0,
        3 * _within(segment.skew, -0.5, 0.5),
        _within(c.cb, 0.0, 2.0),
        _within(c.cr, 0.0, 2.0),
        2 * math.log(_within(c.size, *SIZES) / 0.6),
        c.y_cb,
        c.y_cr,
        c.cb_cr,
        # what is added to all of them changes nothing
        *((v - sum(s.correction) / len(s.correction)) / 3 for v in s.correction),
    )
    return np.array([numbers], np.float32)


def share(segment: GrainSegment) -> float:
    """How much of the refinement is added: 1 for grain as the nets saw it, 0 for a size or shape far from it.

    Falls linearly in the logarithm of the size beyond ``SIZES`` and is 0 at twice as much.
    """
    size = segment.spectrum.size * math.sqrt(
        max(segment.spectrum.anisotropy, 1 / segment.spectrum.anisotropy)
    )
    beyond = max(math.log(SIZES[0] / size), math.log(size / SIZES[1]), 0.0) / math.log(2.0)
    return max(0.0, 1.0 - beyond)


def slope_table(segment: GrainSegment, last: int) -> Array:
    """Slope of the strength curve over luma k / ``last``, scaled and bounded, shape (last + 1,).

    Skew follows it: see ``GrainSegment.tilt``.
    """
    slope = segment.rise(np.arange(last + 1) / last) / _SLOPE
    return np.clip(slope, -_STEEPEST, _STEEPEST).astype(np.float32)


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
