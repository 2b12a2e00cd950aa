"""Notes of every frame's light: how bright it is, and how it differs from the frame before along the motion.

A pure function of two frames, so notes are the same bits however a clip is read. Deflicker reads those of
a long window (``deflicker``), and a clip's flicker is told from them (``measure``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import InputError
from filmgrain_codec.nodes.flicker.correction import COLUMNS, DEPTHS, ROWS
from filmgrain_codec.nodes.flicker.pair import NODES, Pair, compared
from filmgrain_codec.nodes.flicker.proxy import Proxy

Array = NDArray[np.float32]
NOTE = "FGLight"
TONES = 33
"""Points of a frame's quantile function."""
_SAMPLES = 1 << 16


@dataclass(frozen=True, slots=True)
class Light:
    """``tones`` (planes, TONES): quantiles of the codes of luma and the other planes, of RGB luma and
    three planes; ``pair``: against the frame before, None
    at the start of a shot.
    """

    tones: Array
    pair: Pair | None

    def packed(self) -> bytes:
        """As a frame property (float32, little-endian): tones; then of the pair maps, gains, trust, noise."""
        parts = [self.tones]
        if self.pair is not None:
            told = np.array([self.pair.trust, self.pair.noise])
            parts += [self.pair.maps, self.pair.gains, told]
        return b"".join(np.ascontiguousarray(p, "<f4").tobytes() for p in parts)

    @classmethod
    def unpacked(cls, note: object) -> Light:
        """The note of a frame; raises ``InputError`` for what is none."""
        for planes in (1, 3, 4):
            ends = np.cumsum([planes * TONES, planes * NODES, DEPTHS * ROWS * COLUMNS, 2])
            if not isinstance(note, bytes) or len(note) not in (4 * ends[0], 4 * ends[-1]):
                continue
            values = np.frombuffer(note, "<f4").astype(np.float32)
            tones, maps, gains, told = np.split(values, ends[:-1])
            shapes = (planes, NODES), (DEPTHS, ROWS, COLUMNS)
            pair = Pair(maps.reshape(shapes[0]), gains.reshape(shapes[1]), *told) if told.size else None
            return cls(tones.reshape(planes, TONES), pair)
        raise InputError(f"A frame has no readable note of its light ({NOTE}); Look must run first.")


class Look:
    """Node that notes every frame's light as property FGLight (``Light.packed``); planes stay as they are."""

    radius = 1

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        return fmt

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        before, frame, _ = window
        pair = None if before.index == frame.index else compared(Proxy.of(before), Proxy.of(frame))
        light = Light(np.stack([quantiles(p) for p in seen(frame)]), pair)
        return replace(frame, props={**frame.props, NOTE: light.packed()})


def seen(frame: Frame) -> tuple[Array, ...]:
    """Luma and the other planes; of RGB the mean of the planes, and the planes."""
    red = frame.planes[0]
    if frame.fmt.family != "rgb":
        return frame.planes
    return (red + frame.planes[1] + frame.planes[2]) / np.float32(3), *frame.planes


def quantiles(plane: Array) -> Array:
    """Quantiles (TONES,) of a plane's codes, of about 65000 samples off the borders."""
    rows, columns = (slice(n // 16, n - n // 16) for n in plane.shape)
    inner = plane[rows, columns]
    step = max(1, int(np.sqrt(inner.size / _SAMPLES)))
    levels = np.linspace(0, 1, TONES)
    return np.asarray(np.quantile(inner[::step, ::step], levels), np.float32)
