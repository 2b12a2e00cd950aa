"""The numbers of a segment in the order in which records hold them, and the step of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from filmgrain_codec.grain.profile import CORRECTED_AT, FIRST_LAW, KNOTS, SHOWN_LAW


@dataclass(frozen=True, slots=True)
class Number:
    """How one value travels: an integer n in ``low``..``high``, meaning n / ``scale``.

    ``code``: its form in ``struct``; those without one are ``packed`` together.
    """

    name: str
    code: str
    scale: int
    low: int
    high: int


NUMBERS: Final[tuple[Number, ...]] = (
    Number("level", "I", 1_000_000, 0, 500_000),
    *(Number(f"curve[{k}]", "H", 2000, 0, 40_000) for k in range(KNOTS)),
    Number("size", "H", 1000, 100, 16_000),
    Number("anisotropy", "H", 1000, 250, 4000),
    Number("weight", "h", 10_000, -10_000, 10_000),
    Number("spread", "H", 1000, 1000, 8000),
    Number("cb", "H", 1000, 0, 20_000),
    Number("cr", "H", 1000, 0, 20_000),
    Number("chroma size", "H", 1000, 100, 16_000),
    Number("y_cb", "h", 10_000, -10_000, 10_000),
    Number("y_cr", "h", 10_000, -10_000, 10_000),
    Number("cb_cr", "h", 10_000, -10_000, 10_000),
    Number("skew", "h", 10_000, -20_000, 20_000),
    Number("seed", "I", 1, 0, (1 << 32) - 1),
    Number("confidence", "H", 10_000, 0, 10_000),
    Number("skew_slope", "h", 1000, -8000, 8000),
    Number("kurtosis", "b", 64, -128, 127),
    Number("law", "B", 1, FIRST_LAW, SHOWN_LAW),
    Number("kurtosis_slope", "b", 32, -128, 127),
    *(Number(f"correction[{k}]", "", 2, -16, 15) for k in range(len(CORRECTED_AT))),
)
CORRECTIONS = len(CORRECTED_AT)
_BITS = 5
PACKED = CORRECTIONS * _BITS // 8
"""Bytes of all corrections."""


def packed(codes: Sequence[int]) -> bytes:
    """The corrections' codes, 5 bits of two's complement each, the first one lowest."""
    whole = sum((code & (1 << _BITS) - 1) << _BITS * k for k, code in enumerate(codes))
    return whole.to_bytes(PACKED, "little")


def unpacked(data: bytes) -> list[int]:
    """The codes in ``PACKED`` bytes."""
    whole, half = int.from_bytes(data, "little"), 1 << _BITS - 1
    return [((whole >> _BITS * k) + half & 2 * half - 1) - half for k in range(CORRECTIONS)]
