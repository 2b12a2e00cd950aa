"""Where a picture stands still it is as fine as the frame it was copied from, whatever its own QP says."""

from __future__ import annotations

from collections.abc import Sequence
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
MOSTLY = (0.5, 0.9)
"""Share of a frame that stands still up to which it has its own QP, and from which on its key frame's. Copies
of one frame then come out alike, whatever QP each of them has.
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
    cv, (rows, columns) = opencv(), luma.shape
    size = -(-columns // BLOCK), -(-rows // BLOCK)
    changes = [cv.resize(cv.absdiff(luma, o), size, interpolation=cv.INTER_AREA) for o in others]
    change = reduce(np.minimum, changes) / np.float32(usual(qp))
    made: Plane = np.clip((CODED - change) / np.float32(CODED - COPIED), 0, 1)
    return made


def between(still: Plane, qp: float, key: float) -> float:
    """QP that suits a frame as a whole (see ``MOSTLY``)."""
    low, high = MOSTLY
    return float(qp + (key - qp) * np.clip((still.mean() - low) / (high - low), 0, 1))
