"""A frame and its two neighbours as it would show them, which is what damage is told from.

Motion is searched between 3x3 medians, so that it does not follow the dirt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.nodes.align import Motion
from filmgrain_codec.nodes.opencv import opencv

MEDIAN, AGREE = 3, 5
SEARCH = "smooth"
Array = NDArray[np.float32]
BEFORE, HERE, AFTER = range(3)


@dataclass(eq=False)
class Aligned:
    """Three successive frames, the middle one at ``HERE``; the others are drawn onto it when asked for.

    All planes are luma's size, in codes of full scale (of RGB the mean of the three). Where a neighbour
    is the frame itself, ``usable`` is 0 everywhere. ``one_sided``: both neighbours are of the same side, the
    farther one at ``BEFORE`` and the nearer one at ``AFTER``. ``guide``: brightness of the middle frame that
    motion is searched from, where that is not its own.
    """

    frames: Sequence[Frame]
    one_sided: bool = False
    guide: Plane | None = None

    @cached_property
    def lumas(self) -> list[Plane]:
        """Brightness of the three frames as they stand; one object for frames that are one."""
        known = {f.index: brightness(f) for f in self.frames}
        return [known[f.index] for f in self.frames]

    @cached_property
    def motion(self) -> Motion:
        return film_motion(self.lumas, HERE, self.guide)

    def like(self, window: Sequence[Frame]) -> Aligned:
        """Other pictures of the same frames, taken out of ``window``, drawn along the same motion."""
        others = {f.index: f for f in window}
        made = Aligned([others[f.index] for f in self.frames], self.one_sided, self.guide)
        made.motion = self.motion
        return made

    @property
    def here(self) -> Plane:
        return self.lumas[HERE]

    @cached_property
    def before(self) -> Plane:
        return self.motion.warp(self.lumas[BEFORE], BEFORE)

    @cached_property
    def after(self) -> Plane:
        return self.motion.warp(self.lumas[AFTER], AFTER)

    @cached_property
    def inside(self) -> dict[int, NDArray[np.uint8]]:
        """1 where the frame before shows the place, and where the one after does."""
        return {k: self.motion.inside(k) for k in (BEFORE, AFTER)}

    @property
    def usable(self) -> NDArray[np.uint8]:
        """1 where both neighbours show the place, else 0."""
        return self.inside[BEFORE] & self.inside[AFTER]

    @cached_property
    def apart(self) -> Plane:
        """How much the neighbours differ from each other, over 5x5 samples."""
        cv = opencv()
        made: Plane = cv.blur(cv.absdiff(self.before, self.after), (AGREE, AGREE))
        return made

    @property
    def alone(self) -> bool:
        """Whether a neighbour is missing: nothing can be told from time."""
        return self.lumas[BEFORE] is self.here or self.lumas[AFTER] is self.here


def film_motion(lumas: Sequence[Plane], centre: int, guide: Plane | None = None) -> Motion:
    """The ways from a frame to its neighbours, searched from ``guide`` where there is one."""
    here = lumas[centre]
    seen = [guide if guide is not None and luma is here else luma for luma in lumas]
    return Motion(seen, centre, SEARCH, median=MEDIAN, film=True)


def witnesses(window: Sequence[Frame], guide: Plane | None = None) -> Aligned:
    """The middle one of five frames and the two nearest others; at the end of a shot those of one side."""
    indices = [f.index for f in window]
    for middle, near, far in ((1, 3, 4), (3, 1, 0)):
        if indices[middle] == indices[2] and len({indices[2], indices[near], indices[far]}) == 3:
            return Aligned([window[far], window[2], window[near]], True, guide)
    return Aligned(window[1:4], guide=guide)


def brightness(frame: Frame) -> Plane:
    """Luma; the mean of the planes of RGB."""
    if frame.fmt.family != "rgb":
        return frame.planes[0]
    red, green, blue = frame.planes
    return (red + green + blue) / np.float32(3)


def net_input(aligned: Aligned | None, here: Plane) -> Array:
    """What the mask net takes (1, 5, rows, columns): the picture, the frame before, the one after, how much
    those differ, and 1 where they are to be believed. Without neighbours (a still, an end of a shot: None)
    all but the picture are 0; so they are where a neighbour does not show the place.
    """
    if aligned is None or aligned.alone:
        return np.stack([here, *[np.zeros_like(here)] * 4])[None]
    seen = aligned.usable.astype(np.float32)
    around = (aligned.before, aligned.after, aligned.apart)
    return np.stack([here, *(plane * seen for plane in around), seen])[None]
