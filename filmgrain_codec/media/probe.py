"""What a source is: streams, picture format, colour, timing and everything it carries beside them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import islice
from typing import Any

import av
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from filmgrain_codec.core.frame import ColorInfo, FrameFormat
from filmgrain_codec.errors import InputError
from filmgrain_codec.media import color, sidedata
from filmgrain_codec.media.convert import direct_format, frame_format, layout
from filmgrain_codec.media.decode import Tally, decoded, main_video, prepare
from filmgrain_codec.media.files import open_input
from filmgrain_codec.media.rgb import yuv_format
from filmgrain_codec.media.sequence import frame_rate_options
from filmgrain_codec.media.shape import shape_of

_STILL_CODECS = {"mjpeg", "png", "tiff", "dpx", "exr", "bmp", "jpeg2000", "pgm", "webp", "targa", "sgi"}
_FIELD_ORDERS = ("unknown", "progressive", "tt", "bb", "tb", "bt")
_FASTEST = 300  # frames per second; more is the container's clock
USUAL_RATE = Fraction(25)
"""Frames a second of a stream that does not tell."""
LOOK = 3
"""Pictures decoded to see what a stream really holds."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """The video stream that is worked on. Times are exact; ``duration`` and ``start`` in seconds.

    ``pix_fmt`` is FFmpeg's name of the decoded pictures, ``real`` marks floating-point ones (EXR).
    ``rotation`` is counter-clockwise in degrees; ``display_matrix`` is FFmpeg's, for other turns.
    ``crop`` is what the container hides at top, bottom, left and right of ``fmt``'s size. ``other``
    names further side data that a re-encode loses.
    """

    fmt: FrameFormat
    codec: str
    pix_fmt: str
    index: int
    time_base: Fraction
    rate: Fraction | None
    sar: Fraction = Fraction(1)
    rotation: int = 0
    display_matrix: tuple[int, ...] | None = None
    field_order: str = "progressive"
    interlaced: bool = False
    frames: int | None = None
    duration: Fraction | None = None
    start: Fraction = Fraction(0)
    alpha: bool = False
    real: bool = False
    dolby_vision: bool = False
    hdr10plus: bool = False
    captions: bool = False
    timecode: str | None = None
    crop: tuple[int, int, int, int] = (0, 0, 0, 0)
    other: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """One stream of a container. ``kind``: video, audio, subtitle, data, attachment or unknown."""

    index: int
    kind: str
    codec: str | None
    language: str | None
    title: str | None
    disposition: tuple[str, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter; ``start`` and ``end`` in seconds."""

    start: Fraction
    end: Fraction
    title: str | None


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """A source file: its container, its main video stream, and all streams in file order."""

    path: str
    container: str
    video: VideoInfo
    streams: tuple[StreamInfo, ...]
    chapters: tuple[Chapter, ...]
    metadata: Mapping[str, str]


def probe(path: str | os.PathLike[str], *, rate: Fraction | None = None, yuv: bool = False) -> SourceInfo:
    """Describe a file, numbered stills or a folder of them, decoding a few pictures.

    ``rate`` is the frame rate of numbered stills, which hold none. ``yuv`` describes RGB sources as
    they will be coded, see media/rgb.py; ``Reader`` with the same setting delivers them so.
    Raises ``InputError`` with one sentence for a missing, empty or damaged file and for one without a
    decodable video stream.
    """
    name = os.fspath(path)
    with open_input(name, **frame_rate_options(name, rate)) as container:
        stream = main_video(container, name)
        prepare(stream, "apply", None)
        frames = list(islice(decoded(container, stream, name, Tally()), LOOK))
        info = describe(container, stream, name, frames)
    return as_yuv(info) if yuv else info


def as_yuv(info: SourceInfo) -> SourceInfo:
    """The description of an RGB source as Y'CbCr 4:4:4; of others as it is."""
    video = info.video
    return replace(info, video=replace(video, fmt=yuv_format(video.fmt, video.real)))


def describe(
    container: InputContainer, stream: VideoStream, path: str, frames: Sequence[av.VideoFrame]
) -> SourceInfo:
    """The description of an opened container whose first pictures were decoded."""
    if not frames:
        raise InputError(f"No picture of {path!r} can be decoded; the file is damaged or incomplete.")
    streams = tuple(_stream_info(s) for s in container.streams)
    return SourceInfo(
        path,
        container.format.name,
        _video_info(container, stream, frames),
        streams,
        tuple(_chapter(c) for c in container.chapters()),
        dict(container.metadata),
    )


def exact(value: Any) -> Fraction | None:
    """One of PyAV's rationals as a Fraction; None where it is unset or zero."""
    return Fraction(value.numerator, value.denominator) if value and value.denominator else None


def codec_of(stream: Stream) -> str | None:
    """FFmpeg's codec name, whatever decoder was chosen for it."""
    if stream.codec_context is not None:
        return str(stream.codec_context.codec.canonical_name)
    return getattr(stream, "name", None)


def _video_info(container: InputContainer, stream: VideoStream, frames: Sequence[av.VideoFrame]) -> VideoInfo:
    context, first = stream.codec_context, frames[0]
    where = layout(direct_format(first.format.name))
    assert where is not None
    kinds = sidedata.kinds_of(context, frames)
    base = exact(stream.time_base) or Fraction(1, 1000)
    rate = _rate(stream, frames)
    interlaced = any(f.interlaced_frame for f in frames)
    fmt = _shaped(frame_format(first, _color(context, first, where.family)), container, stream)
    return VideoInfo(
        fmt=fmt,
        codec=codec_of(stream) or "unknown",
        pix_fmt=first.format.name,
        index=stream.index,
        time_base=base if first.pts is not None else 1 / (rate or USUAL_RATE),
        rate=rate,
        sar=exact(stream.sample_aspect_ratio) or Fraction(1),
        rotation=first.rotation or sidedata.rotation(context.coded_side_data),
        display_matrix=sidedata.display_matrix(context.coded_side_data),
        field_order=_field_order(context.field_order, interlaced),
        interlaced=interlaced,
        frames=stream.frames or None,
        duration=_duration(container, stream, base),
        start=first.pts * base if first.pts is not None else Fraction(0),
        alpha=_has_alpha(first.format) or stream.metadata.get("alpha_mode") == "1",
        real=where.real,
        dolby_vision=bool({"dovi_conf", "DOVI_RPU_BUFFER", "DOVI_METADATA"} & kinds),
        hdr10plus=bool({"dynamic_hdr10_plus", "DYNAMIC_HDR_PLUS"} & kinds),
        captions=bool({"a53_cc", "A53_CC"} & kinds),
        timecode=_timecode(container, stream) or sidedata.coded_timecode(first),
        crop=sidedata.crop(context.coded_side_data, first, fmt),
        other=sidedata.lost(kinds),
    )


def _shaped(fmt: FrameFormat, container: InputContainer, stream: VideoStream) -> FrameFormat:
    """The size and family that our own tag gives back, see media/shape.py."""
    tags = {**container.metadata, **stream.metadata}
    shape = shape_of(tags, fmt.width, fmt.height)
    fmt = replace(fmt, width=shape.width, height=shape.height)
    return replace(fmt, family="gray", sub_w=0, sub_h=0) if shape.gray and fmt.family == "yuv" else fmt


def _color(context: av.VideoCodecContext, frame: av.VideoFrame, family: str) -> ColorInfo:
    """Grey stills come with the matrix of RGB (0), which means nothing for them, and are full range."""
    found = color.of_source(context, frame)
    if family != "gray":
        return found
    matrix = 2 if found.matrix == 0 else found.matrix
    still = found.range == 0 and context.codec.canonical_name in _STILL_CODECS
    return replace(found, matrix=matrix, range=2 if still else found.range)


def _rate(stream: VideoStream, frames: Sequence[av.VideoFrame]) -> Fraction | None:
    """FFmpeg's guess; where that is a timestamp grid rather than a rate, the first pictures' distance."""
    rate = exact(stream.guessed_rate) or exact(stream.average_rate)
    times = [f.pts for f in frames if f.pts is not None]
    base = exact(stream.time_base)
    if rate is None or rate <= _FASTEST:
        return rate
    if base is None or len(times) < 2 or times[-1] <= times[0]:
        return None
    near = (len(times) - 1) / ((times[-1] - times[0]) * base)
    return near if near <= _FASTEST else None


def _has_alpha(form: Any) -> bool:
    return any(c.is_alpha for c in form.components)


def _field_order(number: int, interlaced: bool) -> str:
    """FFmpeg's field order, corrected by what the pictures say (H.264 may only allow for fields)."""
    name = _FIELD_ORDERS[number] if 0 <= number < len(_FIELD_ORDERS) else "unknown"
    if not interlaced:
        return "progressive"
    return name if name in ("tt", "bb", "tb", "bt") else "tt"


def _duration(container: InputContainer, stream: VideoStream, base: Fraction) -> Fraction | None:
    if stream.duration is not None:
        return stream.duration * base
    tagged = _clock(next((v for k, v in stream.metadata.items() if k.upper() == "DURATION"), None))
    if tagged is not None:
        return tagged - (stream.start_time or 0) * base
    return Fraction(container.duration, 1_000_000) if container.duration is not None else None


def _clock(text: str | None) -> Fraction | None:
    try:
        hours, minutes, seconds = (text or "").split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except ValueError:
        return None


def _timecode(container: InputContainer, stream: VideoStream) -> str | None:
    places = [stream.metadata, *(s.metadata for s in container.streams.data), container.metadata]
    found = (v for place in places for k, v in place.items() if k.lower() == "timecode")
    return next(found, None)


def _stream_info(stream: Stream) -> StreamInfo:
    return StreamInfo(
        stream.index,
        stream.type,
        codec_of(stream),
        stream.metadata.get("language"),
        stream.metadata.get("title"),
        tuple(d.name for d in type(stream.disposition) if d & stream.disposition and d.name),
        dict(stream.metadata),
    )


def _chapter(raw: Any) -> Chapter:
    base = exact(raw["time_base"]) or Fraction(1)
    return Chapter(raw["start"] * base, raw["end"] * base, raw["metadata"].get("title"))
