"""What a file carries: demux once, look into keyframes only, decode nothing.

Memory is bounded by the number of keyframes. In-band records win, then BlockAdditional, then the video
stream's tag, then the file's tag; tags count only while their fingerprint matches.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction

import av
from av.container import InputContainer
from av.stream import Discard
from av.video.stream import VideoStream

from filmgrain_codec.errors import InputError, ProfileError
from filmgrain_codec.grain import wire
from filmgrain_codec.grain.profile import GrainProfile
from filmgrain_codec.media.carriage.carried import Carried, Source
from filmgrain_codec.media.carriage.fingerprint import difference, fingerprint
from filmgrain_codec.media.carriage.packet import IN_BAND, Packet, codec_name
from filmgrain_codec.media.carriage.walk import Walk
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
        walk = Walk(codec_name(video.codec_context.codec.canonical_name), _extradata(video), _step(video))
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


def _tag_texts(container: InputContainer, video: VideoStream) -> list[tuple[Source, str]]:
    found: list[tuple[Source, str]] = []
    sources: tuple[tuple[Source, dict[str, str]], ...] = (
        ("stream-tag", video.metadata),
        ("global-tag", container.metadata),
    )
    for source, metadata in sources:
        found += [(source, text) for key, text in metadata.items() if key.upper() == TAG]
    return found


def _judged(walk: Walk, video: VideoStream, texts: list[tuple[Source, str]]) -> Carried:
    tagged = _tagged(walk, video, texts)
    if walk.read:
        source: Source = "in-band" if walk.codec in IN_BAND else "block"
        profile = _rebuilt(list(walk.records.values()))
        if tagged.profile and not tagged.stale and _covers(tagged.profile, profile):
            profile = tagged.profile
        return Carried(profile, source, walk.read, walk.damaged, runs=walk.runs())
    if tagged.source == "none" and walk.error:
        raise walk.error
    return tagged


def _tagged(walk: Walk, video: VideoStream, texts: list[tuple[Source, str]]) -> Carried:
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
            return Carried(profile, source, damaged=walk.damaged, runs=walk.whole(profile.synthesis))
        stale = stale or Carried(profile, source, damaged=walk.damaged, stale=True, reason=reason)
    return stale or Carried(damaged=walk.damaged)


def _difference(profile: GrainProfile, walk: Walk, video: VideoStream) -> str:
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
