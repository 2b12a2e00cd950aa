"""What a re-encode cannot carry, one sentence each."""

from __future__ import annotations

from filmgrain_codec.media.carriage import hdr10plus
from filmgrain_codec.media.encoders import EncoderSpec
from filmgrain_codec.media.probe import SourceInfo


def not_carried(source: SourceInfo, encoder: EncoderSpec, container: str) -> list[str]:
    """Sentences on what the source's video holds that this encoder and container cannot keep."""
    video = source.video
    notes = []
    if video.dolby_vision:
        notes.append("Dolby Vision was not carried: its metadata describes the old pictures' coding.")
    if video.hdr10plus and video.codec not in hdr10plus.CODECS:
        notes.append(f"HDR10+ was not carried: from {video.codec} it cannot be taken here.")
    elif video.hdr10plus and encoder.codec not in hdr10plus.CODECS:
        notes.append(f"HDR10+ was not carried: {encoder.codec} has no place for it, HEVC and AV1 have.")
    if video.captions and encoder.name not in ("libx264", "libx265"):
        notes.append(f"A53 captions were not carried: {encoder.name} cannot write them.")
    if video.alpha:
        notes.append("The alpha plane was not carried: the output is opaque.")
    if video.timecode and container not in ("mov", "mp4", "matroska", "mxf"):
        notes.append(f"The timecode {video.timecode} was not carried: {container} is written without.")
    notes += [f"The {what} of the source was not carried." for what in video.other]
    return notes
