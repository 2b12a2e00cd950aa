"""Whether a file is as long as it says, from its outermost structure alone.

Decoders hide a cut tail: the last frames are simply missing. Matroska (RFC 9559), MP4/MOV
(ISO/IEC 14496-12) and Y4M say or imply how many bytes there have to be.
"""

from __future__ import annotations

import os
import re
from typing import BinaryIO

_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"moof", b"styp", b"sidx", b"uuid", b"meta"}
_MOST_BOXES = 100_000
_Y4M = b"YUV4MPEG2 "


def missing_bytes(path: str) -> int:
    """How many bytes a file lacks at its end by its own account; 0 if none or not known."""
    if not os.path.isfile(path):
        return 0
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        head = file.read(128)
        if head.startswith(_EBML):
            return max(0, _matroska_end(head) - size)
        if head[4:8] in _BOXES:
            return max(0, _boxes_end(file, size) - size)
        if head.startswith(_Y4M):
            return _y4m_missing(head, file, size)
    return 0


def _matroska_end(head: bytes) -> int:
    at = head.find(_SEGMENT)
    if at < 0 or at + 12 > len(head) or not head[at + 4]:
        return 0
    length = 9 - head[at + 4].bit_length()
    value = int.from_bytes(head[at + 4 : at + 4 + length], "big") & ((1 << 7 * length) - 1)
    unknown = value == (1 << 7 * length) - 1
    return 0 if unknown else at + 4 + length + value


def _boxes_end(file: BinaryIO, size: int) -> int:
    """The end of the last top-level box that begins inside the file."""
    at = 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:
            return at if not head else at + 8
        length = int.from_bytes(head[:4], "big")
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:], "big")
        if length == 0:
            return size  # the box says that it goes on to the end
        if length < 8:
            return 0
        at += length
        if at >= size:
            return at
    return 0


def _y4m_missing(head: bytes, file: BinaryIO, size: int) -> int:
    line = head.split(b"\n", 1)[0].decode("ascii", "replace")
    found = {m[0]: m[1:] for m in line.split(" ")[1:] if m}
    form = re.match(r"(mono|\d{3})[a-z]*?(?:p?(\d+))?$", found.get("C", "420jpeg"))
    if not form or not {"W", "H"} <= set(found) or b"\n" not in head:
        return 0
    frame = len(b"FRAME\n") + _y4m_frame(int(found["W"]), int(found["H"]), form[1], int(form[2] or 8))
    file.seek(len(line) + 1)
    if file.read(6) != b"FRAME\n":
        return 0
    rest = (size - len(line) - 1) % frame
    return frame - rest if rest else 0


def _y4m_frame(width: int, height: int, chroma: str, bits: int) -> int:
    half_w, half_h = -(-width // 2), -(-height // 2)
    sizes = {
        "mono": 0, "420": half_w * half_h, "422": half_w * height, "444": width * height,
        "440": width * half_h, "411": -(-width // 4) * height,
    }  # fmt: skip
    return (width * height + 2 * sizes.get(chroma, 0)) * (1 if bits == 8 else 2)
