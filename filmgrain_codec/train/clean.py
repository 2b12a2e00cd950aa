"""Clean pictures to put grain on: stills and frames of videos anywhere under a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat
from filmgrain_codec.errors import InputError, UsageError
from filmgrain_codec.train.generators.families import FAMILIES
from filmgrain_codec.train.material import HELD_OUT_CLIPS
from filmgrain_codec.train.trees import PICTURES, Samples, header_size, held_out, in_channels, read_picture

VIDEOS = (".mkv", ".mp4", ".mov", ".y4m", ".webm", ".mxf")
FRAMES_PER_VIDEO, APART = 4, 8
"""Frames taken from one video, and how many frames lie between them."""
_FULL_BT709 = ColorInfo(matrix=1, range=2)
_FULL_RGB = ColorInfo(matrix=0, range=2)


@dataclass(frozen=True, slots=True)
class Picture:
    """A still, or the frame ``index`` of a video (held in memory as 8- or 16-bit codes)."""

    name: str
    path: Path
    codes: np.ndarray | None = None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return header_size(self.path) if self.codes is None else self.codes.shape[:0:-1]

    def samples(self) -> Samples:
        if self.codes is None:
            return read_picture(self.path)
        return self.codes.astype(np.float32) / np.float32(np.iinfo(self.codes.dtype).max)


def read_clean(root: Path) -> tuple[Picture, ...]:
    """All stills and a few frames of every video under ``root``, each with a name of its own.

    Where there are folders photos*, as in the material of our own nets, only they and video_clean count.
    Raises ``InputError`` where there is none.
    """
    own = [*root.glob("photos*"), *root.glob("video_clean")] if any(root.glob("photos*")) else [root]
    files = sorted(p for top in own for p in top.rglob("*") if p.suffix.lower() in (*PICTURES, *VIDEOS))
    if not files:
        raise InputError(f"No pictures found in {root}: it must hold .tiff, .png or .jpg files, or videos.")
    taken: set[str] = set()
    found: list[Picture] = []
    for path in files:
        name = path.stem if path.stem not in taken else f"{path.stem}_{path.parent.name}{path.suffix[1:]}"
        taken.add(name)
        found += [Picture(name, path)] if path.suffix.lower() in PICTURES else frames(path, name)
    return tuple(found)


def frames(path: Path, name: str) -> list[Picture]:
    """A few frames of a video as RGB codes."""
    from filmgrain_codec.media.reader import Reader

    with Reader(path, threads=1) as reader:
        kept = list(islice(reader, 0, FRAMES_PER_VIDEO * APART, APART))
    return [Picture(f"{name}_{f.index:04d}", path, codes(in_channels(f), f.fmt.bits)) for f in kept]


def codes(samples: Samples, bits: int) -> np.ndarray:
    kind = np.uint8 if bits == 8 else np.uint16
    return np.rint(samples * np.iinfo(kind).max).astype(kind)


def part(pictures: Sequence[Picture], *, validation: bool) -> tuple[Picture, ...]:
    """The pictures to validate on, or those to train on; a video's frames stay together.

    Clips that our own nets were never trained on are not trained on here either.
    """
    names = [p.name if p.codes is None else p.path.stem for p in pictures]
    held = held_out(names) | np.isin(names, HELD_OUT_CLIPS)
    found = tuple(p for p, h in zip(pictures, held, strict=True) if h == validation)
    if not found:
        raise InputError("It takes two clean pictures, one to train and one to validate on; add pictures.")
    return found


def grained(clean: Samples, level: float, family: str, rng: np.random.Generator, bits: int = 8) -> Samples:
    """A picture with grain of ``level`` (sigma of luma at 0.5) of a freshly drawn recipe of ``family``.

    RGB is grained as full-range BT.709 Y'CbCr 4:4:4, as scans in a video pipeline are; the result is
    rounded and clipped to ``bits``.
    """
    recipe = FAMILIES[checked(family)].draw(rng)
    frame = as_yuv(clean, bits)
    planes = recipe.grain(frame.planes, frame.fmt, level, int(rng.integers(1 << 31)), 0, False)
    return rounded(in_channels(frame.with_planes(planes)), bits)


def checked(family: str) -> str:
    """A family's name. Raises ``UsageError`` for an unknown one."""
    if family not in FAMILIES:
        raise UsageError(f"No grain family is called '{family}'; choose one of {', '.join(FAMILIES)}.")
    return family


def for_training(family: str) -> str:
    """A family's name. Raises ``UsageError`` for one that is kept for measuring."""
    if FAMILIES[checked(family)].held_out:
        raise UsageError(
            f"Grain family '{family}' is kept for measuring and never trained on: choose another."
        )
    return family


def as_yuv(samples: Samples, bits: int) -> Frame:
    """Gray or RGB samples as a gray or a Y'CbCr 4:4:4 frame."""
    from filmgrain_codec.media.rgb import to_yuv, yuv_format

    frame = as_frame(samples, bits)
    return frame if frame.fmt.family == "gray" else to_yuv(frame, yuv_format(frame.fmt))


def as_frame(samples: Samples, bits: int) -> Frame:
    """Gray or RGB samples as a frame of the same family."""
    channels, rows, columns = samples.shape
    color = _FULL_RGB if channels == 3 else _FULL_BT709
    fmt = FrameFormat(columns, rows, "rgb" if channels == 3 else "gray", 0, 0, bits, color)
    return Frame(tuple(samples), fmt, 0, 0, Fraction(1, 25))


def rounded(samples: Samples, bits: int) -> Samples:
    """Samples at the nearest codes of ``bits``."""
    peak = np.float32((1 << bits) - 1)
    return (np.clip(np.rint(samples * peak), 0, peak) / peak).astype(np.float32)
