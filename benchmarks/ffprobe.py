"""What another program, ffprobe, says about a file: the judge of what was carried."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COLOUR = ("color_primaries", "color_transfer", "color_space", "color_range", "chroma_location")
_STATIC = ("Mastering display metadata", "Content light level metadata")
_FILE_TAGS = {
    "encoder", "major_brand", "minor_version", "compatible_brands", "duration", "bps", "number_of_frames",
    "number_of_bytes", "vendor_id", "encoded_by",
}  # fmt: skip


_TEXT = {"mov_text": "plain text", "subrip": "plain text", "text": "plain text"}


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream as a viewer would name it; ``start`` is the time of its first packet in seconds."""

    kind: str
    codec: str
    language: str
    flags: tuple[str, ...]
    start: float | None
    tags: dict[str, str]


@dataclass(slots=True)
class Described:
    """One file. ``times`` are those of the decoded pictures of the main video, in seconds."""

    container: str
    codec: str
    profile: str
    pix_fmt: str
    width: int
    height: int
    sar: str
    rotation: float
    colour: dict[str, str]
    static: dict[str, dict[str, float]]
    dynamic: set[str]
    times: list[float | None]
    fields: set[str]
    streams: list[Stream]
    chapters: list[tuple[float, float, str]]
    tags: dict[str, str] = field(default_factory=dict)
    video_tags: dict[str, str] = field(default_factory=dict)


def source_arguments(path: Path) -> list[str]:
    """How ffmpeg and ffprobe are told to open a file, or a folder of numbered stills at 24 a second."""
    if not path.is_dir():
        return ["-i", str(path)]
    first = min(p.name for p in path.iterdir() if re.search(r"\d+\.\w+$", p.name))
    found = re.search(r"(\d+)(\.\w+)$", first)
    assert found
    name = f"{first[: found.start()]}%0{len(found[1])}d{found[2]}"
    return ["-f", "image2", "-framerate", "24", "-start_number", str(int(found[1])), "-i", str(path / name)]


def describe(path: Path) -> Described:
    """Ask ffprobe for everything that a re-encode could lose; decodes the whole main video.

    Raises ``ValueError`` if ffprobe finds no video.
    """
    told = _ask(path, "-show_format", "-show_streams", "-show_chapters")
    films = [s for s in told.get("streams", []) if s["codec_type"] == "video" and not _cover(s)]
    main = max(films, key=lambda s: s["width"] * s["height"])  # as ffmpeg chooses
    _first_packets(path, told["streams"])
    frames = _ask(path, "-select_streams", str(main["index"]), "-show_frames").get("frames", [])
    found = Described(
        container=told["format"]["format_name"],
        codec=main.get("codec_name", "unknown"),
        profile=str(main.get("profile", "")),
        pix_fmt=main.get("pix_fmt", "unknown"),
        width=main["width"],
        height=main["height"],
        sar=_ratio(main.get("sample_aspect_ratio", "1:1")),
        rotation=_rotation(main),
        colour={k: main.get(k, "unknown") for k in COLOUR},
        static=_static([main, *frames[:1]]),
        dynamic=_dynamic([main, *frames[:3]]),
        times=[_number(f.get("best_effort_timestamp_time")) for f in frames],
        fields={_field(f) for f in frames},
        streams=[_stream(s) for s in told["streams"] if s is not main and not _standing_in(s, told)],
        chapters=[_chapter(c) for c in told["chapters"]],
        tags=_tags(told["format"]),
        video_tags=_tags(main),
    )
    return found


def _ask(path: Path, *what: str) -> dict[str, Any]:
    command = ["ffprobe", "-v", "quiet", "-of", "json", *what, *source_arguments(path)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    answer: dict[str, Any] = json.loads(done.stdout or "{}")
    return answer


def _first_packets(path: Path, streams: list[dict[str, Any]]) -> None:
    """Start times in headers leave out what an edit list hides; packets do not."""
    for stream in streams:
        if stream["codec_type"] == "audio":
            told = _ask(
                path, "-select_streams", str(stream["index"]), "-show_packets", "-read_intervals", "%+#1"
            )
            stream["first_packet"] = next((p.get("pts_time") for p in told.get("packets", [])), None)


def _cover(stream: dict[str, Any]) -> bool:
    return bool(stream["disposition"].get("attached_pic"))


def _standing_in(stream: dict[str, Any], told: dict[str, Any]) -> bool:
    """QuickTime's chapter and timecode tracks: what they say is compared as chapters and tags."""
    if stream["codec_type"] != "data":
        return False
    timecode = stream.get("codec_tag_string") == "tmcd"
    return timecode or (bool(told["chapters"]) and stream.get("codec_name") == "bin_data")


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def _ratio(text: str) -> str:
    return "1:1" if text in ("0:1", "N/A", "") else text


def _side_data(part: dict[str, Any]) -> Sequence[dict[str, Any]]:
    found: Sequence[dict[str, Any]] = part.get("side_data_list", [])
    return found


def _rotation(stream: dict[str, Any]) -> float:
    return next((float(d["rotation"]) for d in _side_data(stream) if "rotation" in d), 0.0)


def _static(parts: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    return {
        data["side_data_type"]: {k: _fraction(v) for k, v in data.items() if k != "side_data_type"}
        for part in parts
        for data in _side_data(part)
        if data["side_data_type"] in _STATIC
    }


def _dynamic(parts: Sequence[dict[str, Any]]) -> set[str]:
    kinds = {d["side_data_type"] for part in parts for d in _side_data(part)}
    words = ("Dolby Vision", "2094", "Closed Captions", "DOVI")
    return {k for k in kinds if any(w in k for w in words)}


def _fraction(value: Any) -> float:
    top, _, bottom = str(value).partition("/")
    return float(top) / float(bottom or 1)


def _field(frame: dict[str, Any]) -> str:
    return "interlaced" if int(frame.get("interlaced_frame", 0)) else "progressive"


def _stream(stream: dict[str, Any]) -> Stream:
    other = {"default"} if stream["codec_type"] == "video" else set()  # only one video is shown
    flags = tuple(sorted(k for k, v in stream["disposition"].items() if v and k not in other))
    tags = _tags(stream)
    return Stream(
        stream["codec_type"],
        _TEXT.get(stream.get("codec_name", "unknown"), stream.get("codec_name", "unknown")),
        tags.get("language", "").replace("und", ""),
        flags,
        _number(stream.get("first_packet")),
        tags,
    )


def _chapter(chapter: dict[str, Any]) -> tuple[float, float, str]:
    return float(chapter["start_time"]), float(chapter["end_time"]), chapter.get("tags", {}).get("title", "")


def _tags(part: dict[str, Any]) -> dict[str, str]:
    """Tags that say something about the film, not about the file's own coding."""
    tags = {k.lower(): v for k, v in part.get("tags", {}).items()}
    return {k: v for k, v in tags.items() if k.rsplit("-", 1)[0] not in _FILE_TAGS and not _ours(k)}


def _ours(key: str) -> bool:
    return key.startswith(("filmgrain", "_statistics"))
