"""Versions of what does the work, for ``doctor``, plans and reports."""

from __future__ import annotations

from collections.abc import Iterable

import av


def versions() -> dict[str, str]:
    """PyAV's version, FFmpeg's version and those of its libraries."""
    libraries = {name: ".".join(map(str, number)) for name, number in av.library_versions.items()}
    return {"pyav": av.__version__, "ffmpeg": str(av.ffmpeg_version_info), **libraries}


def encoders_present(names: Iterable[str]) -> dict[str, bool]:
    """For each of FFmpeg's encoder names, whether this build has it."""
    from filmgrain_codec.media.encoders import present

    return {name: present(name) for name in names}
