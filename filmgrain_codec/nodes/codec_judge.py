"""How coarsely a picture was coded, judged from it where nothing tells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.core.quantiser import HIGHEST
from filmgrain_codec.infer.session import Net
from filmgrain_codec.nodes.codec_planes import packed, told

Array = NDArray[np.float32]
ROLE = "codec-judge"
PATCH, PATCHES = 96, 24
"""Side of the patches that QP is judged from, and how many are looked at."""
DOUBT = 6.0
"""Taken off a QP that was judged: a picture that is taken for coarser than it is would lose detail."""


def patches(given: Array) -> Array:
    """Up to ``PATCHES`` squares of a packed picture, evenly spread; a small picture is mirrored out."""
    side = PATCH // 2
    while min(given.shape[2:]) < side:
        missing = [(0, max(0, min(side - n, n))) for n in given.shape[2:]]
        given = np.pad(given, [(0, 0), (0, 0), *missing], "symmetric")
    rows, columns = given.shape[2:]
    down = min(4, rows // side)
    across = min(PATCHES // down, columns // side)
    tops = np.linspace(0, rows - side, down).astype(int) // 4 * 4
    lefts = np.linspace(0, columns - side, across).astype(int) // 4 * 4
    return np.concatenate([given[:, :, y : y + side, x : x + side] for y in tops for x in lefts])


def judged(net: Net, planes: Sequence[Plane], family: str) -> float:
    """The QP of a picture's 4:2:0 ``planes``: what patches all over it say, the surer ones louder, less
    ``DOUBT``.
    """
    given = patches(packed(planes))
    known = np.repeat(told(0.0, family), len(given), 0)
    value, spread = net.run({"given": given, "told": known}).T.astype(np.float64)
    weight = np.exp(-np.clip(spread, -9, 3))
    return float(np.clip(HIGHEST * (value * weight).sum() / weight.sum() - DOUBT, 0, HIGHEST))
