"""Bit-depth conversion inside the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from filmgrain_codec.core.frame import Frame, FrameFormat, Plane


class Depth:
    """Re-express samples at another bit depth, as video engineers expect it.

    Limited range multiplies codes by 2^(out - in) (Rec. ITU-R BT.2100 table 9: 16, 64, 256 are
    one black); full range maps peak to peak, chroma about its centre. Without rounding: the
    writer rounds. ``bits``: 8 to 16.
    """

    radius = 0

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        return replace(fmt, bits=self.bits)

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        frame = window[0]
        if frame.fmt.bits == self.bits:
            return frame
        planes = tuple(self._plane(p, k, frame.fmt) for k, p in enumerate(frame.planes))
        return replace(frame, planes=planes, fmt=self.configure(frame.fmt))

    def _plane(self, plane: Plane, k: int, fmt: FrameFormat) -> Plane:
        peak = (1 << self.bits) - 1
        if not fmt.full_range:
            return plane * np.float32(fmt.peak * 2.0 ** (self.bits - fmt.bits) / peak)
        if k == 0 or fmt.family == "rgb":
            return plane
        old, new = (1 << fmt.bits - 1) / fmt.peak, (1 << self.bits - 1) / peak
        return plane + np.float32(new - old)
