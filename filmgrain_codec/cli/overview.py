"""Inspect's and estimate's findings for people: one line a stream, one line a shot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from filmgrain_codec.cli.progress import clock
from filmgrain_codec.cli.text import columns

LEVEL_NONE = 0.003
"""Same as grain.profile.LEVEL_NONE (a test compares them; importing it here would load NumPy)."""
HEADINGS = ["shot", "frames", "level", "size", "chroma", "confidence"]


def of_file(found: Mapping[str, Any]) -> str:
    """What ``pipeline.inspect.inspect`` found, as lines."""
    lines = [f"{Path(found['file']).name}: {found['container']}{duration(found['video'])}"]
    lines.append(columns([stream(each, found["video"]) for each in found["streams"]]))
    if found.get("chapters"):
        lines.append(f"{len(found['chapters'])} chapters")
    return "\n".join([*lines, *grain(found["grain"])])


def duration(video: Mapping[str, Any]) -> str:
    """``, 4.3 s``, ``, 1:02:03`` or nothing where it is not known."""
    if not video.get("duration"):
        return ""
    seconds = float(Fraction(video["duration"]))
    return f", {seconds:.1f} s" if seconds < 60 else f", {clock(seconds)}"


def stream(each: Mapping[str, Any], video: Mapping[str, Any]) -> list[str]:
    """Index, kind, codec and what is worth knowing of a stream."""
    known = picture(video) if each["index"] == video["index"] else []
    known += [text for text in (each.get("language"), each.get("title"), *each["disposition"]) if text]
    return [f"#{each['index']}", each["kind"], each["codec"] or "-", ", ".join(known)]


def picture(video: Mapping[str, Any]) -> list[str]:
    """Size, samples, rate, colour and oddities of the video."""
    fmt, color = video["fmt"], video["fmt"]["color"]
    known = [f"{fmt['width']}x{fmt['height']}", video["pix_fmt"]]
    if video.get("rate"):
        known.append(f"{float(Fraction(video['rate'])):.5g} fps")
    known.append(f"colour {color['primaries']}/{color['transfer']}/{color['matrix']}")
    if color.get("mastering") or color.get("content_light"):
        known.append("HDR10 metadata")
    marks = ("interlaced", "alpha", "dolby_vision", "hdr10plus", "captions")
    return known + [mark.replace("_", " ") for mark in marks if video.get(mark)]


def grain(carried: Mapping[str, Any]) -> list[str]:
    """The carried profile, or why there is none to use."""
    reason = f" ({carried['reason']})" if carried.get("reason") else ""
    players = ["ordinary players show grain too"] if carried["players"] else []
    if "shots" not in carried:
        return [f"no grain profile{reason}", *players]
    stale = ", STALE" if carried["stale"] else ""
    removal = carried["removal"] or "none"
    if carried["removal"] and not carried["removal_available"]:
        removal += " (not installed here)"
    head = f"grain profile: {carried['source']}{stale}{reason}; removed by {removal}, "
    return [f"{head}made by {carried['synthesis']}", of_shots(carried["shots"]), *players]


def of_estimate(found: Mapping[str, Any]) -> str:
    """What ``pipeline.inspect.estimate`` found: a line a shot with its strength curve, and every doubt."""
    lines = [of_shots(found["shots"], curve=True)]
    return "\n".join([*lines, *(f"note: {note}" for note in found["notes"])])


def of_shots(shots: Sequence[Mapping[str, Any]], curve: bool = False) -> str:
    """A table of shots. Frames are inclusive; chroma is Cb and Cr relative to luma.

    ``curve``: also the strength at luma 0, 1/7 ... 1, relative to the level.
    """
    if not shots:
        return "no frames were measured"
    rows = [
        [
            str(number),
            f"{shot['start']}-{shot['end'] - 1}",
            f"{shot['level']:.4f}" + (" (none)" if shot["level"] <= LEVEL_NONE else ""),
            f"{shot['spectrum']['size']:.2f}",
            f"{shot['chroma']['cb']:.2f} {shot['chroma']['cr']:.2f}",
            f"{shot['confidence']:.2f}",
            *([" ".join(f"{ratio:.2f}" for ratio in shot["curve"])] if curve else []),
        ]
        for number, shot in enumerate(shots)
    ]
    return columns([HEADINGS + ["curve"] * curve, *rows])
