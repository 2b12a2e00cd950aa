"""What a small net leaves blurred, drawn into its atlas: the detail that frames have in common there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.train.atlas.footage import Footage

Array = NDArray[np.float32]
COARSE = 10.0
"""Samples: what the net misses by over such a distance stays with it, for it may be flicker."""
LARGEST = 4096
"""Rows and columns of the drawing at most."""
ALONE = 0.5
"""Frames' weight that stands for no detail."""


def sharpened(seen: Footage, made: Array, places: Array, unit: float) -> Array:
    """``made`` (frames, planes, rows, columns), what the net says of a window, with detail.

    ``places`` (frames, rows, columns, 2): where in the atlas every sample lies, ``unit`` apart or so.
    """
    at = (places - places.min((0, 1, 2))) / np.float32(unit)
    if not np.isfinite(at).all() or at.max() > LARGEST - 2:
        return made
    size = (int(at[..., 1].max()) + 2, int(at[..., 0].max()) + 2)
    sharp = made.copy()
    for k in range(made.shape[1]):
        missed = seen.planes[:, k] - made[:, k]
        detail = drawn(np.stack([fine(m) for m in missed]), seen.weight, at, size)
        for t, place in enumerate(at):
            sharp[t, k] += looked_up(detail, place)
    return sharp


def drawn(detail: Array, weight: Array, at: Array, size: tuple[int, int]) -> Array:
    """Means (size) of the samples (frames, rows, columns) that lie at each place, bilinearly."""
    total, count = np.zeros(size[0] * size[1]), np.zeros(size[0] * size[1])
    for d, w, place in zip(detail, weight, at, strict=True):
        low = np.floor(place).astype(int)
        right, down = (place - low)[..., 0], (place - low)[..., 1]
        for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
            share = w * np.abs(1 - dx - right) * np.abs(1 - dy - down)
            where = ((low[..., 1] + dy) * size[1] + low[..., 0] + dx).ravel()
            total += np.bincount(where, (share * d).ravel(), total.size)
            count += np.bincount(where, share.ravel(), total.size)
    return (total / (count + ALONE)).reshape(size).astype(np.float32)


def fine(missed: Array) -> Array:
    """A plane less its local mean."""
    blurred: Array = opencv().GaussianBlur(missed, (0, 0), COARSE)
    return missed - blurred


def looked_up(drawing: Array, at: Array) -> Array:
    """A drawing at places (rows, columns, 2)."""
    made: Array = opencv().remap(drawing, at.astype(np.float32), None, opencv().INTER_LINEAR)
    return made
