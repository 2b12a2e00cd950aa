"""AV1 packets (one temporal unit each): finding OBUs, writing and reading T.35 metadata.

Source: AV1 bitstream specification, 5.3 (OBU syntax), 5.8.2 and 6.7.2 (T.35 metadata), 7.5 (order of OBUs).

The T.35 code. Country 0xB5 (United States) and its siblings need a provider code that a national body
assigns, so none of them may be made up. Metadata types 6 to 31 are free for private use, but FFmpeg 5.1
refuses to copy them to .ivf and .obu. So the record uses the escape country code 0xFF with extension byte
0xFE, for which no provider codes are known to be registered, and the UUID behind it is what identifies it:
a collision needs the same 16 random bytes. Every reader tested skips it as unknown T.35.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from filmgrain_codec.errors import ProfileError

METADATA = 5
PICTURE = frozenset({3, 4, 6})
"""Frame header, tile group, frame: what a picture consists of."""
OPENS_PICTURE = frozenset({3, 6, 7, 8})
"""Frame header, frame, redundant frame header, tile list: metadata must precede them."""
T35 = 4
T35_CODE = b"\xff\xfe"


class Obu(NamedTuple):
    """One OBU in a packet: ``begin`` of its header, ``start`` and ``end`` of its payload."""

    kind: int
    begin: int
    start: int
    end: int


def leb128(value: int) -> bytes:
    """Little-endian base 128, shortest form."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def read_leb128(data: bytes, at: int) -> tuple[int, int] | None:
    """(value, position behind it), or None if it is cut off or longer than 8 bytes."""
    value = 0
    for k, byte in enumerate(data[at : at + 8]):
        value |= (byte & 127) << 7 * k
        if byte < 128:
            return value, at + k + 1
    return None


def obus(data: bytes) -> Iterator[Obu]:
    """OBUs of a temporal unit (with size fields; the last may lack one); stops at a malformed one."""
    at = 0
    while at < len(data):
        header = data[at]
        start, size = at + 1 + (header >> 2 & 1), None
        if header & 2:
            read = read_leb128(data, start)
            if read is None:
                return
            size, start = read
        end = len(data) if size is None else start + size
        if header & 0x80 or start > len(data) or end > len(data):
            return
        yield Obu(header >> 3 & 15, at, start, end)
        at = end


def t35(payload: bytes) -> bytes:
    """A metadata OBU with a size field holding ``payload`` under our T.35 code."""
    return metadata(T35_CODE + payload)


def metadata(payload: bytes) -> bytes:
    """A metadata OBU with a size field holding a T.35 payload, country code and all."""
    body = leb128(T35) + payload + b"\x80"
    return bytes([METADATA << 3 | 2]) + leb128(len(body)) + body


def read_t35(data: bytes, obu: Obu) -> bytes | None:
    """The payload of a metadata OBU under our T.35 code, else None."""
    payload = read_metadata(data, obu)
    return payload[2:] if payload is not None and payload[:2] == T35_CODE else None


def read_metadata(data: bytes, obu: Obu) -> bytes | None:
    """The T.35 payload of a metadata OBU, country code and all, else None."""
    if obu.kind != METADATA:
        return None
    body = data[obu.start : obu.end].rstrip(b"\x00")
    return body[1:-1] if body[:1] == leb128(T35) and body[-1:] == b"\x80" else None


def told(data: bytes) -> Iterator[bytes]:
    """The T.35 payloads, country codes and all, before a temporal unit's picture."""
    for each in obus(data):
        if each.kind in OPENS_PICTURE:
            return
        payload = read_metadata(data, each)
        if payload is not None:
            yield payload


def before_picture(data: bytes, unit: bytes) -> bytes:
    """A temporal unit with one more OBU right before its picture. Raises ``ProfileError`` without one."""
    for each in obus(data):
        if each.kind in OPENS_PICTURE:
            return data[: each.begin] + unit + data[each.begin :]
    raise ProfileError("An av1 packet without a picture cannot carry a record of one.")
