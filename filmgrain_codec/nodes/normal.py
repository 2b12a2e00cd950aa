"""What the removal nets are given: differences to the neighbours and detail, in units of sigma.

The same arithmetic as ``train.networks.removal.normalised`` (a test holds them together), in stripes
that stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.align import opencv
from filmgrain_codec.nodes.sigma import SIGMA_FLOOR

Array = NDArray[np.float32]
DIFFERENCE, DETAIL, SIGMA = (np.float32(v) for v in (0.5, 0.25, 10.0))
MOST = np.float32(4.0)
LOWPASS = 8
STRIPE = 32
PHASES = 4


def given(frames: Sequence[Sequence[Plane]], sigma: Sequence[Array], guide: Sequence[Plane] = ()) -> Array:
    """Input of a net, packed (1, 4 * planes, rows / 2, columns / 2); the sides must be multiples of 8.

    ``frames``: the planes of every frame of the window, motion-compensated, the centre in the middle;
    ``sigma``: expected grain of every plane; ``guide``: luma with and without grain, for chroma.
    """
    middle, count = len(frames) // 2, len(sigma)
    centre = frames[middle]
    others = [f for k, f in enumerate(frames) if k != middle]
    rows, columns = centre[0].shape
    each = [inverse(s) for s in sigma]
    out = np.empty(
        (1, PHASES * (count * (len(others) + 3) + len(guide)), rows // 2, columns // 2), np.float32
    )
    packed = iter(out[0].reshape(-1, 2, 2, rows // 2, columns // 2))
    for other in others:
        for p in range(count):
            scaled(other[p], centre[p], each[p], DIFFERENCE, next(packed))
    for p in range(count):
        scaled(centre[p], lowpass(centre[p]), each[p], DETAIL, next(packed))
    for p in range(count):
        pack(centre[p], next(packed))
    for p in range(count):
        pack(sigma[p] * SIGMA, next(packed))
    if guide:
        mean = inverse(np.mean(np.stack(sigma), 0, dtype=np.float32))
        scaled(guide[0], guide[1], mean, DETAIL, next(packed))
        scaled(guide[1], lowpass(guide[1]), mean, DETAIL, next(packed))
    return out


def inverse(sigma: Array) -> Array:
    """1 / sigma, which is taken for at least ``SIGMA_FLOOR``."""
    return np.reciprocal(np.maximum(sigma, SIGMA_FLOOR), dtype=np.float32)


def scaled(of: Plane, minus: Plane, each: Array, factor: np.float32, out: Array) -> None:
    """(of - minus) * each * factor, clamped, packed into ``out`` (2, 2, rows / 2, columns / 2)."""
    part = np.empty((STRIPE, of.shape[1]), np.float32)
    for top in range(0, len(of), STRIPE):
        rows = slice(top, top + STRIPE)
        part = part[: len(of) - top]
        np.subtract(of[rows], minus[rows], out=part)
        np.multiply(part, each[rows], out=part)
        np.multiply(part, factor, out=part)
        np.clip(part, -MOST, MOST, out=part)
        pack(part, out[:, :, top // 2 : (top + STRIPE) // 2])


def pack(plane: Plane, out: Array) -> None:
    """The four phases of ``plane`` side by side at half size: (2, 2, rows / 2, columns / 2)."""
    rows, columns = out.shape[2:]
    np.copyto(out, plane.reshape(rows, 2, columns, 2).transpose(1, 3, 0, 2))


def unpacked(phases: Array) -> Plane:
    """(4, rows, columns) back to a plane (2 rows, 2 columns)."""
    rows, columns = phases.shape[1:]
    out = phases.reshape(2, 2, rows, columns).transpose(2, 0, 3, 1)
    return np.ascontiguousarray(out).reshape(2 * rows, 2 * columns)


def lowpass(plane: Plane) -> Plane:
    """Means over 8x8 samples, stretched bilinearly back to the plane's size."""
    cv = opencv()
    rows, columns = plane.shape
    small = cv.resize(plane, (columns // LOWPASS, rows // LOWPASS), interpolation=cv.INTER_AREA)
    made: Plane = cv.resize(small, (columns, rows), interpolation=cv.INTER_LINEAR)
    return made


def taken_off(centre: Plane, sigma: Array, grain: Array) -> Plane:
    """centre - sigma * grain, the grain packed (4, rows / 2, columns / 2)."""
    out = unpacked(grain)
    np.multiply(sigma, out, out=out)
    np.subtract(centre, out, out=out)
    return out
