"""Synthetic flicker: what unsteady exposure, shutters, decaying dyes and lamps do to a clean clip.

A frame x becomes (a x^gamma + b) exp(field): gain, gamma and offset of the whole frame, and a smooth field of
log gains. Each follows a first-order autoregression over time. Values go through a normal distribution's
own ranks, so that gain, gamma and offset are uniform in their ranges whatever their correlation. The ranges
of ``BOTH`` are severe, about 23 dB from the clean clip: they are what published figures were taken with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import erf, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.media import rgb
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.train.generators.common import generator

Field = NDArray[np.float64]
ROWS, COLUMNS = 4, 5
"""Cells of the local field."""
CHANNELS = 3
WAVES = (1.0, 3.0)
"""Bands of a picture's height."""
UNKNOWN = (0, 2, 3)
"""Matrix codes (H.273) that say nothing of a YUV clip; ``media.rgb`` then goes by its height."""
STREAM = 61
"""Key of this module's random numbers."""


@dataclass(frozen=True, slots=True)
class Flicker:
    """One kind of flicker.

    ``gain``, ``gamma``: ranges; ``offset``: largest, of full scale; ``memory``: correlation of a frame's
    light with that of the frame before, None draws it per clip from 0 to 0.8. ``local``: standard deviation
    of the log-gain field, ``local_memory`` its correlation. ``colour``: standard deviation of further
    log gains of R, G and B, each for itself. ``banding``: amplitude of a log gain that waves down
    the picture and travels, as lamps on alternating current leave behind a rolling shutter.
    """

    name: str
    gain: tuple[float, float] = (1.0, 1.0)
    gamma: tuple[float, float] = (1.0, 1.0)
    offset: float = 0.0
    memory: float | None = 0.0
    local: float = 0.0
    local_memory: float = 0.4
    colour: float = 0.0
    banding: float = 0.0


GLOBAL = Flicker("global", (0.8, 1.2), (0.85, 1.18), 0.02)
LOCAL = Flicker("local", local=0.10)
BOTH = replace(GLOBAL, name="both", local=0.10)
LASTING = replace(BOTH, name="lasting", memory=None)
BANDING = replace(GLOBAL, name="banding", gain=(0.9, 1.1), gamma=(0.95, 1.05), banding=0.08)
COLOUR = replace(GLOBAL, name="colour", gain=(0.9, 1.1), gamma=(0.93, 1.08), colour=0.06, local=0.05)
MILD = Flicker("mild", (0.92, 1.08), (0.95, 1.06), 0.01, local=0.04)


@dataclass(frozen=True, slots=True)
class State:
    """The flicker of one frame: gain (3, of R, G and B), gamma, offset, log gains (ROWS, COLUMNS), and of the
    bands their amplitude, number and phase (radians)."""

    gain: Field
    gamma: float
    offset: float
    field: Field
    bands: tuple[float, float, float]


def states(flicker: Flicker, count: int, seed: int) -> list[State]:
    """The flicker of ``count`` frames, the same for the same seed."""
    random = generator(STREAM, seed)
    memory = random.uniform(0, 0.8) if flicker.memory is None else flicker.memory
    ranks = normal_ranks(walk(random, count, (3,), memory))
    gains = np.exp(flicker.colour * walk(random, count, (CHANNELS,), memory))
    fields = flicker.local * walk(random, count, (ROWS, COLUMNS), flicker.local_memory)
    waves, start, pace = random.uniform(*WAVES), random.uniform(0, 2 * pi), random.uniform(0.8, 2.4)
    return [
        State(
            between(flicker.gain, r[0]) * g,
            between(flicker.gamma, r[1]),
            between((-flicker.offset, flicker.offset), r[2]),
            f,
            (flicker.banding, waves, start + pace * n),
        )
        for n, (r, g, f) in enumerate(zip(ranks, gains, fields, strict=True))
    ]


def walk(random: np.random.Generator, count: int, shape: tuple[int, ...], memory: float) -> Field:
    """A stationary autoregression of standard deviation 1 (count, *shape)."""
    steps = random.standard_normal((count, *shape))
    for n in range(1, count):
        steps[n] = memory * steps[n - 1] + sqrt(1 - memory**2) * steps[n]
    return steps


def normal_ranks(values: Field) -> Field:
    """Normal values as their ranks, 0 to 1."""
    return np.asarray(np.vectorize(lambda v: 0.5 + 0.5 * erf(v / sqrt(2)), otypes=[float])(values))


def between(ends: tuple[float, float], share: float) -> float:
    return float(ends[0] + share * (ends[1] - ends[0]))


def flickered(frames: Sequence[Frame], flicker: Flicker, seed: int) -> Iterator[Frame]:
    """The frames with flicker, rounded to their bits. Grey of any range, YUV, RGB; 8 to 16 bits.

    YUV flickers as R'G'B' does, and keeps its own samples where nothing flickers.
    """
    for frame, state in zip(frames, states(flicker, len(frames), seed), strict=True):
        yield quantised(frame, changed(frame, state))


def averaged(frames: Sequence[Frame], flicker: Flicker, seed: int, sigma: float = 10.0) -> Iterator[Frame]:
    """What a filter that knew all flicker would make of it by averaging it over time.

    The mean over neighbours, Gaussian of ``sigma`` frames, of what flicker would have made of the clean
    frame, nothing being clipped: what is left of flicker in it no filter of that reach can tell from light.
    Grey full-range frames, kinds without banding.
    """
    found, codes = states(flicker, len(frames), seed), np.linspace(0, 1, 257)
    apart = np.subtract.outer(np.arange(len(frames)), np.arange(len(frames)))
    near = np.exp(-0.5 * (apart / sigma) ** 2)
    near /= near.sum(1, keepdims=True)
    tones = near @ np.stack([s.gain.mean() * codes**s.gamma + s.offset for s in found])
    fields = np.tensordot(near, np.stack([s.field for s in found]), 1)
    for frame, state, tone, field in zip(frames, found, tones, fields, strict=True):
        gains = np.exp(log_gains(replace(state, field=field), frame.planes[0].shape))
        made = np.interp(frame.planes[0], codes, tone).astype(np.float32) * gains
        yield quantised(frame, (made,))


def changed(frame: Frame, state: State) -> tuple[Plane, ...]:
    """The planes of a frame after one frame's flicker, not rounded."""
    if frame.fmt.family == "rgb":
        return tuple(lit(p, state, k) for k, p in enumerate(frame.planes))
    if frame.fmt.family == "gray":
        full = rgb.full_range(frame)
        step = lit(full.planes[0], state, None) - full.planes[0]
        limited = full.fmt.color.range != frame.fmt.color.range
        swing = 219 * (1 << frame.fmt.bits - 8) / frame.fmt.peak if limited else 1.0
        return (frame.planes[0] + np.float32(swing) * step,)
    before = rgb.to_rgb(frame)
    after = replace(before, planes=tuple(lit(p, state, k) for k, p in enumerate(before.planes)))
    moved = zip(frame.planes, back(after, frame), back(before, frame), strict=True)
    return tuple(p + (new - old) for p, new, old in moved)


def back(picture: Frame, like: Frame) -> list[Plane]:
    """An RGB picture's planes in the format of ``like``; chroma is averaged."""
    matrix = like.fmt.color.matrix
    if matrix in UNKNOWN:
        matrix = 1 if like.fmt.height >= 720 else 6
    coded = replace(picture.fmt, color=replace(like.fmt.color, range=2, matrix=matrix))
    full = rgb.to_yuv(picture, rgb.yuv_format(coded))
    planes = (full if like.fmt.color.range == 2 else rgb.limited_range(full)).planes
    cv = opencv()
    return [
        cv.resize(p, like.planes[k].shape[::-1], interpolation=cv.INTER_AREA)
        for k, p in enumerate(planes)
    ]  # fmt: skip


def lit(plane: Plane, state: State, channel: int | None) -> Plane:
    """Full-range samples after the flicker of one channel, of all alike for None.

    Beyond 0 and 1 (colours outside of RGB) samples move as those at the end do.
    """
    gain, inside = state.gain.mean() if channel is None else state.gain[channel], np.clip(plane, 0, 1)
    made = gain * np.power(inside, state.gamma) + state.offset
    return np.asarray(plane + (made * np.exp(log_gains(state, plane.shape)) - inside), np.float32)


def log_gains(state: State, shape: tuple[int, ...]) -> Plane:
    """The field and the bands for every sample of a plane."""
    cv = opencv()
    depth, waves, phase = state.bands
    down = depth * np.sin(2 * pi * waves * np.arange(shape[0]) / shape[0] + phase)
    wide = cv.resize(state.field.astype(np.float32), shape[::-1], interpolation=cv.INTER_CUBIC)
    return np.asarray(wide + down[:, None], np.float32)


def quantised(frame: Frame, planes: Sequence[Plane]) -> Frame:
    """New samples for a frame, as the codes a file would hold."""
    peak = np.float32(frame.fmt.peak)
    return frame.with_planes(tuple(np.asarray(np.clip(np.rint(p * peak), 0, peak) / peak) for p in planes))
