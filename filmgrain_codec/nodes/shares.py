"""Levels that differ from place to place: one level for the picture, and the share of it at every sample.

The share scales the sigma that removal is told, and the strength of grain that is put on. Where it is 0
samples keep their bits.
"""

from __future__ import annotations

import numpy as np

from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain.profile import LEVEL_MAX
from filmgrain_codec.infer.tiling import fitted
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.sigma import BLOCK, SIGMA_FLOOR, Array, averaged

SHARE_PROP = "FGShare"
"""Frame property that the nodes denoise and grain read: share of the level (0 to 1) at every luma sample."""


def split(levels: Plane) -> tuple[float, Plane]:
    """A map of levels (0 to 0.15, rows x columns of luma) as the highest and everyone's share of it.

    Raises ``UsageError`` for values that are no levels.
    """
    least, most = float(levels.min()), float(levels.max())
    if not 0 <= least <= most <= np.float32(LEVEL_MAX):
        raise UsageError(f"a map of levels has values from {least:g} to {most:g}: give 0 to {LEVEL_MAX:g}")
    return min(most, LEVEL_MAX), levels / np.float32(most) if most else np.zeros_like(levels)


def share_of(frame: Frame) -> Plane | None:
    """The share that a frame comes with, None for all of the level everywhere. Raises ``UsageError``."""
    share: Plane | None = frame.props.get(SHARE_PROP)
    if share is not None and share.shape != frame.fmt.shape(0):
        (rows, columns), (high, wide) = share.shape, frame.fmt.shape(0)
        raise UsageError(f"a map of levels of {columns}x{rows} cannot serve a picture of {wide}x{high}")
    return share


def weaker(sigma: Array, share: Plane) -> Array:
    """What ``sigma.block_sigma`` gives, times the mean share in each block."""
    full = fitted(share, 2 * BLOCK)
    means = opencv().resize(full, sigma.shape[::-1], interpolation=opencv().INTER_AREA)
    return np.maximum(sigma * means, SIGMA_FLOOR)


def untouched(frame: Frame, made: Frame, share: Plane) -> Frame:
    """What was made of a frame, with the frame's own samples where the share is 0."""
    planes = (
        np.where(s > 0, new, old)
        for s, new, old in zip(_of_planes(share, frame.fmt), made.planes, frame.planes, strict=True)
    )
    return made.with_planes(tuple(planes))


def mixed(frame: Frame, made: Frame, share: Plane) -> Frame:
    """Of what was added to a frame only the share."""
    planes = (
        np.where(s == 1, new, old + s * (new - old))
        for s, new, old in zip(_of_planes(share, frame.fmt), made.planes, frame.planes, strict=True)
    )
    return made.with_planes(tuple(planes))


def _of_planes(share: Plane, fmt: FrameFormat) -> list[Plane]:
    """The share at every sample of every plane; a chroma sample has the mean of its luma samples."""
    down = (fmt.sub_h, fmt.sub_w) if fmt.family == "yuv" else (0, 0)
    return [share, *[averaged(share, *down)] * (fmt.planes - 1)]
