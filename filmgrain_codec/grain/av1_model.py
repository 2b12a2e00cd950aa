"""AV1's own grain model, fitted to a segment: what ordinary players can show of its grain.

A decoder filters Gaussian noise by an autoregressive filter into a template of 64 x 64 samples, lays random
32 x 32 parts of it over the picture, and scales them by a piecewise linear function of luma (AV1 bitstream
specification, 7.18.3; AFGS1 carries the same model in HEVC). The profile knows the autocorrelation of its
grain, so the filter follows from it (Yule-Walker) and nothing is measured. What the model cannot hold is
left out: skew and kurtosis, correlation of Cb and Cr beyond what both have of luma, and grain much coarser
than the filter's reach of three samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.grain.av1_filter import Subs, Taps, filters
from filmgrain_codec.grain.profile import GrainSegment

MOST_POINTS = 14, 10, 10
BY_LUMA = 128, 192, 256
"""Multiplier, luma multiplier and offset that have chroma's strength follow luma alone."""
SCALINGS, COARSEST = (11, 10, 9, 8), 3
NOISE = 32.0
"""Standard deviation of the specification's Gaussian table, in 8-bit codes."""
_CLOSE, _NONE = 0.01, 0.01
Points = tuple[tuple[int, int], ...]
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Av1Grain:
    """Parameters as the syntax has them (AV1, 6.8.20; AFGS1 the same), but for the seed.

    ``luma``, ``cb``, ``cr``: points (luma code, scaling), both 0 to 255, none without grain; ``ar_luma``
    (24), ``ar_cb``, ``ar_cr`` (25; the last is luma's): coefficients times 2^``ar_shift``; ``scaling``: noise
    times scaling is shifted right by it (8 to 11); ``coarseness``: the table's noise is shifted right by it
    first.
    """

    luma: Points
    cb: Points
    cr: Points
    ar_luma: Taps
    ar_cb: Taps
    ar_cr: Taps
    ar_shift: int
    scaling: int
    coarseness: int


@lru_cache(maxsize=256)
def fitted(segment: GrainSegment, subs: Subs = (1, 1)) -> Av1Grain | None:
    """The model of a segment's grain in Y'CbCr; None for one without grain.

    ``subs``: log2 of chroma's subsampling across and down.
    """
    if not segment.grainy:
        return None
    found, strengths = filters(segment, subs), _strengths(segment)
    coarseness = _coarseness(found.gains, [float(s.max()) for s in strengths])
    pairs = zip(strengths, found.gains, strict=True)
    scalings = [strength * 2**coarseness / (NOISE * gain) for strength, gain in pairs]
    scaling = _scaling(max(float(s.max()) for s in scalings))
    luma, cb, cr = (_points(s * 2**scaling, most) for s, most in zip(scalings, MOST_POINTS, strict=True))
    return Av1Grain(luma, cb, cr, *found.taps, found.shift, scaling, coarseness)


def seed_of(segment: GrainSegment, index: int) -> int:
    """The 16-bit seed of a frame: another one for every frame, the same in every run.

    Never one from which the specification's shift register of a plane would not move (7.18.3.2).
    """
    mixed = (segment.seed * 0x9E3779B1 + index * 0x85EBCA77 + 0x1234567) & 0xFFFFFFFF
    mixed = ((mixed ^ mixed >> 15) * 0x2C1B3C6D) & 0xFFFFFFFF
    seed = (mixed >> 8 ^ mixed >> 20) & 0xFFFF
    return seed if seed not in (0, 0xB524, 0x49D8) else 0x1D0F


def _coarseness(gains: Sequence[float], strengths: Sequence[float]) -> int:
    """By how many bits the noise is made smaller so that three deviations of it stay in 8 bits.

    Only as far as the scaling can make up for in every plane: too weak is worse than a little cut off.
    """
    wanted = max(math.ceil(math.log2(3 * NOISE * gain / 127)) for gain in gains)
    reached = 255 / 2 ** SCALINGS[-1] * NOISE
    known = [(g, s) for g, s in zip(gains, strengths, strict=True) if s > _NONE]
    most = min((math.floor(math.log2(reached * g / s)) for g, s in known), default=0)
    return int(np.clip(min(wanted, most), 0, COARSEST))


def _strengths(segment: GrainSegment) -> list[Array]:
    """Of every plane over luma, in 8-bit codes (256,)."""
    luma = 255 * np.asarray(segment.sigma(np.arange(256) / 255))
    return [luma, luma * segment.chroma.cb, luma * segment.chroma.cr]


def _scaling(largest: float) -> int:
    return next((s for s in SCALINGS if largest * 2**s <= 255), SCALINGS[-1])


def _points(scaling: Array, most: int) -> Points:
    """A line of at most so many points through a function of the code (256,): those that mend it most."""
    wanted = np.clip(scaling, 0, 255)
    chosen, close = [0, 255], max(_CLOSE * float(wanted.max()), 0.5)
    codes = np.arange(256)
    while len(chosen) < most:
        off = np.abs(np.interp(codes, chosen, np.rint(wanted[chosen])) - wanted)
        if off.max() <= close:
            break
        chosen = sorted({*chosen, int(off.argmax())})
    made = tuple((int(c), round(float(wanted[c]))) for c in chosen)
    return made if any(strength for _, strength in made) else ()
