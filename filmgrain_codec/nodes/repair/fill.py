"""What belongs in the place of damage: what the neighbours show there, with the grain of film; else the
surroundings grown inwards, with fresh grain.

The mean of two neighbours is nearest to the truth and shows as a soft spot, for half of its grain is gone;
one neighbour has its grain whole, but is off where motion was found a little wrong. So both are drawn by a
filter that hardly softens, and where they differ by no more than grain, one of them counts more.
Nothing but the samples of the mask changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.repair.aligned import AFTER, BEFORE, HERE, Aligned
from filmgrain_codec.nodes.repair.detect import Mask
from filmgrain_codec.nodes.repair.spatial import grown
from filmgrain_codec.nodes.repair.specks import Speck, pieces

Array = NDArray[np.float32]
GROWN, FEATHER = 2, 0.8
"""Samples that a mask is grown by, and sigma of its edge, which lies within."""
RING, WIDE = 4, 8
"""Widths of the surroundings that neighbours are judged by, and that their light is met in."""
SAME = 30 / 255
"""A neighbour serves where its surroundings differ by less on average, and where it and the other one agree
within this in the mask."""
SHIFT = 6 / 255
"""Most that a neighbour's light is shifted by to meet the surroundings."""
LEAN, ALIKE, UNLIKE = 0.5, 2.1, 3.5
"""Share of the neighbours' difference that is added to their mean, for one's whole grain; in full where they
differ by so many times what they do in most places, fading to none."""


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


def filled(frame: Frame, aligned: Aligned, mask: Mask, size: float) -> Filled:
    """``frame`` with the samples of ``mask`` (luma's shape, 0 or 1, as wide as it shall be) replaced.

    ``size``: grain size for fresh grain, in luma samples.
    """
    made = tuple(p.copy() for p in frame.planes)
    sizes = {frame.fmt.shape(k): k for k in range(len(made))}
    each = {shape: reduced(mask, frame.fmt, k) for shape, k in sizes.items()}
    masks = [each[p.shape[0], p.shape[1]] for p in made]
    temporal = spatial = 0
    for piece in pieces(mask):
        shown_by = sources(aligned, piece)
        temporal, spatial = temporal + bool(shown_by), spatial + (not shown_by)
        for k, plane in enumerate(made):
            part = box(piece, frame.fmt, k)
            if shown_by:
                fresh = drawn(aligned, shown_by, k, masks[k], *part)
            else:
                fresh = grown(frame.planes[k], masks[k], *part, size=size, index=frame.index, plane_number=k)
            blend(plane[part], fresh, masks[k][part])
    return Filled(made, temporal, spatial)


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


def box(piece: Speck, fmt: FrameFormat, plane: int, margin: int = 0) -> tuple[slice, slice]:
    """A piece's box in a plane, with a margin around it."""
    high, wide = fmt.shape(plane)
    down, across = (fmt.sub_h, fmt.sub_w) if plane and fmt.family == "yuv" else (0, 0)
    rows = max(0, (piece.rows.start >> down) - margin), -(-piece.rows.stop >> down) + margin
    columns = max(0, (piece.columns.start >> across) - margin), -(-piece.columns.stop >> across) + margin
    return slice(rows[0], min(high, rows[1])), slice(columns[0], min(wide, columns[1]))


def sources(aligned: Aligned, piece: Speck) -> tuple[int, ...]:
    """The neighbours that show what belongs there, best first; none where they contradict each other."""
    part = box(piece, aligned.frames[HERE].fmt, 0, RING)
    inside = _placed(piece, part)
    here = _smooth(aligned.here[part])
    seen, off = {}, {}
    for k, plane in ((BEFORE, aligned.before), (AFTER, aligned.after)):
        if not aligned.inside[k][part][inside].all() or inside.all():
            continue
        seen[k] = _smooth(plane[part])
        off[k] = float(np.abs(here - seen[k])[~inside].mean())
    good = sorted((k for k in seen if off[k] < SAME), key=lambda k: off[k])
    if len(good) == 2 and np.abs(seen[BEFORE] - seen[AFTER])[inside].mean() > SAME:
        return ()
    return tuple(good)


def drawn(
    aligned: Aligned, shown_by: Sequence[int], plane: int, mask: Mask, rows: slice, columns: slice
) -> Plane:
    """A box of a plane as the neighbours show it, in the light of this frame."""
    samples = aligned.frames[HERE].planes[plane]
    wide, inner = _wider(rows, columns, samples.shape)
    each = [aligned.motion.sharp(aligned.frames[k].planes[plane], k, *wide) for k in shown_by]
    made = each[0] if len(each) == 1 else mixed(*each)
    free = mask[wide] == 0
    shift = float(np.median((samples[wide] - made)[free])) if np.count_nonzero(free) >= 16 else 0.0
    return made[inner] + np.float32(np.clip(shift, -SHIFT, SHIFT))


def mixed(one: Plane, other: Plane) -> Plane:
    """Two neighbours' pictures as one, leaning to the first where it is grain that they differ by."""
    cv = opencv()
    apart = one - other
    usual = max(float(np.median(np.abs(apart))), 1e-6)
    local = cv.GaussianBlur(np.abs(apart), (0, 0), 1.5, borderType=cv.BORDER_REPLICATE) / np.float32(usual)
    lean = np.float32(LEAN) * np.clip((UNLIKE - local) / np.float32(UNLIKE - ALIKE), 0, 1)
    return np.asarray((one + other) * np.float32(0.5) + lean * apart, np.float32)


def _placed(piece: Speck, part: tuple[slice, slice]) -> NDArray[np.bool_]:
    """A piece's samples in a larger box."""
    rows, columns = part
    inside = np.zeros((rows.stop - rows.start, columns.stop - columns.start), bool)
    down, across = piece.rows.start - rows.start, piece.columns.start - columns.start
    inside[down : down + piece.shape.shape[0], across : across + piece.shape.shape[1]] = piece.shape
    return inside


def _smooth(part: Plane) -> Plane:
    made: Plane = opencv().GaussianBlur(part, (0, 0), 1.0, borderType=opencv().BORDER_REPLICATE)
    return made


def _wider(
    rows: slice, columns: slice, shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """A box with its surroundings, and where the box lies in them."""
    top, left = max(0, rows.start - WIDE), max(0, columns.start - WIDE)
    wide = slice(top, min(shape[0], rows.stop + WIDE)), slice(left, min(shape[1], columns.stop + WIDE))
    inner = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
    return wide, inner
