"""What differs between a source and what came out of it, by ffprobe's word."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from benchmarks.ffprobe import COLOUR, Described

MILLISECOND = 0.00101
"""Matroska's clock, and a little for the sixth decimal that ffprobe rounds to."""
_SAME_PIXELS = {"yuvj420p": "yuv420p", "yuvj422p": "yuv422p", "yuvj444p": "yuv444p"}


def differences(source: Described, result: Described, depth: bool = False) -> list[str]:
    """One phrase for each property that is not what it was; ``depth``: the pixel format counts too."""
    found = [*_times(source, result), *_picture(source, result), *_streams(source, result)]
    found += _chapters(source, result) + _tags(source, result)
    if depth and _coded(source.pix_fmt) != result.pix_fmt:
        found.append(f"pixel format {source.pix_fmt} became {result.pix_fmt}")
    return found


def _coded(pix_fmt: str) -> str:
    """What a pixel format is called in FFV1: ranges apart, and RGB as the 4:4:4 it is coded in."""
    if pix_fmt.startswith(("rgb24", "bgr24", "rgb0", "pal8")):
        return "yuv444p"
    return _SAME_PIXELS.get(pix_fmt, pix_fmt)


def _times(source: Described, result: Described) -> list[str]:
    a, b = source.times, result.times
    if len(a) != len(b):
        return [f"{len(a)} frames became {len(b)}"]
    if any(t is None for t in a) or not _rising(a):
        return []  # the source has no usable clock of its own
    worst = max((abs(x - y) for x, y in zip(a, b, strict=True) if x is not None and y is not None), default=0)
    if worst <= MILLISECOND:
        return []
    shifts = [y - x for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    steady = max(shifts) - min(shifts) <= MILLISECOND
    return [f"all timestamps moved by {shifts[0]:.4f} s" if steady else f"a timestamp moved by {worst:.4f} s"]


def _rising(times: list[float | None]) -> bool:
    return all(a is not None and b is not None and a < b for a, b in pairwise(times))


def _picture(source: Described, result: Described) -> list[str]:
    found = [
        f"{name} {source.colour[name]} became {result.colour[name]}"
        for name in COLOUR
        if _stated(source.colour[name]) and source.colour[name] != result.colour[name]
    ]
    for name in ("width", "height", "sar", "rotation"):
        a, b = getattr(source, name), getattr(result, name)
        if a != b:
            found.append(f"{name} {a} became {b}")
    return found + _static(source, result)


def _stated(value: str) -> bool:
    return value not in ("unknown", "unspecified", "reserved", "gbr")


def _static(source: Described, result: Described) -> list[str]:
    found = []
    for kind, values in source.static.items():
        theirs = result.static.get(kind)
        if theirs is None:
            found.append(f"{kind} lost")
        elif any(abs(theirs.get(k, -1) - v) > _step(k) * max(1, v) for k, v in values.items()):
            found.append(f"{kind} changed")
    return found


def _step(key: str) -> float:
    """AV1 stores the largest luminance in steps of 1/256 cd/m2, the other values finer than 1/10000."""
    return 1 / 500 if key == "max_luminance" else 1e-4


def _streams(source: Described, result: Described) -> list[str]:
    found = []
    for name in ("codec", "language", "flags"):
        a = Counter((s.kind, getattr(s, name)) for s in source.streams)
        b = Counter((s.kind, getattr(s, name)) for s in result.streams)
        missing = a - b
        if missing:
            found.append(
                f"streams, {name}: {', '.join(f'{kind} {value}' for kind, value in missing)} missing"
            )
    return found + _offsets(source, result)


def _offsets(source: Described, result: Described) -> list[str]:
    """How far audio starts from the first picture, before and after."""
    pairs = zip(_audio(source), _audio(result), strict=False)
    worst = max((abs(a - b) for a, b in pairs), default=0.0)
    return [f"audio moved by {worst:.4f} s against the video"] if worst > 2 * MILLISECOND else []


def _audio(described: Described) -> list[float]:
    first = next((t for t in described.times if t is not None), 0.0)
    return [s.start - first for s in described.streams if s.kind == "audio" and s.start is not None]


def _chapters(source: Described, result: Described) -> list[str]:
    a, b = source.chapters, result.chapters
    if len(a) != len(b):
        return [f"{len(a)} chapters became {len(b)}"]
    moved = any(
        abs(x[0] - y[0]) > MILLISECOND or abs(x[1] - y[1]) > MILLISECOND or x[2] != y[2]
        for x, y in zip(a, b, strict=True)
    )
    return ["chapters changed"] if moved else []


def _tags(source: Described, result: Described) -> list[str]:
    """Matroska has no place for a stream's creation time, so only the file's is asked for."""
    places = [(source.tags, result.tags, "file"), (source.video_tags, result.video_tags, "video")]
    places += [
        (s.tags, {k: v for r in result.streams if r.kind == s.kind for k, v in r.tags.items()}, s.kind)
        for s in source.streams
    ]
    lost = [f"{where} tag {k}" for a, b, where in places for k, v in a.items() if not _kept(where, k, v, b)]
    return [f"lost: {', '.join(dict.fromkeys(lost))}"] if lost else []


def _kept(where: str, key: str, value: str, tags: dict[str, str]) -> bool:
    """Times may be written with other precision."""
    if key == "language" or (key == "creation_time" and where != "file"):
        return True  # languages are compared stream by stream
    found = tags.get(key)
    return found is not None and (found == value or key == "creation_time")
