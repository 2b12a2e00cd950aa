"""Bits of a syntax, written first to last."""

from __future__ import annotations


class Bits:
    """A row of bits, most significant first."""

    def __init__(self, data: bytes = b"", length: int | None = None) -> None:
        """``length``: how many of the first bits of ``data`` to take, all if None."""
        self.length = 8 * len(data) if length is None else length
        self._value = int.from_bytes(data, "big") >> 8 * len(data) - self.length

    def put(self, value: int, length: int) -> None:
        """Append an unsigned number; raises ValueError for one that does not fit."""
        if not 0 <= value < 1 << length:
            raise ValueError(f"{value} does not fit {length} bits")
        self._value, self.length = self._value << length | value, self.length + length

    def golomb(self, value: int) -> None:
        """Append an exp-Golomb code, ue(v) (ITU-T H.264, 9.1)."""
        self.put(value + 1, 2 * (value + 1).bit_length() - 1)

    def signed(self, value: int) -> None:
        """Append a signed exp-Golomb code, se(v)."""
        self.golomb(2 * value - 1 if value > 0 else -2 * value)

    def join(self, other: Bits) -> None:
        """Append all bits of another row."""
        self._value = self._value << other.length | other._value
        self.length += other.length

    def padded(self) -> bytes:
        """The bytes, the last filled up with zeros."""
        spare = -self.length % 8
        return (self._value << spare).to_bytes((self.length + spare) // 8, "big")
