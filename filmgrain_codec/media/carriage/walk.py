"""One pass over a video's packets: where each keyframe's frames start, and what was recorded for them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

from filmgrain_codec.errors import ProfileError
from filmgrain_codec.grain import wire
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.media.carriage.carried import Run
from filmgrain_codec.media.carriage.packet import Packet, extract_packet


@dataclass
class _Open:
    """A run being collected; frames that an edit list hides never leave a decoder, so they are counted."""

    run: Run
    hidden: list[Fraction] = field(default_factory=list)
    shown: Fraction | None = None

    def see(self, time: Fraction, hidden: bool) -> None:
        if hidden:
            self.hidden.append(time)
        elif self.shown is None or time < self.shown:
            self.shown = time

    def closed(self) -> Run | None:
        """The run as a decoder will show it, or None if nothing of it is shown."""
        if self.shown is None:
            return None
        skipped = sum(time < self.shown for time in self.hidden)
        return replace(self.run, start=self.shown, index=self.run.index + skipped)


class Walk:
    """Collects runs, counts and the first keyframe while packets go by."""

    def __init__(self, codec: str, extradata: bytes | None, step: Fraction) -> None:
        self.codec, self.extradata, self.step = codec, extradata, step
        self.records: dict[GrainSegment, wire.Record] = {}
        self.error: ProfileError | None = None
        self.damaged = self.read = self.packets = 0
        self.keyframe: bytes | None = None
        self._whole: _Open | None = None
        self._runs: list[Run] = []
        self._open: list[_Open] = []
        self._time = -step

    def see(self, packet: Packet) -> None:
        self.packets += 1
        self._time = _time(packet, self._time + self.step)
        self._whole = self._whole or _Open(Run(self._time, 0, None))
        self._whole.see(self._time, packet.is_discard)
        if packet.is_keyframe:
            self._keyframe(packet)
        for run in reversed(self._open):
            if self._time >= run.run.start:
                run.see(self._time, packet.is_discard)
                break

    def runs(self) -> tuple[Run, ...]:
        """All runs in presentation order."""
        self._close(keep=0)
        return tuple(sorted(self._runs, key=lambda run: run.start))

    def whole(self, synthesis: str) -> tuple[Run, ...]:
        """The whole stream as one run that begins with frame 0, for a profile from a tag."""
        run = self._whole.closed() if self._whole else None
        return (replace(run, synthesis=synthesis, tagged=True),) if run else ()

    def _keyframe(self, packet: Packet) -> None:
        if self.keyframe is None:
            self.keyframe = bytes(packet)
        try:
            record = self._record(packet)
        except ProfileError as error:  # the run before it goes on: its frames are known, the record's are not
            self.error = self.error or error
            self.damaged += 1
            return
        if record is not None:
            self._begin(Run(self._time, record.index, record.segment, record.synthesis))
        elif self.read:
            self._begin(Run(self._time, 0, None))

    def _record(self, packet: Packet) -> wire.Record | None:
        data = extract_packet(self.codec, packet, self.extradata)
        if data is None:
            return None
        record = wire.from_bytes(data)
        self.read += 1
        segment = self.records.setdefault(record.segment, record).segment
        return replace(record, segment=segment)

    def _begin(self, run: Run) -> None:
        self._close(keep=1)  # pictures of the last run may still follow: leading pictures of an open GOP
        self._open.append(_Open(run))

    def _close(self, keep: int) -> None:
        while len(self._open) > keep:
            run = self._open.pop(0).closed()
            if run is not None:
                self._runs.append(run)


def _time(packet: Packet, fallback: Fraction) -> Fraction:
    """Presentation time in seconds; frames of raw streams have none and are spaced at the nominal rate."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    if stamp is None:
        return fallback
    return stamp * Fraction(packet.time_base.numerator, packet.time_base.denominator)
