"""Deflicker: the light of each frame brought to what the frames around it have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.node import Node
from filmgrain_codec.errors import UsageError
from filmgrain_codec.nodes.flicker import steady
from filmgrain_codec.nodes.flicker.chain import LEVELS, Chain, levels
from filmgrain_codec.nodes.flicker.correction import DEPTHS, LIFT, Correction, corrected, knots
from filmgrain_codec.nodes.flicker.light import NOTE, Light, Look
from filmgrain_codec.nodes.flicker.measure import index

Array = NDArray[np.float64]
MODES = ("safe", "strong", "auto")
RADIUS = 24
DEPTH_CODES = (np.arange(DEPTHS) + 0.5) / DEPTHS


class Deflicker:
    """Node that takes flicker out of the middle frame of 2 * radius + 1.

    ``mode``: safe works on every frame and lets real light be; auto does so where the frames around
    flicker and leaves the very same planes elsewhere; strong also evens out light that changes level.
    ``strength``: share of the correction, 0 leaves frames as they are. Equalises codes over time as Delon
    ("Movie and video scale-time equalization", IEEE TIP 2006) does quantiles, but along the motion.
    Raises ``UsageError`` for another mode.
    """

    notes = (NOTE,)
    reach = 0

    def __init__(self, mode: str = "auto", strength: float = 1.0, radius: int = RADIUS) -> None:
        if mode not in MODES:
            raise UsageError(f"deflicker knows no mode {mode!r}; it is one of {', '.join(MODES)}")
        self._mode, self._strength, self.radius = mode, strength, radius
        self.before: tuple[Node, ...] = (Look(),)

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        return fmt

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        frame = window[self.radius]
        props = {k: v for k, v in frame.props.items() if k != NOTE}
        if self._strength == 0:
            return replace(frame, props=props)
        made = corrected(frame, self.correction(window).scaled(self._strength))
        return replace(made, props=props)

    def correction(self, window: Sequence[Frame]) -> Correction:
        """What would be done to the middle frame, at full strength."""
        here = window[self.radius].index
        notes = {frame.index: frame.props.get(NOTE) for frame in window}
        lights = [Light.unpacked(note) for note in notes.values()]
        return judged(lights, list(notes).index(here), self._mode, self.radius)


def judged(lights: Sequence[Light], middle: int, mode: str, radius: int) -> Correction:
    """The correction of frame ``middle`` of successive frames of a shot, at most ``radius`` on each side."""
    planes = len(lights[middle].tones)
    chain = Chain.of(lights, middle)
    flickers = index(lights).flickers if mode == "auto" else 1.0
    if len(chain.time) < steady.LEAST_FRAMES or not flickers:
        return Correction.none(min(planes, 3))
    strong = mode == "strong"
    curves = _curves(chain, radius, flickers, strong)
    field = _field(_wanted(chain, radius, flickers, strong), curves[0])
    curves = curves[1:] if planes == 4 else curves
    return Correction(curves.astype(np.float32), field.astype(np.float32))


def _curves(chain: Chain, radius: int, flickers: float, strong: bool) -> Array:
    """Where each code of every plane goes (planes, KNOTS)."""
    share, part = _judged(chain.level, chain, radius, strong)
    curves = knots() + flickers * part * (np.tensordot(share, chain.codes, (0, 1)) - knots())
    return np.stack([_limited(c) for c in curves])


def _wanted(chain: Chain, radius: int, flickers: float, strong: bool) -> Array:
    """What the levels of luma should be in every cell (LEVELS, ROWS, COLUMNS)."""
    share, part = _judged(chain.cells[:, LEVELS // 2], chain, radius, strong)
    start = levels()[:, None, None]
    return np.asarray(start + flickers * part * ((share[:, None] * chain.cells).sum(0) - start))


def _judged(path: Array, chain: Chain, radius: int, strong: bool) -> tuple[Array, Array]:
    """What each frame says of the light, and the share of the difference to that which is flicker."""
    share = steady.shares(path, chain.time, chain.middle, radius, strong)
    difference = (share * path).sum(0) - path[chain.middle]
    kept = steady.unlike_flash(difference, path)
    if not strong:
        kept = kept * steady.unlike_light(path) * steady.unlike_bursts(path)
    return share, np.asarray(kept)


def _field(wanted: Array, curve: Array) -> Array:
    """Gains (DEPTHS, ROWS, COLUMNS) that bring what the curve gives to what is ``wanted`` of the levels."""
    toned = np.maximum(np.interp(levels(), knots(), curve), 0)
    gains = np.log((toned[:, None, None] + LIFT) / (np.maximum(wanted, 0) + LIFT))
    low = np.clip(np.searchsorted(toned, DEPTH_CODES) - 1, 0, LEVELS - 2)
    part = np.clip((DEPTH_CODES - toned[low]) / (toned[low + 1] - toned[low]), 0, 1)[:, None, None]
    return np.asarray(gains[low] * (1 - part) + gains[low + 1] * part)


def _limited(curve: Array) -> Array:
    """A curve of slope 1/2 to 2, held at the middle."""
    steps = np.clip(np.diff(curve), 0.5 / 256, 2 / 256)
    made = np.concatenate([[0], np.cumsum(steps)])
    return np.asarray(made + np.mean(curve - made))
