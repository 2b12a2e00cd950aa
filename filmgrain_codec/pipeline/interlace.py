"""Whether pictures marked as interlaced really hold two moments each.

Where something moves, the lines of two fields differ like the teeth of a comb: the second difference
between neighbouring lines is large, that between lines of one field is not. In progressive pictures,
grain included, it is the other way round or equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.errors import InputError
from filmgrain_codec.media.reader import Reader
from filmgrain_codec.pipeline.clip import Clip, declared

PLACES, RUN = 4, 10
"""A clip is looked at in this many places, this many frames each."""
BLOCK = 16
RATIO, LEAST = 2.0, 0.008
"""A block is combed if neighbouring lines differ this much more, and by this much (of full scale)."""
PART, FLOOR = 0.1, 0.002
"""Combs in this part of the blocks that move mean two moments; measured: 0.5 to 2, coding errors 0.015."""
MOTION = 0.02
"""Change of a block's mean from one picture to the next that counts as motion."""


def progressive(clip: Clip) -> list[str]:
    """Refuse interlaced material: grain is measured and removed on whole frames.

    Returns a warning if pictures are marked as interlaced but show no sign of it; raises
    ``InputError`` if they do, or if nothing moves that could tell.
    """
    video = clip.info.video
    if not video.interlaced:
        return []
    if not _looks_progressive(clip):
        raise InputError(
            f"{clip.path.name}: the video is interlaced ({video.field_order}); deinterlace it first, for "
            f"example with ffmpeg -i IN -vf bwdif -c:v ffv1 -c:a copy OUT.mkv (telecined film: -vf "
            f"fieldmatch,decimate)"
        )
    return ["the video is marked as interlaced, but shows no combs: it was taken as progressive"]


def _looks_progressive(clip: Clip) -> bool:
    motion = combs = 0.0
    for run in _runs(clip):
        motion = max([motion, *(moving(a, b) for a, b in pairwise(run))])
        combs = max([combs, *(combed(frame.planes[0]) for frame in run)])
    return motion > FLOOR and combs < max(FLOOR, PART * motion)


def _runs(clip: Clip) -> Iterator[list[Frame]]:
    """A few frames from each of several places; from the start alone where the length is unknown."""
    total = declared(clip.info) or 0
    starts = {round(k * max(total - RUN, 0) / PLACES) for k in range(PLACES)}
    for start in sorted(starts):
        with Reader(clip.path, start=start, native_grain=clip.native_grain) as reader:
            yield list(islice(reader, RUN if len(starts) > 1 else RUN * PLACES))


def combed(luma: Plane) -> float:
    """Share of blocks (0 to 1) that hold lines of two moments."""
    near = np.abs(luma[1:-3] - 2 * luma[2:-2] + luma[3:-1])
    far = np.abs(luma[:-4] - 2 * luma[2:-2] + luma[4:])
    return _share(_means(near) > RATIO * _means(far) + LEAST)


def moving(a: Frame, b: Frame) -> float:
    """Share of blocks (0 to 1) that changed by more than grain does."""
    return _share(np.abs(_means(a.planes[0]) - _means(b.planes[0])) > MOTION)


def _share(blocks: NDArray[np.bool_]) -> float:
    return float(np.mean(blocks)) if blocks.size else 0.0


def _means(plane: Plane) -> Plane:
    """Means over whole blocks; what is left at the right and bottom is not looked at."""
    rows, columns = (n // BLOCK for n in plane.shape)
    whole = plane[: rows * BLOCK, : columns * BLOCK]
    return np.asarray(whole.reshape(rows, BLOCK, columns, BLOCK).mean((1, 3)), np.float32)
