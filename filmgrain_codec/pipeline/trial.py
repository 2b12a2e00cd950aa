"""Trial encodes of a few windows of a base layer, measured as they will look decoded and repaired.

The windows lie lossless in a folder; no more than a few frames are in memory at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.core.node import Node
from filmgrain_codec.media.encoders import EncoderSpec, encoder_for
from filmgrain_codec.media.probe import USUAL_RATE
from filmgrain_codec.media.reader import Reader
from filmgrain_codec.media.scores import vmaf
from filmgrain_codec.media.writer import Writer
from filmgrain_codec.pipeline.progress import Meter

WINDOWS, LENGTH = 6, 24
"""Windows of a clip, and frames of each: what one trial costs. Shorter clips are tried whole."""
TAIL = 8
"""Frames behind a window that are coded too and not measured: encoders spend less where little follows."""
LOSSLESS = 100.0
"""PSNR of pictures that are the same."""


@dataclass(frozen=True, slots=True)
class Window:
    """``first`` to ``end`` (exclusive) are measured, what follows up to ``last`` (exclusive) is coded too."""

    first: int
    end: int
    last: int


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A window in a file, the first ``measured`` of its frames being those that count."""

    path: Path
    measured: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trial gave: mean VMAF, or PSNR of luma over all samples in dB; bytes of video a frame."""

    quality: float
    bytes_per_frame: float


def windows(shots: Sequence[tuple[int, int]]) -> list[Window]:
    """The windows of a clip, evenly spread, each inside a shot as far as that is long enough."""
    frames = shots[-1][1]
    if frames <= WINDOWS * LENGTH:
        return [Window(0, frames, frames)]
    found = []
    for k in range(WINDOWS):
        centre = (2 * k + 1) * frames // (2 * WINDOWS)
        start, end = next((a, b) for a, b in shots if a <= centre < b)
        first = min(max(centre - LENGTH // 2, start), max(end - LENGTH, start))
        end = min(first + LENGTH, frames)
        found.append(Window(first, end, min(end + TAIL, frames)))
    return found


def keep(frames: Iterable[Frame], path: Path, fmt: FrameFormat, rate: Fraction | None, meter: Meter) -> None:
    """Write a window without loss, its frames counted from 0."""
    _write(frames, path, encoder_for("ffv1", fmt, bits=fmt.bits), fmt, rate, meter)


def measure(
    kept: Sequence[Excerpt], spec: EncoderSpec, repair: Node | None, metric: str, meter: Meter
) -> Outcome:
    """Encode every window, decode and repair it, and compare it with what was encoded."""
    size, found, before = 0, list[float](), meter.done
    for window in kept:
        made = window.path.with_name("trial.mkv")
        with Reader(window.path) as reader:
            video = reader.info.video
            size += _write(reader, made, spec, video.fmt, video.rate, meter)
        found += _METRICS[metric](islice(_pairs(window.path, made, repair), window.measured))
        made.unlink()
    return Outcome(_POOLED[metric](found), size / max(meter.done - before, 1))


def _pairs(clean: Path, coded: Path, repair: Node | None) -> Iterator[tuple[Frame, Frame]]:
    """Frames before coding and as decode gives them back."""
    with (
        Reader(clean) as before,
        Reader(coded, native_grain="export", quantisers=repair is not None) as after,
    ):
        yield from zip(before, after if repair is None else Graph([repair]).stream(after), strict=True)


def _write(
    frames: Iterable[Frame],
    path: Path,
    spec: EncoderSpec,
    fmt: FrameFormat,
    rate: Fraction | None,
    meter: Meter,
) -> int:
    """Bytes of the video written to ``path``, its frames counted from 0."""
    rate = rate or USUAL_RATE
    with Writer(path, None, spec, fmt, time_base=1 / rate, rate=rate) as writer:
        for n, frame in enumerate(frames):
            meter.step()
            writer.write(replace(frame, index=n, pts=n, time_base=1 / rate, duration=1, props={}))
    writer.temporary.replace(path)
    return writer.video_bytes


def _errors(pairs: Iterable[tuple[Frame, Frame]]) -> list[float]:
    """Mean squared error of luma of each frame."""
    return [float(np.mean((a.planes[0] - b.planes[0].clip(0, 1)) ** 2, dtype=np.float64)) for a, b in pairs]


def _psnr(errors: Sequence[float]) -> float:
    error = sum(errors) / len(errors)
    return LOSSLESS if error <= 10 ** (-LOSSLESS / 10) else -10 * math.log10(error)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


_METRICS: dict[str, Callable[[Iterable[tuple[Frame, Frame]]], list[float]]] = {"vmaf": vmaf, "psnr": _errors}
_POOLED: dict[str, Callable[[Sequence[float]], float]] = {"vmaf": _mean, "psnr": _psnr}
