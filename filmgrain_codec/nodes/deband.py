"""The node that takes bands off smooth gradients: steps of one code where the scene had a slope.

Written from the idea that a code stands for all values that round to it: nothing is moved by more than half
a step, so what is put back never contradicts the source. The dither is interleaved gradient noise
(J. Jimenez, "Next Generation Post Processing in Call of Duty: Advanced Warfare", SIGGRAPH 2014).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.nodes.convert import Depth
from filmgrain_codec.nodes.opencv import opencv

SMALLEST = 3
"""Least half-width of the boxes that slopes are taken from; each next one is twice as wide."""
LOOK = 9
"""Side of the box in which steps must agree in their direction to be a slope."""
CALM, RESTLESS = 0.03, 0.09
"""Steps a sample that do not agree: up to the first all is smooth, from the second on all is texture."""
EDGE = 1.5
"""A larger difference between neighbours, in steps, is an edge of the scene."""
STEPS = 4.0
"""Boxes that span so many steps are wide enough: wider ones would flatten what is curved."""
WHOLE = 0.97
"""A box counts from this share of smooth samples on."""
DITHERED = 10
"""Results of less depth are dithered."""
_NOISE = (52.9829189, 0.06711056, 0.00583715, 5.588238)
_PERIOD = 64


class Deband:
    """Node that puts slopes back where a picture of few codes has flat bands, frame by frame.

    ``step``: height of the steps in codes of 8 bit: 1 for what an 8-bit source itself has, more for bands
    that a codec made. ``range``: half-width of the widest box, in samples; of bands wider than that a
    softened step stays. ``strength``: share of the change, 0 gives the very same planes. ``bits``: depth of
    the result, never less than the source's; below 10 the change is dithered, since rounding would undo it.

    Only smooth places change, by half a step at most: where neighbours differ by more than 1.5 steps, or
    where steps go up and down within 9 samples (grain, texture), samples stay as they are. All planes are
    treated, each by itself.
    """

    radius = 0

    def __init__(self, step: float = 1.0, range: int = 24, strength: float = 1.0, bits: int = 10) -> None:
        self._step, self._range, self._strength, self._bits = step, range, strength, bits

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        return replace(fmt, bits=max(fmt.bits, self._bits))

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        fmt = self.configure(window[0].fmt)
        frame = Depth(fmt.bits).process(window, n)
        if self._strength == 0:
            return frame
        code = np.float32(2.0 ** (fmt.bits - 8) / fmt.peak)
        made = [self._plane(p, np.float32(self._step) * code) for p in frame.planes]
        if fmt.bits < DITHERED:
            noise = np.float32(1 / fmt.peak)
            made = [dithered(p, q, n, noise) for p, q in zip(frame.planes, made, strict=True)]
        return frame.with_planes(tuple(made))

    def _plane(self, plane: Plane, step: np.float32) -> Plane:
        plane = np.ascontiguousarray(plane)
        smooth = smoothness(plane, step)
        if not smooth.any():
            return plane
        change = np.clip(slopes(plane, smooth, self._range, step) - plane, -step / 2, step / 2)
        made: Plane = plane + np.float32(self._strength) * smooth * change
        return made


def smoothness(plane: Plane, step: np.float32) -> Plane:
    """0 to 1: how surely a sample lies on a slope of steps that all go one way."""
    cv = opencv()
    across, down = np.zeros_like(plane), np.zeros_like(plane)
    across[:, 1:], down[1:] = np.diff(plane, axis=1), np.diff(plane, axis=0)
    across[:, 0], down[0] = across[:, :2][:, -1], down[:2][-1]
    on = cv.BORDER_REPLICATE  # mirrored, a slope would turn back at the border
    restless = sum(_mean(np.abs(d), LOOK, on) - np.abs(_mean(d, LOOK, on)) for d in (across, down)) / step
    edge = (np.maximum(np.abs(across), np.abs(down)) > EDGE * step).astype(np.float32)
    near = cv.dilate(edge, np.ones((3, 3), np.uint8))
    made: Plane = np.clip((RESTLESS - restless) / np.float32(RESTLESS - CALM), 0, 1) * (1 - near)
    return made


def slopes(plane: Plane, smooth: Plane, widest: int, step: np.float32) -> Plane:
    """The plane as means of boxes that are smooth all over, as wide as it takes to see two steps."""
    margin = 2 * widest
    inside = tuple(slice(margin, margin + n) for n in plane.shape)
    usable = np.pad((smooth > 0).astype(np.float32), margin, "reflect")
    seen = np.pad(plane, margin, "reflect", reflect_type="odd")  # a slope goes on beyond the border
    change = climbed(seen)
    made, half, wanting = seen, SMALLEST, np.ones_like(seen)
    while half <= widest:
        side = half + 1 - half % 2  # twice through a box: a slope's steps leave no ripple
        mean = _mean(_mean(seen, side), side)
        share = np.clip((_mean(usable, 2 * side - 1) - WHOLE) / np.float32(1 - WHOLE), 0, 1)
        made = made + share * wanting * (mean - made)
        wanting = np.clip(STEPS - _mean(change, 2 * side - 1) * (2 * half) / step, 0, 1)
        half *= 2
    return made[inside]


def climbed(plane: Plane) -> Plane:
    """What the plane rises and falls from each sample to the next, across and down."""
    made = np.zeros_like(plane)
    made[:, 1:] = np.abs(np.diff(plane, axis=1))
    made[1:] += np.abs(np.diff(plane, axis=0))
    return made


def dithered(before: Plane, after: Plane, n: int, code: np.float32) -> Plane:
    """What changed, with noise of one code, so that rounding keeps its mean; the rest as it was."""
    x, y = np.arange(before.shape[1]), np.arange(before.shape[0])[:, None]
    shift = _NOISE[3] * (n % _PERIOD)
    inner = _NOISE[1] * (x + shift) + _NOISE[2] * (y + shift)
    noise = (_NOISE[0] * (inner % 1) % 1 - 0.5).astype(np.float32)
    made: Plane = np.where(after == before, before, after + code * noise).astype(np.float32)
    return made


def _mean(plane: Plane, side: int, border: int | None = None) -> Plane:
    cv = opencv()
    border = cv.BORDER_REFLECT_101 if border is None else border
    made: Plane = cv.boxFilter(plane, -1, (side, side), borderType=border)
    return made
