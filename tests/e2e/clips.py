"""Small grainy clips whose grain is known, made afresh for each test run."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat
from filmgrain_codec.grain import parametric
from filmgrain_codec.grain.profile import DEFAULT_CURVE, Chroma, GrainSegment, Spectrum
from filmgrain_codec.media.encoders import encoder_for
from filmgrain_codec.media.writer import Writer

BASE = Fraction(1, 1000)
LEVEL = 0.05


def picture(fmt: FrameFormat, shot: int, n: int) -> tuple[np.ndarray, ...]:
    """A smooth picture with a few edges; each shot its own, drifting a little each frame."""
    rng = np.random.default_rng(shot)
    planes = []
    for k in range(fmt.planes):
        rows, columns = fmt.shape(k)
        y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
        y, x = y / max(rows, 1), (x + 0.4 * n) / max(columns, 1)
        a, b, c = rng.uniform(-0.4, 0.4, 3)
        plane = 0.5 + 0.6 * a * (x - 0.5) + 0.6 * b * (y - 0.5)
        plane += 0.15 * np.sign(c) * ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.05)
        planes.append(np.clip(plane, 0.1, 0.9).astype(np.float32))
    return tuple(planes)


def times(count: int, variable: bool) -> list[int]:
    """Timestamps in milliseconds: 24 a second, or irregular."""
    if not variable:
        return [round(n * 1000 / 24) for n in range(count)]
    rng = np.random.default_rng(5)
    return [int(t) for t in np.cumsum(rng.integers(20, 90, count))]


def frames(
    fmt: FrameFormat,
    count: int,
    *,
    level: float = LEVEL,
    shots: int = 1,
    variable: bool = False,
    size: float = 0.8,
) -> list[Frame]:
    """``count`` grainy frames in ``shots`` shots of equal length."""
    segment = GrainSegment(0, count, level, DEFAULT_CURVE, Spectrum(size), Chroma(0.5, 0.4, 0.6), seed=11)
    found = []
    for n, pts in enumerate(times(count, variable)):
        clean = Frame(picture(fmt, n * shots // count, n), fmt, n, pts, BASE, 40)
        found.append(parametric.apply(clean, segment))
    return found


def stream(path: Path, fmt: FrameFormat, count: int) -> Path:
    """``count`` grainy frames of one shot, made one by one, lossless; 12 different ones in turn."""
    pictures = frames(fmt, 12)
    with Writer(
        path, None, encoder_for("ffv1", fmt, bits=fmt.bits), fmt, time_base=BASE, rate=Fraction(24)
    ) as out:
        for n, pts in enumerate(times(count, False)):
            out.write(replace(pictures[n % 12], index=n, pts=pts))
    out.temporary.replace(path)
    return path


def write(path: Path, pictures: list[Frame], codec: str = "ffv1", crf: float | None = None) -> Path:
    """Write frames into a file (by default without loss)."""
    fmt = pictures[0].fmt
    spec = encoder_for(codec, fmt, crf=crf, bits=fmt.bits)
    with Writer(path, None, spec, fmt, time_base=BASE, rate=Fraction(24)) as writer:
        for frame in pictures:
            writer.write(frame)
    writer.temporary.replace(path)
    return path


def format_of(
    width: int = 192, height: int = 128, bits: int = 10, sub: tuple[int, int] = (1, 1)
) -> FrameFormat:
    """4:2:0 BT.709 limited range unless said otherwise."""
    return FrameFormat(width, height, "yuv", *sub, bits, ColorInfo(1, 1, 1, 1, 1))


def gray(width: int, height: int, bits: int) -> FrameFormat:
    """Luma only, limited range."""
    return FrameFormat(width, height, "gray", 0, 0, bits, ColorInfo(1, 1, 2, 1, 0))
