"""What a file carries, and which grain belongs to which of its frames."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from filmgrain_codec.grain.profile import GrainProfile, GrainSegment

Source = Literal["in-band", "block", "stream-tag", "global-tag", "none"]


@dataclass(frozen=True, slots=True)
class Run:
    """Frames from ``start`` (seconds, presentation time) up to the next run.

    The frame shown at ``start`` has the absolute index ``index``, its followers count up from there.
    ``segment`` is the grain recorded at its keyframe; None where nothing was recorded (a foreign part of a
    joined file) or, with ``tagged``, where the profile says it for each index.
    """

    start: Fraction
    index: int
    segment: GrainSegment | None
    synthesis: str = "parametric"
    tagged: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a frame belongs: its absolute index and its grain (None: leave it alone)."""

    index: int
    segment: GrainSegment | None
    synthesis: str = "parametric"


@dataclass(frozen=True, slots=True)
class Carried:
    """Everything found in one file.

    ``profile`` is what to show and to look up by absolute index; in a joined file several parts may claim the
    same index, so decoding goes through ``locate`` or ``places``. ``records`` counts readable in-band
    records, ``damaged`` the unreadable ones. When ``stale``, a tag belongs to another stream: ``reason``
    says why, and no frame gets grain.
    """

    profile: GrainProfile | None = None
    source: Source = "none"
    records: int = 0
    damaged: int = 0
    stale: bool = False
    reason: str = ""
    runs: tuple[Run, ...] = ()

    def run_at(self, time: Fraction) -> int:
        """Position in ``runs`` of the last run that starts at or before ``time`` (seconds), or -1."""
        return bisect_right(self.runs, time, key=lambda run: run.start) - 1

    def locate(self, time: Fraction, since: int) -> Place:
        """Index and grain of the frame shown at ``time``, ``since`` frames after the first of its run.

        Times are those of the container, as both demuxer and decoder report them (pts * time_base). After a
        seek, ``since`` counts from the keyframe the decoder started at, because every keyframe starts a run.
        """
        at = self.run_at(time)
        if at < 0:
            return Place(0, None)
        run = self.runs[at]
        return Place(run.index + since, self._segment(at, run.index + since), run.synthesis)

    def places(self, times: Iterable[Fraction]) -> Iterator[Place]:
        """``locate`` for frames in presentation order that begin with a keyframe's; it does the counting."""
        current, since = -1, 0
        for time in times:
            at = self.run_at(time)
            since = since + 1 if at == current else 0
            current = at
            yield self.locate(time, since)

    def _segment(self, at: int, index: int) -> GrainSegment | None:
        run = self.runs[at]
        if run.tagged:
            return self.profile.at(index) if self.profile else None
        if run.segment is None or run.segment.start <= index < run.segment.end:
            return run.segment
        # A cut inside a group of pictures: the next keyframe of the same part names the shot that began here.
        follower = self.runs[at + 1] if at + 1 < len(self.runs) else None
        later = follower.segment if follower and follower.index > index else None
        if later and later.start <= index < later.end:
            return later
        return (self.profile.at(index) if self.profile else None) or run.segment
