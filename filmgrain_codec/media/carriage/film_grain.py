"""AV1's film_grain_params() and its twin in AFGS1, as bits.

Sources: AV1 bitstream specification, 5.9.30; AOMedia Film Grain Synthesis 1 (AFGS1) specification, 1.0.0.
AFGS1 travels as ITU-T T.35 SEI in HEVC; FFmpeg 7 and later read it.
"""

from __future__ import annotations

from itertools import pairwise

from filmgrain_codec.grain.av1_filter import LAG, Subs, Taps
from filmgrain_codec.grain.av1_model import BY_LUMA, Av1Grain, Points
from filmgrain_codec.media.carriage.bits import Bits

T35 = bytes([0xB5, 0x58, 0x90, 0x01])
"""Country, provider (AOMedia) and code (film grain) of AFGS1."""
_LONGEST = 12


def av1_params(grain: Av1Grain | None, seed: int, *, inter: bool, like: int | None = None) -> Bits:
    """film_grain_params() of a frame with chroma that is or may be shown; ``grain`` None: one without.

    ``inter``: whether its type is INTER_FRAME; ``like``: slot of a frame it refers to that has the same
    parameters, which are then not said again.
    """
    bits = Bits()
    bits.put(int(grain is not None), 1)
    if grain is None:
        return bits
    bits.put(seed, 16)
    if inter:
        bits.put(int(like is None), 1)
    if inter and like is not None:
        bits.put(like, 3)
        return bits
    _points(bits, grain.luma)
    bits.put(0, 1)
    _points(bits, grain.cb)
    _points(bits, grain.cr)
    bits.put(grain.scaling - 8, 2)
    bits.put(LAG, 2)
    for points, taps in _filters(grain):
        if points:
            _taps(bits, taps, grain)
    bits.put(grain.ar_shift - 6, 2)
    bits.put(grain.coarseness, 2)
    _ends(bits, [grain.cb, grain.cr])
    return bits


def _filters(grain: Av1Grain) -> list[tuple[Points, Taps]]:
    return [(grain.luma, grain.ar_luma), (grain.cb, grain.ar_cb), (grain.cr, grain.ar_cr)]


def _taps(bits: Bits, taps: Taps, grain: Av1Grain) -> None:
    """Luma's coefficient, the last of chroma's, is there only where luma has grain."""
    for tap in taps if grain.luma or len(taps) < 25 else taps[:-1]:
        bits.put(tap + 128, 8)


def _points(bits: Bits, points: Points) -> None:
    bits.put(len(points), 4)
    for code, scaling in points:
        bits.put(code, 8)
        bits.put(scaling, 8)


def _ends(bits: Bits, chroma: list[Points]) -> None:
    """How chroma is scaled; then overlap on, clipping to the restricted range off."""
    for points in chroma:
        if points:
            for value, length in zip(BY_LUMA, (8, 8, 9), strict=True):
                bits.put(value, length)
    bits.put(1, 1)
    bits.put(0, 1)


def afgs1(grain: Av1Grain | None, seed: int, size: tuple[int, int], subs: Subs = (1, 1)) -> bytes:
    """The T.35 payload of one frame: one set of parameters, for pictures of ``size`` and ``subs``.

    All is said every time: FFmpeg (9.0) shows other grain where a message takes over older parameters.

    FFmpeg (8.1, 9.0) reads a set without chroma points otherwise than the specification has it, and leaves
    such a frame without grain: so chroma always gets a point, of no strength where there is no chroma grain.
    """
    message = Bits(T35)
    message.put(int(grain is not None), 1)
    message.put(0, 4 + 3)
    if grain is None:
        return message.padded()
    own = _set(grain, seed, size, subs)
    long = (own.length + 9 + 7) // 8
    message.put(0, 1)
    message.put(long, 8)
    message.join(own)
    message.put(0, 8 * long - own.length - 9)
    return message.padded()


def _set(grain: Av1Grain, seed: int, size: tuple[int, int], subs: Subs) -> Bits:
    bits = Bits()
    for value, length in ((0, 3), (1, 1), (seed, 16), (1, 1)):  # number, applied, seed, all parameters
        bits.put(value, length)
    _apply_to(bits, size)
    for flag in (0, *subs, 0, 0):  # luma only, subsampling x and y, signal characteristics, prediction
        bits.put(flag, 1)
    cb, cr = grain.cb or ((0, 0),), grain.cr or ((0, 0),)
    _increments(bits, grain.luma, chroma=False)
    bits.put(0, 1)
    _increments(bits, cb, chroma=True)
    _increments(bits, cr, chroma=True)
    bits.put(grain.scaling - 8, 2)
    bits.put(LAG, 2)
    for used, taps in [(bool(grain.luma), grain.ar_luma), (True, grain.ar_cb), (True, grain.ar_cr)]:
        if used:
            bits.put(3, 2)
            _taps(bits, taps, grain)
    bits.put(grain.ar_shift - 6, 2)
    bits.put(grain.coarseness, 2)
    _ends(bits, [cb, cr])
    return bits


def _apply_to(bits: Bits, size: tuple[int, int]) -> None:
    """Width and height, in units that make them fit 12 bits."""
    unit = max(0, max(size).bit_length() - _LONGEST)
    bits.put(unit, 4)
    for length in size:
        bits.put(length >> unit, _LONGEST)


def _increments(bits: Bits, points: Points, *, chroma: bool) -> None:
    """Points as steps of the code, with the lengths of both numbers before them."""
    bits.put(len(points), 4)
    if not points:
        return
    codes = [0, *(code for code, _ in points)]
    steps = [b - a for a, b in pairwise(codes)]
    wide = max(1, max(s.bit_length() for s in steps))
    deep = max(5, max(s.bit_length() for _, s in points))
    bits.put(wide - 1, 3)
    bits.put(deep - 5, 2)
    if chroma:
        bits.put(0, 8)
    for step, (_, scaling) in zip(steps, points, strict=True):
        bits.put(step, wide)
        bits.put(scaling, deep)
