"""What a file's packets say, without decoding: times of the video, streams by kind."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction

from filmgrain_codec.media.decode import main_video
from filmgrain_codec.media.files import input_errors, open_input


@dataclass(frozen=True, slots=True)
class StreamCount:
    """How many streams of each kind a file holds."""

    video: int = 0
    audio: int = 0
    subtitle: int = 0
    attachment: int = 0
    data: int = 0


def count_streams(path: str | os.PathLike[str]) -> StreamCount:
    """Count the streams of a file; raises ``InputError`` if it cannot be opened."""
    with open_input(os.fspath(path)) as container:
        kinds = [s.type for s in container.streams]
    return StreamCount(*(kinds.count(k) for k in ("video", "audio", "subtitle", "attachment", "data")))


def presentation_times(path: str, index: int | None = None) -> list[int] | None:
    """Sorted times of all shown packets of a video stream in its time base; None if any lacks one."""
    with open_input(path) as container, input_errors(path):
        stream = main_video(container, path) if index is None else container.streams[index]
        times = [p.pts for p in container.demux(stream) if p.size and not p.is_discard]
    found = [t for t in times if t is not None]
    return sorted(found) if len(found) == len(times) else None


def video_times(path: str | os.PathLike[str]) -> list[Fraction]:
    """Sorted presentation times in seconds of the main video stream's shown packets.

    Packets without a time (raw streams) are left out. Raises ``InputError``.
    """
    name = os.fspath(path)
    with open_input(name) as container, input_errors(name):
        stream = main_video(container, name)
        base = Fraction(stream.time_base.numerator, stream.time_base.denominator)
        shown = (p.pts for p in container.demux(stream) if p.size and not p.is_discard)
        return sorted(pts * base for pts in shown if pts is not None)
