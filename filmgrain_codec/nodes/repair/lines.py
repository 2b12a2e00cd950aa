"""Notes of every frame's thin upright lines, and how its scene moves sideways: what scratches are told from.

A line of a tenth of a code's contrast shows in no sample, but in the mean of 64 rows. A pure function of two
frames, so notes are the same bits however a clip is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.errors import InputError
from filmgrain_codec.nodes.flow import codes, moves
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.repair.aligned import brightness

Array = NDArray[np.float32]
NOTE = "FGLines"
STRIP, FEWEST = 64, 16
"""Rows of a strip, about, and strips of smaller pictures (of at least eight rows)."""
WIDEST = 11
"""Samples that a line is wide at most."""
AROUND = 65
"""Samples along a strip in which its usual unevenness is measured."""
FLAT = 0.15 / 255
"""Unevenness is never less, of full scale."""
STEP = 1 / 8
"""Deviations that one count of a note stands for."""
CELLS = 16
"""Places across at which the scene's motion is noted."""
SMALL = 150_000
"""Motion is searched between pictures of at most so many samples."""


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """``ridges`` (strips, columns): how far the strip's mean stands out of what is beside it, in deviations
    of its unevenness there, above 0 for bright lines and below for dark. ``motion`` (strips, CELLS): samples
    that the scene lies further right here than in the frame before; None at the start of a shot.
    """

    ridges: Array
    motion: Array | None

    def packed(self) -> bytes:
        """As a frame property: 8-bit ridges, then of the motion 16-bit eighths of samples (little-endian)."""
        shape = np.array(self.ridges.shape, "<u2").tobytes()
        ridges = np.clip(np.rint(self.ridges / STEP), -127, 127).astype(np.int8).tobytes()
        if self.motion is None:
            return shape + ridges
        return shape + ridges + np.clip(np.rint(self.motion * 8), -32767, 32767).astype("<i2").tobytes()

    @classmethod
    def unpacked(cls, note: object) -> Lines:
        """The note of a frame; raises ``InputError`` for what is none."""
        if isinstance(note, bytes) and len(note) > 4:
            rows, columns = (int(n) for n in np.frombuffer(note[:4], "<u2"))
            end = 4 + rows * columns
            if len(note) in (end, end + 2 * rows * CELLS):
                ridges = np.frombuffer(note[4:end], np.int8).reshape(rows, columns).astype(
                    np.float32
                ) * np.float32(STEP)
                moved = np.frombuffer(note[end:], "<i2").astype(np.float32) / np.float32(8)
                return cls(ridges, moved.reshape(rows, CELLS) if moved.size else None)
        raise InputError(f"A frame has no readable note of its lines ({NOTE}); LookForLines must run first.")


class LookForLines:
    """Node that notes every frame's lines as property FGLines (``Lines.packed``); planes stay as they are."""

    radius = 1

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        return fmt

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        before, frame, _ = window
        luma = brightness(frame)
        motion = None if before.index == frame.index else sideways(luma, brightness(before))
        return replace(frame, props={**frame.props, NOTE: Lines(ridges(luma), motion).packed()})


def strips(height: int) -> int:
    """How many strips a picture is cut into."""
    return max(min(FEWEST, height // 8), round(height / STRIP), 1)


def ridges(luma: Plane) -> Array:
    """Thin upright lines of each strip (strips, columns), in deviations of its unevenness."""
    cv = opencv()
    size = luma.shape[1], strips(luma.shape[0])
    shrinks = luma.shape[0] >= size[1]
    means = cv.resize(luma, size, interpolation=cv.INTER_AREA if shrinks else cv.INTER_LINEAR)
    across = np.ones((1, WIDEST + 2), np.uint8)
    bright = means - cv.morphologyEx(means, cv.MORPH_OPEN, across)
    dark = cv.morphologyEx(means, cv.MORPH_CLOSE, across) - means
    made: Array = np.where(bright >= dark, bright, -dark)
    return made / _unevenness(means)


def _unevenness(means: Array) -> Array:
    """Mean distance of a strip's samples from their smooth course, those far off clipped, as a deviation."""
    cv = opencv()
    off = np.abs(means - cv.blur(means, (9, 1)))
    usual = cv.blur(off, (AROUND, 1))
    for _ in range(2):
        usual = cv.blur(np.minimum(off, 2 * usual), (AROUND, 1))
    made: Array = np.maximum(1.25 * usual, np.float32(FLAT))
    return made


def sideways(here: Plane, before: Plane) -> Array:
    """Samples that the scene lies further right than before (strips, CELLS)."""
    cv, halvings = opencv(), 0
    while (here.shape[0] >> halvings) * (here.shape[1] >> halvings) > SMALL:
        halvings += 1
    flow = moves(codes(here, halvings), codes(before, halvings), "fast")[..., 0]
    size = CELLS, strips(here.shape[0])
    calm = cv.medianBlur(np.ascontiguousarray(flow), 5)
    made: Array = cv.resize(calm, size, interpolation=cv.INTER_AREA)
    return -made * np.float32(2 << halvings)
