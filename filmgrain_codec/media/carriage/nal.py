"""H.264 and HEVC packets: finding NAL units, writing and reading SEI messages.

Sources: ITU-T H.264 (7.3.1 NAL unit, 7.3.2.3 SEI, 7.4.1.2.3 order, Annex B), ITU-T H.265 (same clauses),
ISO/IEC 14496-15 (length-prefixed samples, avcC and hvcC). Input is untrusted: a malformed unit ends the walk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

FILLER, T35, USER_DATA_UNREGISTERED, FILM_GRAIN = 3, 4, 5, 19
"""Kinds of SEI messages."""
_START_CODE = re.compile(b"\x00\x00\x01")
_ESCAPE = re.compile(b"\x00\x00(?=[\x00-\x03])")


class Unit(NamedTuple):
    """One NAL unit: ``begin`` of its start code or length field, ``start`` and ``end`` of its bytes."""

    begin: int
    start: int
    end: int


def length_size(codec: str, extradata: bytes | None, data: bytes) -> int:
    """Bytes of each length field (1 to 4), or 0 for Annex B start codes.

    ``extradata`` decides (avcC and hvcC mean lengths); without it the packet's first bytes do, because
    a length field of 00000001 cannot begin a packet that holds a picture.
    """
    if extradata and not _starts_with_code(extradata):
        if codec == "h264" and len(extradata) >= 7:
            return (extradata[4] & 3) + 1
        if codec == "hevc" and len(extradata) >= 23:
            return (extradata[21] & 3) + 1
    return 0 if _starts_with_code(data) else 4


def _starts_with_code(data: bytes) -> bool:
    return data[:3] == b"\x00\x00\x01" or data[:4] == b"\x00\x00\x00\x01"


def units(data: bytes, size: int) -> Iterator[Unit]:
    """NAL units of a packet in order; stops at the first one that leaves the packet."""
    return _prefixed(data, size) if size else _annex_b(data)


def _prefixed(data: bytes, size: int) -> Iterator[Unit]:
    at = 0
    while at + size < len(data):
        start = at + size
        end = start + int.from_bytes(data[at:start], "big")
        if end > len(data):
            return
        if end > start:
            yield Unit(at, start, end)
        at = end


def _annex_b(data: bytes) -> Iterator[Unit]:
    previous: tuple[int, int] | None = None
    for match in _START_CODE.finditer(data):
        begin = match.start()
        if begin and data[begin - 1] == 0:
            begin -= 1
        if previous and begin > previous[1]:
            yield Unit(*previous, begin)
        previous = (begin, match.end())
    if previous and previous[1] < len(data):
        yield Unit(*previous, len(data))


def unit_type(codec: str, data: bytes, unit: Unit) -> int:
    """nal_unit_type: 5 bits in H.264, 6 bits of a two-byte header in HEVC."""
    return data[unit.start] & 31 if codec == "h264" else (data[unit.start] >> 1) & 63


def is_picture(codec: str, data: bytes, unit: Unit) -> bool:
    """Whether a unit holds coded picture data (a VCL unit) of the base layer."""
    kind = unit_type(codec, data, unit)
    if codec == "h264":
        return 1 <= kind <= 5
    layer = (data[unit.start] & 1) << 5 | (data[unit.start + 1] >> 3 if unit.end > unit.start + 1 else 0)
    return kind < 32 and layer == 0


def opens_picture(codec: str, data: bytes, unit: Unit) -> bool:
    """Whether an SEI must stand before this unit: a picture, or the prefix unit (14) that belongs to it."""
    kind = unit_type(codec, data, unit)
    return (1 <= kind <= 5 or kind in (14, 20, 21)) if codec == "h264" else kind < 32


def is_sei(codec: str, data: bytes, unit: Unit) -> bool:
    """Whether a unit holds SEI messages (in HEVC the prefix form, which precedes the picture)."""
    return unit_type(codec, data, unit) == (6 if codec == "h264" else 39)


def escape(rbsp: bytes) -> bytes:
    """Insert emulation prevention bytes: 00 00 followed by 00..03 becomes 00 00 03 .."""
    return _ESCAPE.sub(b"\x00\x00\x03", rbsp)


def unescape(nal: bytes) -> bytes:
    """Remove emulation prevention bytes."""
    return nal.replace(b"\x00\x00\x03", b"\x00\x00")


def sei(codec: str, payload: bytes, temporal_id_plus1: int = 1, kind: int = USER_DATA_UNREGISTERED) -> bytes:
    """A NAL unit with one SEI message of this kind.

    Never 256 to 511 bytes long: as the first unit of a sample its length field would read 00 00 01 .., which
    FFmpeg takes for a start code when it copies HEVC to a raw stream (measured: no picture was left). A
    filler_payload message in the same unit makes it longer.
    """
    header = b"\x06" if codec == "h264" else bytes([39 << 1, temporal_id_plus1])
    message = _message(kind, payload)
    unit = header + escape(message + b"\x80")
    if 256 <= len(unit) < 512:
        filler = _message(FILLER, b"\xff" * (512 - len(unit)))
        unit = header + escape(message + filler + b"\x80")
    return unit


def _message(kind: int, payload: bytes) -> bytes:
    return _ff_coded(kind) + _ff_coded(len(payload)) + payload


def _ff_coded(value: int) -> bytes:
    return b"\xff" * (value // 255) + bytes([value % 255])


def messages(codec: str, data: bytes, unit: Unit) -> Iterator[tuple[int, bytes]]:
    """(payload type, payload) of each whole SEI message in a unit."""
    body = unescape(data[unit.start + (1 if codec == "h264" else 2) : unit.end])
    at = 0
    while at + 2 < len(body):  # a message needs a type, a size and the trailing bits after it
        kind, at = _read_ff_coded(body, at)
        size, at = _read_ff_coded(body, at)
        if at + size > len(body):
            return
        yield kind, body[at : at + size]
        at += size


def told(codec: str, data: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    """(payload type, payload) of each whole SEI message before the picture; ``size`` as in ``units``."""
    for unit in units(data, size):
        if opens_picture(codec, data, unit):
            return
        if is_sei(codec, data, unit):
            yield from messages(codec, data, unit)


def _read_ff_coded(body: bytes, at: int) -> tuple[int, int]:
    value = 0
    while at < len(body) and body[at] == 255:
        value, at = value + 255, at + 1
    return (value + body[at], at + 1) if at < len(body) else (value, at)


def framed(nal: bytes, size: int) -> bytes:
    """A NAL unit with its length field, or with a four-byte start code when ``size`` is 0."""
    return (len(nal).to_bytes(size, "big") if size else b"\x00\x00\x00\x01") + nal
