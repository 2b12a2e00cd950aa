"""What is spared: too large, veiled by hand, or moving, blinking and falling like a thing of the scene.

Dirt is another in every frame. What comes back along a straight path, or at its place two frames on, is
part of the scene; so are many thin pieces that lie alike, which is rain. In doubt a speck stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.flow import Flow
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.repair.detect import Mask
from filmgrain_codec.nodes.repair.specks import Speck
from filmgrain_codec.nodes.repair.surroundings import box, clear

Places = NDArray[np.float64]
LEAST_AREA = 600
"""A limit on size is never smaller, in samples: small pictures have large specks."""
HAIR, HAIR_AREA = 8.0, 4.0
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
ONWARD, ASIDE = np.eye(2), np.array([[0.0, 1.0], [-1.0, 0.0]])
RAIN, THIN, RAIN_SHARE = 8, 2.5, 0.6
"""Rain: so many pieces so many times as long as wide, of which this share lies within ``RAIN_ANGLE``."""
RAIN_ANGLE = np.deg2rad(12)
COMING, ENTRY = 250, 2.0
"""A piece at the picture's edge with more samples is taken for a thing that comes into it, where the picture
moves by more than so many samples on average."""
ROUGH, FLOWING = 3.0, 4
"""Motion that varies by more (deviation in samples, over so many of the flow's samples on each side) was
not found, or is too wild to go by."""
EDGE = 1.7
"""A speck differs from its ground by more than so many times what that changes from sample to sample."""
REACH, UNQUIET = 10, 0.25
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
        return speck.area <= HAIR_AREA * most and slimness(speck) >= HAIR


def slimness(speck: Speck) -> float:
    """How many times as long as wide a piece is, however it is bent: by its rim, which a hair is most of."""
    cv = opencv()
    codes = np.pad(speck.shape, 1).astype(np.uint8)
    within = int(np.count_nonzero(cv.erode(codes, np.ones((3, 3), np.uint8))))
    return ((speck.area - within) / 2) ** 2 / speck.area


def untouched(found: Sequence[Speck], veto: Mask | None) -> list[Speck]:
    """Without the specks that reach into the veto mask (luma's shape, not 0 where nothing may be changed)."""
    if veto is None:
        return list(found)
    return [s for s in found if not (veto[s.rows, s.columns][s.shape]).any()]


def at_rest(found: Sequence[Speck], unlike: Mask, unquiet: float = UNQUIET) -> list[Speck]:
    """Without those amid motion that cannot be followed.

    ``unlike``: 1 where a frame is not what its neighbours make it (luma's shape); ``unquiet``: share of a
    speck's surroundings that may be so.
    """
    if not found:
        return []
    free = clear(found, (unlike.shape[0], unlike.shape[1]))
    return [s for s in found if _unlike_around(s, unlike, free) <= unquiet]


def _at_edge(speck: Speck, shape: tuple[int, ...]) -> bool:
    """Whether a piece touches the picture's edge."""
    ends = zip((speck.rows, speck.columns), shape, strict=True)
    return any(part.start == 0 or part.stop == size for part, size in ends)


def _unlike_around(speck: Speck, unlike: Mask, free: Mask) -> float:
    """Share of a speck's surroundings, no specks counted."""
    part = box(speck, REACH)
    around = free[part] > 0
    return float(unlike[part][around].mean()) if around.any() else 1.0


def followed(
    found: Sequence[Speck], flows: Sequence[tuple[Flow | None, int]], shape: tuple[int, ...]
) -> list[Speck]:
    """Without those around which motion varies too much, and those that come into the picture with it.

    ``flows``: to each neighbour, with their units; ``shape``: of the picture.
    """
    left = [s for s in found if roughest(s, flows) <= ROUGH]
    edge = {id(s) for s in left if s.area > COMING and _at_edge(s, shape)}
    known = [(flow, unit) for flow, unit in flows if flow is not None]
    if edge and any(unit * float(np.hypot(*np.moveaxis(flow, -1, 0)).mean()) > ENTRY for flow, unit in known):
        return [s for s in left if id(s) not in edge]
    return left


def roughest(speck: Speck, flows: Sequence[tuple[Flow | None, int]]) -> float:
    """Deviation of the motion around a speck's middle, in luma samples; of both neighbours the larger."""
    return max((_rough(speck, flow, unit) for flow, unit in flows if flow is not None), default=0.0)


def _rough(speck: Speck, flow: Flow, unit: int) -> float:
    """Deviation of the flow around a speck's middle, in luma samples."""
    row, column = (min(int(at / unit), n - 1) for at, n in zip(speck.middle, flow.shape, strict=False))
    rows, columns = (slice(max(0, k - FLOWING), k + FLOWING + 1) for k in (row, column))
    return unit * float(np.sqrt(flow[rows, columns].var((0, 1)).sum()))


def off_edges(found: Sequence[Speck], here: Plane, near: Sequence[Plane]) -> list[Speck]:
    """Without those that are no stronger than the edge they lie on, where motion is found a little wrong.

    ``near``: the neighbours as the frame ``here`` would show them.
    """
    return [s for s in found if _beyond_edge(s, here, near)]


def _beyond_edge(speck: Speck, here: Plane, near: Sequence[Plane]) -> bool:
    cv = opencv()
    rows, columns = (slice(max(0, k.start - 1), k.stop + 1) for k in (speck.rows, speck.columns))
    ground = sum((p[rows, columns] for p in near[1:]), near[0][rows, columns]) / np.float32(len(near))
    steps = [cv.Sobel(ground, cv.CV_32F, *way, ksize=3, scale=1 / 8) for way in ((1, 0), (0, 1))]
    inside = slice(speck.rows.start - rows.start, None), slice(speck.columns.start - columns.start, None)
    high, wide = speck.shape.shape
    away, slope = (
        float(plane[inside][:high, :wide][speck.shape].mean())
        for plane in (np.abs(here[rows, columns] - ground), np.hypot(*steps))
    )
    return away > EDGE * slope


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


@dataclass(frozen=True, slots=True)
class Sifted:
    """``left``: those that were not spared. ``chance``: how many of a polarity would be spared if all were
    dirt; of much dirt some lies on a line with some."""

    left: list[Speck]
    chance: Counter[int]


def not_passing(
    found: Sequence[Speck],
    before: Sequence[Speck],
    after: Sequence[Speck],
    width: int,
    one_sided: bool = False,
) -> Sifted:
    """Without those that have one like them in the frame before and one in the frame after, on a line.

    ``before``, ``after``: what only those frames have, as the middle one would show it. As many lie on
    a corner by chance as on a line. ``one_sided``: both frames come after the middle one, or before it,
    ``after`` is the nearer.
    """
    one, other, reach = _Crowd(before), _Crowd(after), max(PATH_LEAST, PATH * width)
    near = [(s, *_near(s, one, other, reach, one_sided)) for s in found]
    left = [s for s, came, went in near if not _passes(s, came, went, ONWARD)]
    return Sifted(left, Counter(s.polarity for s, came, went in near if _passes(s, came, went, ASIDE)))


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


def _near(
    speck: Speck, before: _Crowd, after: _Crowd, reach: float, one_sided: bool
) -> tuple[Places, Places]:
    """Where a speck may have come from, and where it may have gone: one step back and one onward."""
    if not one_sided:
        return before.like(speck, reach), after.like(speck, reach)
    middle = np.asarray(speck.middle)
    return 2 * middle - after.like(speck, reach), (middle + before.like(speck, 2 * reach)) / 2


def _passes(speck: Speck, came: Places, went: Places, way: Places) -> bool:
    """Whether a speck lies on the way from one place to another, and both are like it.

    ``way``: what a step is turned by before it is taken again.
    """
    if not len(came) and not len(went):
        return False
    middle = np.asarray(speck.middle)
    if _along(speck, (np.concatenate([came, went]) - middle) @ way):
        return True
    if not len(came) or not len(went):
        return False
    step = (middle - came) @ way
    missed = np.hypot(*np.moveaxis(np.asarray(speck.middle) + step[:, None] - went[None], -1, 0))
    return bool((missed <= NEARLY + STEPS * np.hypot(*step.T)[:, None]).any())


def _along(speck: Speck, way: Places) -> bool:
    """Whether a streak has its like where it points to: sparks and drops fly along themselves.

    ``way``: from the streak to those like it.
    """
    length, width, direction = speck.axes()
    if length < THIN * width:
        return False
    ahead = np.hypot(*way.T) >= length / 2
    return bool((ahead & (np.abs(_turn(np.arctan2(way[:, 1], way[:, 0]), direction)) < RAIN_ANGLE)).any())


def not_akin(
    left: Sequence[Speck], all_of_them: Sequence[Speck], chance: Counter[int] | None = None
) -> list[Speck]:
    """Without the rest of a polarity of which much was found to be of the scene: snow, rain or sparks.

    ``chance``: how many of them that says nothing of.
    """
    counts = Counter(s.polarity for s in all_of_them)
    spared = counts - Counter(s.polarity for s in left) - (chance or Counter())
    scene = {p for p in spared if spared[p] >= max(FEW, AKIN * counts[p])}
    return [s for s in left if s.polarity not in scene]


def not_blinking(
    found: Sequence[Speck], here: Plane, near: Sequence[Plane], far: Callable[[Speck], Sequence[Plane]]
) -> Sifted:
    """Without those that are there again two frames on. All planes as the frame ``here`` would show them.

    ``far``: what the frames two on show in a speck's box. By chance as many are as far off there to the
    other side.
    """
    steps = [[_again(s, here, near, other) for other in far(s)] for s in found]
    left = [s for s, each in zip(found, steps, strict=True) if max(each) < AGAIN]
    return Sifted(
        left, Counter(s.polarity for s, each in zip(found, steps, strict=True) if min(each) <= -AGAIN)
    )


def _again(speck: Speck, here: Plane, near: Sequence[Plane], other: Plane) -> float:
    """How much of a speck's step from the ground another frame makes; ``other``: the speck's box of that."""
    ground, mine = (
        float(np.mean([p[speck.rows, speck.columns][speck.shape].mean() for p in planes]))
        for planes in (near, (here,))
    )
    theirs = float(other[speck.shape].mean())
    return (theirs - ground) / (mine - ground) if mine != ground else 0.0
