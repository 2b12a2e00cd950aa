"""The verify step: a finished file is read back before it gets its final name."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from filmgrain_codec.errors import VerifyError
from filmgrain_codec.media import carriage
from filmgrain_codec.media.index import StreamCount, count_streams, video_times

ROUNDING = Fraction(1, 1000)
"""Matroska stores milliseconds; a timestamp may move by one of them, never by more."""


def timestamps(path: Path, expected: Sequence[Fraction]) -> None:
    """Frame count and every timestamp of the video equal the source's (relative to its first).

    Stills and Y4M hold no timestamps: there the count is all that can be compared.
    """
    if path.is_dir():
        _same_count(path, sum(1 for _ in path.iterdir()), len(expected))
        return
    found = video_times(path)
    _same_count(path, len(found), len(expected))
    if not found or not _timed(path):
        return
    shift = found[0] - expected[0]
    worst = max(abs(f - e - shift) for f, e in zip(found, expected, strict=True))
    if worst > ROUNDING:
        raise VerifyError(f"{path.name}: a timestamp is off by {float(worst):.4f} s; nothing was kept")


def streams(path: Path, source: Path, dropped: int) -> None:
    """All audio and subtitle streams of the source are there, but for those named as dropped."""
    if not _timed(path):
        return
    want, have = count_streams(source), count_streams(path)
    missing = _total(want) - _total(have)
    if missing > dropped:
        raise VerifyError(f"{path.name}: lost {missing} audio or subtitle streams; nothing was kept")


def _timed(path: Path) -> bool:
    """Whether the file (under its temporary name) can hold timestamps and more than one stream."""
    return not path.is_dir() and ".y4m" not in path.suffixes


def _same_count(path: Path, found: int, expected: int) -> None:
    if found != expected:
        raise VerifyError(f"{path.name}: holds {found} frames, not {expected}; nothing was kept")


def _total(count: StreamCount) -> int:
    return count.audio + count.subtitle


def profile(path: Path, frames: int) -> None:
    """The carried profile reads back, in band where the codec has a place for it, and covers the clip."""
    carried = carriage.find(path)
    if carried.profile is None or carried.stale:
        raise VerifyError(f"{path.name}: the grain profile cannot be read back; nothing was kept")
    end = max((s.end for s in carried.profile), default=0)
    if end < frames:
        raise VerifyError(f"{path.name}: the grain profile ends at frame {end} of {frames}; nothing was kept")
