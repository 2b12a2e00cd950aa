"""Frames through a lossy codec and back, in memory, with the quantiser that each was coded with.

QP is on the scale of ``core.quantiser``: that of H.264 and MPEG-2 is the mean over the picture's blocks as
the decoder tells it, that of the others is what the encoder said of the frame.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import av
from av.video.stream import VideoStream

from filmgrain_codec.core import quantiser
from filmgrain_codec.core.frame import Frame
from filmgrain_codec.media import opening
from filmgrain_codec.media.convert import from_av, planar_format, to_av
from filmgrain_codec.media.headers import Headers
from filmgrain_codec.media.order import mend
from filmgrain_codec.media.quantisers import alone, exported_qp

_ENCODERS = {"x264": "libx264", "x265": "libx265", "svtav1": "libsvtav1", "mpeg2": "mpeg2video"}
_QUIET = {
    "x265": {"x265-params": "log-level=none:pools=1:frame-threads=1"},
    "svtav1": {"svtav1-params": "lp=1"},
}
_LAMBDA = 118
"""FFmpeg's quality figures are quantisers times this."""
_TICK = Fraction(1, 25)
_AV1_INDEX = 255 / 63
"""From SVT-AV1's quantiser (0 to 63) to base_q_idx, closely."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How frames are coded: one of ``codecs()``, FFmpeg's options, depth."""

    codec: str
    options: Mapping[str, str] = field(default_factory=dict)
    bits: int = 8


def codecs() -> tuple[str, ...]:
    """Codecs that ``recode`` knows."""
    return tuple(_ENCODERS)


def recode(frames: Sequence[Frame], coding: Coding) -> tuple[list[Frame], int]:
    """The frames as they come back, and the bytes of their packets.

    Their props say ``codec``, ``qp`` and ``key_qp`` (the frame's and its key frame's, by the encoder's word),
    and ``read_qp`` and ``read_key_qp``, what a reader of the stream is told, or None.

    Frames are 4:2:0 with even sides (16 and more) and any depth; they come back at ``coding.bits``.
    """
    content, told, size = _encoded(frames, coding)
    return _decoded(content, frames, coding, told), size


def _encoded(frames: Sequence[Frame], coding: Coding) -> tuple[bytes, dict[int, float], int]:
    """A Matroska file, the encoder's quality figure of each frame, the bytes of its packets."""
    out, told, size = io.BytesIO(), {}, 0
    fmt = frames[0].fmt
    pix_fmt = planar_format(fmt.family, fmt.sub_w, fmt.sub_h, coding.bits)
    with av.open(out, "w", format="matroska") as container:
        options = {**_QUIET.get(coding.codec, {}), **coding.options}
        stream = container.add_stream(_ENCODERS[coding.codec], rate=25, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = fmt.width, fmt.height, pix_fmt
        stream.codec_context.time_base, stream.codec_context.thread_count = _TICK, 1
        with opening.quietly():
            stream.codec_context.open()
        pictures = [to_av(replace(f, pts=n, time_base=_TICK), pix_fmt) for n, f in enumerate(frames)]
        packets = [packet for picture in [*pictures, None] for packet in stream.encode(picture)]
        mend(packets, _TICK)
        for packet in packets:
            assert packet.pts is not None
            told[packet.pts] = _quality(packet)
            size += packet.size
            container.mux(packet)
    return out.getvalue(), {n: told[key] for n, key in enumerate(sorted(told))}, size


def _quality(packet: av.Packet) -> float:
    for data in packet.iter_sidedata():
        if data.data_type == "quality_stats":
            return float(struct.unpack("<i", bytes(data)[:4])[0]) / _LAMBDA
    return 0.0


def _decoded(
    content: bytes, frames: Sequence[Frame], coding: Coding, told: Mapping[int, float]
) -> list[Frame]:
    made, keys = list[Frame](), dict[str, float | None]()
    with av.open(io.BytesIO(content), "r") as container:
        context = container.streams.video[0].codec_context
        context.options = {"export_side_data": "venc_params"}
        context.thread_count = 1
        headers = Headers(container.streams.video[0])
        for packet in container.demux(video=0):
            headers.note(packet)
            for picture in packet.decode():
                assert isinstance(picture, av.VideoFrame)
                source = frames[len(made)]
                exported = exported_qp(picture)
                read = headers.qp(picture.pts) if exported is None else exported
                qp = _qp(coding, told[len(made)]) if exported is None else exported
                if alone(picture):
                    keys = {"key_qp": qp, "read_key_qp": read}
                props = {"qp": qp, "read_qp": read, **keys, "codec": coding.codec}
                fmt = replace(source.fmt, bits=coding.bits)
                made.append(from_av(picture, fmt, source.index, source.pts, source.time_base, 0, props))
    return made


def _qp(coding: Coding, told: float) -> float:
    if coding.codec == "mpeg2":
        return quantiser.of_mpeg2(float(coding.options.get("qmin", told)))
    return quantiser.of_av1(told * _AV1_INDEX) if coding.codec == "svtav1" else told
