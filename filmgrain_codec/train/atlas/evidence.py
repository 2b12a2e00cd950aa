"""Whether a correction is borne out by the motion: the atlas may be wrong, and then it must not count.

From frame to frame the light of a point, followed along its flow, changes by what flicker changed. A
correction of flicker changes by the same; one that comes of an atlas' faults does not. How much of the one is
in the other, as least squares tell it, is how much of a correction is used.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.nodes.flicker.correction import LIFT
from filmgrain_codec.nodes.flow import lattice
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.train.atlas.footage import Footage
from filmgrain_codec.train.atlas.grid import cells

Array = NDArray[np.float32]
SHADE, LIGHT = 0.02, 0.98
SUDDEN = 0.7
"""Logarithm: a point does not change more from frame to frame."""
TIME, ROOM = 5.0, 1.5
"""Frames and cells of the Gaussian that evidence is gathered over."""
SLIGHT, FEW = 0.005, 0.03
"""Changes of a correction below which, and shares of samples followed at which, evidence is little."""
FULL = 0.85
"""A share of this counts as all of it: what is measured is never all."""
LOCAL, FAINT = 4.0, 1e-4
"""Samples of the Gaussian that structure is what is left of, and power of it that is as good as none."""
LOST, KNOWN = 0.35, 0.6
"""Correlations with its atlas at which a frame is not explained, and well enough."""


def borne_out(seen: Footage, before: Array, after: Array) -> tuple[Array, Array]:
    """Shares (frames) and (frames, ROWS, COLUMNS), 0 to 1, of a correction that are borne out, over the whole
    picture and by cell. ``before`` and ``after`` it: luma (frames, rows, columns) of the window.
    """
    light, gains = np.log(np.maximum(before, 0) + LIFT), np.log(np.maximum(after, 0) + LIFT)
    told = seen.weight * (before > SHADE) * (before < LIGHT)
    pairs = [changes(seen, light, light - gains, told, t) for t in range(len(before) - 1)]
    both, own, count = (np.stack(p) for p in zip(*pairs, strict=True))
    both, own, count = (each.astype(np.float32) for each in (both, own, count))
    local = [gathered(each) for each in (both, own, count)]
    whole = [gathered(each.mean((1, 2), keepdims=True)) for each in (both, own, count)]
    return share(*whole)[:, 0, 0], share(*local)


def changes(seen: Footage, light: Array, gains: Array, told: Array, t: int) -> tuple[Array, Array, Array]:
    """By cell: products of the changes of light and correction from frame ``t`` to the next, squares of the
    correction's, and the share of samples that were followed.
    """
    at = lattice(*light.shape[1:]) + seen.ahead[t]
    change, own = (followed(p[t + 1], at) - p[t] for p in (light, gains))
    weight = seen.sure[0, t] * told[t] * (followed(told[t + 1], at) > 0.99) * (np.abs(change) < SUDDEN)
    count = cells(weight)
    change, own = (cells(weight * c) / (count + np.float32(1e-6)) for c in (change, own))
    return count * change * own, count * own * own, count


def explained(luma: Array, wanted: Array) -> Array:
    """Share (frames), 0 to 1, by which an atlas of ``wanted`` luma may speak of each frame: how alike their
    structure is, which flicker does not change.
    """
    here, there = (np.stack([p - _blurred(p) for p in each]) for each in (luma, wanted))
    pairs = ((here, there), (here, here), (there, there))
    both, own, other = (gathered((a * b).mean((1, 2), keepdims=True), 0.0) for a, b in pairs)
    alike = (both + FAINT) / (np.sqrt(own * other) + FAINT)
    return np.asarray(np.clip((alike[:, 0, 0] - LOST) / (KNOWN - LOST), 0, 1), np.float32)


def share(both: Array, own: Array, count: Array) -> Array:
    """Least squares, drawn to nothing where there is little to go by."""
    found = both / (own + SLIGHT**2 * count + 1e-9) * count / (count + FEW)
    return np.asarray(np.clip(found / FULL, 0, 1), np.float32)


def gathered(pairs: Array, between: float = 0.5) -> Array:
    """Means over frames and cells near by, for every frame, of what is known for every pair of frames (or,
    with ``between`` 0, for every frame).
    """
    frames = len(pairs) + (between > 0)
    apart = np.arange(frames)[:, None] - np.arange(len(pairs))[None] - between
    weight = np.exp(-(apart**2) / (2 * TIME**2))
    weight /= weight.sum(1, keepdims=True)
    made = np.tensordot(weight.astype(np.float32), pairs, 1)
    if pairs.shape[1:] != (1, 1):
        made = np.stack([opencv().GaussianBlur(m, (0, 0), ROOM) for m in made])
    return np.asarray(made, np.float32)


def _blurred(plane: Array) -> Array:
    made: Array = opencv().GaussianBlur(plane, (0, 0), LOCAL)
    return made


def followed(plane: Array, at: Array) -> Array:
    """A plane seen through a map of places."""
    cv = opencv()
    made: Array = cv.remap(plane, at, None, cv.INTER_LINEAR, borderMode=cv.BORDER_REPLICATE)
    return made
