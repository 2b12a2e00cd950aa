"""A window of frames around its middle one, and the way from that to each of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.nodes.align import Motion
from filmgrain_codec.nodes.repair.aligned import Aligned, brightness, film_motion


@dataclass(eq=False)
class Around:
    """``window``: an odd number of successive frames of one shot; a frame that stands twice is clamped.

    ``known``: brightness of some of them by frame index, so that one object stands for one plane.
    ``guide``: see ``Aligned``.
    """

    window: Sequence[Frame]
    known: Mapping[int, Plane] = field(default_factory=dict)
    guide: Plane | None = None

    @classmethod
    def of(cls, window: Sequence[Frame], aligned: Aligned) -> Around:
        """A window whose nearest frames were looked at before."""
        known = {f.index: luma for f, luma in zip(aligned.frames, aligned.lumas, strict=True)}
        return cls(window, known, aligned.guide)

    def like(self, window: Sequence[Frame]) -> Around:
        """Other pictures of the same frames, drawn along the same motion."""
        made = Around(window, guide=self.guide)
        made.motion = self.motion
        return made

    @property
    def middle(self) -> int:
        return len(self.window) // 2

    @property
    def frame(self) -> Frame:
        return self.window[self.middle]

    @cached_property
    def others(self) -> tuple[int, ...]:
        """Numbers of the other frames in the window, nearest first, none twice."""
        far = {self.frame.index: 0}
        for k in sorted(range(len(self.window)), key=lambda k: (abs(k - self.middle), k)):
            far.setdefault(self.window[k].index, k)
        return tuple(k for index, k in far.items() if index != self.frame.index)

    @cached_property
    def lumas(self) -> list[Plane]:
        made: dict[int, Plane] = dict(self.known)
        for frame in self.window:
            if frame.index not in made:
                made[frame.index] = brightness(frame)
        return [made[f.index] for f in self.window]

    @property
    def here(self) -> Plane:
        return self.lumas[self.middle]

    @cached_property
    def motion(self) -> Motion:
        return film_motion(self.lumas, self.middle, self.guide)

    def inside(self, k: int) -> NDArray[np.uint8]:
        """1 where frame ``k`` of the window shows the place (luma's shape)."""
        if k not in self._inside:
            self._inside[k] = self.motion.inside(k)
        return self._inside[k]

    @cached_property
    def _inside(self) -> dict[int, NDArray[np.uint8]]:
        return {}
