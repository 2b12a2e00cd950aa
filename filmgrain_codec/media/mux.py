"""A container being written: encoded video, copied streams, tags. The heart of ``Writer``.

The header is written when the encoder's first packet is there, so tags may depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import OutputError, UsageError
from filmgrain_codec.media import carriage, color, header
from filmgrain_codec.media.aspect import set_display_size
from filmgrain_codec.media.carriage import hdr10plus
from filmgrain_codec.media.carriage.players import PlayerGrain, Segments
from filmgrain_codec.media.encode import VideoEncoder
from filmgrain_codec.media.encoders import EncoderSpec
from filmgrain_codec.media.files import output_errors
from filmgrain_codec.media.notes import not_carried
from filmgrain_codec.media.probe import SourceInfo
from filmgrain_codec.media.shape import SIZE_TAG, shape_tag
from filmgrain_codec.media.streams import StreamCopier, file_tags, video_tags

InBand = Callable[[int], bytes | None]
HeaderTags = Callable[[str], dict[str, str]]

_OUT_OF_BAND = ("matroska", "webm", "mp4", "mov")
_TAKES = {
    "webm": {"av1"},
    "mp4": {"h264", "hevc", "av1", "ffv1"},
    "mov": {"h264", "hevc", "prores"},
    "mxf": {"prores", "ffv1"},
    "mpegts": {"h264", "hevc"},
}


@dataclass(frozen=True, slots=True)
class Job:
    """What ``Writer`` was asked for, apart from the path."""

    source: SourceInfo | None
    spec: EncoderSpec
    fmt: FrameFormat
    time_base: Fraction
    rate: Fraction | None
    copy_streams: bool = True
    frames: int | None = None
    in_band: InBand | None = None
    header_tags: HeaderTags | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    without_tags: frozenset[str] = frozenset()
    shown: Segments | None = None


class ContainerSink:
    """Encode frames into a container file at ``temporary``; ``name`` is the final path for messages."""

    def __init__(self, job: Job, container: str, temporary: Path, name: str) -> None:
        check_pair(container, job.spec)
        self.job, self.container, self.temporary, self.name = job, container, temporary, name
        self.dropped = not_carried(job.source, job.spec, container) if job.source else []
        self.video_bytes = 0
        self._output: OutputContainer | None = None
        self._copier: StreamCopier | None = None
        self._shift: int | None = None
        self._dynamic: dict[int, bytes] = {}
        self._extradata: bytes | None = None
        size = job.spec.width, job.spec.height
        subs = (job.fmt.sub_w, job.fmt.sub_h) if job.fmt.family == "yuv" else (1, 1)
        self._players = PlayerGrain(job.spec.codec, job.shown, size, subs) if job.shown else None
        sar = job.source.video.sar if job.source else Fraction(1)
        self._encoder = VideoEncoder(
            job.spec, job.fmt, job.time_base, job.rate, sar, global_header=container in _OUT_OF_BAND
        )
        with output_errors(name):
            temporary.touch()

    @property
    def bytes_written(self) -> int:
        """Video and copied streams, without the container's own bytes."""
        return self.video_bytes + (self._copier.bytes_copied if self._copier else 0)

    def write(self, frame: Frame) -> None:
        frame = self._from_zero(frame)
        if hdr10plus.HDR10PLUS in frame.props and self.job.spec.codec in hdr10plus.CODECS:
            self._dynamic[frame.index] = frame.props[hdr10plus.HDR10PLUS]
        for packet, index in self._encoder.encode(frame):
            self._mux(packet, index)

    def _from_zero(self, frame: Frame) -> Frame:
        """Times before zero are lost in MP4 (edit lists) and in Matroska (demuxers), so all is moved."""
        if self._shift is None:
            self._shift = max(0, -frame.pts)
            if self._shift:
                seconds = float(self._shift * self.job.time_base)
                self.dropped.append(
                    f"The times were moved by {seconds:.3f} s: the video began before zero, which "
                    f"{self.container} cannot hold."
                )
        return replace(frame, pts=frame.pts + self._shift) if self._shift else frame

    def close(self) -> None:
        for packet, index in self._encoder.flush():
            self._mux(packet, index)
        with output_errors(self.name):
            if self._copier:
                self._copier.pump(None)
            if self._output is None:
                raise OutputError(f"There were no frames to write to {self.name!r}.")
            output, self._output = self._output, None
            output.close()
        self._release()
        self._correct()

    def abort(self) -> None:
        if self._output is not None:
            with suppress(Exception):
                self._output.close()
            self._output = None
        self._release()

    def _release(self) -> None:
        if self._copier:
            self._copier.close()

    def _correct(self) -> None:
        """Write the aspect ratio that PyAV cannot give to the Matroska muxer."""
        source = self.job.source
        padded = any(self._crop())
        if source is None or self.container not in ("matroska", "webm") or padded:
            return
        with output_errors(self.name):
            written = set_display_size(self.temporary, source.video.sar)
        if not written and source.video.sar != 1:
            self.dropped.append(f"The aspect ratio {source.video.sar} was not carried by the container.")

    def _mux(self, packet: av.Packet, index: int) -> None:
        with output_errors(self.name):
            first = self._output is None
            if first:
                self._start()
            assert self._output is not None
            packet = self._rewritten(packet, index)
            if first:
                self._tag(packet)
            if self._copier and packet.dts is not None:
                self._copier.pump(packet.dts * self.job.time_base)
            packet.stream = self._stream
            self.video_bytes += packet.size
            self._output.mux(packet)

    def _rewritten(self, packet: av.Packet, index: int) -> av.Packet:
        if self._players is not None:
            packet = self._players.packet(packet, self._encoder.extradata, index)
        if index in self._dynamic:
            payload = self._dynamic.pop(index)
            packet = hdr10plus.added(self.job.spec.codec, packet, self._encoder.extradata, payload)
        record = self.job.in_band(index) if self.job.in_band and packet.is_keyframe else None
        if record is None:
            return packet
        return carriage.attach(self.job.spec.codec, packet, self._encoder.extradata, record)

    def _start(self) -> None:
        """Describe the streams; the muxer writes the header with the first packet, tags included."""
        job, spec = self.job, self.job.spec
        self._output = av.open(
            f"file:{self.temporary}", "w", format=self.container, container_options=self._muxer_options()
        )
        with header.template(spec.codec, (spec.width, spec.height), self._crop(), job.fmt.color) as like:
            self._stream: VideoStream = self._output.add_stream_from_template(like, opaque=True)
            self._extradata = self._encoder.extradata
            if self._players is not None:
                self._extradata = self._players.opened(like, self._extradata)
        self._describe()
        if job.copy_streams and job.source:
            source = job.source
            shift = (self._shift or 0) * job.time_base
            self._copier = StreamCopier(source.path, source.video.index, self._output, self.container, shift)
            self.dropped += self._copier.dropped

    def _crop(self) -> header.Crop:
        """What players shall hide: the source's own cropping and our padding."""
        spec, fmt, source = self.job.spec, self.job.fmt, self.job.source
        top, bottom, left, right = source.video.crop if source else (0, 0, 0, 0)
        return top, bottom + spec.height - fmt.height, left, right + spec.width - fmt.width

    def _muxer_options(self) -> dict[str, str]:
        options = {"fflags": "+bitexact", "avoid_negative_ts": "disabled"}
        if self.container in ("mp4", "mov"):
            options["movflags"] = "use_metadata_tags"
        return options

    def _describe(self) -> None:
        stream, theirs, ours = self._stream, self._encoder.context, self._stream.codec_context
        if self._extradata:
            ours.extradata = self._extradata
        ours.pix_fmt, ours.profile, ours.codec_tag = theirs.pix_fmt, theirs.profile, theirs.codec_tag
        if self.job.spec.codec == "hevc" and self.container in ("mp4", "mov"):
            ours.codec_tag = "hvc1"  # parameter sets are out of band, and Apple's players want it said
        ours.framerate, ours.sample_aspect_ratio = theirs.framerate, theirs.sample_aspect_ratio
        ours.bits_per_raw_sample, ours.field_order = self.job.spec.bits, 1
        color.tag(ours, self._encoder.fmt.color)
        stream.time_base = self.job.time_base
        stream.disposition = Disposition.default
        if self.job.source and self.job.source.video.display_matrix:
            stream.set_display_matrix(self.job.source.video.display_matrix)

    def _tag(self, packet: av.Packet) -> None:
        assert self._output is not None
        job = self.job
        ours = dict(job.metadata)
        if job.header_tags:
            ours |= job.header_tags(self._fingerprint(packet))
        shape = shape_tag(job.fmt, job.spec)
        if shape:
            ours[SIZE_TAG] = shape
        self._output.metadata.update(self._source_tags(file_tags) | ours)
        self._stream.metadata.update(self._source_tags(video_tags) | ours)

    def _source_tags(self, kept: Callable[[dict[str, str]], dict[str, str]]) -> dict[str, str]:
        source = self.job.source
        if source is None:
            return {}
        stream = next(s for s in source.streams if s.index == source.video.index)
        tags = kept(dict(stream.metadata if kept is video_tags else source.metadata))
        if kept is video_tags and source.video.timecode:
            tags["timecode"] = source.video.timecode
        return {k: v for k, v in tags.items() if k.upper() not in self.job.without_tags}

    def _fingerprint(self, packet: av.Packet) -> str:
        spec = self.job.spec
        return carriage.fingerprint(
            spec.codec, bytes(packet), self._encoder.extradata, spec.width, spec.height, self.job.frames
        )


def check_pair(container: str, spec: EncoderSpec) -> None:
    """Raise ``UsageError`` if the container cannot hold the codec."""
    takes = _TAKES.get(container)
    if takes is not None and spec.codec not in takes:
        known = ", ".join(sorted(takes))
        raise UsageError(f"{container} cannot hold {spec.codec} video (it takes {known}); choose .mkv.")
