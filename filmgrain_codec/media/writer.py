"""Writing a video file: encode, rewrite keyframes, copy everything else, exactly timed.

The header is written when the encoder's first packet is there, so tags may depend on it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
from av.container import OutputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import OutputError, UsageError
from filmgrain_codec.media import carriage, color, header
from filmgrain_codec.media.atomic import discard, temporary_for
from filmgrain_codec.media.encode import VideoEncoder
from filmgrain_codec.media.encoders import EncoderSpec
from filmgrain_codec.media.files import check_target, container_for, output_errors
from filmgrain_codec.media.notes import not_carried
from filmgrain_codec.media.probe import SourceInfo
from filmgrain_codec.media.streams import StreamCopier, file_tags, video_tags

InBand = Callable[[int], bytes | None]
HeaderTags = Callable[[str], dict[str, str]]

SIZE_TAG = "FILMGRAIN_SIZE"
_GLOBAL_TAGS = ("mp4", "mov")
_TAKES = {
    "webm": {"av1"},
    "mp4": {"h264", "hevc", "av1", "ffv1"},
    "mov": {"h264", "hevc", "prores", "ffv1"},
    "mxf": {"h264", "prores"},
    "mpegts": {"h264", "hevc"},
}


class Writer:
    """Write frames to a temporary file beside ``path``; the caller renames it (media/atomic.py).

    ``source`` gives what is carried over: streams, chapters, tags, aspect ratio, rotation.
    ``in_band(frame index)`` returns the record to attach to the keyframe at that frame, or None.
    ``header_tags(fingerprint)`` returns tags for the file and its video stream. ``without_tags``
    names source tags to leave out. ``frames`` is the number of frames to come, if it is known.
    Used as a context, it closes on success and removes the temporary file on failure.

    Raises ``OutputError`` (disk, folder), ``EncoderError``, ``UsageError`` (codec and container).
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        source: SourceInfo | None,
        encoder: EncoderSpec,
        fmt: FrameFormat,
        *,
        time_base: Fraction,
        rate: Fraction | None,
        copy_streams: bool = True,
        frames: int | None = None,
        in_band: InBand | None = None,
        header_tags: HeaderTags | None = None,
        metadata: Mapping[str, str] | None = None,
        without_tags: Iterable[str] = (),
    ) -> None:
        self.path, self.source, self.spec, self.fmt = Path(path), source, encoder, fmt
        self.time_base, self.rate = time_base, rate
        self.expected, self._in_band, self._header_tags = frames, in_band, header_tags
        self._copy_streams, self._metadata = copy_streams and source is not None, dict(metadata or {})
        self._without = {t.upper() for t in without_tags}
        self.container = container_for(str(path))
        _check_pair(self.container, encoder)
        check_target(str(path))
        self.temporary = temporary_for(path)
        self.dropped: list[str] = not_carried(source, encoder, self.container) if source else []
        self.frames = self.video_bytes = 0
        self._last: Fraction | None = None
        self._output: OutputContainer | None = None
        self._copier: StreamCopier | None = None
        sar = source.video.sar if source else Fraction(1)
        self._encoder = VideoEncoder(encoder, fmt, time_base, rate, sar)
        with output_errors(str(path)):
            self.temporary.touch()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()

    @property
    def bytes_written(self) -> int:
        """Bytes handed to the file so far: video and copied streams, without the container's own."""
        return self.video_bytes + (self._copier.bytes_copied if self._copier else 0)

    def write(self, frame: Frame) -> None:
        """Encode one frame; its time must be later than that of the one before."""
        if self._last is not None and frame.time <= self._last:
            raise UsageError(f"Frame {frame.index} is not later than the one before it.")
        self._last = frame.time
        frame = self._in_our_time(frame)
        for packet, index in self._encoder.encode(frame):
            self._mux(packet, index)
        self.frames += 1

    def _in_our_time(self, frame: Frame) -> Frame:
        if frame.time_base != self.time_base:
            raise UsageError(f"Frame {frame.index} is timed in {frame.time_base}, not {self.time_base}.")
        return frame

    def close(self) -> None:
        """Finish the temporary file. It keeps its temporary name."""
        for packet, index in self._encoder.flush():
            self._mux(packet, index)
        with output_errors(str(self.path)):
            if self._copier:
                self._copier.pump(None)
            if self._output is None:
                raise OutputError(f"There were no frames to write to {str(self.path)!r}.")
            self._output.close()
            self._output = None
        self._release()

    def abort(self) -> None:
        """Give up: close what is open and remove the temporary file."""
        if self._output is not None:
            with suppress(Exception):
                self._output.close()
            self._output = None
        self._release()
        discard(self.temporary)

    def _release(self) -> None:
        if self._copier:
            self._copier.close()

    def _mux(self, packet: av.Packet, index: int) -> None:
        with output_errors(str(self.path)):
            if self._output is None:
                self._start(packet)
            assert self._output is not None
            if self._copier and packet.dts is not None:
                self._copier.pump(packet.dts * self.time_base)
            packet = self._rewritten(packet, index)
            packet.stream = self._stream
            self.video_bytes += packet.size
            self._output.mux(packet)

    def _rewritten(self, packet: av.Packet, index: int) -> av.Packet:
        record = self._in_band(index) if self._in_band and packet.is_keyframe else None
        if record is None:
            return packet
        return carriage.attach(self.spec.codec, packet, self._encoder.extradata, record)

    def _start(self, packet: av.Packet) -> None:
        """Describe the streams and tags; the muxer writes the header with the first packet."""
        self._output = av.open(
            str(self.temporary), "w", format=self.container, container_options=self._muxer_options()
        )
        coded, shown = (self.spec.width, self.spec.height), (self.fmt.width, self.fmt.height)
        with header.template(self.spec.codec, coded, shown, self.fmt.color) as t:
            self._stream: VideoStream = self._output.add_stream_from_template(t, opaque=True)
        self._describe()
        if self._copy_streams and self.source:
            self._copier = StreamCopier(
                self.source.path, self.source.video.index, self._output, self.container
            )
            self.dropped += self._copier.dropped
        self._tag(packet)

    def _muxer_options(self) -> dict[str, str]:
        options = {"fflags": "+bitexact", "avoid_negative_ts": "disabled"}
        if self.container in _GLOBAL_TAGS:
            options["movflags"] = "use_metadata_tags"
        return options

    def _describe(self) -> None:
        stream, theirs, ours = self._stream, self._encoder.context, self._stream.codec_context
        if theirs.extradata:
            ours.extradata = theirs.extradata
        ours.pix_fmt, ours.profile, ours.codec_tag = theirs.pix_fmt, theirs.profile, theirs.codec_tag
        ours.framerate, ours.sample_aspect_ratio = theirs.framerate, theirs.sample_aspect_ratio
        ours.bits_per_raw_sample, ours.field_order = self.spec.bits, 1
        color.tag(ours, self.fmt.color)
        stream.time_base = self.time_base
        stream.disposition = Disposition.default
        if self.source and self.source.video.display_matrix:
            stream.set_display_matrix(self.source.video.display_matrix)

    def _tag(self, packet: av.Packet) -> None:
        assert self._output is not None
        for_file, for_stream = self._source_tags()
        ours = dict(self._metadata)
        if self._header_tags:
            ours |= self._header_tags(self._fingerprint(packet))
        if (self.spec.width, self.spec.height) != (self.fmt.width, self.fmt.height):
            ours[SIZE_TAG] = f"{self.fmt.width}x{self.fmt.height}"
        self._output.metadata.update(for_file | ours)
        self._stream.metadata.update(for_stream | ours)

    def _source_tags(self) -> tuple[dict[str, str], dict[str, str]]:
        if self.source is None:
            return {}, {}
        video = self.source.video
        for_file = file_tags(dict(self.source.metadata))
        stream = next(s for s in self.source.streams if s.index == video.index)
        for_stream = video_tags(dict(stream.metadata))
        if video.timecode:
            for_stream["timecode"] = video.timecode
        return self._wanted(for_file), self._wanted(for_stream)

    def _wanted(self, tags: dict[str, str]) -> dict[str, str]:
        return {k: v for k, v in tags.items() if k.upper() not in self._without}

    def _fingerprint(self, packet: av.Packet) -> str:
        return carriage.fingerprint(
            self.spec.codec, bytes(packet), self._encoder.extradata, self.spec.width, self.spec.height,
            self.expected,
        )  # fmt: skip


def _check_pair(container: str, spec: EncoderSpec) -> None:
    takes = _TAKES.get(container)
    if takes is not None and spec.codec not in takes:
        known = ", ".join(sorted(takes))
        raise UsageError(f"{container} cannot hold {spec.codec} video (it takes {known}); choose .mkv.")
