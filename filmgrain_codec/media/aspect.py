"""The pixel aspect ratio of a finished Matroska file.

FFmpeg's Matroska muxer takes the ratio from a field that PyAV cannot set. It leaves a Void element in
each track, so the display size (RFC 9559, 5.1.4.1.28.12) can be put in without moving anything else.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

SEGMENT, TRACKS, TRACK, VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0xE0
_WIDTH, _HEIGHT, _DISPLAY_WIDTH, _DISPLAY_HEIGHT, _UNIT = 0xB0, 0xBA, 0x54B0, 0x54BA, 0x54B2
_CRC, _VOID = 0xBF, 0xEC
_MOST = 1 << 24  # a header is small; anything larger is not one we wrote


@dataclass(frozen=True, slots=True)
class Element:
    """An EBML element: its id and where it, its payload and its end lie."""

    identity: int
    start: int
    body: int
    end: int


def elements(data: bytes, start: int, end: int) -> Iterator[Element]:
    """The elements that follow each other in a range; raises ``ValueError`` if they do not fit."""
    while start < end:
        identity, at = _number(data, start, keep_marker=True)
        size, body = _number(data, at, keep_marker=False)
        if body + size > end:
            raise ValueError("an element is longer than its parent")
        yield Element(identity, start, body, body + size)
        start = body + size


def _number(data: bytes, at: int, *, keep_marker: bool) -> tuple[int, int]:
    length = 9 - data[at].bit_length() if at < len(data) and data[at] else 9
    if length > 8 or at + length > len(data):
        raise ValueError("not an EBML number")
    value = int.from_bytes(data[at : at + length], "big")
    return (value if keep_marker else value & ~(1 << (7 * length))), at + length


def set_display_size(path: Path, sar: Fraction) -> bool:
    """Give the first video track of a file that FFmpeg wrote a display size of ``sar``.

    Returns False, leaving the file as it is, where the header has no room for it.
    """
    with path.open("r+b") as file:
        try:
            start, tracks = _tracks(file, path.stat().st_size)
            changed = _changed(tracks, sar)
        except ValueError:
            return False
        if changed is None:
            return False
        file.seek(start)
        file.write(changed)
    return True


def _tracks(file: BinaryIO, length: int) -> tuple[int, bytes]:
    """Where the payload of the Tracks element lies in the file, and the payload."""
    at = 0
    for _ in range(64):
        if at >= length:
            break
        file.seek(at)
        head = file.read(12)
        identity, after = _number(head, 0, keep_marker=True)
        size, body = _number(head, after, keep_marker=False)
        if identity == TRACKS and size < _MOST:
            file.seek(at + body)
            return at + body, file.read(size)
        at = at + body if identity == SEGMENT else at + body + size
    raise ValueError("no Tracks element")


def _changed(tracks: bytes, sar: Fraction) -> bytes | None:
    for track in elements(tracks, 0, len(tracks)):
        inner = list(elements(tracks, track.body, track.end)) if track.identity == TRACK else []
        video = next((e for e in inner if e.identity == VIDEO), None)
        if video is None:
            continue
        void = next((e for e in inner if e.identity == _VOID and e.start >= video.end), None)
        return _edited(tracks, video, void, sar) if void else None
    return None


def _edited(tracks: bytes, video: Element, void: Element, sar: Fraction) -> bytes | None:
    """Video element grown, the elements after it moved, the Void after those shrunk."""
    children = list(elements(tracks, video.body, video.end))
    size = {e.identity: int.from_bytes(tracks[e.body : e.end], "big") for e in children}
    if _WIDTH not in size or _HEIGHT not in size:
        return None
    dropped = (_UNIT, _DISPLAY_WIDTH, _DISPLAY_HEIGHT)
    kept = b"".join(tracks[e.start : e.end] for e in children if e.identity not in dropped)
    between, total = tracks[video.end : void.start], void.end - video.start
    for digits in (2, 3):
        shown = _display(size[_WIDTH], size[_HEIGHT], sar, digits)
        new = bytes([VIDEO]) + _length(len(kept) + len(shown)) + kept + shown + between
        fill = total - len(new)
        if fill == 0 or 2 <= fill < 127:
            padding = bytes([_VOID]) + _length(fill - 2) + bytes(fill - 2) if fill else b""
            return _checked(tracks[: video.start] + new + padding + tracks[void.end :])
    return None


def _display(width: int, height: int, sar: Fraction, digits: int) -> bytes:
    """The display size in pixels where that is exact, else as an aspect ratio (unit 3)."""
    wide = width * sar
    if wide.denominator == 1:
        return _uint(_DISPLAY_WIDTH, int(wide), digits) + _uint(_DISPLAY_HEIGHT, height, 2)
    shape = wide / height
    numbers = _uint(_DISPLAY_WIDTH, shape.numerator, digits) + _uint(_DISPLAY_HEIGHT, shape.denominator, 2)
    return numbers + _uint(_UNIT, 3, 1)


def _uint(identity: int, value: int, digits: int) -> bytes:
    return identity.to_bytes(2, "big") + bytes([0x80 | digits]) + value.to_bytes(digits, "big")


def _length(size: int) -> bytes:
    return bytes([0x80 | size]) if size < 127 else (0x4000 | size).to_bytes(2, "big")


def _checked(tracks: bytes) -> bytes:
    """The Tracks payload with its CRC-32 element, if it has one, made true again."""
    if tracks[0] != _CRC:
        return tracks
    return tracks[:2] + zlib.crc32(tracks[6:]).to_bytes(4, "little") + tracks[6:]
