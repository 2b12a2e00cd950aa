"""Decoding one video stream, counting what could not be decoded instead of hiding it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from typing import Literal

import av
import av.error
from av.codec.context import Flags
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from filmgrain_codec.errors import InputError
from filmgrain_codec.media.files import input_errors, open_input
from filmgrain_codec.media.headers import Headers

NativeGrain = Literal["apply", "export"]


@dataclass(slots=True)
class Tally:
    """What happened while decoding: packets, failures and the latest end time of each stream."""

    packets: int = 0
    failed: int = 0
    corrupt: int = 0
    ends: dict[int, Fraction] = field(default_factory=dict)
    first_packet: bytes | None = None
    headers: Headers | None = None
    """Reads quantisers of every packet, where they are asked for."""
    said: Callable[[av.Packet], bytes | None] | None = None
    """Reads of a packet what its picture shall take along as ``opaque``."""
    key_qp: float | None = None
    """Quantiser of the last picture that was coded without others."""


def main_video(container: InputContainer, path: str) -> VideoStream:
    """The stream to work on: the best video stream that is not a cover picture."""
    pictures = Disposition.attached_pic | Disposition.timed_thumbnails
    films = [s for s in container.streams.video if not s.disposition & pictures]
    if not films:
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
        raise InputError(f"{path!r} has no video stream (it holds {kinds}).")
    best = container.streams.best("video")
    stream = best if best in films else films[0]
    if stream.codec_context is None:
        raise InputError(f"The video of {path!r} is of a kind that no decoder here understands.")
    return stream


def prepare(
    stream: VideoStream, native_grain: NativeGrain, threads: int | None, quantisers: bool = False
) -> None:
    """Set threads, whether grain the codec itself describes is applied or left out, and whether decoders
    that can (H.264, MPEG-2) tell the quantisers of each picture. Pictures keep their packet's ``opaque``.
    """
    context = stream.codec_context
    context.flags |= int(Flags.copy_opaque)
    # With threads by frames H.264's decoder tells the quantisers of pictures that it is still decoding.
    context.thread_type = "SLICE" if quantisers and context.name == "h264" else "AUTO"
    if threads:
        context.thread_count = threads
    exported = ["film_grain"] * (native_grain == "export") + ["venc_params"] * quantisers
    if exported:
        context.options = {**context.options, "export_side_data": "+".join(exported)}


def decoded(
    container: InputContainer, stream: VideoStream, path: str, tally: Tally
) -> Iterator[av.VideoFrame]:
    """All pictures of a stream in presentation order; damage is counted in ``tally``."""
    others = [s for s in container.streams if s.type in ("audio", "video")]
    with input_errors(path):
        for packet in container.demux(others):
            _note_end(packet, tally)
            if packet.stream.index != stream.index:  # flush packets have no index of their own
                continue
            if packet.size:
                tally.packets += 1
                tally.first_packet = tally.first_packet or bytes(packet)
            if tally.headers is not None:
                tally.headers.note(packet)
            packet.opaque = tally.said(packet) if tally.said and packet.size else None
            yield from _decode(stream, packet, tally)


def _decode(stream: VideoStream, packet: av.Packet, tally: Tally) -> list[av.VideoFrame]:
    try:
        frames = stream.decode(packet)
    except av.error.InvalidDataError:
        tally.failed += 1
        return []
    except av.error.EOFError:
        return []
    tally.corrupt += sum(f.is_corrupt for f in frames)
    return frames


def _note_end(packet: av.Packet, tally: Tally) -> None:
    if packet.pts is None or packet.size == 0:
        return
    base = packet.time_base
    end = (packet.pts + (packet.duration or 0)) * Fraction(base.numerator, base.denominator)
    index = packet.stream.index
    if end > tally.ends.get(index, end - 1):
        tally.ends[index] = end


def has_native_grain(path: str) -> bool:
    """Whether the first pictures of a stream describe grain of their own (AV1, H.264 or HEVC syntax)."""
    with open_input(path) as container:
        stream = main_video(container, path)
        prepare(stream, "export", None)
        head = islice(decoded(container, stream, path, Tally()), 2)
        return any(f.side_data.get("FILM_GRAIN_PARAMS") is not None for f in head)
