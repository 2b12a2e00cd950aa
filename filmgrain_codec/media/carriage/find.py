"""What a file carries: demux once, look into keyframes only, decode nothing.

Memory is bounded by the number of keyframes. In-band records win, then BlockAdditional, then the video
stream's tag, then the file's tag; tags count only while their fingerprint matches.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

import av
from av.container import InputContainer
from av.stream import Discard
from av.video.stream import VideoStream

from filmgrain_codec.errors import InputError, ProfileError
from filmgrain_codec.grain import wire
from filmgrain_codec.grain.profile import GrainProfile, GrainSegment
from filmgrain_codec.media.carriage.carried import Carried, Run, Source
from filmgrain_codec.media.carriage.fingerprint import difference, fingerprint
from filmgrain_codec.media.carriage.packet import BLOCK_ADDITIONAL, Packet, codec_name, extract_packet
from filmgrain_codec.media.decode import main_video
from filmgrain_codec.media.files import open_input

TAG = "FILMGRAIN"


def tags(json_text: str) -> dict[str, str]:
    """The container tags that hold a profile (set them before the first packet is muxed)."""
    return {TAG: json_text}


def find(path: str | os.PathLike[str], stream: int | None = None) -> Carried:
    """Everything ``path`` carries for its main video stream (or the container's stream number ``stream``).

    Raises InputError if the file cannot be opened or has no such stream, ProfileError if all it carries is
    malformed. A damaged tail ends the walk without an error: what came before it counts.
    """
    name = os.fspath(path)
    with open_input(name) as container:
        video = _video(container, name, stream)
        walk = _Walk(codec_name(video.codec_context.codec.canonical_name), _extradata(video), _step(video))
        for packet in _packets(container, video):
            walk.see(packet)
        try:
            return _judged(walk, video, _tag_texts(container, video))
        except ProfileError as error:
            raise ProfileError(
                f"{path}: {error}, and nothing else in the file says what its grain was."
            ) from error


def _video(container: InputContainer, name: str, number: int | None) -> VideoStream:
    if number is None:
        return main_video(container, name)
    for video in container.streams.video:
        if video.index == number and video.codec_context is not None:
            return video
    raise InputError(f"{name!r} has no video stream number {number}.")


def _extradata(video: VideoStream) -> bytes | None:
    data = video.codec_context.extradata
    return bytes(data) if data else None


def _step(video: VideoStream) -> Fraction:
    rate = video.guessed_rate or video.average_rate
    return 1 / Fraction(rate.numerator, rate.denominator) if rate else Fraction(1, 25)


def _packets(container: InputContainer, video: VideoStream) -> Iterator[Packet]:
    for other in container.streams:
        if other.index != video.index:
            other.discard = Discard.all
    try:
        yield from (packet for packet in container.demux(video) if packet.size)
    except (OSError, av.FFmpegError):
        return


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


class _Walk:
    """Collects runs, counts and the first keyframe while packets go by."""

    def __init__(self, codec: str, extradata: bytes | None, step: Fraction) -> None:
        self.codec, self.extradata, self.step = codec, extradata, step
        self.records: dict[GrainSegment, wire.Record] = {}
        self.in_block = False
        self.error: ProfileError | None = None
        self.damaged = self.read = self.packets = 0
        self.keyframe: bytes | None = None
        self.first: Fraction | None = None
        self._runs: list[Run] = []
        self._open: list[_Open] = []
        self._time = -step

    def see(self, packet: Packet) -> None:
        self.packets += 1
        self._time = _time(packet, self._time + self.step)
        if not packet.is_discard and (self.first is None or self._time < self.first):
            self.first = self._time
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
        self.in_block = packet.has_sidedata(BLOCK_ADDITIONAL)
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


def _tag_texts(container: InputContainer, video: VideoStream) -> list[tuple[Source, str]]:
    found: list[tuple[Source, str]] = []
    sources: tuple[tuple[Source, dict[str, str]], ...] = (
        ("stream-tag", video.metadata),
        ("global-tag", container.metadata),
    )
    for source, metadata in sources:
        found += [(source, text) for key, text in metadata.items() if key.upper() == TAG]
    return found


def _judged(walk: _Walk, video: VideoStream, texts: list[tuple[Source, str]]) -> Carried:
    tagged = _tagged(walk, video, texts)
    if walk.read:
        source: Source = "block" if walk.in_block else "in-band"
        profile = _rebuilt(list(walk.records.values()))
        if tagged.profile and not tagged.stale and _covers(tagged.profile, profile):
            profile = tagged.profile
        return Carried(profile, source, walk.read, walk.damaged, runs=walk.runs())
    if tagged.source == "none" and walk.error:
        raise walk.error
    return tagged


def _tagged(walk: _Walk, video: VideoStream, texts: list[tuple[Source, str]]) -> Carried:
    """What the tags say: the first that fits the stream, else the first stale one, else their error."""
    stale: Carried | None = None
    for source, text in texts:
        try:
            profile = wire.from_json(text)
        except ProfileError as error:
            walk.error = walk.error or error
            continue
        reason = _difference(profile, walk, video)
        if not reason:
            start = walk.first if walk.first is not None else Fraction(0)
            run = Run(start, 0, None, profile.synthesis, tagged=True)
            return Carried(profile, source, damaged=walk.damaged, runs=(run,))
        stale = stale or Carried(profile, source, damaged=walk.damaged, stale=True, reason=reason)
    return stale or Carried(damaged=walk.damaged)


def _difference(profile: GrainProfile, walk: _Walk, video: VideoStream) -> str:
    if walk.keyframe is None:
        return "the stream holds no keyframe to check the tag against"
    context = video.codec_context
    actual = fingerprint(
        walk.codec, walk.keyframe, walk.extradata, context.width, context.height, walk.packets
    )
    return difference(profile.fingerprint, actual)


def _covers(tagged: GrainProfile, found: GrainProfile) -> bool:
    """Whether a tag knows every recorded shot; if not, it contradicts the records and loses."""
    return {(s.start, s.end) for s in found} <= {(s.start, s.end) for s in tagged}


def _rebuilt(records: list[wire.Record]) -> GrainProfile:
    """A profile from in-band records alone, their segments in frame order."""
    segments = sorted((r.segment for r in records), key=lambda segment: (segment.start, segment.end))
    return GrainProfile(tuple(segments), records[0].removal, records[0].synthesis)
