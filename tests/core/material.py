"""Small clips, small pure nodes and a whole-clip oracle for the tests of the graph."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.node import Node, unfolded

FORMAT = FrameFormat(6, 4)


def make_frame(n: int, fmt: FrameFormat = FORMAT) -> Frame:
    """Frame ``n`` of a clip that looks different everywhere."""
    rng = np.random.Generator(np.random.Philox(key=[7, n]))
    planes = tuple(rng.random(fmt.shape(i), np.float32) for i in range(fmt.planes))
    return Frame(planes, fmt, n, 1001 * n + n % 2, Fraction(1, 24000), 1001)


def clip(length: int, first: int = 0) -> Iterator[Frame]:
    return (make_frame(n) for n in range(first, length))


def bits(frame: Frame) -> tuple[object, ...]:
    """Everything of a frame that must be equal, bit for bit."""
    return frame.index, frame.pts, tuple(p.tobytes() for p in frame.planes), tuple(frame.props.items())


class PassFormat:
    def configure(self, fmt: FrameFormat) -> FrameFormat:
        return fmt


@dataclass(frozen=True)
class Mean(PassFormat):
    """Weighted mean over time; the sum depends on order, the weights on the frame number."""

    radius: int

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        weights = [1.0 + 0.1 * k + 0.01 * (f.index % 5) for k, f in enumerate(window)]
        planes = tuple(
            (sum(w * p for w, p in zip(weights, stack, strict=True)) / sum(weights)).astype(np.float32)
            for stack in zip(*(f.planes for f in window), strict=True)
        )
        return window[self.radius].with_planes(planes)


@dataclass(frozen=True)
class Ramp(PassFormat):
    """Depends on position, frame number and presentation time."""

    radius: int

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        here, far = window[self.radius], window[-1]
        ramps = (np.add.outer(np.arange(p.shape[0]), np.arange(p.shape[1])) for p in here.planes)
        shift = float(far.time) - 0.25 * n
        planes = tuple(
            (p + 0.1 * r + shift).astype(np.float32) for p, r in zip(here.planes, ramps, strict=True)
        )
        return here.with_planes(planes, ramp=n)


@dataclass(frozen=True)
class Noise(PassFormat):
    """Noise from (seed, frame number) alone, added to the oldest frame of the window."""

    radius: int
    seed: int = 3

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        rng = np.random.Generator(np.random.Philox(key=[self.seed, n]))
        old = window[0]
        planes = tuple(p + rng.random(p.shape, np.float32) for p in old.planes)
        return window[self.radius].with_planes(planes)


@dataclass(frozen=True)
class Median(PassFormat):
    radius: int

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        stacks = zip(*(f.planes for f in window), strict=True)
        return window[self.radius].with_planes(tuple(np.median(s, axis=0).astype(np.float32) for s in stacks))


@dataclass(frozen=True)
class Noted(PassFormat):
    """Notes how much a frame differs from the one before it."""

    radius: int = 1

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        here, before = window[1], window[0]
        change = np.float32(here.planes[0].mean() - before.planes[0].mean())
        return here.with_planes(here.planes, change=change.tobytes())


@dataclass(frozen=True)
class Far(PassFormat):
    """Adds the notes of a long window, but looks at no other picture."""

    radius: int
    notes: tuple[str, ...] = ("change",)
    reach: int = 0

    @property
    def before(self) -> tuple[Node, ...]:
        return (Noted(),)

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        total = sum(float(np.frombuffer(f.props["change"], np.float32)[0]) * k for k, f in enumerate(window))
        here = window[self.radius]
        made = here.with_planes(tuple((p + np.float32(total)).astype(np.float32) for p in here.planes))
        del made.props["change"]
        return made


@dataclass(frozen=True)
class ToGray:
    """Changes the format: keeps luma only."""

    radius: int = 0

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        return FrameFormat(fmt.width, fmt.height, "gray", 0, 0, fmt.bits)

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        old = window[self.radius]
        return Frame(old.planes[:1], self.configure(old.fmt), n, old.pts, old.time_base, old.duration)


@dataclass(frozen=True)
class Same(PassFormat):
    """Strength 0: the very frame it was given."""

    radius: int

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        return window[self.radius]


def oracle(nodes: Sequence[Node], frames: Sequence[Frame], cuts: Sequence[int]) -> list[Frame]:
    """The boundary rule written a second time: whole clip at once, shot by shot."""
    edges = [0, *sorted(c for c in cuts if c < len(frames)), len(frames)]
    out = []
    for first, end in itertools.pairwise(edges):
        shot = list(frames[first:end])
        for node in unfolded(nodes):
            r = node.radius
            padded = shot[:1] * r + shot + shot[-1:] * r
            shot = [node.process(padded[i : i + 2 * r + 1], first + i) for i in range(len(shot))]
        out += shot
    return out
