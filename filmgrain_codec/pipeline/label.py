"""What an encode writes about its grain: in-band records, header tags, and their size."""

from __future__ import annotations

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.grain import wire
from filmgrain_codec.grain.profile import GrainProfile
from filmgrain_codec.pipeline import origin


class Label:
    """Serves a profile to the writer and counts the bytes it costs (before any container overhead)."""

    def __init__(self, profile: GrainProfile, source: FrameFormat) -> None:
        self.profile, self.source = profile, source
        self.bytes = 0

    def record(self, index: int) -> bytes | None:
        """The in-band record of the keyframe at frame ``index``."""
        segment = self.profile.at(index)
        if segment is None:
            return None
        data = wire.to_bytes(wire.Record(segment, index, self.profile.synthesis, self.profile.removal))
        self.bytes += len(data)
        return data

    def tags(self, fingerprint: str) -> dict[str, str]:
        """Header tags; Matroska keeps them twice, for the file and for the video stream."""
        found = origin.tags(self.profile, fingerprint, self.source)
        self.bytes += 2 * sum(len(k) + len(v) for k, v in found.items())
        return found
