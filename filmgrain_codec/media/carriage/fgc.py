"""The film grain characteristics message of H.264: bands of frequencies, by intervals of the code.

Sources: ITU-T H.264, D.1.21 (syntax) and D.2.21; the grain itself is made as SMPTE RDD 5 has it. A decoder
takes pseudo-random 64 x 64 patches whose transform ends at two cut-off frequencies, scales them by the mean
of each block, and seeds them by the picture's number, so that every frame has its own. Written for 8 bit
4:2:0 only: FFmpeg up to 9.0 makes broken pictures of the message in 10-bit streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.grain.filters import GrainFilter, grain_filter
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.grain.recipe import chroma_spectrum
from filmgrain_codec.media.carriage.bits import Bits

CUTS = 2, 14
INTERVALS = 16
LARGEST, SCALES = 255, (6, 5, 4, 3, 2)
_KNOWN_CUTS = (2, 5, 8, 11, 14)
_NEIGHBOURS = (0.88, 0.78, 0.58, 0.35, 0.16)
_DEVIATIONS = (1.28, 2.67, 3.78, 5.29, 6.57)
"""What FFmpeg shows for scale 128 / 2^4 at these cut-offs: correlation of neighbours, deviation in 8-bit
codes."""
_STATED = 128 / 2**4
_CHROMA = 2
"""Decoders double the cut-offs of 4:2:0 chroma, and halve its strength."""
_MIDDLE = 0.5
Interval = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Component:
    """``intervals``: first code, last code, strength; ``cuts``: horizontal and vertical cut-off."""

    intervals: tuple[Interval, ...]
    cuts: tuple[int, int]


def fgc(segment: GrainSegment | None) -> bytes:
    """The payload for one frame of a segment; None: a frame without grain.

    Chroma's strength goes by chroma's own code there, so it has that of middle luma throughout.
    """
    bits = Bits()
    bits.put(int(segment is None), 1)
    if segment is None:
        return bits.padded()
    scale, components = described(segment)
    for value, length in ((0, 2), (0, 1), (0, 2), (scale, 4)):  # model, colour, blending, scale
        bits.put(value, length)
    for component in components:
        bits.put(int(bool(component.intervals)), 1)
    for component in components:
        _component(bits, component)
    bits.golomb(1)
    return _aligned(bits)


def described(segment: GrainSegment) -> tuple[int, list[Component]]:
    """The scale (a power of two) and the components of Y, Cb and Cr."""
    luma = grain_filter(segment.spectrum)
    chroma = grain_filter(chroma_spectrum(segment, 1, 1))
    middle = 255 * float(segment.sigma(np.array(_MIDDLE)))
    edges = np.linspace(0, 256, INTERVALS + 1).astype(int)
    parts = [(int(a), int(b) - 1) for a, b in pairwise(edges)]
    wanted = [
        _Wanted(_cuts(luma, 1), 1, tuple((a, b, 255 * _strength(segment, a, b)) for a, b in parts)),
        _Wanted(_cuts(chroma, _CHROMA), _CHROMA, ((0, 255, middle * segment.chroma.cb),)),
        _Wanted(_cuts(chroma, _CHROMA), _CHROMA, ((0, 255, middle * segment.chroma.cr),)),
    ]
    largest = max(strength / w.unit for w in wanted for _, _, strength in w.strengths)
    scale = next((k for k in SCALES if largest * 2**k <= LARGEST), SCALES[-1])
    return scale, [w.at(scale) for w in wanted]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A component before its scale is known. ``by``: what decoders multiply its cut-offs by.

    ``strengths``: first code, last code, deviation in 8-bit codes.
    """

    cuts: tuple[int, int]
    by: int
    strengths: tuple[tuple[int, int, float], ...]

    @property
    def unit(self) -> float:
        """The deviation that a strength of 1 gives, in 8-bit codes, unscaled."""
        known: NDArray[np.float64] = np.interp(np.multiply(self.cuts, self.by), _KNOWN_CUTS, _DEVIATIONS)
        return float(np.sqrt(known.prod())) / _STATED / self.by

    def at(self, scale: int) -> Component:
        each = [(a, b, min(round(s * 2**scale / self.unit), LARGEST)) for a, b, s in self.strengths]
        return Component(tuple(interval for interval in each if interval[2]), self.cuts)


def _strength(segment: GrainSegment, first: int, last: int) -> float:
    """Root mean square over 8-bit codes, of full scale."""
    return float(np.sqrt(np.mean(segment.sigma(np.arange(first, last + 1) / 255) ** 2)))


def _cuts(kernel: GrainFilter, by: int) -> tuple[int, int]:
    """The cut-offs whose neighbours are correlated like the grain's; decoders multiply them by ``by``."""
    return _cut(kernel.autocorrelation(1, 0), by), _cut(kernel.autocorrelation(0, 1), by)


def _cut(neighbour: float, by: int) -> int:
    found = np.interp(-neighbour, [-n for n in _NEIGHBOURS], _KNOWN_CUTS)
    return int(np.clip(round(float(found) / by), CUTS[0], CUTS[1] // by))


def _component(bits: Bits, component: Component) -> None:
    if not component.intervals:
        return
    bits.put(len(component.intervals) - 1, 8)
    bits.put(2, 3)
    for first, last, strength in component.intervals:
        bits.put(first, 8)
        bits.put(last, 8)
        for value in (strength, *component.cuts):
            bits.signed(value)


def _aligned(bits: Bits) -> bytes:
    if bits.length % 8:
        bits.put(1, 1)
    return bits.padded()
