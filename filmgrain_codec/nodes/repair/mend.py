"""A damaged box of a plane made anew from what its neighbours show there.

The median of the neighbours is nearest to the truth and shows as a soft spot, for most of its grain is gone.
What shines through the damage of the frame's own grain and detail is kept; where that is too little, grain of
the nearest neighbour is added, as much as makes the fill as strong as the surroundings. Where the frame is no
farther from the fill than its surroundings are, it is not damaged and stays as it is: masks are wider than
the damage.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.opencv import opencv

Array = NDArray[np.float32]
FINE, CLOSE = 1.5, 1.0
"""Sigmas, in samples: finer than the first is grain, than the second what is kept of the frame's own."""
WHOLE, MOST = 1.0, 1.3
"""Power of the fill's grain over that around it, and the most a neighbour's grain is multiplied by."""
USUAL, UNUSUAL = 1.0, 2.5
"""Deviations of the surroundings up to which a sample is taken for undamaged, and from which for damaged."""
STRONGER = 1.5
"""What is kept of the frame's own is weakened where its power is more than so many times the usual: there it
is the damage's own detail."""
NARROW = 0.05
"""Room to the end of the range that opacity is told from at least."""
FARTHEST = 2.0
"""No sample of it is stronger than so many deviations of the usual."""
SHIFT = 6 / 255
"""Most that the neighbours' light is shifted by to meet the surroundings."""
ENOUGH = 16
"""Samples of the surroundings that tell anything."""


def mended(here: Plane, seen: Sequence[Plane], hidden: NDArray[np.bool_], through: bool = True) -> Plane:
    """The box ``here`` without its damage, of which ``hidden`` tells where it may be.

    ``seen``: what the neighbours show of the same box, the best first. ``through``: whether the frame's own
    samples are asked; else (chroma) everything hidden is taken from the neighbours.
    """
    free = ~hidden
    base = np.asarray(seen[0] if len(seen) == 1 else np.median(np.stack(seen), axis=0), np.float32)
    if np.count_nonzero(free) < ENOUGH:
        return base
    base = base + np.float32(np.clip(np.median((here - base)[free]), -SHIFT, SHIFT))
    grain = seen[0] - base
    grain = (grain - np.float32(np.median(grain[free]))) * np.float32(strength(here, base, grain, free))
    if not through:
        return base + grain
    usual = 1.4826 * float(np.median(np.abs(blurred(here - base, CLOSE))[free]))
    return patched(here, base, grain, free, usual)


def patched(here: Plane, base: Plane, grain: Plane, free: NDArray[np.bool_], usual: float) -> Plane:
    """``here`` with its damage replaced by ``base`` and grain, less what shows through of its own.

    ``free``: where there is no damage. ``usual``: deviation by which the picture differs from ``base`` where
    undamaged, both smoothed.
    """
    away = blurred(here - base, CLOSE)
    own, missing = kept(here, base, opacity(base, away), free)
    fresh = base + own + missing * grain
    return np.asarray(here + damaged(away, usual) * (fresh - here), np.float32)


def strength(here: Plane, base: Plane, grain: Plane, free: NDArray[np.bool_]) -> float:
    """What ``grain`` must be multiplied by so that ``base`` with it is as rough as ``here``, where that is
    undamaged."""
    rough, smooth, added = (fine(plane)[free] for plane in (here, base, grain))
    square, mixed = float(added @ added), float(smooth @ added)
    lacking = WHOLE * float(rough @ rough) - float(smooth @ smooth)
    root = mixed * mixed + square * lacking
    if square <= 0 or root <= 0:
        return 0.0
    return float(np.clip((np.sqrt(root) - mixed) / square, 0, MOST))


def damaged(away: Array, usual: float) -> Array:
    """How surely a sample is damaged, 0 to 1, from how far the frame is ``away`` from the fill, smoothly."""
    far = np.abs(away) / np.float32(max(usual, 1e-5))
    return np.clip((far - USUAL) / (UNUSUAL - USUAL), 0, 1)


def opacity(base: Plane, away: Array) -> Array:
    """How much of the picture damage hides, 0 to 1, if it is as bright or as dark as can be."""
    room = np.where(away > 0, 1 - base, base)
    return np.clip(np.abs(away) / np.maximum(room, np.float32(NARROW)), 0, 1)


def kept(here: Plane, base: Plane, hides: Array, free: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Grain and fine detail of the frame's own that show through, and how much (0 to 1, as amplitude) of the
    usual is missing."""
    own = close(here) - (1 - hides) * close(base)
    usual = max(float(np.square(own[free]).mean()), 1e-12)
    power = blurred(own * own, FINE)
    own = own * np.minimum(np.float32(STRONGER * usual) / np.maximum(power, np.float32(1e-12)), 1)
    most = np.float32(FARTHEST * np.sqrt(usual))
    own = np.clip(own, -most, most)
    share = blurred(own * own, FINE) / np.float32(usual)
    return own, np.sqrt(np.clip(1 - share, 0, 1))


def close(plane: Plane) -> Array:
    return plane - blurred(plane, CLOSE)


def fine(plane: Plane) -> Array:
    return plane - blurred(plane, FINE)


def blurred(plane: Plane, sigma: float) -> Array:
    made: Array = opencv().GaussianBlur(plane, (0, 0), sigma, borderType=opencv().BORDER_REPLICATE)
    return made
