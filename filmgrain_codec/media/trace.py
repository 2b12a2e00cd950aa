"""What FFmpeg's bit stream filter trace_headers says of a packet: every field of its headers.

It says so in FFmpeg's log, which is read here: one field a line, with its place, bits and value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import NamedTuple

import av.logging
from av.bitstream import BitStreamFilterContext, bitstream_filters_available
from av.packet import Packet
from av.video.stream import VideoStream

TRACER = "trace_headers"
AVAILABLE = TRACER in bitstream_filters_available
_FIELD = re.compile(r"^(\d+)\s+(\S+)\s+([01]*) = (-?\d+)$")
_UNIT = "OBU header"
_lock = Lock()


class Field(NamedTuple):
    """``place``: bits from the start of the unit; ``bits``: how many it takes."""

    place: int
    name: str
    bits: int
    value: int


class Tracer:
    """The filter for one stream; ``opening``: the fields of what the stream has out of band.

    Raises ``av.error.FFmpegError`` if FFmpeg has no such filter or cannot read the stream's header.
    """

    def __init__(self, stream: VideoStream) -> None:
        with _logged() as lines:
            self._filter = BitStreamFilterContext(TRACER, stream)
        self.opening = fields(lines)

    def units(self, data: bytes) -> list[list[Field]]:
        """The fields of a packet by its units (of AV1; all others have one). Raises as FFmpeg does."""
        with _logged() as lines:
            self._filter.filter(Packet(data))
        found: list[list[Field]] = [[]]
        for line in lines:
            if line.strip() == _UNIT:
                found.append([])
            found[-1] += fields([line])
        return found[1:] if len(found) > 1 else found


def fields(lines: list[str]) -> list[Field]:
    """The fields in lines of the log."""
    found = (_FIELD.match(line.strip()) for line in lines)
    return [Field(int(m[1]), m[2], len(m[3]), int(m[4])) for m in found if m]


@contextmanager
def _logged() -> Iterator[list[str]]:
    """What this thread logs meanwhile."""
    said: list[str] = []
    with _lock:
        before, repeated = av.logging.get_level(), av.logging.get_skip_repeated()
        av.logging.set_level(av.logging.INFO)
        av.logging.set_skip_repeated(False)
        try:
            with av.logging.Capture() as lines:
                yield said
                said += [text for _, _, text in lines]
        finally:
            av.logging.set_skip_repeated(repeated)
            av.logging.set_level(before)
