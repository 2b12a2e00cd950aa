"""Numbered stills and single pictures, read through FFmpeg's image2 demuxer."""

from __future__ import annotations

import os
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

from filmgrain_codec.errors import InputError

FILM_RATE = Fraction(24)
STILLS = (".png", ".tif", ".tiff", ".dpx", ".exr")
_READ_STILLS = (*STILLS, ".jpg", ".jpeg", ".bmp", ".webp", ".jp2", ".pgm", ".ppm", ".tga", ".sgi")
_NUMBERED = re.compile(r"^(.*?)(\d+)(\.[A-Za-z0-9]+)$")
_PATTERN = re.compile(r"%(0?)(\d*)d")


def is_sequence(path: str) -> bool:
    """Whether a path names numbered stills: a ``%04d`` pattern or a folder."""
    return path != "-" and (bool(_PATTERN.search(Path(path).name)) or Path(path).is_dir())


def is_still(path: str) -> bool:
    """Whether a path names one picture by its ending."""
    return Path(path).suffix.lower() in _READ_STILLS and not is_sequence(path)


def frame_rate_options(path: str, rate: Fraction | None) -> dict[str, Any]:
    """Options for opening numbered stills at a frame rate (24 by default); none for other files."""
    if not is_sequence(path) and not is_still(path):
        return {}
    rate = rate or FILM_RATE
    return {"options": {"framerate": f"{rate.numerator}/{rate.denominator}"}}


def sequence_input(path: str) -> tuple[str, dict[str, str]]:
    """The image2 file name and options for a pattern, a folder of numbered stills or one still.

    Raises ``InputError`` where nothing fits or numbers are missing from the middle.
    """
    if os.path.isdir(path):
        path = _pattern_of_folder(path)
    found = _PATTERN.search(Path(path).name)
    if not found:
        if not os.path.exists(path):
            raise InputError(f"There is no file {path!r}.")
        if os.path.getsize(path) == 0:
            raise InputError(f"The file {path!r} is empty.")
        return path, {"pattern_type": "none"}
    numbers = numbers_of(path)
    missing = sorted(set(range(numbers[0], numbers[-1] + 1)) - set(numbers))
    if missing:
        raise InputError(f"{path!r} lacks picture {missing[0]} ({len(missing)} of {numbers[-1]} missing).")
    return path, {"pattern_type": "sequence", "start_number": str(numbers[0])}


def numbers_of(pattern: str) -> list[int]:
    """The numbers for which a file of the pattern exists, in order; ``InputError`` if none."""
    folder, name = os.path.dirname(pattern) or ".", os.path.basename(pattern)
    found = _PATTERN.search(name)
    assert found
    digits = rf"\d{{{found[2]}}}" if found[1] and found[2] else r"\d+"
    shape = re.compile(re.escape(name[: found.start()]) + f"({digits})" + re.escape(name[found.end() :]))
    names = os.listdir(folder) if os.path.isdir(folder) else []
    numbers = sorted(int(m[1]) for m in map(shape.fullmatch, names) if m)
    if not numbers:
        raise InputError(f"No pictures match {pattern!r}.")
    return numbers


def _pattern_of_folder(folder: str) -> str:
    """The pattern of the largest numbered series in a folder."""
    series: dict[tuple[str, int, str], int] = {}
    for name in os.listdir(folder):
        parts = _NUMBERED.match(name)
        if parts and parts[3].lower() in (*STILLS, ".jpg", ".jpeg", ".bmp", ".webp"):
            key = (parts[1], len(parts[2]), parts[3])
            series[key] = series.get(key, 0) + 1
    if not series:
        raise InputError(f"The folder {folder!r} holds no numbered pictures.")
    prefix, width, ending = max(series, key=lambda k: (series[k], k))
    return os.path.join(folder, f"{prefix.replace('%', '%%')}%0{width}d{ending}")
