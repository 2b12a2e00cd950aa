"""From strengths at some tones to the strength curve's knots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.grain.profile import KNOT_POSITIONS, KNOTS, bent_basis, boolean_variance

Field = NDArray[np.float64]
Mask = NDArray[np.bool_]

_SMOOTH = 0.04
_PULL = 1e-3
_CONSTANT = 0.0005
"""How readily a constant is left out of what is usual."""
_SUPPORT, _FIRM = 0.003, 0.1
"""Share of the samples from which a knot has some of its own, and from which they hold it."""
_REWEIGHED = 3
_LEAST_USUAL, _NONE = 0.5, 1e-6
"""Share of the usual strength that the curve keeps at least, and a square that is next to nothing."""


def fit_knots(luma: Field, sigma: Field, weight: Field) -> Field:
    """Knot values of sigma(luma), positive, as ``at`` joins them; zeros where there is no data.

    Least squares on relative errors of the variance, with a second-difference penalty that decides only
    where there are no samples (the idea of the AV1 reference encoder's noise model), on what the curve has
    more or less than Boolean grain, as far as the samples look like it.
    """
    used = (weight > 0) & (sigma > 0)
    if not used.any():
        return np.zeros(KNOTS)
    share = weight[used] / weight[used].sum()
    scale = float(np.exp((share * np.log(sigma[used])).sum()))
    basis, target = bent_basis(luma[used]), (sigma[used] / scale) ** 2
    support = (np.abs(basis) * share[:, None]).sum(0)
    knots = _bounded(np.sqrt(_squares(basis, target, share, support >= _FIRM)), support >= _SUPPORT)
    return np.asarray(np.maximum(knots, 0.02 * knots.max()) * scale, np.float64)


def _squares(basis: Field, target: Field, share: Field, firm: Mask) -> Field:
    """Squares of knots; ``firm``: those that samples hold.

    Errors are relative to a sample, or to the curve where a sample lies below it: one that says far too
    little would outweigh all others.
    """
    fitted = target
    for _ in range(_REWEIGHED):
        importance = share / fitted**2
        usual, penalty = _usual(basis, importance, target), _penalty() * importance.sum()
        normal = basis.T @ (importance[:, None] * basis) + penalty
        wanted = basis.T @ (importance * target) + penalty @ usual
        least = np.where(firm, _NONE, np.maximum(_LEAST_USUAL**2 * usual, _NONE))
        squares = _at_least(least, normal, wanted)
        fitted = np.maximum(basis @ squares, target)
    return squares


def _usual(basis: Field, importance: Field, target: Field) -> Field:
    """Squares of knots of the constant and the Boolean grain that together come nearest to the samples."""
    shapes = np.stack([np.ones(KNOTS), boolean_variance(KNOT_POSITIONS)], 1)
    seen = basis @ shapes
    normal = seen.T @ (importance[:, None] * seen)
    normal[0, 0] += _CONSTANT * importance.sum()
    shares = np.linalg.solve(normal + 1e-9 * np.eye(2), seen.T @ (importance * target))
    return np.asarray(shapes @ np.maximum(shares, 0.0), np.float64)


def _penalty() -> Field:
    bend = np.diff(np.eye(KNOTS), 2, axis=0)
    slope = np.diff(np.eye(KNOTS), axis=0)
    return np.asarray(_SMOOTH / 20 * bend.T @ bend + _PULL * slope.T @ slope, np.float64)


def _at_least(least: Field, normal: Field, wanted: Field) -> Field:
    """Solution of the normal equations with those unknowns held at ``least`` that would fall below it.

    Drawn on straight beyond its samples, a steep curve would end in no grain at all, and no block of those
    tones would be taken for grain any more.
    """
    free, found = np.ones(KNOTS, bool), least.copy()
    while free.any():
        rest = wanted - normal @ np.where(free, 0.0, least)
        found[free] = np.linalg.solve(normal[np.ix_(free, free)], rest[free])
        low = free & (found < least)
        if not low.any():
            break
        free, found[low] = free & ~low, least[low]
    return found


def _bounded(knots: Field, seen: Mask) -> Field:
    """Knots without samples held between a quarter and twice their nearest neighbour that has some."""
    those = np.flatnonzero(seen)
    if not len(those):
        return knots
    nearest = those[np.abs(np.arange(KNOTS)[:, None] - those[None, :]).argmin(1)]
    kept = np.clip(knots, 0.25 * knots[nearest], 2.0 * knots[nearest])
    return np.where(seen, knots, kept)
