"""Where a picture stands still it is as fine as the frame it was copied from, whatever its own QP says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce

import numpy as np

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.opencv import opencv

BLOCK = 16
"""Luma samples a side of the squares that are compared."""
COPIED, CODED = 0.1, 0.8
"""Mean change of a square, in units of the error that is usual at its QP: up to the first it was copied, from
the second on it was coded with the frame.
"""
BOX = 4
"""Samples a side of the boxes in them."""
MOSTLY = (0.5, 0.9)
"""Share of a frame that stands still up to which it has its own QP, and from which on its key frame's. Copies
of one frame then come out alike, whatever QP each of them has.
"""
LOWERED, LARGELY = 8.0, (0.35, 0.75)
"""How much finer than their slice's QP blocks are where much stands still, and what share of a frame: none up
to the first, all from the second on. x265's 'cutree' lowers their QP by 6 in stills of six frames, by 10 in
those of 24, as it pays on every frame to come.
"""
RADIUS = 4
"""Frames on each side whose copies are averaged: encoders' pulses of three frames are weakened, too."""
STEADY, EVEN = (0.3, 0.9), (0.04, 0.14)
"""Change of any box of a square, and of the square's mean, in the same units: up to the first it is shown as
the mean of itself and its copies, from the second on as it is. Encoders' touches leave means, fades do not.
"""
USUAL, USUAL_AT, DOUBLING = 0.02, 32.0, 12.0
"""The usual error of luma (0..1) at a QP; it grows as the root of the quantiser's step."""


def usual(qp: float) -> float:
    """How far luma at a QP is from the clean picture's, about."""
    return float(USUAL * 2 ** ((qp - USUAL_AT) / DOUBLING))


def still(luma: Plane, others: Sequence[Plane], qp: float) -> Plane:
    """How surely each square of ``BLOCK`` samples of a frame is copied from before or to after, 0 to 1.

    ``others``: the neighbours' luma, one at least; ``qp`` is the frame's.
    """
    change = reduce(np.minimum, [_change(luma, other, qp) for other in others])
    return _falling(change, COPIED, CODED)


def steadied(
    planes: Sequence[Plane], sides: Iterable[Iterable[Sequence[Plane]]], qp: float
) -> Sequence[Plane]:
    """Planes of a frame, luma first, with squares that stand still averaged with their copies.

    ``sides``: the frames before and the frames after, nearest first; copies count as far as they go on
    without a break. Encoders touch up what stands still by a little from frame to frame, and repair would
    make that more.
    """
    kept = [copy for side in sides for copy in _copies(planes[0], side, qp)]
    return [_mean(p, [(share, other[k]) for share, other in kept]) for k, p in enumerate(planes)]


def _copies(
    luma: Plane, side: Iterable[Sequence[Plane]], qp: float
) -> Iterator[tuple[Plane, Sequence[Plane]]]:
    """Of the frames on one side how much each square is a copy; up to the last that has any."""
    share: Plane | None = None
    for other in side:
        own = copied(luma, other[0], qp)
        share = own if share is None else np.minimum(share, own)
        within = _inner(share)
        if not within.any():
            return
        yield within, other


def copied(luma: Plane, other: Plane, qp: float) -> Plane:
    """How surely nothing but touches tells each square from the other frame's, 0 to 1."""
    calm = _falling(_most(luma, other, qp), *STEADY)
    if not calm.any():
        return calm
    made: Plane = np.minimum(calm, _falling(_drift(luma, other, qp), *EVEN))
    return made


def _inner(share: Plane) -> Plane:
    """The least of each square and those around it: drawn smoothly, shares reach nothing that moves."""
    made: Plane = opencv().erode(share, np.ones((3, 3), np.uint8))
    return made


def _mean(plane: Plane, others: Sequence[tuple[Plane, Plane]]) -> Plane:
    """With others of the same size, each by its share (a square of ``BLOCK`` luma samples has one)."""
    if not others:
        return plane
    cv, (rows, columns) = opencv(), plane.shape
    total, count = plane.copy(), np.ones_like(plane)
    for share, other in others:
        wide = cv.resize(share, (columns, rows), interpolation=cv.INTER_LINEAR)
        total += wide * other
        count += wide
    made: Plane = total / count
    return made


def _change(luma: Plane, other: Plane, qp: float) -> Plane:
    """Mean change of each square, in units of the usual error."""
    cv, (rows, columns) = opencv(), luma.shape
    size = -(-columns // BLOCK), -(-rows // BLOCK)
    made: Plane = cv.resize(cv.absdiff(luma, other), size, interpolation=cv.INTER_AREA)
    return made / np.float32(usual(qp))


def _most(luma: Plane, other: Plane, qp: float) -> Plane:
    """The largest mean change of the boxes in each square, in units of the usual error: where a spark moves
    within a square that square does not stand still.
    """
    cv, (rows, columns) = opencv(), luma.shape
    size = -(-columns // BOX), -(-rows // BOX)
    boxes = cv.resize(cv.absdiff(luma, other), size, interpolation=cv.INTER_AREA)
    aside = [(0, -n % (BLOCK // BOX)) for n in boxes.shape]
    whole = np.pad(boxes, aside, "edge")
    high, wide = (n * BOX // BLOCK for n in whole.shape)
    made: Plane = whole.reshape(high, BLOCK // BOX, wide, BLOCK // BOX).max((1, 3))
    return made / np.float32(usual(qp))


def _drift(luma: Plane, other: Plane, qp: float) -> Plane:
    """How far the mean of each square moved, in units of the usual error: in a fade all of it does."""
    cv, (rows, columns) = opencv(), luma.shape
    size = -(-columns // BLOCK), -(-rows // BLOCK)
    made: Plane = np.abs(cv.resize(cv.subtract(luma, other), size, interpolation=cv.INTER_AREA))
    return made / np.float32(usual(qp))


def _falling(change: Plane, low: float, high: float) -> Plane:
    """1 up to ``low``, 0 from ``high`` on."""
    made: Plane = np.clip((np.float32(high) - change) / np.float32(high - low), 0, 1)
    return made


def lowered(still: Plane) -> float:
    """How much finer the blocks of what stands still are than their slices' QP (see ``LOWERED``)."""
    return LOWERED * _ramp(still, LARGELY)


def between(still: Plane, qp: float, key: float) -> float:
    """QP that suits a frame as a whole."""
    return qp + (key - qp) * _ramp(still, MOSTLY)


def _ramp(still: Plane, ends: tuple[float, float]) -> float:
    """0 up to the first share of a frame that stands still, 1 from the second on."""
    low, high = ends
    return float(np.clip((still.mean() - low) / (high - low), 0, 1))
