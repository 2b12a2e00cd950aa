"""What the base layer changed about the source, kept beside the profile as a container tag."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.grain import wire
from filmgrain_codec.grain.profile import GrainProfile
from filmgrain_codec.media import carriage

TAG = "FILMGRAIN_SOURCE"
MAX_TAG = 512


@dataclass(frozen=True, slots=True)
class Origin:
    """The source's bit depth and family ('gray', 'yuv', 'rgb')."""

    bits: int
    family: str


def tags(profile: GrainProfile, fingerprint: str, fmt: FrameFormat) -> dict[str, str]:
    """Header tags: the profile tied to its stream, and where the pictures came from."""
    record = wire.to_json(replace(profile, fingerprint=fingerprint))
    source = json.dumps({"bits": fmt.bits, "family": fmt.family}, separators=(",", ":"))
    return {**carriage.tags(record), TAG: source}


def read(metadata: Mapping[str, str]) -> Origin | None:
    """The tag's content, or None if it is absent or not ours; only a hint, so never an error."""
    text = next((v for k, v in metadata.items() if k.upper() == TAG), "")
    if not 0 < len(text) <= MAX_TAG:
        return None
    try:
        fields = json.loads(text)
        bits, family = fields["bits"], fields["family"]
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(bits, int) or not 8 <= bits <= 16 or family not in ("gray", "yuv", "rgb"):
        return None
    return Origin(bits, family)
