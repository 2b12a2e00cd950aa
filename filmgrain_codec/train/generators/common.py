"""What the generators share: seeded randomness, tone shapes, chroma resampling, quantisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import FrameFormat, Plane
from filmgrain_codec.errors import UsageError

Field = NDArray[np.float64]
Tone = Callable[[Field], Field]
"""sigma(luma) / level for luma codes in 0..1; 1 at 0.5."""


def boolean_tone(luma: Field) -> Field:
    """Strength of filtered Boolean grain, u^0.51 (1-u)^0.66 (small-grain limit), 1 at 0.5."""
    u = np.clip(luma, 0.0, 1.0)
    return np.asarray((2.0 * u) ** 0.508 * (2.0 - 2.0 * u) ** 0.662, np.float64)


def negative_tone(luma: Field) -> Field:
    """Colour negative: strongest in the shadows, falling 1.9 times to the highlights."""
    u = np.clip(luma, 0.0, 1.0)
    shape = (0.55 + 0.9 * np.exp(-(((u - 0.22) / 0.3) ** 2))) * (1.0 - np.exp(-(u + 0.02) / 0.05))
    at_half = 0.55 + 0.9 * np.exp(-((0.28 / 0.3) ** 2))
    return np.asarray(shape / at_half, np.float64)


def flat_tone(luma: Field) -> Field:
    """The same strength at every luma."""
    return np.ones_like(luma, np.float64)


TONES: dict[str, Tone] = {"flat": flat_tone, "negative": negative_tone, "boolean": boolean_tone}


def tone_of(name: str) -> Tone:
    """A tone shape by name; raises ``UsageError`` for an unknown one."""
    if name not in TONES:
        raise UsageError(f"No tone shape is called {name!r}; choose one of {', '.join(sorted(TONES))}.")
    return TONES[name]


def generator(*key: int) -> np.random.Generator:
    """A random generator that depends on all the given non-negative integers."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(list(key))))


def luma_on(plane: int, luma: Plane, fmt: FrameFormat) -> Field:
    """Luma averaged onto the grid of ``plane`` (edge samples repeated where sizes are odd)."""
    rows, columns = fmt.shape(plane)
    if (rows, columns) == luma.shape:
        return np.asarray(luma, np.float64)
    fy, fx = 1 << fmt.sub_h, 1 << fmt.sub_w
    pad = ((0, rows * fy - luma.shape[0]), (0, columns * fx - luma.shape[1]))
    full = np.pad(np.asarray(luma, np.float64), pad, mode="edge")
    return np.asarray(full.reshape(rows, fy, columns, fx).mean((1, 3)), np.float64)


def add(
    planes: Sequence[Plane], fields: Sequence[Field], fmt: FrameFormat, quantise: bool
) -> tuple[Plane, ...]:
    """Planes plus grain; ``quantise`` rounds and clips to the format's codes."""
    sums = [np.asarray(p, np.float64) + g for p, g in zip(planes, fields, strict=True)]
    if quantise:
        sums = [np.clip(np.rint(s * fmt.peak), 0, fmt.peak) / fmt.peak for s in sums]
    return tuple(s.astype(np.float32) for s in sums)


# single precision, for the families that training draws from ---------------------------------


def fast_generator(*key: int) -> np.random.Generator:
    """As ``generator``, with other bits and in half the time."""
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(list(key))))


def subsampling(fmt: FrameFormat) -> tuple[int, int]:
    """log2 of how much coarser chroma is, across and down; nothing for grey and RGB."""
    return (fmt.sub_w, fmt.sub_h) if fmt.family == "yuv" else (0, 0)


def block_sum(luma: Plane, fmt: FrameFormat, plane: int) -> Plane:
    """Sums of ``luma`` over the block of each sample of ``plane``; edge samples repeat at odd sizes."""
    sub_w, sub_h = subsampling(fmt)
    if plane == 0 or not (sub_w or sub_h):
        return luma
    rows, columns = fmt.shape(plane)
    pad = ((0, (rows << sub_h) - luma.shape[0]), (0, (columns << sub_w) - luma.shape[1]))
    full = np.pad(luma, pad, mode="edge") if pad[0][1] or pad[1][1] else luma
    for axis, times in ((0, 1 << sub_h), (1, 1 << sub_w)):
        parts = [full[k::times] if axis == 0 else full[:, k::times] for k in range(times)]
        full = sum(parts[1:], parts[0])
    return full


def block_mean(luma: Plane, fmt: FrameFormat, plane: int) -> Plane:
    """Means of ``luma`` over the block of each sample of ``plane``."""
    summed = block_sum(luma, fmt, plane)
    return summed if summed is luma else summed * np.float32(0.5 ** sum(subsampling(fmt)))


def finished(
    planes: Sequence[Plane], grains: Sequence[Plane], fmt: FrameFormat, quantise: bool
) -> tuple[Plane, ...]:
    """Planes plus grain in single precision; ``quantise`` rounds and clips to the format's codes."""
    sums = [np.add(p, g, dtype=np.float32) for p, g in zip(planes, grains, strict=True)]
    if quantise:
        peak = np.float32(fmt.peak)
        for s in sums:
            np.multiply(s, peak, out=s)
            np.rint(s, out=s)
            np.clip(s, 0, peak, out=s)
            np.divide(s, peak, out=s)
    return tuple(sums)
