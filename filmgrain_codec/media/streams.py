"""Everything beside the main video: audio, subtitles, attachments, other video, chapters, tags.

The source is opened a second time and its other streams are pumped, packet by packet, up to the time
the video has reached; so memory does not grow with length.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import av.error
from av.container import InputContainer, OutputContainer
from av.stream import Disposition, Stream

from filmgrain_codec.media.files import input_errors, open_input
from filmgrain_codec.media.probe import codec_of, exact

# Subtitle codecs a container takes as they are; audio is asked of FFmpeg's own table.
_STILLS = {"png": ("png", "image/png"), "mjpeg": ("jpg", "image/jpeg"), "webp": ("webp", "image/webp")}
_SUBTITLES = {
    "matroska": {
        "subrip", "srt", "ass", "ssa", "webvtt", "text", "hdmv_pgs_subtitle", "pgssub", "dvd_subtitle",
        "dvdsub", "dvb_subtitle", "dvbsub", "hdmv_text_subtitle",
    },
    "webm": {"webvtt"},
    "mp4": {"mov_text", "dvd_subtitle", "dvdsub"},
    "mov": {"mov_text", "eia_608", "cc_dec"},
    "mpegts": {"dvb_subtitle", "dvbsub", "hdmv_pgs_subtitle", "pgssub", "dvb_teletext"},
    "mxf": set(),
}  # fmt: skip

_FILE_TAGS = {"major_brand", "minor_version", "compatible_brands", "encoder", "creation_time_raw"}
_VIDEO_TAGS = {"encoder", "duration", "bps", "number_of_frames", "number_of_bytes", "vendor_id"}
_COPIED_TAGS = {"duration", "vendor_id"}


def kept(metadata: dict[str, str], unwanted: set[str]) -> dict[str, str]:
    """Tags without those that describe the old file or its old coding."""

    def stale(key: str) -> bool:
        name = key.lower()
        base = name.rsplit("-", 1)[0] if len(name.rsplit("-", 1)[-1]) == 3 else name
        return base in unwanted or name.startswith("_statistics") or name.startswith("filmgrain")

    return {k: v for k, v in metadata.items() if not stale(k)}


def file_tags(metadata: dict[str, str]) -> dict[str, str]:
    """The container's tags that go on to the new file."""
    return kept(metadata, _FILE_TAGS)


def video_tags(metadata: dict[str, str]) -> dict[str, str]:
    """The main video stream's tags that are still true after re-encoding."""
    return kept(metadata, _VIDEO_TAGS)


class StreamCopier:
    """Copies the other streams of ``path`` into ``output`` while its video is being written.

    Create it before the header is written (it adds the streams); ``dropped`` names what the
    container cannot take. ``main`` is the index of the video stream that is being re-encoded, ``shift``
    is added to all times, in seconds.
    """

    def __init__(
        self, path: str, main: int, output: OutputContainer, container: str, shift: Fraction = Fraction(0)
    ) -> None:
        self.path, self.output, self.container_name = path, output, container
        self.shift = shift
        self.dropped: list[str] = []
        self.source: InputContainer = open_input(path)
        self.bytes_copied = 0
        self._pairs: dict[int, Stream] = {}
        for stream in self.source.streams:
            if stream.index != main:
                self._add(stream)
        self._chapters()
        self._packets = self._demux()
        self._waiting: av.Packet | None = None

    def close(self) -> None:
        """Close the second view of the source."""
        self.source.close()

    def _add(self, stream: Stream) -> None:
        refusal = self._refusal(stream)
        if refusal == "":
            return
        if refusal is None:
            try:
                self._pairs[stream.index] = self._copy(stream)
                return
            except (ValueError, av.error.FFmpegError, AttributeError) as e:
                refusal = f"{self.container_name} cannot hold it ({e})"
        self.dropped.append(f"{_called(stream)} was not carried: {refusal}.")

    def _refusal(self, stream: Stream) -> str | None:
        """None if the stream can be copied, '' if it needs no mention, else why it cannot."""
        codec, name = codec_of(stream) or "unknown", self.container_name
        if self._as_text(stream):
            return None
        if stream.type == "subtitle" and codec not in _SUBTITLES.get(name, set()):
            hint = "; choose .mkv" if name != "matroska" else ""
            return f"{name} cannot hold {codec} subtitles{hint}"
        if stream.type == "data":
            return self._data_refusal(stream, codec)
        if stream.type == "attachment" and name != "matroska":
            return f"{name} cannot hold attachments; choose .mkv"
        if stream.type == "video" and name in ("yuv4mpegpipe", "webm"):
            return f"{name} takes no second video of the codec {codec}"
        return None

    def _as_attachment(self, stream: Stream) -> bool:
        """Cover pictures are video streams to FFmpeg, and attachments in a Matroska file."""
        return self.container_name == "matroska" and bool(stream.disposition & Disposition.attached_pic)

    def _as_text(self, stream: Stream) -> bool:
        """MP4's timed text goes into Matroska as SubRip; its styling, rarely used, is left behind."""
        return self.container_name == "matroska" and codec_of(stream) == "mov_text"

    def _data_refusal(self, stream: Stream, codec: str) -> str | None:
        if any(k.lower() == "timecode" for k in stream.metadata):
            return ""  # carried as the timecode tag, from which MOV and MP4 make a new track
        if self.source.chapters() and codec in ("bin_data", "unknown"):
            return ""  # QuickTime's chapter text track; the chapters themselves are carried
        return f"{self.container_name} cannot hold data of the kind {codec}"

    def _copy(self, stream: Stream) -> Stream:
        if stream.type == "attachment" or self._as_attachment(stream):
            return self._attachment(stream)
        if self._as_text(stream):
            copy = self.output.add_mux_stream("subrip")
        else:
            copy = self.output.add_stream_from_template(stream, opaque=True)
        copy.metadata.update(kept(dict(stream.metadata), _COPIED_TAGS))
        copy.disposition = stream.disposition
        if stream.type == "video":  # ours must stay the one that players and FFmpeg choose
            copy.disposition = stream.disposition & ~Disposition.default
        return copy

    def _attachment(self, stream: Stream) -> Stream:
        codec = codec_of(stream) or "bin"
        ending, kind = _STILLS.get(codec, (codec, "application/octet-stream"))
        name = stream.metadata.get("filename") or f"cover.{ending}"
        kind = stream.metadata.get("mimetype") or kind
        data = _first_packet(self.path, stream.index) if stream.type == "video" else _payload(stream)
        copy = self.output.add_attachment(name, kind, data)
        copy.metadata.update(kept(dict(stream.metadata), _COPIED_TAGS))
        return copy

    def _chapters(self) -> None:
        chapters = self.source.chapters()
        if not chapters:
            return
        if self.container_name in ("matroska", "webm", "mp4", "mov"):
            self.output.set_chapters([self._moved(c) for c in chapters])
        else:
            self.dropped.append(f"{len(chapters)} chapters were not carried: {self.container_name} has none.")

    def _moved(self, chapter: Any) -> Any:
        ticks = round(self.shift / (exact(chapter["time_base"]) or Fraction(1)))
        return {**chapter, "start": chapter["start"] + ticks, "end": chapter["end"] + ticks}

    def _demux(self) -> Iterator[av.Packet]:
        timed = (i for i, copy in self._pairs.items() if copy.type != "attachment")
        wanted = [self.source.streams[i] for i in timed]
        if not wanted:
            return
        with input_errors(self.path):
            for packet in self.source.demux(wanted):
                if packet.size and (packet.dts is not None or packet.pts is not None):
                    yield packet

    def pump(self, until: Fraction | None) -> None:
        """Mux every packet up to a time in seconds; all that is left if ``until`` is None."""
        while True:
            packet = self._waiting or next(self._packets, None)
            self._waiting = None
            if packet is None:
                return
            if until is not None and _time(packet) + self.shift > until:
                self._waiting = packet
                return
            self._mux(packet)

    def _mux(self, packet: av.Packet) -> None:
        if self._as_text(packet.stream):
            text = _subrip(packet)
            if text is None:
                return
            packet = text
        if self.shift:
            ticks = round(self.shift / (exact(packet.time_base) or Fraction(1, 1000)))
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks
        packet.stream = self._pairs[packet.stream.index]
        self.bytes_copied += packet.size
        self.output.mux(packet)


def _payload(stream: Stream) -> bytes:
    data = getattr(stream, "data", None)  # fonts of known kinds have a codec context instead
    return data if data is not None else bytes(stream.codec_context.extradata or b"")


def _first_packet(path: str, index: int) -> bytes:
    with open_input(path) as container, input_errors(path):
        packets = container.demux(container.streams[index])
        return next((bytes(p) for p in packets if p.size), b"")


def _subrip(packet: av.Packet) -> av.Packet | None:
    """A timed-text packet (16-bit length, UTF-8 text, style boxes) as SubRip; None for a gap."""
    data = bytes(packet)
    text = data[2 : 2 + int.from_bytes(data[:2], "big")]
    if not text.strip():
        return None
    out = av.Packet(text)
    out.stream = packet.stream
    out.pts, out.dts, out.duration, out.time_base = packet.pts, packet.dts, packet.duration, packet.time_base
    return out


def _time(packet: av.Packet) -> Fraction:
    stamp = packet.dts if packet.dts is not None else packet.pts
    return (stamp or 0) * (exact(packet.time_base) or Fraction(1, 1000))


def _called(stream: Stream) -> str:
    what = " ".join(w for w in (stream.type, codec_of(stream), stream.metadata.get("language")) if w)
    return f"Stream {stream.index} ({what})"
