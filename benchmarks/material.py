"""Test clips with grain of known kind and strength.

Clean clips and stills come from the shared test material (``FGCODEC_SHARED`` or ../shared). Grain is
added by two families that share no code with the synthesizer: 'spectral' (two-Gaussian noise power
spectrum by FFT, strength curve of a colour negative) and 'boolean' (Newson's disks by Monte Carlo).
Every frame gets grain of its own; samples are rounded to 10 bits.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat, Plane
from filmgrain_codec.train.generators import boolean, spectral

BITS = 10
RATE = Fraction(25)
FAMILIES = ("spectral", "boolean")
LEVELS = (0.01, 0.025, 0.05, 0.1)
SIZES = (0.6, 0.8, 1.2)
_CHROMA = 0.5
_BT709 = ColorInfo(1, 1, 1, 1)


@dataclass(frozen=True, slots=True)
class Grain:
    """One grain: family, level at luma 0.5, size in luma samples, tone shape (spectral only)."""

    family: str
    level: float
    size: float = 0.8
    tone: str = "negative"

    @property
    def name(self) -> str:
        return f"{self.family} {self.level:g} size {self.size:g}"


def data() -> Path:
    """The folder of test material; raises ``FileNotFoundError`` with the way out."""
    beside = Path(__file__).resolve().parents[1].parent / "shared"
    folder = Path(os.environ.get("FGCODEC_SHARED", beside)) / "data" / "test"
    if not folder.is_dir():
        raise FileNotFoundError(
            f"No test material at {folder}; set FGCODEC_SHARED to the folder that has it."
        )
    return folder


def clips() -> list[str]:
    """Names of the clean clips with real motion."""
    return sorted(p.stem for p in (data() / "clean_video").iterdir() if p.suffix == ".mkv")


def stills() -> list[str]:
    """Names of the clean stills."""
    return sorted(p.stem for p in (data() / "clean_images").iterdir() if p.suffix in {".png", ".jpg"})


def clip(
    name: str, count: int | None = None, start: int = 0, size: tuple[int, int] | None = None
) -> list[Frame]:
    """Frames of a clean clip in 10 bits (8-bit codes times 4), indices from 0.

    ``size``: (width, height) of a crop from the middle, even numbers.
    """
    path = next((data() / "clean_video").glob(f"{name}.*"))
    found: list[Frame] = []
    with av.open(str(path)) as container:
        for number, picture in enumerate(container.decode(video=0)):
            if number < start:
                continue
            if count is not None and len(found) >= count:
                break
            found.append(_frame(_planes(picture.reformat(format="yuv420p")), len(found)))
    return [crop(f, *size) for f in found] if size else found


def still(name: str, width: int | None = None) -> Frame:
    """A clean still as a 10-bit 4:2:0 frame (BT.709, limited range), at most ``width`` wide."""
    path = next((data() / "clean_images").glob(f"{name}.*"))
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0))
    wide = min(picture.width, width or picture.width) // 2 * 2
    high = round(picture.height * wide / picture.width) // 2 * 2
    picture = picture.reformat(wide, high, "yuv420p10le", dst_colorspace=1, dst_color_range=1)
    return _frame([p.astype(np.float32) / 1023 for p in _raw(picture, np.dtype("<u2"))], 0)


def panned(frame: Frame, count: int, step: int = 2) -> list[Frame]:
    """A still as a clip: a window that moves by ``step`` samples each frame, even numbers."""
    reach = step * (count - 1)
    width, height = frame.fmt.width - reach, frame.fmt.height
    moved = [_window(frame, k * step, 0, width, height) for k in range(count)]
    return [replace(f, index=i, pts=i) for i, f in enumerate(moved)]


def crop(frame: Frame, width: int, height: int) -> Frame:
    """The middle of a frame, even position and size."""
    width, height = min(width, frame.fmt.width), min(height, frame.fmt.height)
    return _window(
        frame, (frame.fmt.width - width) // 4 * 2, (frame.fmt.height - height) // 4 * 2, width, height
    )


def grained(frames: Sequence[Frame], grain: Grain, seed: int = 1) -> Iterator[Frame]:
    """The frames with independent grain each, rounded to their bits; repeatable for a ``seed``."""
    for frame in frames:
        yield frame.with_planes(_add(frame, grain, seed))


def _add(frame: Frame, grain: Grain, seed: int) -> tuple[Plane, ...]:
    chroma_size = max(0.5, 0.85 * grain.size)
    if grain.family == "spectral":
        recipe = spectral.SpectralGrain(
            size=grain.size, tone=grain.tone, cb=_CHROMA, cr=_CHROMA, chroma_size=chroma_size
        )
        return spectral.grain(frame.planes, frame.fmt, grain.level, seed, frame.index, recipe)
    disks = boolean.BooleanGrain(size=grain.size, cb=_CHROMA, cr=_CHROMA, chroma_size=chroma_size)
    return boolean.grain(frame.planes, frame.fmt, grain.level, seed, frame.index, disks)


def _window(frame: Frame, x: int, y: int, width: int, height: int) -> Frame:
    fmt = replace(frame.fmt, width=width, height=height)
    planes = []
    for k, plane in enumerate(frame.planes):
        sub_w, sub_h = (fmt.sub_w, fmt.sub_h) if k else (0, 0)
        rows, columns = fmt.shape(k)
        planes.append(plane[y >> sub_h : (y >> sub_h) + rows, x >> sub_w : (x >> sub_w) + columns])
    return replace(frame, planes=tuple(np.ascontiguousarray(p) for p in planes), fmt=fmt)


def _frame(planes: Sequence[Plane], index: int) -> Frame:
    height, width = planes[0].shape
    fmt = FrameFormat(width, height, bits=BITS, color=_BT709)
    return Frame(tuple(planes), fmt, index, index, 1 / RATE, 1)


def _planes(picture: av.VideoFrame) -> list[Plane]:
    return [np.asarray(p, np.float32) * np.float32(4 / 1023) for p in _raw(picture, np.dtype("u1"))]


def _raw(picture: av.VideoFrame, sample: np.dtype) -> list[NDArray[np.integer]]:
    out = []
    for plane in picture.planes:
        rows = np.frombuffer(plane, sample).reshape(plane.height, plane.line_size // sample.itemsize)
        out.append(rows[:, : plane.width])
    return out
