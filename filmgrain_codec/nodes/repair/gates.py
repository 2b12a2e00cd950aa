"""What is spared: too large, veiled by hand, or moving, blinking and falling like a thing of the scene.

Dirt is another in every frame. What comes back along a straight path, or at its place two frames on, is
part of the scene; so are many thin pieces that lie alike, which is rain. In doubt a speck stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.repair.detect import Mask
from filmgrain_codec.nodes.repair.specks import Speck, painted

Places = NDArray[np.float64]
LEAST_AREA = 400
"""A limit on size is never smaller, in samples: small pictures have large specks."""
HAIR, HAIR_AREA = 5.0, 4.0
"""A piece so many times as long as wide is a hair, and may have so many times the area."""
PATH, PATH_LEAST, NEARLY, STEPS = 0.06, 24, 2.5, 0.15
"""A thing moves by at most this share of the picture's width a frame (less its neighbourhood's motion; or so
many samples), and meets its straight path within so many samples and this share of a step."""
ALIKE = 3.0
"""It is at most so many times as large or as small from frame to frame."""
FEW, AKIN = 2, 0.3
"""So many specks of a frame, and such a share of them, make a scene of the others too."""
AGAIN = 0.4
"""A light that blinks has two frames on this share of what it has here."""
RAIN, THIN, RAIN_SHARE = 8, 2.5, 0.6
"""Rain: so many pieces so many times as long as wide, of which this share lies within ``RAIN_ANGLE``."""
RAIN_ANGLE = np.deg2rad(12)
REACH, CLOSE, UNQUIET = 10, 5, 0.25
"""Within so many samples of a speck, those of specks and right beside them left out, at most this share may
be such that the motion fails there."""


@dataclass(frozen=True, slots=True)
class Limits:
    """``area``: share of the picture that a speck may have; ``polarity``: 1 white, -1 black, 0 both."""

    area: float = 5e-4
    polarity: int = 0

    def admits(self, speck: Speck, shape: tuple[int, int]) -> bool:
        if self.polarity and speck.polarity and speck.polarity != self.polarity:
            return False
        most = max(LEAST_AREA, self.area * shape[0] * shape[1])
        if speck.area <= most:
            return True
        length, width, _ = speck.axes()
        return length >= HAIR * width and speck.area <= HAIR_AREA * most


def untouched(found: Sequence[Speck], veto: Mask | None) -> list[Speck]:
    """Without the specks that reach into the veto mask (luma's shape, not 0 where nothing may be changed)."""
    if veto is None:
        return list(found)
    return [s for s in found if not (veto[s.rows, s.columns][s.shape]).any()]


def at_rest(found: Sequence[Speck], unlike: Mask) -> list[Speck]:
    """Without those amid motion that cannot be followed; ``unlike``: 1 where a frame is not what its
    neighbours make it (luma's shape)."""
    if not found:
        return []
    cv, shape = opencv(), (unlike.shape[0], unlike.shape[1])
    free = 1 - cv.dilate(painted(found, shape), np.ones((CLOSE, CLOSE), np.uint8))
    return [s for s in found if _unlike_around(s, unlike, free) <= UNQUIET]


def _unlike_around(speck: Speck, unlike: Mask, free: Mask) -> float:
    """Share of a speck's surroundings, no specks counted."""
    rows = slice(max(0, speck.rows.start - REACH), speck.rows.stop + REACH)
    columns = slice(max(0, speck.columns.start - REACH), speck.columns.stop + REACH)
    around = free[rows, columns] > 0
    return float(unlike[rows, columns][around].mean()) if around.any() else 1.0


def not_rain(found: Sequence[Speck], others: Sequence[Speck] = ()) -> list[Speck]:
    """Without thin pieces that lie alike, if most thin pieces of the frame and of ``others`` do."""
    shapes = [s.axes() for s in (*found, *others)]
    thin = np.array([length >= THIN * width for length, width, _ in shapes], bool)
    if thin.sum() < RAIN:
        return list(found)
    turned = np.array([direction for _, _, direction in shapes])
    alike = np.abs(_turn(turned[thin][:, None], turned[thin][None])) < RAIN_ANGLE
    main = turned[thin][np.argmax(alike.sum(0))]
    falling = thin & (np.abs(_turn(turned, main)) < RAIN_ANGLE)
    if falling.sum() < RAIN_SHARE * thin.sum():
        return list(found)
    return [s for s, falls in zip(found, falling[: len(found)], strict=True) if not falls]


def _turn(one: Places, other: Places | float) -> Places:
    """Difference of directions, which are the same after half a turn."""
    return np.asarray((one - other + np.pi / 2) % np.pi - np.pi / 2)


def not_passing(
    found: Sequence[Speck], before: Sequence[Speck], after: Sequence[Speck], width: int
) -> list[Speck]:
    """Without those that have one like them in the frame before and one in the frame after, on a line.

    ``before``, ``after``: what only those frames have, as the middle one would show it.
    """
    one, other = _Crowd(before), _Crowd(after)
    return [s for s in found if not _passes(s, one, other, max(PATH_LEAST, PATH * width))]


class _Crowd:
    """Places and sizes of many specks."""

    def __init__(self, found: Sequence[Speck]) -> None:
        self.places = np.array([s.middle for s in found]).reshape(-1, 2)
        self.areas = np.array([s.area for s in found], float)
        self.polarities = np.array([s.polarity for s in found])

    def like(self, speck: Speck, reach: float) -> Places:
        """Places of those of its kind within ``reach``."""
        ratio = self.areas / speck.area
        near = np.hypot(*(self.places - speck.middle).T) <= reach
        kin = (ratio <= ALIKE) & (ratio >= 1 / ALIKE) & (self.polarities == speck.polarity)
        return np.asarray(self.places[near & kin])


def _passes(speck: Speck, before: _Crowd, after: _Crowd, reach: float) -> bool:
    came, went = before.like(speck, reach), after.like(speck, reach)
    if _along(speck, np.concatenate([came, went])):
        return True
    if not len(came) or not len(went):
        return False
    step = np.asarray(speck.middle) - came
    missed = np.hypot(*np.moveaxis(np.asarray(speck.middle) + step[:, None] - went[None], -1, 0))
    return bool((missed <= NEARLY + STEPS * np.hypot(*step.T)[:, None]).any())


def _along(speck: Speck, others: Places) -> bool:
    """Whether a streak has its like where it points to: sparks and drops fly along themselves."""
    length, width, direction = speck.axes()
    if length < THIN * width or not len(others):
        return False
    way = others - np.asarray(speck.middle)
    ahead = np.hypot(*way.T) >= length / 2
    return bool((ahead & (np.abs(_turn(np.arctan2(way[:, 1], way[:, 0]), direction)) < RAIN_ANGLE)).any())


def not_akin(left: Sequence[Speck], all_of_them: Sequence[Speck]) -> list[Speck]:
    """Without the rest of a polarity of which much was found to be of the scene: snow, rain or sparks."""
    counts = Counter(s.polarity for s in all_of_them)
    spared = counts - Counter(s.polarity for s in left)
    scene = {p for p in spared if spared[p] >= max(FEW, AKIN * counts[p])}
    return [s for s in left if s.polarity not in scene]


def not_blinking(
    found: Sequence[Speck], here: Plane, near: Sequence[Plane], far: Sequence[Plane]
) -> list[Speck]:
    """Without those that are there again two frames on. All planes as the frame ``here`` would show them."""
    return [s for s in found if not any(_again(s, here, near, other) for other in far)]


def _again(speck: Speck, here: Plane, near: Sequence[Plane], other: Plane) -> bool:
    ground, mine, theirs = (
        float(np.mean([p[speck.rows, speck.columns][speck.shape].mean() for p in planes]))
        for planes in (near, (here,), (other,))
    )
    return (theirs - ground) * np.sign(mine - ground) >= AGAIN * abs(mine - ground)
