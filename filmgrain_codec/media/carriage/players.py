"""Grain that ordinary players show: each codec's standard syntax, put into a stream as it is written.

AV1: film grain parameters in the frame headers. HEVC: AFGS1 messages. H.264 of 8 bit: film grain
characteristics messages. Every frame gets its own, with a seed of its own, or its grain would stand still.
Never two syntaxes in one stream, nor the last in 10 bit: players then show nothing, or broken pictures.
"""

from __future__ import annotations

from collections.abc import Callable

from av.video.stream import VideoStream

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain.av1_filter import Subs
from filmgrain_codec.grain.av1_model import Av1Grain, fitted, seed_of
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.media.carriage import nal
from filmgrain_codec.media.carriage.av1_splice import Splicer
from filmgrain_codec.media.carriage.fgc import fgc
from filmgrain_codec.media.carriage.film_grain import afgs1
from filmgrain_codec.media.carriage.packet import Packet, rebuilt, with_sei

Segments = Callable[[int], GrainSegment | None]


class PlayerGrain:
    """Puts the standard grain of ``segments(frame number)`` into the packets of one stream."""

    def __init__(self, codec: str, segments: Segments, size: tuple[int, int], subs: Subs) -> None:
        """``codec``: FFmpeg's name; ``size``: coded width and height; ``subs``: as in ``fitted``."""
        self._codec, self._segments, self._size, self._subs = codec, segments, size, subs
        self._splicer: Splicer | None = None

    def opened(self, like: VideoStream, extradata: bytes | None) -> bytes | None:
        """The out-of-band header to write; ``like``: any stream of the codec. Call it before ``packet``."""
        if self._codec != "av1":
            return extradata
        self._splicer = Splicer(like, self._model)
        return self._splicer.extradata(extradata)

    def packet(self, packet: Packet, extradata: bytes | None, index: int) -> Packet:
        """A packet that also says the grain of frame ``index``, which it shows."""
        data = bytes(packet)
        if self._splicer is not None:
            return rebuilt(packet, self._splicer.packet(data, index))
        kind, payload = self._message(index)
        return rebuilt(packet, with_sei(self._codec, data, extradata, payload, kind))

    def _message(self, index: int) -> tuple[int, bytes]:
        if self._codec == "h264":
            return nal.FILM_GRAIN, fgc(self._grainy(index))
        return nal.T35, afgs1(*self._model(index), self._size, self._subs)

    def _model(self, index: int) -> tuple[Av1Grain | None, int]:
        segment = self._grainy(index)
        return (None, 0) if segment is None else (fitted(segment, self._subs), seed_of(segment, index))

    def _grainy(self, index: int) -> GrainSegment | None:
        segment = self._segments(index)
        return segment if segment is not None and segment.grainy else None


def check(codec: str, fmt: FrameFormat, bits: int) -> None:
    """Raise ``UsageError`` where no standard syntax shows grain in ordinary players.

    ``bits``: of the coded samples.
    """
    if codec not in ("av1", "hevc", "h264"):
        raise UsageError(f"{codec} has no syntax for grain that players know: choose svtav1, x265 or x264.")
    if codec == "h264" and bits != 8:
        raise UsageError("Players show grain of H.264 in 8 bit only: add --bits 8, or choose x265 or svtav1.")
    if fmt.family == "gray" and codec != "av1":
        raise UsageError("Players show grain of gray film in AV1 only, which codes it as 4:2:0: take svtav1.")
    if fmt.family == "yuv" and codec != "hevc" and (fmt.sub_w, fmt.sub_h) != (1, 1):
        raise UsageError(f"Players show grain of {codec} in 4:2:0 only: convert the source, or take x265.")
