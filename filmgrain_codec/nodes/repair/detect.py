"""Specks that neither neighbour shows: a rank test along the motion, where the neighbours agree.

After the rank-order detectors of Nadenau and Mitra (1996) and Kokaram ("Motion Picture Restoration", 1998):
a sample is suspect where it lies outside everything that a cross of samples of both neighbours holds, by
more than grain would. Neighbours that differ from each other say nothing: there it is the motion that
failed. Frames are smoothed first, which takes more from grain than from dirt.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.repair.aligned import AFTER, BEFORE, HERE, Aligned

Mask = NDArray[np.uint8]
SMOOTH = 1.0
"""Sigma of the filter that frames are compared behind, in samples."""
SURE, FAINT = 5.0, 2.0
"""Thresholds in deviations of the grain that is left behind the filter (5 are about 3 of grain itself): of
the sample that makes a speck, and of the samples that hang together with it."""
SURE_LEAST, FAINT_LEAST = 8 / 255, 3 / 255
"""No threshold is lower, of full scale."""
UNLIKE, UNLIKE_LEAST = 3.0, 4 / 255
"""A frame is unlike its neighbours' mean from so many deviations on, or from this."""
CROSS = 0.6
"""Share of the way from a neighbour's sample to the extreme of the cross around it that counts as the
neighbour's: as much as detail differs where motion is found half a sample wrong. Of what might pass through
the frame it is all, for there grain must not be taken for a thing."""
SMALLEST = 3
"""Samples that a speck has at least."""
APART_LEAST, APART_SHARE, APART_SIGMAS = 8 / 255, 0.4, 2.0
"""Neighbours agree where they differ by less than this, or than this share of what the frame differs from
them, or than so many deviations of grain."""
SOFTENED = 1.15
"""How much more a frame differs from its neighbours' mean than its own grain: drawing softens theirs."""
WHITE, BLACK = 1, -1


@dataclass(frozen=True, slots=True, eq=False)
class Suspects:
    """``sure`` and ``faint``: samples beyond the two thresholds (uint8, 0 or 1)."""

    sure: Mask
    faint: Mask


@dataclass(eq=False)
class Ranks:
    """The three frames smoothed, and how far each lies outside what the other two hold."""

    aligned: Aligned

    @cached_property
    def smooth(self) -> tuple[Plane, Plane, Plane]:
        """Before, here, after."""
        cv = opencv()
        planes = (self.aligned.before, self.aligned.here, self.aligned.after)
        before, here, after = (cv.GaussianBlur(p, (0, 0), SMOOTH) for p in planes)
        return before, here, after

    @cached_property
    def away(self) -> Plane:
        """How much the frame differs from its neighbours' mean."""
        cv = opencv()
        before, here, after = self.smooth
        made: Plane = cv.absdiff(here, cv.addWeighted(before, 0.5, after, 0.5, 0))
        return made

    @cached_property
    def sigma(self) -> float:
        """Deviation of smoothed grain, robustly: half the samples may be damage or failed motion."""
        step = max(1, int(np.sqrt(self.aligned.here.size / 60_000)))
        every = slice(step // 2, None, step)
        before, here, after = (p[every, every] for p in self.smooth)
        return float(1.4826 * np.median(np.abs(here - (before + after) / 2)) / SOFTENED)

    @cached_property
    def believed(self) -> Mask:
        """Where both neighbours show the place and agree about it."""
        cv = opencv()
        before, _, after = self.smooth
        apart = cv.blur(cv.absdiff(before, after), (5, 5))
        limit = cv.max(cv.multiply(self.away, APART_SHARE), max(APART_LEAST, APART_SIGMAS * self.sigma))
        return (apart < limit).view(np.uint8) & self.aligned.usable

    @cached_property
    def unlike(self) -> Mask:
        """Where the frame is not what its neighbours make it, or they do not agree on it."""
        limit = max(UNLIKE_LEAST, UNLIKE * self.sigma)
        return (self.away > np.float32(limit)).view(np.uint8) | (1 - self.believed)

    def outside(self, which: int, polarity: int) -> Plane:
        """How far frame ``which`` lies above (``WHITE``) or below all that the others hold nearby."""
        cv = opencv()
        mine, others = self.smooth[which], [k for k in (BEFORE, HERE, AFTER) if k != which]
        one, other = (self._extreme(k, polarity, CROSS if which == HERE else 1.0) for k in others)
        made: Plane
        if polarity == WHITE:
            made = cv.subtract(mine, cv.max(one, other))
        else:
            made = cv.subtract(cv.min(one, other), mine)
        return made

    def suspects(self, which: int, polarity: int, scale: float) -> Suspects:
        """Samples of a frame that the other two have nothing like; ``scale`` multiplies the thresholds."""
        far = self.outside(which, polarity)
        trusted = self.believed if which == HERE else self.aligned.usable
        limits = (max(SURE_LEAST, SURE * self.sigma), max(FAINT_LEAST, FAINT * self.sigma))
        sure, faint = ((far > np.float32(scale * limit)).view(np.uint8) & trusted for limit in limits)
        return Suspects(sure, faint)

    def _extreme(self, which: int, polarity: int, share: float) -> Plane:
        """What a frame has of most (or least) at every sample; ``share``: as ``CROSS``."""
        mine, far = self.smooth[which], self.farthest(which, polarity)
        made: Plane = far if share == 1 else opencv().addWeighted(far, share, mine, 1 - share, 0)
        return made

    def farthest(self, which: int, polarity: int) -> Plane:
        """The most (or least) of a cross of samples, kept."""
        known: dict[tuple[int, int], Plane] = self.__dict__.setdefault("_extremes", {})
        if (which, polarity) not in known:
            cv = opencv()
            cross = cv.getStructuringElement(cv.MORPH_CROSS, (3, 3))
            made = (cv.dilate if polarity == WHITE else cv.erode)(self.smooth[which], cross)
            known[which, polarity] = made
        return known[which, polarity]
