"""What an artist changes of measured grain: its size and its colour (level has its own override)."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain.profile import CORRECTED_AT, Correction, GrainSegment, Spectrum
from filmgrain_codec.grain.wire import MAX_REACH

LEAST_SIZE, MOST_SIZE = 0.1, 16.0
"""Standard deviation of the grain filter in samples, as the profile carries it."""
FACTORS = {"size": (0.1, 10.0), "chroma": (0.0, 10.0)}


def check(size: float, chroma: float) -> None:
    """Refuse factors outside ``FACTORS``; raises ``UsageError``."""
    for name, value in (("size", size), ("chroma", chroma)):
        low, high = FACTORS[name]
        if not low <= value <= high:
            raise UsageError(
                f"grain {name} {value} is out of range: give a factor from {low:g} to {high:g}, 1 for none"
            )


@lru_cache(maxsize=256)
def adjusted(segment: GrainSegment, size: float = 1.0, chroma: float = 1.0) -> GrainSegment:
    """The segment with its grain ``size`` times as large and its chroma grain ``chroma`` times as strong.

    Level, curve and correlations stay. Sizes end at 0.1 and 16 samples, and the wider of two lobes at
    ``wire.MAX_REACH``. ``chroma`` 0 is monochrome grain. Factors of 1 give the segment itself.
    """
    check(size, chroma)
    if size == chroma == 1.0:
        return segment
    c = segment.chroma
    colour = replace(c, cb=c.cb * chroma, cr=c.cr * chroma, size=_sized(c.size, size))
    return replace(segment, spectrum=_scaled(segment.spectrum, size), chroma=colour)


def _scaled(spectrum: Spectrum, factor: float) -> Spectrum:
    size = _sized(spectrum.size, factor)
    # grain twice as large has at half a frequency what it had there
    moved = spectrum.surplus(CORRECTED_AT * (size / spectrum.size))
    correction: Correction = tuple(float(v) for v in moved)  # type: ignore[assignment]
    spread = max(1.0, min(spectrum.spread, MAX_REACH / size))
    return replace(spectrum, size=size, spread=spread, correction=correction)


def _sized(size: float, factor: float) -> float:
    return size if factor == 1.0 else min(max(size * factor, LEAST_SIZE), MOST_SIZE)
