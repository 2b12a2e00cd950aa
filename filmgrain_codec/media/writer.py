"""Writing frames to a file, a sequence of stills or Y4M, under a temporary name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Protocol

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import UsageError
from filmgrain_codec.media.atomic import discard, temporary_for
from filmgrain_codec.media.carriage.players import Segments
from filmgrain_codec.media.encoders import EncoderSpec
from filmgrain_codec.media.files import check_target, container_for
from filmgrain_codec.media.mux import ContainerSink, HeaderTags, InBand, Job
from filmgrain_codec.media.probe import SourceInfo
from filmgrain_codec.media.stills import StillsSink
from filmgrain_codec.media.y4m import Y4mSink


class Sink(Protocol):
    """Where frames go."""

    dropped: list[str]

    @property
    def video_bytes(self) -> int: ...

    @property
    def bytes_written(self) -> int: ...

    def write(self, frame: Frame) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...


class Writer:
    """Write frames to a temporary file beside ``path``; the caller renames it (media/atomic.py).

    The ending of ``path`` decides: a container, numbered stills (``shot.%04d.png``; then
    ``temporary`` is a folder) or Y4M; ``encoder`` counts for containers only.
    ``source`` gives what is carried over: streams, chapters, tags, aspect ratio, rotation.
    ``in_band(frame index)`` returns the record to attach to the keyframe at that frame, or None.
    ``shown(frame index)`` returns the segment whose grain ordinary players show (``carriage.players``).
    ``header_tags(fingerprint)`` returns tags for the file and its video stream. ``without_tags``
    names source tags to leave out. ``frames`` is the number of frames to come, if it is known.
    ``dropped`` holds one sentence for each thing that could not be carried; it is complete after
    ``close``. Used as a context, it closes on success and removes the temporary file on failure.

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
        shown: Segments | None = None,
        header_tags: HeaderTags | None = None,
        metadata: Mapping[str, str] | None = None,
        without_tags: Iterable[str] = (),
    ) -> None:
        self.path = Path(path)
        self.container = container_for(str(path))
        check_target(str(path))
        self.temporary = temporary_for(path)
        self.frames = 0
        self._last: Fraction | None = None
        job = Job(
            source, encoder, fmt, time_base, rate, copy_streams, frames, in_band, header_tags,
            dict(metadata or {}), frozenset(t.upper() for t in without_tags), shown,
        )  # fmt: skip
        self._sink = self._sink_for(job)

    def _sink_for(self, job: Job) -> Sink:
        if self.container == "sequence":
            return StillsSink(self.path, self.temporary, job.fmt, job.source)
        if self.container == "yuv4mpegpipe":
            return Y4mSink(self.temporary, str(self.path), job.fmt, job.source, job.rate)
        return ContainerSink(job, self.container, self.temporary, str(self.path))

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.abort()
            return
        try:
            self.close()
        except BaseException:
            self.abort()
            raise

    @property
    def dropped(self) -> list[str]:
        """One sentence for each thing of the source that could not be carried."""
        return self._sink.dropped

    @property
    def bytes_written(self) -> int:
        """Bytes handed to the file so far: video and copied streams."""
        return self._sink.bytes_written

    @property
    def video_bytes(self) -> int:
        """Bytes of coded video so far, in-band records included."""
        return self._sink.video_bytes

    def write(self, frame: Frame) -> None:
        """Write one frame; its time must be later than that of the one before."""
        if self._last is not None and frame.time <= self._last:
            raise UsageError(f"Frame {frame.index} is not later than the one before it.")
        self._last = frame.time
        self._sink.write(frame)
        self.frames += 1

    def close(self) -> None:
        """Finish the temporary file. It keeps its temporary name."""
        self._sink.close()

    def abort(self) -> None:
        """Give up: close what is open and remove the temporary file."""
        self._sink.abort()
        discard(self.temporary)
