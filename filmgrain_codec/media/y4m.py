"""Y4M (YUV4MPEG2) writing: the pipe format every encoder reads, at 8 to 16 bit."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import UsageError
from filmgrain_codec.media.convert import to_bytes
from filmgrain_codec.media.files import PIPE, output_errors
from filmgrain_codec.media.probe import USUAL_RATE, SourceInfo, VideoInfo

_CHROMA = {(1, 1): "420", (1, 0): "422", (0, 0): "444", (0, 1): "440", (2, 0): "411"}
_SITING = {0: "", 1: "mpeg2", 2: "jpeg", 3: "paldv"}


def header(fmt: FrameFormat, rate: Fraction, sar: Fraction) -> bytes:
    """The stream header; raises ``UsageError`` for RGB, which Y4M cannot hold."""
    extra = {1: " XCOLORRANGE=LIMITED", 2: " XCOLORRANGE=FULL"}.get(fmt.color.range, "")
    return (
        f"YUV4MPEG2 W{fmt.width} H{fmt.height} F{rate.numerator}:{rate.denominator} Ip "
        f"A{sar.numerator}:{sar.denominator} {_colour_space(fmt)}{extra}\n"
    ).encode()


def _colour_space(fmt: FrameFormat) -> str:
    if fmt.family == "rgb":
        raise UsageError("Y4M cannot hold RGB pictures; write a sequence, or FFV1 in Matroska.")
    depth = "" if fmt.bits == 8 else str(fmt.bits)
    if fmt.family == "gray":
        return f"Cmono{depth}" + (f" XYSCSS=MONO{depth}" if depth else "")
    sub = _CHROMA.get((fmt.sub_w, fmt.sub_h))
    if sub is None:
        raise UsageError("Y4M cannot hold this chroma subsampling; write FFV1 in Matroska.")
    if fmt.bits == 8:
        siting = _SITING.get(fmt.color.chroma_location, "") if sub == "420" else ""
        return f"C{sub}{siting}" if siting or sub != "420" else "C420jpeg"
    return f"C{sub}p{depth} XYSCSS={sub}P{depth}"


class Y4mWriter:
    """Write frames of one format as Y4M to a binary file (standard output, a pipe, a file).

    Y4M has no timestamps: frames come out at ``video.rate``. Raises ``OutputError`` if the reader
    at the other end goes away.
    """

    def __init__(
        self, file: BinaryIO, fmt: FrameFormat, video: VideoInfo | None = None, name: str = PIPE
    ) -> None:
        self.file, self.fmt, self._name = file, fmt, name
        rate = (video.rate if video else None) or USUAL_RATE
        self._header: bytes | None = header(fmt, rate, video.sar if video else Fraction(1))
        self.frames = self.bytes_written = 0

    def __enter__(self) -> Y4mWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            with output_errors(self._name):
                self._head()
                self.file.flush()

    def write(self, frame: Frame) -> None:
        """Write one frame; its format must be the stream's."""
        ours, theirs = self.fmt, frame.fmt
        if (ours.width, ours.height, ours.bits) != (theirs.width, theirs.height, theirs.bits):
            raise UsageError("All frames of a Y4M stream have one size and depth.")
        with output_errors(self._name):
            self._head()
            data = to_bytes(frame)
            self.file.write(b"FRAME\n")
            self.file.write(data)
        self.frames += 1
        self.bytes_written += len(data) + 6

    def _head(self) -> None:
        if self._header is not None:
            self.file.write(self._header)
            self.bytes_written += len(self._header)
            self._header = None


class Y4mSink:
    """A Y4M file being written at ``temporary``; it can hold nothing but pictures."""

    def __init__(
        self, temporary: Path, name: str, fmt: FrameFormat, source: SourceInfo | None, rate: Fraction | None
    ) -> None:
        self.dropped = lost(source, "Y4M")
        self._name = name
        header(fmt, Fraction(1), Fraction(1))
        with output_errors(name):
            self._file = temporary.open("wb")
        video = replace(source.video, rate=rate or source.video.rate) if source else None
        self._writer = Y4mWriter(self._file, fmt, video, name)

    @property
    def bytes_written(self) -> int:
        return self._writer.bytes_written

    @property
    def video_bytes(self) -> int:
        return self._writer.bytes_written

    def write(self, frame: Frame) -> None:
        self._writer.write(frame)

    def close(self) -> None:
        with output_errors(self._name):
            self._writer.__exit__(None, None, None)
            self._file.close()

    def abort(self) -> None:
        with suppress(OSError):
            self._file.close()


def lost(source: SourceInfo | None, what: str) -> list[str]:
    """Sentences naming what a form without a container cannot hold, the streams first."""
    if source is None:
        return []
    others = [s.kind for s in source.streams if s.index != source.video.index]
    kinds = ", ".join(sorted(set(others)))
    notes = [f"{len(others)} other streams ({kinds}) were not carried: {what} has none."] if others else []
    rest = ", ".join(name for name, there in _extras(source).items() if there)
    return [*notes, f"Not carried, because {what} has no place for it: {rest}."] if rest else notes


def _extras(source: SourceInfo) -> dict[str, bool]:
    """What may lie beside the pictures, and whether it does."""
    video, color = source.video, source.video.fmt.color
    return {
        "chapters": bool(source.chapters),
        "the timecode": video.timecode is not None,
        "rotation": bool(video.rotation),
        "mastering display and content light": bool(color.mastering or color.content_light),
        "Dolby Vision": video.dolby_vision,
        "HDR10+": video.hdr10plus,
        "A53 captions": video.captions,
        "alpha": video.alpha,
    }
