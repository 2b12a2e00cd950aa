"""What the bundled FFmpeg is and can encode, for diagnosis."""

from __future__ import annotations

from collections.abc import Iterable

import av
from av.codec import Codec
from av.codec.codec import UnknownCodecError


def versions() -> dict[str, str]:
    """Versions of PyAV, FFmpeg and its libraries."""
    libraries = {name: ".".join(map(str, number)) for name, number in av.library_versions.items()}
    return {"pyav": av.__version__, "ffmpeg": str(av.ffmpeg_version_info), **libraries}


def encoders_present(names: Iterable[str]) -> dict[str, bool]:
    """Which of the named FFmpeg encoders are there."""
    return {name: _present(name) for name in names}


def _present(name: str) -> bool:
    try:
        Codec(name, "w")
    except UnknownCodecError:
        return False
    return True
