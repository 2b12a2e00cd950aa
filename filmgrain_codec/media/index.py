"""What a finished file holds, from its packets alone (no decoding)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av


@dataclass(frozen=True, slots=True)
class StreamCount:
    """Numbers of streams by kind."""

    audio: int
    subtitle: int


def video_times(path: Path) -> tuple[Fraction, ...]:
    """Presentation times in seconds of the main video stream's packets, in display order."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        base = Fraction(stream.time_base)
        times = [p.pts * base for p in container.demux(stream) if p.pts is not None and p.size]
    return tuple(sorted(times))


def count_streams(path: Path) -> StreamCount:
    """Audio and subtitle streams of a file."""
    with av.open(str(path)) as container:
        kinds = [stream.type for stream in container.streams]
    return StreamCount(kinds.count("audio"), kinds.count("subtitle"))
