"""Where blocks of a frame lie in the next, for the grain estimator: by optical flow, with OpenCV."""

from __future__ import annotations

from functools import cache

import numpy as np

from filmgrain_codec.errors import ModelError
from filmgrain_codec.grain import flat
from filmgrain_codec.grain.flat import Array, Follow, Index
from filmgrain_codec.nodes.opencv import opencv


@cache
def follower() -> Follow | None:
    """The matcher of this installation; None leaves the estimator its own, which is coarser."""
    try:
        opencv()
    except ModelError:
        return None
    return moves


def moves(a: Array, b: Array) -> tuple[Index, Index]:
    """Whole samples (down, right) by which each 16 x 16 block of luma plane ``a`` moves into ``b``."""
    from filmgrain_codec.nodes import flow

    halvings = min(flow.working_halvings(a.shape) + 1, 3)
    found = flow.moves(flow.codes(a, halvings), flow.codes(b, halvings), "fast")
    rows, columns = a.shape[0] // flat.BLOCK, a.shape[1] // flat.BLOCK
    halvings += 1
    side = flat.BLOCK >> halvings
    right, down = (
        np.rint(flat.box(found[..., k], side)[:rows, :columns] * 2.0**halvings).astype(np.int64)
        for k in (0, 1)
    )
    return down, right
