"""Scratches: lines that run with the film, found over many frames and taken off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.node import Node
from filmgrain_codec.errors import UsageError
from filmgrain_codec.nodes.repair.lines import NOTE, Lines, LookForLines
from filmgrain_codec.nodes.repair.masks import SHOWS, shown
from filmgrain_codec.nodes.repair.paths import Path, scratches
from filmgrain_codec.nodes.repair.unscratch import cleaned

COUNT_PROP, SHARE_PROP = "FGScratches", "FGScratchShare"
"""Properties of every frame: scratches taken off, share of luma's samples that they cover."""
RADIUS = 8


class Scratches:
    """Node that takes upright scratches off the middle frame of 2 * radius + 1, by the notes of all of them.

    A scratch leans by less than two degrees, is up to 11 samples wide, runs over a quarter of the height or
    more and is seen in most other frames. A line that moves with the scene stays, and so does every line that
    the scene does not move past, along most of it and by three samples within the window, but with ``still``
    strong ones over the whole height go there too. ``strength``: share that is taken off; ``show``: repaired,
    overlay or mask. Samples outside of the mask keep their bits. Raises ``UsageError``.
    """

    notes = (NOTE,)
    reach = 0

    def __init__(
        self, strength: float = 1.0, radius: int = RADIUS, still: bool = False, show: str = "repaired"
    ) -> None:
        if show not in SHOWS:
            raise UsageError(f"scratches knows no show {show!r}; it is one of {', '.join(SHOWS)}")
        self._strength, self.radius, self._still, self._show = strength, radius, still, show
        self.before: tuple[Node, ...] = (LookForLines(),)

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        return fmt

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        frame = window[self.radius]
        kept = {k: v for k, v in frame.props.items() if k != NOTE}
        found, strips = self.found(window) if self._strength else ([], 0)
        planes, mask, count = frame.planes, np.zeros(frame.fmt.shape(0), np.uint8), 0
        if found:
            planes, mask, count = cleaned(frame, found, strips)
        props = {COUNT_PROP: count, SHARE_PROP: float(mask.mean())}
        if self._show != "repaired":
            planes = shown(frame, mask, self._show)
        elif count and self._strength < 1:
            share = np.float32(self._strength)
            planes = tuple(a + share * (b - a) for a, b in zip(frame.planes, planes, strict=True))
        return replace(frame, planes=planes, props={**kept, **props})

    def found(self, window: Sequence[Frame]) -> tuple[list[Path], int]:
        """The scratches of the middle frame, and how many strips their paths count by."""
        here = window[self.radius].index
        notes = {frame.index: frame.props.get(NOTE) for frame in window}
        lines = [Lines.unpacked(note) for note in notes.values()]
        middle = list(notes).index(here)
        return scratches(lines, middle, self._still), len(lines[middle].ridges)
