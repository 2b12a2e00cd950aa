"""Clean training material: photographs and short clips, split by photograph.

Pictures are kept as uint8 planes Y, Cb, Cr (full range, BT.709) so that a few hundred of them fit
in memory; samplers turn what they cut into float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.errors import InputError

Picture = NDArray[np.uint8]
Clip = tuple[Picture, ...]
HELD_OUT_DIGIT = 3
"""Photographs whose number ends in this digit are held out for validation."""

HELD_OUT_CLIPS = ("flower",)
"""Clips never trained on: the demonstration is made from them."""


@dataclass(frozen=True, slots=True)
class Material:
    """``photos``: (3, h, w) each. ``clips``: per clip the planes (frames, h, w), chroma as stored."""

    photos: tuple[Picture, ...]
    clips: tuple[Clip, ...]
    names: tuple[str, ...]


def load(root: Path, *, held_out: bool = False) -> Material:
    """Read ``root``/photos*, ``root``/video_clean; ``held_out`` picks the validation photographs.

    Clips are training material only: a held-out set has none. Raises ``InputError`` when nothing is found.
    """
    files = [p for p in sorted(root.glob("photos*/*.jpg")) if is_held_out(p) == held_out]
    if not files:
        raise InputError(f"No training pictures found in {root}: it must hold photos/*.jpg.")
    films = [
        p for p in sorted(root.glob("video_clean/*.mkv")) if p.stem not in HELD_OUT_CLIPS and not held_out
    ]
    names = tuple(p.relative_to(root).as_posix() for p in [*files, *films])
    return Material(tuple(read_photo(p) for p in files), tuple(read_clip(p) for p in films), names)


def is_held_out(path: Path) -> bool:
    """Whether a picture belongs to a validation photograph (the number before the first underscore)."""
    number = path.name.split("_")[0]
    return number.isdigit() and int(number) % 10 == HELD_OUT_DIGIT


def read_photo(path: Path) -> Picture:
    """A photograph as (3, h, w) Y, Cb, Cr codes 0..255."""
    from PIL import Image

    with Image.open(path) as image:
        return to_ycbcr(np.asarray(image.convert("RGB"), np.float32))


def to_ycbcr(rgb: NDArray[np.float32]) -> Picture:
    """(h, w, 3) RGB codes to (3, h, w) full-range BT.709 Y, Cb, Cr codes."""
    red, green, blue = np.moveaxis(rgb, 2, 0)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    planes = np.stack([luma, (blue - luma) / 1.8556 + 127.5, (red - luma) / 1.5748 + 127.5])
    return np.clip(np.rint(planes), 0, 255).astype(np.uint8)


def read_clip(path: Path, limit: int = 64) -> Clip:
    """The first frames of a clip as planes (frames, h, w) of 8-bit codes."""
    planes = zip(*(f.planes for f in read_frames(path, limit)), strict=True)
    return tuple(np.stack([np.rint(p * 255).astype(np.uint8) for p in frames]) for frames in planes)


def read_frames(path: Path, limit: int) -> list[Frame]:
    """The first ``limit`` frames of a clip. Raises ``InputError`` if it cannot be read."""
    from filmgrain_codec.media.reader import Reader

    with Reader(path, threads=1) as frames:
        return list(islice(frames, limit))
