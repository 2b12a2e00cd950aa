"""Side data of containers and pictures: cropping, turning, time codes, and what gets lost.

Names in lower case are FFmpeg's for containers, those in upper case for decoded pictures.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import av

from filmgrain_codec.core.frame import FrameFormat

# What no encoder here can write.
_LOST = {
    "spherical": "spherical projection", "SPHERICAL": "spherical projection",
    "stereo_3d": "stereo 3D layout", "STEREO3D": "stereo 3D layout",
    "icc_profile": "ICC profile", "ICC_PROFILE": "ICC profile",
    "ambient_viewing_environment": "ambient viewing environment",
    "AMBIENT_VIEWING_ENVIRONMENT": "ambient viewing environment",
    "DYNAMIC_HDR_VIVID": "HDR Vivid", "AFD": "active format description", "afd": "active format description",
}  # fmt: skip


def kinds_of(context: av.VideoCodecContext, frames: Sequence[av.VideoFrame]) -> set[str]:
    """Names of all side data of a container's stream and of its first pictures."""
    kinds: set[str] = set(context.coded_side_data)
    for frame in frames:
        kinds |= {kind.name for kind in frame.side_data}
    return kinds


def lost(kinds: set[str]) -> tuple[str, ...]:
    """Names of side data that a re-encode loses."""
    return tuple(sorted({_LOST[k] for k in kinds if k in _LOST}))


def display_matrix(side: Mapping[Any, bytes]) -> tuple[int, ...] | None:
    """FFmpeg's display matrix, nine integers, or None."""
    data = side.get("display_matrix")
    return struct.unpack("=9i", data[:36]) if data is not None and len(data) >= 36 else None


def rotation(side: Mapping[Any, bytes]) -> int:
    """Degrees counter-clockwise of a display matrix that turns by quarters; else 0."""
    matrix = display_matrix(side)
    if matrix is None:
        return 0
    turns = {(1, 0): 0, (0, 1): -90, (-1, 0): 180, (0, -1): 90}
    sign = [(v > 0) - (v < 0) for v in matrix[:2]]
    return turns.get((sign[0], sign[1]), 0)


def crop(side: Mapping[Any, bytes], frame: av.VideoFrame, fmt: FrameFormat) -> tuple[int, int, int, int]:
    """The container's cropping (AVFrameCropping: top, bottom, left, right) without our own padding."""
    data = side.get("frame_cropping")
    if data is None or len(data) < 16:
        return 0, 0, 0, 0
    top, bottom, left, right = struct.unpack("=4I", data[:16])
    bottom, right = bottom - (frame.height - fmt.height), right - (frame.width - fmt.width)
    fits = top + bottom < fmt.height and left + right < fmt.width and min(bottom, right) >= 0
    return (top, bottom, left, right) if fits else (0, 0, 0, 0)


def coded_timecode(frame: av.VideoFrame) -> str | None:
    """The time code in the coded picture (SMPTE ST 12-1, or MPEG-2's where it is not zero)."""
    told = frame.metadata.get("timecode")
    unset = frame.side_data.get("GOP_TIMECODE") is not None and set(told or "") <= set("0:;.")
    return None if unset else told
