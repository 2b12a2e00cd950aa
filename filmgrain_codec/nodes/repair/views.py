"""Which neighbours show what damage hides, and along which motion.

Damage misleads the search for motion: what it finds there is good where damage is thin or the scene moves
irregularly, and worse than the motion around it elsewhere. Neighbours do not know of the damage, so of both
ways the one is taken along which the two nearest agree better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.repair.around import Around
from filmgrain_codec.nodes.repair.detect import Mask
from filmgrain_codec.nodes.repair.specks import Speck

Array = NDArray[np.float32]
Box = tuple[slice, slice]
MARGIN = 10
"""Width of the surroundings that neighbours are judged by, and motion, light and grain are taken from."""
SAME = 30 / 255
"""A neighbour serves where its surroundings differ by less on average, and where it and the nearest one agree
within this in the mask."""
BOXES, FULL = (7, 17, 41), 0.125
"""Motion grows inwards from means over boxes of so many samples, narrow ones first, where so much of one is
known."""
MISLED, LARGE = 5, 40
"""Motion is not believed in the mask grown by a box of so many samples; a piece of no more than so many
misleads nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """``shown_by``: frames of the window, the best first, then the other near one, and ``lumas`` as they show
    them, in the box ``part``; ``bent``: whether motion is taken from around the damage."""

    shown_by: tuple[int, ...]
    lumas: tuple[Plane, ...]
    part: Box
    bent: bool


def views(around: Around, piece: Speck, mask: Mask) -> Views | None:
    """Who shows a piece of ``mask`` (luma's shape, 0 or 1); None where nobody does, or two contradict."""
    part = wider(piece.rows, piece.columns, mask.shape)
    inside, hidden = placed(piece, part), np.ascontiguousarray(mask[part])
    free = hidden == 0
    if not free.any():
        return None
    shows = [k for k in around.others if around.inside(k)[part][inside].all()]
    near = [k for k in shows if k in around.others[:2]]
    if not near:
        return None
    pair = len(near) == 2 and piece.area > LARGE
    ways = [
        drawn(around, near, around.lumas, part, hidden, bent)
        for bent in ((False, True) if pair else (False,))
    ]
    bent = pair and differing(ways[True], inside) < differing(ways[False], inside)
    far = [k for k in shows if k not in near]
    shown = [*ways[bent], *drawn(around, far, around.lumas, part, hidden, bent)]
    seen = dict(zip((*near, *far), shown, strict=True))
    good = judged(around, part, seen, inside, free)
    return Views(good, tuple(seen[k] for k in good), part, bent) if good else None


def judged(
    around: Around, part: Box, seen: dict[int, Plane], inside: NDArray[np.bool_], free: NDArray[np.bool_]
) -> tuple[int, ...]:
    """Which of those seen serve, the best first: not those unlike the surroundings, or unlike the best."""
    here, soft = smooth(around.here[part]), {k: smooth(plane) for k, plane in seen.items()}
    off = {k: float(np.abs(here - soft[k])[free].mean()) for k in soft}

    def alike(k: int) -> list[int]:
        return [j for j in soft if off[j] < SAME and float(np.abs(soft[k] - soft[j])[inside].mean()) <= SAME]

    near = sorted((k for k in soft if k in around.others[:2] and off[k] < SAME), key=lambda k: off[k])
    groups = [alike(k) for k in near]
    if not near or (len(near) == 2 and near[1] not in groups[0] and len(groups[0]) == len(groups[1])):
        return ()
    best = max(range(len(near)), key=lambda k: len(groups[k]))
    return tuple(dict.fromkeys(k for k in (near[best], *near, *soft) if k in groups[best]))


def drawn(
    around: Around, which: Sequence[int], planes: Sequence[Plane], part: Box, hidden: Mask, bent: bool
) -> list[Plane]:
    """A box of the planes of some frames (``planes`` of all in the window), as the middle one would show it.

    ``hidden``: the mask in that box.
    """
    places = [around.motion.places(planes[k], k, *part) for k in which]
    if bent and places:
        places = grown(places, part, hidden)
    cv = opencv()
    return [
        cv.remap(planes[k], at, None, cv.INTER_LANCZOS4, borderMode=cv.BORDER_REPLICATE)
        for k, at in zip(which, places, strict=True)
    ]


def grown(places: Sequence[Array], part: Box, hidden: Mask) -> list[Array]:
    """Places to look at, of which those under the mask are told by the motion around it."""
    cv = opencv()
    misled = cv.dilate(hidden, np.ones((MISLED, MISLED), np.uint8)) > 0
    if misled.all():
        return list(places)
    known = (~misled).astype(np.float32)
    rows, columns = np.ogrid[part[0], part[1]]
    own = np.stack(np.broadcast_arrays(columns, rows), -1).astype(np.float32)
    away = [(at - own) * known[..., None] for at in places]
    told, left = [np.zeros_like(a) for a in away], np.ones_like(known)
    for box in BOXES:
        weight = cv.blur(known, (box, box), borderType=cv.BORDER_REPLICATE)
        share = left * np.minimum(weight / np.float32(FULL), 1)
        left = left - share
        by = (share / np.maximum(weight, np.float32(1e-9)))[..., None]
        for a, made in zip(away, told, strict=True):
            made += by * cv.blur(a, (box, box), borderType=cv.BORDER_REPLICATE)
    whole = np.maximum(1 - left, np.float32(1e-9))[..., None]
    return [
        np.where(misled[..., None], own + made / whole, at) for at, made in zip(places, told, strict=True)
    ]


def differing(two: Sequence[Plane], inside: NDArray[np.bool_]) -> float:
    """How far two views of a place are apart, squared."""
    one, other = two
    return float(np.square(smooth(one) - smooth(other))[inside].mean())


def wider(rows: slice, columns: slice, shape: tuple[int, ...]) -> Box:
    """A box with its surroundings, within a plane of ``shape``."""
    made = (
        slice(max(0, k.start - MARGIN), min(n, k.stop + MARGIN))
        for k, n in zip((rows, columns), shape, strict=True)
    )
    first, second = made
    return first, second


def placed(piece: Speck, part: Box) -> NDArray[np.bool_]:
    """A piece's samples in a larger box."""
    rows, columns = part
    inside = np.zeros((rows.stop - rows.start, columns.stop - columns.start), bool)
    down, across = piece.rows.start - rows.start, piece.columns.start - columns.start
    inside[down : down + piece.shape.shape[0], across : across + piece.shape.shape[1]] = piece.shape
    return inside


def smooth(part: Plane) -> Plane:
    made: Plane = opencv().GaussianBlur(part, (0, 0), 1.0, borderType=opencv().BORDER_REPLICATE)
    return made
