"""Cut detection: an analyzer that sees every frame once and names the first frames of new shots.

Pictures are compared as 64 x 32 means of luma, which averages grain away, after matching their
mean and contrast (flicker, fades) and letting every 8 x 8 tile find its best place within 4 samples
(motion). What is left, relative to the contrast of both pictures, is near 0 within a shot and
about 0.4 to 1 across a cut. A cut must stand out from its neighbourhood, and the pictures before it
must not come back within 8 frames: a flash, a damaged frame and a gap are no cuts. Dissolves and
fades change little from frame to frame and stay in one shot.

Limits: a wipe, a transition of 3 to about 6 frames and a jump cut within a motif may be missed; a
shot shorter than ``SHORTEST`` frames is not told apart. A dark, nearly even picture counts as part
of a fade, so a cut from or to it may be missed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise, product

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, FrameFormat, Plane

ROWS, COLUMNS, TILE = 32, 64, 8
SEARCH, STEP = 4, 2
"""Samples of the small picture that a tile may move in each direction (1/16 of its width)."""
FLOOR = 0.008
"""Luma contrast at which noise and picture count alike."""
FLAT, BLANK_STEP = 0.02, 0.06
"""A picture with less contrast, and under a third of the other's, is blank; a cut changes luma so much."""
BAR, BAR_SHARE = 0.03, 0.15
"""Lines at the border that vary less, and less than this share of the pictures' range, are bars."""
GAIN = 1.5
LOOK = 8
"""Frames looked at on each side before a change is judged."""
SHORTEST = 4
CHANGE, STANDS_OUT, CALM = 0.33, 1.25, 0.1
"""A cut's least change, and how far above the upper quartile of its neighbours (plus CALM)."""
RETURNS = 0.45
"""Where pictures across a change differ by less than this share of it, the old one came back."""

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Seen:
    """A small picture and how much it differs from the one before it."""

    index: int
    picture: Picture
    change: float


class CutDetector:
    """Analyzer of cuts. Memory is bounded; any size, depth and family; frames come in order."""

    def __init__(self, fmt: FrameFormat) -> None:
        self._weights = weights(fmt)
        self._recent: deque[Seen] = deque(maxlen=2 * LOOK + 1)
        self._cuts: list[tuple[int, float]] = []
        self._first = self._judged = 0

    def observe(self, frame: Frame) -> None:
        """Take the next frame."""
        picture = small(luma(frame.planes, self._weights))
        if not self._recent:
            self._first = self._judged = frame.index
        change = difference(self._recent[-1].picture, picture) if self._recent else 0.0
        self._recent.append(Seen(frame.index, picture, change))
        self._judge(frame.index - LOOK)

    def finish(self) -> tuple[int, ...]:
        """First frames of all shots but the first, ascending absolute frame numbers."""
        if self._recent:
            self._judge(self._recent[-1].index - SHORTEST + 1)
        return self.cuts

    @property
    def cuts(self) -> tuple[int, ...]:
        """The cuts found so far; those after ``settled`` may still go."""
        return tuple(index for index, _ in self._cuts)

    @property
    def settled(self) -> int:
        """No frame up to this number will become a cut, or stop being one."""
        return self._judged - SHORTEST + 1

    def _judge(self, last: int) -> None:
        """Settle every frame up to ``last`` that is not settled yet."""
        for index in range(self._judged + 1, last + 1):
            self._judged = index
            seen = list(self._recent)
            place = index - seen[0].index
            if index - self._first >= SHORTEST and is_cut(seen[max(0, place - LOOK) :], min(place, LOOK)):
                add(self._cuts, index, seen[place].change)


def add(cuts: list[tuple[int, float]], index: int, change: float) -> None:
    """Append a cut, as (frame, change): of changes too near to each other the largest is the cut."""
    if cuts and index - cuts[-1][0] < SHORTEST:
        if change <= cuts[-1][1]:
            return
        cuts.pop()
    cuts.append((index, change))


def is_cut(seen: list[Seen], place: int) -> bool:
    """Whether a new shot begins at ``seen[place]``, judged by up to ``LOOK`` frames on each side."""
    change = seen[place].change
    if change < CHANGE:
        return False
    nearby = [s.change for k, s in enumerate(seen[: place + LOOK + 1]) if k not in (0, place)]
    usual = float(np.percentile(nearby, 75)) if nearby else 0.0
    return change >= STANDS_OUT * (usual + CALM) and not _comes_back(seen, place, usual)


def _comes_back(seen: list[Seen], place: int, usual: float) -> bool:
    """Whether the picture before the change is seen again soon, or the new one was there before."""
    old, new = seen[place - 1].picture, seen[place].picture
    later = (difference(old, s.picture) for s in seen[place + 1 : place + LOOK + 1])
    earlier = (difference(s.picture, new) for s in reversed(seen[: place - 1]))
    pairs = zip(seen[place - 1 :: -1], seen[place : place + LOOK // 2], strict=False)
    around = (difference(a.picture, b.picture) for a, b in pairs)
    limit = usual + RETURNS * (seen[place].change - usual)
    return any(d < limit for d in chain(later, earlier, around))


def small(plane: Plane) -> Picture:
    """Luma's means over a grid of 32 rows and 64 columns; smaller pictures repeat their samples."""
    means = _means(_means(plane, ROWS).T, COLUMNS).T
    return np.asarray(_smooth(_smooth(np.nan_to_num(means).clip(0, 1)).T).T, np.float32)


def difference(a: Picture, b: Picture) -> float:
    """How far two small pictures differ beyond brightness, contrast and motion; 0 to about 1.

    Mean absolute residual of the best match of every tile, over the mean contrast of both.
    """
    a, b, share = _without_bars(a, b)
    contrast_a, contrast_b = (float(np.abs(p).mean()) / share for p in (a, b))
    less, more = sorted((contrast_a, contrast_b))
    if less < min(FLAT, more / 3) and float(np.abs(a - b).mean()) < BLANK_STEP * share:
        return 0.0
    gain = float(np.clip((contrast_a + 1e-4) / (contrast_b + 1e-4), 1 / GAIN, GAIN))
    b *= np.float32(gain)
    residual = max(_residual(a, b), _residual(b, a)) / share
    return 2 * residual / (contrast_a + contrast_b + 2 * FLOOR)


def _without_bars(a: Picture, b: Picture) -> tuple[Picture, Picture, float]:
    """Both without their means, bars that they share set to 0, and the share that is left."""
    both = np.stack([a, b])
    shade = min(BAR, BAR_SHARE * float(np.ptp(both)))
    inside = np.outer(*(_inside(np.ptp(both, axis=(0, axis)) > shade) for axis in (2, 1)))
    if not inside.any():
        return a * 0, b * 0, 1.0
    a, b = (np.where(inside, p - p[inside].mean(), np.float32(0)) for p in (a, b))
    return a, b, float(inside.mean())


def _inside(lively: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """From the first to the last line that is not one shade in both pictures."""
    return np.logical_or.accumulate(lively) & np.logical_or.accumulate(lively[::-1])[::-1]


def _residual(a: Picture, b: Picture) -> float:
    padded = np.pad(b, SEARCH, mode="edge")
    steps = range(0, 2 * SEARCH + 1, STEP)
    best = np.full((ROWS // TILE, COLUMNS // TILE), np.inf, np.float32)
    for down, across in product(steps, steps):
        gap = np.abs(a - padded[down : down + ROWS, across : across + COLUMNS])
        np.minimum(best, gap.reshape(ROWS // TILE, TILE, -1, TILE).sum((1, 3)), out=best)
    return float(best.mean()) / TILE**2


def _means(plane: Plane, parts: int) -> Plane:
    """Means of ``parts`` bands of rows; faster by far than ``np.add.reduceat``."""
    edges = (k * len(plane) // parts for k in range(parts + 1))
    return np.stack([plane[a : max(b, a + 1)].mean(0) for a, b in pairwise(edges)])


def _smooth(rows: Picture) -> Picture:
    """Binomial mean of each row and its neighbours."""
    p = np.pad(rows, ((1, 1), (0, 0)), mode="edge")
    return np.asarray((p[:-2] + 2 * p[1:-1] + p[2:]) / 4, np.float32)


def weights(fmt: FrameFormat) -> tuple[float, ...]:
    """How much each plane counts for luma (Rec. ITU-R BT.709 for RGB)."""
    return (0.2126, 0.7152, 0.0722) if fmt.family == "rgb" else (1.0,)


def luma(planes: Sequence[Plane], weights: tuple[float, ...]) -> Plane:
    """Luma of a frame's planes."""
    if len(weights) == 1:
        return planes[0]
    red, green, blue = (np.float32(w) * p for w, p in zip(weights, planes, strict=True))
    return red + green + blue
