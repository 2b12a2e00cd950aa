"""What belongs in the place of damage: what the neighbours show there, with the grain of film; else the
surroundings grown inwards, with fresh grain.

Up to four neighbours are asked (``views``), and what they show becomes a fill that is as grainy as what is
around it (``mend``). Nothing but the samples of the mask changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import FrameFormat, Plane
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.repair.around import Around
from filmgrain_codec.nodes.repair.detect import Mask
from filmgrain_codec.nodes.repair.mend import mended
from filmgrain_codec.nodes.repair.spatial import grown
from filmgrain_codec.nodes.repair.specks import Speck, pieces
from filmgrain_codec.nodes.repair.views import Views, drawn, views, wider

Array = NDArray[np.float32]
GROWN, FEATHER = 2, 0.8
"""Samples that a mask is grown by, and sigma of its edge, which lies within."""


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """The planes, and how many pieces were filled from time and from the surroundings."""

    planes: tuple[Plane, ...]
    temporal: int
    spatial: int


def widened(mask: Mask, by: int = GROWN) -> Mask:
    """A mask (0 or 1) grown by some samples."""
    cv = opencv()
    round_one = cv.getStructuringElement(cv.MORPH_ELLIPSE, (2 * by + 1, 2 * by + 1))
    made: Mask = cv.dilate(mask, round_one)
    return made


def filled(around: Around, mask: Mask, size: float) -> Filled:
    """The middle frame with the samples of ``mask`` (luma's shape, 0 or 1, as wide as it shall be) replaced.

    ``size``: grain size for fresh grain, in luma samples.
    """
    frame = around.frame
    made = tuple(p.copy() for p in frame.planes)
    sizes = {frame.fmt.shape(k): k for k in range(len(made))}
    each = {shape: reduced(mask, frame.fmt, k) for shape, k in sizes.items()}
    masks = [each[p.shape[0], p.shape[1]] for p in made]
    temporal = spatial = 0
    for piece in pieces(mask):
        found = views(around, piece, mask)
        temporal, spatial = temporal + (found is not None), spatial + (found is None)
        for k, plane in enumerate(made):
            part = box(piece, frame.fmt, k)
            blend(plane[part], fresh(around, found, k, masks[k], part, size), masks[k][part])
    return Filled(made, temporal, spatial)


def fresh(
    around: Around, found: Views | None, plane: int, mask: Mask, part: tuple[slice, slice], size: float
) -> Plane:
    """What belongs in a box of a plane: from those that were ``found`` to show it, else from around it."""
    frame = around.frame
    through = not plane or frame.fmt.family != "yuv"
    if found:
        return seen(around, found, plane, mask, part, through)
    samples, index = frame.planes[plane], frame.index
    return grown(samples, mask, *part, size=size, index=index, plane_number=plane, through=through)


def seen(
    around: Around, found: Views, plane: int, mask: Mask, inner: tuple[slice, slice], through: bool
) -> Plane:
    """A box of a plane as the neighbours show it; ``through``: see ``mended``."""
    samples, (rows, columns) = around.frame.planes[plane], inner
    part = wider(rows, columns, samples.shape)
    hidden = np.ascontiguousarray(mask[part])
    planes = [f.planes[plane] for f in around.window]
    known = part == found.part and planes[around.middle] is around.here
    shown = found.lumas if known else drawn(around, found.shown_by, planes, part, hidden, found.bent)
    made = mended(samples[part], shown, hidden > 0, through)
    top, left = rows.start - part[0].start, columns.start - part[1].start
    return made[top : top + rows.stop - rows.start, left : left + columns.stop - columns.start]


def blend(into: Plane, fresh: Plane, mask: Mask) -> None:
    """Put ``fresh`` into a plane's box within the mask, fading towards its edge."""
    cv = opencv()
    soft = cv.GaussianBlur(mask.astype(np.float32), (0, 0), FEATHER, borderType=cv.BORDER_REPLICATE)
    inside = mask > 0
    into[inside] += soft[inside] * (fresh[inside] - into[inside])


def reduced(mask: Mask, fmt: FrameFormat, plane: int) -> Mask:
    """The mask at a plane's size: a chroma sample is damaged where any of its luma samples is."""
    shape = fmt.shape(plane)
    if shape == mask.shape:
        return mask
    down, across = 1 << fmt.sub_h, 1 << fmt.sub_w
    missing = [(0, s * by - n) for s, by, n in zip(shape, (down, across), mask.shape, strict=True)]
    full = np.pad(mask, missing)
    for axis, by in ((0, down), (1, across)):
        parts = [full[(slice(None),) * axis + (slice(k, None, by),)] for k in range(by)]
        full = np.bitwise_or.reduce(parts) if by > 1 else full
    return np.ascontiguousarray(full)


def box(piece: Speck, fmt: FrameFormat, plane: int) -> tuple[slice, slice]:
    """A piece's box in a plane."""
    high, wide = fmt.shape(plane)
    down, across = (fmt.sub_h, fmt.sub_w) if plane and fmt.family == "yuv" else (0, 0)
    rows = piece.rows.start >> down, -(-piece.rows.stop >> down)
    columns = piece.columns.start >> across, -(-piece.columns.stop >> across)
    return slice(rows[0], min(high, rows[1])), slice(columns[0], min(wide, columns[1]))
