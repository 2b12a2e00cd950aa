"""The global curve of each frame: how its tones differ from the atlas', less what of that is slow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.nodes.flicker.correction import KNOTS, LIFT, knots
from filmgrain_codec.train.atlas.slow import slow

Array = NDArray[np.float32]
TONES = 9
"""Tones at which a luma curve is free: eighths of full scale."""
SMOOTH, TIED = 3e-3, 3e-4
"""Weights, of all samples of a frame, against steps between tones, and against any gain."""
ROUNDS, ODD = 4, 0.25
"""Times that points are weighed again, and the distance from the curve at which they count nothing."""
MOST = 0.7
"""A curve changes light by no more than this, as a logarithm."""
CHROMA_TIED = 0.05
CHROMA_ODD, CHROMA_MOST = 0.05, 0.1
FURTHEST = 1.5
"""Curves are drawn for tones of the atlas up to this, so that every code of a frame has one."""


def light_curves(plane: Array, atlas: Array, weight: Array) -> Array:
    """(frames, KNOTS) curves of a plane of light, by how it differs from the atlas; all (frames, rows,
    columns).
    """
    found = [gains(p, a, w) for p, a, w in zip(plane, atlas, weight, strict=True)]
    now = np.stack([g for g, _ in found])
    usual = slow(now, np.stack([n for _, n in found]))
    wanted = now + np.clip(usual - now, -MOST, MOST)
    tones = np.linspace(0, FURTHEST, 3 * KNOTS)
    return np.stack([_curve(*(_light(tones, g) for g in pair)) for pair in zip(now, wanted, strict=True)])


def gains(plane: Array, atlas: Array, weight: Array) -> tuple[Array, Array]:
    """Log gain of a frame over the atlas at ``TONES`` tones of the atlas, and how many told it."""
    steps = np.log((np.maximum(plane, 0) + LIFT) / (np.maximum(atlas, 0) + LIFT)).ravel()
    place = np.clip(atlas.ravel() * (TONES - 1), 0, TONES - 1 - 1e-4)
    low = place.astype(int)
    high = place - low
    count = weight.ravel().astype(float)
    found = np.full(TONES, float(np.median(steps)))
    total = count.sum() + 1e-6
    for _ in range(ROUNDS):
        missed = steps - found[low] * (1 - high) - found[low + 1] * high
        kept = count * np.clip(1 - (missed / ODD) ** 2, 0, 1) ** 2
        left = [np.bincount(low, kept * k, TONES) for k in ((1 - high) ** 2, high * (1 - high))]
        right = np.bincount(low + 1, kept * high * high, TONES)
        matrix = np.diag(left[0] + right) + np.diag(left[1][:-1], 1) + np.diag(left[1][:-1], -1)
        given = np.bincount(low, kept * steps * (1 - high), TONES)
        given += np.bincount(low + 1, kept * steps * high, TONES)
        found = np.linalg.solve(matrix + total * _STIFF, given)
    return found.astype(np.float32), (np.diag(matrix) / total).astype(np.float32)


def _stiff() -> NDArray[np.float64]:
    steps = np.diff(np.eye(TONES), axis=0)
    return SMOOTH * steps.T @ steps + TIED * np.eye(TONES)


_STIFF = _stiff()


def _light(tones: NDArray[np.float64], found: Array) -> NDArray[np.float64]:
    """The tones of the atlas with a gain."""
    gain = np.interp(tones, np.linspace(0, 1, TONES), found)
    return (tones + LIFT) * np.exp(gain) - LIFT


def _curve(now: NDArray[np.float64], wanted: NDArray[np.float64]) -> Array:
    """Where codes go that are ``now`` and should be ``wanted``; never down where codes go up."""
    rising = np.maximum.accumulate(now + np.arange(len(now)) * 1e-9)
    step = np.interp(knots(), rising, np.maximum.accumulate(wanted) - rising)
    return np.asarray(np.maximum.accumulate(knots() + step), np.float32)


def chroma_curves(plane: Array, atlas: Array, weight: Array, middle: float) -> Array:
    """(frames, KNOTS) curves of a chroma plane: a shift and a stretch about ``middle``."""
    now = np.stack([_line(*frame, middle) for frame in zip(plane, atlas, weight, strict=True)])
    change = np.clip(slow(now, np.ones_like(now)) - now, -CHROMA_MOST, CHROMA_MOST)
    from_middle = knots() - middle
    # A code is middle + a + (1 + b) c of the atlas' c: undone, then done again with the slow a and b.
    own = (from_middle - now[:, :1]) / (1 + now[:, 1:])
    return np.asarray(knots() + change[:, :1] + change[:, 1:] * own, np.float32)


def _line(plane: Array, atlas: Array, weight: Array, middle: float) -> Array:
    """(shift, stretch) of a chroma plane over the atlas', each tied to none."""
    x, y = (atlas - middle).ravel().astype(float), (plane - atlas).ravel().astype(float)
    found = np.array([np.median(y), 0.0])
    for _ in range(ROUNDS):
        kept = weight.ravel() * np.clip(1 - ((y - found[0] - found[1] * x) / CHROMA_ODD) ** 2, 0, 1) ** 2
        matrix = np.array([[kept.sum(), kept @ x], [kept @ x, kept @ (x * x)]])
        # The stretch is told by saturated colours only.
        tied = np.diag([1e-3, CHROMA_TIED**2]) * (weight.sum() + 1e-6)
        found = np.linalg.solve(matrix + tied, [kept @ y, kept @ (x * y)])
    return np.asarray(np.clip(found, -0.3, 0.3), np.float32)
