"""A place filled from its surroundings: the picture without its grain grown inwards, and fresh grain on it.

Growing is harmonic: every sample becomes the mean of those around it, the known ones staying as they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.grain.fields import plane_key
from filmgrain_codec.grain.filters import grain_filter
from filmgrain_codec.grain.parametric import unit_field
from filmgrain_codec.grain.profile import Spectrum
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.repair.mend import CLOSE, blurred, patched

Array = NDArray[np.float32]
Mask = NDArray[np.uint8]
MARGIN, SMOOTH = 16, 1.5
"""Surroundings that are looked at, and sigma of the filter that takes their grain off, in samples."""
WIDTHS = (16.0, 8.0, 4.0, 2.0, 1.0)
ROUNDS = 12
"""Growing goes from wide means to narrow ones, so often each."""
SEED = 0x5EED
"""Of the fresh grain; it also depends on frame, plane and place."""


def grown(
    plane: Plane,
    mask: Mask,
    rows: slice,
    columns: slice,
    *,
    size: float,
    index: int,
    plane_number: int = 0,
    through: bool = False,
) -> Plane:
    """The box ``rows`` x ``columns`` of a plane with what ``mask`` (the plane's shape, 0 or 1) covers filled.

    ``size``: of the grain (luma samples; chroma's is about as large in its own). ``index``: the frame's.
    ``through``: whether what is undamaged there, and grain that shows through, are kept.
    """
    high, wide = plane.shape
    top, left = max(0, rows.start - MARGIN), max(0, columns.start - MARGIN)
    part = (slice(top, min(high, rows.stop + MARGIN)), slice(left, min(wide, columns.stop + MARGIN)))
    samples, hidden = np.ascontiguousarray(plane[part]), np.ascontiguousarray(mask[part])
    if hidden.all():
        return plane[rows, columns].copy()
    smooth = without_grain(samples, hidden)
    made = inwards(smooth, hidden)
    key = plane_key(SEED, index, plane_number)
    kernel = grain_filter(Spectrum(size))
    field = unit_field(key, kernel, part[1].start, part[0].start, (samples.shape[0], samples.shape[1])).copy()
    grain = np.float32(strength(samples, smooth, field, hidden)) * field
    if through:
        made = patched(samples, made, grain, hidden == 0, float(blurred(grain, CLOSE).std()))
    else:
        made = made + grain
    return made[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]


def without_grain(samples: Plane, hidden: Mask) -> Plane:
    """Smoothed by what is not hidden."""
    cv, seen = opencv(), (hidden == 0).astype(np.float32)
    weight = cv.GaussianBlur(seen, (0, 0), SMOOTH, borderType=cv.BORDER_REPLICATE)
    total = cv.GaussianBlur(samples * seen, (0, 0), SMOOTH, borderType=cv.BORDER_REPLICATE)
    made: Plane = total / np.maximum(weight, np.float32(1e-6))
    return made


def inwards(smooth: Plane, hidden: Mask) -> Plane:
    """A plane with what is hidden grown from what is not."""
    cv, inside = opencv(), hidden > 0
    made = np.where(inside, np.float32(smooth[~inside].mean()), smooth)
    for width in WIDTHS:
        for _ in range(ROUNDS):
            made[inside] = cv.GaussianBlur(made, (0, 0), width, borderType=cv.BORDER_REPLICATE)[inside]
    return made


def strength(samples: Plane, smooth: Plane, field: Array, hidden: Mask) -> float:
    """What a unit field must be multiplied by to vary as the grain that is seen: both behind one filter."""
    cv, seen = opencv(), hidden == 0
    fine = field - cv.GaussianBlur(field, (0, 0), SMOOTH, borderType=cv.BORDER_REPLICATE)
    left = np.abs((samples - smooth)[seen])
    return float(np.median(left) / max(np.median(np.abs(fine)), 1e-6)) if left.size else 0.0
