"""Quantisers in the headers of HEVC, AV1 and VP9 pictures, which their decoders do not tell.

FFmpeg's bit stream filter trace_headers reads the headers and says each field in its log, which is read here.
HEVC's is the slice's QP (ITU-T H.265, 7.4.7.1); encoders that vary it within the picture (x265's adaptive
quantisation) stay some steps below it on average. AV1's and VP9's is base_q_idx, by the table of AV1's
quantisers, which VP9 shares; a picture that is shown later has the one that it was coded with.
"""

from __future__ import annotations

from contextlib import suppress

import av
import av.error
from av.video.stream import VideoStream

from filmgrain_codec.core import quantiser
from filmgrain_codec.media import trace
from filmgrain_codec.media.trace import Field, Tracer

CODECS = ("hevc", "av1", "vp9")
_SLOTS, _ALL = 8, 0xFF


class Headers:
    """What the packets of a stream say, noted as they come and asked for by their pictures' times."""

    def __init__(self, stream: VideoStream) -> None:
        self._codec, self._known = stream.codec_context.codec.canonical_name, dict[int, float]()
        self._first, self._slots = 26, [0] * _SLOTS
        self._tracer: Tracer | None = None
        if self._codec in CODECS and trace.AVAILABLE:
            with suppress(av.error.FFmpegError):
                self._tracer = Tracer(stream)
                self._of_hevc(self._tracer.opening)

    def note(self, packet: av.Packet) -> None:
        """Read a packet's headers; one that cannot be read says nothing."""
        if self._tracer is None or packet.pts is None or not packet.size:
            return
        try:
            said = [field for unit in self._tracer.units(bytes(packet)) for field in unit]
        except (av.error.FFmpegError, ValueError):
            return
        found = self._of_hevc(said) if self._codec == "hevc" else self._of_av1(said)
        if found is not None:
            self._known[packet.pts] = found

    def qp(self, pts: int | None) -> float | None:
        """Of the picture that is shown at a time, once; None where its headers did not say."""
        return None if pts is None else self._known.pop(pts, None)

    def _of_hevc(self, fields: list[Field]) -> float | None:
        """Mean over the slices."""
        found = []
        for _, name, _, value in fields:
            if name == "init_qp_minus26":
                self._first = 26 + value
            elif name == "slice_qp_delta":
                found.append(self._first + value)
        return min(max(sum(found) / len(found), 0.0), quantiser.HIGHEST) if found else None

    def _of_av1(self, fields: list[Field]) -> float | None:
        """Of the picture that is shown; what is kept for later is noted by its slot (7.20, 7.21)."""
        shown: int | None = None
        header: dict[str, int] = {}
        for _, name, _, value in fields:
            if name == "show_existing_frame":
                header = {}
            header[name] = value
            if name == "frame_to_show_map_idx":
                shown = self._slots[value % _SLOTS]
            elif name == "base_q_idx":
                visible = header.get("show_frame", 1) == 1
                key = visible and header.get("frame_type") == 0
                kept = _ALL if key else header.get("refresh_frame_flags", 0)
                self._slots = [value if kept >> k & 1 else old for k, old in enumerate(self._slots)]
                shown = value if visible else shown
        return None if shown is None else quantiser.of_av1(shown)
