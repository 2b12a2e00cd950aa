"""Decoded frames of a source, exactly timed, with truncation and damage noticed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain, islice
from types import TracebackType
from typing import Any

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.errors import InputError, VerifyError
from filmgrain_codec.media.carriage import hdr10plus
from filmgrain_codec.media.convert import from_av
from filmgrain_codec.media.decode import NativeGrain, Tally, decoded, main_video, prepare
from filmgrain_codec.media.files import PIPE, open_input
from filmgrain_codec.media.headers import Headers
from filmgrain_codec.media.index import presentation_times
from filmgrain_codec.media.probe import LOOK, USUAL_RATE, SourceInfo, as_yuv, describe
from filmgrain_codec.media.quantisers import alone, quantiser_of
from filmgrain_codec.media.rgb import to_yuv
from filmgrain_codec.media.sequence import frame_rate_options
from filmgrain_codec.media.whole import missing_bytes

_CARRIED = ("A53_CC",)  # what encoders here can write from a picture's side data


class Reader:
    """Iterate over the frames of a file, a sequence or ``-`` from frame ``start`` on.

    ``native_grain``: 'apply' shows the grain that an AV1, H.264 or HEVC stream describes itself
    (for sources: it is part of the picture), 'export' leaves it out (for our own base layers).
    ``rate`` is the frame rate of numbered stills. ``yuv`` delivers RGB sources as Y'CbCr 4:4:4 (see
    media/rgb.py; props 'over_range' then counts what cannot be coded). ``quantisers`` tells of every frame
    how coarsely it was coded: props 'FGCodec', and 'FGQP' and 'FGKeyQP' where the stream tells (see
    ``core.quantiser``, ``media.quantisers``).

    Frames have ``props``: 'keyframe' (of the source codec), 'interlaced', 'carrier' (the decoded picture)
    where it holds A53 captions, and 'hdr10plus' (see ``carriage.hdr10plus``) where HEVC or AV1 says it.

    Raises ``InputError`` if nothing can be decoded, or if the picture size changes on the way.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        start: int = 0,
        *,
        native_grain: NativeGrain = "apply",
        rate: Fraction | None = None,
        threads: int | None = None,
        yuv: bool = False,
        quantisers: bool = False,
    ) -> None:
        self.path, self.start = os.fspath(path), start
        self.tally = Tally()
        self.frames_read = 0
        self._end: Fraction | None = None
        self._options = frame_rate_options(self.path, rate)
        self._settings = (native_grain, threads, quantisers)
        self._container, self._stream, self._raw = self._open()
        try:
            head = list(islice(self._raw, LOOK))
            own = describe(self._container, self._stream, self.path, head)
        except BaseException:
            self.close()
            raise
        self._fmt, self._coded = own.video.fmt, (head[0].width, head[0].height, head[0].format.name)
        self.info: SourceInfo = as_yuv(own) if yuv else own
        self._raw = chain(head, self._raw)
        self.retimed = 0

    def _open(self) -> tuple[InputContainer, VideoStream, Iterator[av.VideoFrame]]:
        container = open_input(self.path, **self._options)
        stream = main_video(container, self.path)
        prepare(stream, *self._settings)
        self.tally.headers = Headers(stream) if self._settings[2] else None
        self.tally.said = hdr10plus.reading(stream)
        return container, stream, decoded(container, stream, self.path, self.tally)

    @property
    def first_packet(self) -> bytes | None:
        """The first coded packet of the video stream as the container holds it."""
        return self.tally.first_packet

    @property
    def extradata(self) -> bytes | None:
        """The codec's out-of-band header, if it has one."""
        data = self._stream.codec_context.extradata
        return bytes(data) if data else None

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; further iteration is not possible."""
        self._container.close()

    def __iter__(self) -> Iterator[Frame]:
        index, last = self._seek(), None
        for raw in self._raw:
            pts = self._pts(raw, index, last)
            last = pts
            if index >= self.start:
                yield self._frame(raw, index, pts)
            elif self._settings[2] and alone(raw):
                quantiser_of(raw, self._stream, self.tally)
            index += 1

    def _seek(self) -> int:
        """Go to the keyframe before ``start`` where that is exact; the index decoding resumes at."""
        if self.start < 2 * LOOK or self.path == PIPE:
            return 0
        times = presentation_times(self.path, self.info.video.index)
        if times is None or self.start >= len(times):
            return 0
        self._container.seek(times[self.start], stream=self._stream)
        raw = decoded(self._container, self._stream, self.path, self.tally)
        head = next(raw, None)
        if head is not None and head.pts in times and head.pts <= times[self.start]:
            self._raw = chain([head], raw)
            return times.index(head.pts)
        self._container.close()
        self._container, self._stream, self._raw = self._open()
        return 0

    def _pts(self, raw: av.VideoFrame, index: int, last: int | None) -> int:
        """The picture's time; counted where the stream has none, moved on where it does not rise."""
        video = self.info.video
        if raw.pts is None and (last is None or video.time_base == 1 / (video.rate or USUAL_RATE)):
            return index
        if raw.pts is None or (last is not None and raw.pts <= last):
            self.retimed += 1
            step = raw.duration or (1 / (video.rate or USUAL_RATE) / video.time_base).__floor__() or 1
            return (last or 0) + max(1, step)
        return int(raw.pts)

    def _frame(self, raw: av.VideoFrame, index: int, pts: int) -> Frame:
        video, now = self.info.video, (raw.width, raw.height, raw.format.name)
        if now != self._coded:
            then = "{}x{} {}".format(*self._coded)
            raise InputError(
                f"The picture of {self.path!r} changes from {then} to {'{}x{} {}'.format(*now)} "
                f"at frame {index}; cut the source there and process the parts."
            )
        duration = raw.duration or 0
        self.frames_read += 1
        self._end = (pts + duration) * video.time_base
        props = _props(raw) | (quantiser_of(raw, self._stream, self.tally) if self._settings[2] else {})
        frame = from_av(raw, self._fmt, index, pts, video.time_base, duration, props)
        return frame if self._fmt is video.fmt else to_yuv(frame, video.fmt, video.real)

    @property
    def problems(self) -> list[str]:
        """One sentence for each kind of damage noticed so far; complete after the last frame."""
        found = []
        if self.tally.failed:
            found.append(
                f"{self.tally.failed} of {self.tally.packets} packets of {self.path!r} could not be decoded"
            )
        if self.tally.corrupt:
            found.append(f"{self.tally.corrupt} frames of {self.path!r} were decoded with errors")
        short = self._missing()
        if short:
            found.insert(0, short)
        lacking = missing_bytes(self.path) if not found and self.path != PIPE else 0
        if lacking:
            found.append(f"{self.path!r} ends {lacking} bytes before the end it declares")
        return found

    def check_complete(self) -> None:
        """Call after the last frame: raises ``VerifyError`` if the source is cut short or damaged.

        Not noticed: damage that a decoder conceals without marking the frame (FFV1's slices), and a cut
        at a packet's end in formats that declare no length (TS, raw streams).
        """
        problems = self.problems
        if problems:
            raise VerifyError(f"{problems[0]}; the source is damaged or incomplete, get a whole copy of it.")

    def _missing(self) -> str | None:
        video, end = self.info.video, self._end
        if end is None or video.duration is None or not self._declares_duration():
            return None
        frame = 1 / video.rate if video.rate else Fraction(1, 24)
        declared = video.start + video.duration
        reached = max([end, *self._other_ends()])
        if declared - reached <= max(2 * frame, Fraction(1, 10)):
            return None
        return (
            f"{self.path!r} declares {float(video.duration):.2f} s but its video ends after "
            f"{float(end - video.start):.2f} s"
        )

    def _declares_duration(self) -> bool:
        """Containers whose length is written down, not worked out from what is there."""
        names = set(self.info.container.split(","))
        return bool(names & {"mov", "matroska", "mxf", "avi", "ivf"})

    def _other_ends(self) -> list[Fraction]:
        """Where only the whole file declares a length, the longest stream has to reach it."""
        stream = self._stream
        if stream.duration is not None or any(k.upper() == "DURATION" for k in stream.metadata):
            return []
        return list(self.tally.ends.values())


def _props(raw: av.VideoFrame) -> dict[str, Any]:
    props: dict[str, Any] = {"keyframe": raw.key_frame, "interlaced": raw.interlaced_frame}
    if any(raw.side_data.get(kind) is not None for kind in _CARRIED):
        props["carrier"] = raw
    if raw.opaque is not None and raw.side_data.get("DYNAMIC_HDR_PLUS") is not None:  # it makes sense
        props[hdr10plus.HDR10PLUS] = raw.opaque
    return props
