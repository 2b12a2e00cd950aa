"""Motion compensation: neighbours of a frame drawn onto it along dense inverse-search optical flow.

The flow is Kroeger et al., "Fast Optical Flow using Dense Inverse Search" (ECCV 2016), as OpenCV
implements it, at 8 bit and at most ``WORKING`` samples a picture. Where grain moves the flow about in
a still picture, the guard takes the neighbour as it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.errors import ModelError

Codes = NDArray[np.uint8]
Rows = slice | list[int]
ALL = slice(None)
Flow = NDArray[np.float32]
"""(rows, columns, 2): where in the neighbour to look, in samples right and down, at working size."""

WORKING = 640_000
"""Flow is searched at full size up to this many samples, at half, a quarter ... of it above."""
GUARD_BOX = 15
GUARD_GAIN = 0.9
"""The flow counts where it makes the difference to the neighbour at least a tenth smaller."""


@dataclass(frozen=True, slots=True)
class Search:
    """How flow is searched: OpenCV's preset, the distance between patches (samples), steps of descent
    for each, iterations of variational refinement.
    """

    preset: int
    stride: int
    descents: int
    refinements: int


FINEST = 1
"""Half the working size. OpenCV's fast presets end at a quarter: that costs removal up to 0.3 dB."""
PRESETS = {"fast": Search(1, 6, 12, 0), "fine": Search(2, 3, 25, 2)}


class Motion:
    """Flows from one centre frame to its neighbours; ``preset`` fast or fine (four times the work).

    ``lumas``: planes of one shape in 0..1, the centre at ``centre``. ``warp`` serves planes of any
    subsampling. A neighbour that is the centre itself (clamped at a cut) is passed through.
    """

    def __init__(
        self, lumas: Sequence[Plane], centre: int, preset: str = "fast", halvings: int | None = None
    ) -> None:
        steps = working_halvings(lumas[centre].shape) if halvings is None else halvings
        here = codes(lumas[centre], steps)
        self._maps: list[Flow | None] = [
            None if luma is lumas[centre] else places(here, codes(luma, steps), preset) for luma in lumas
        ]
        self._sized: dict[tuple[int, tuple[int, ...]], Flow] = {}

    def warp(self, plane: Plane, neighbour: int) -> Plane:
        """A plane of frame number ``neighbour`` of the window as the centre frame would show it."""
        return self._drawn(plane, neighbour, opencv().INTER_LINEAR)

    def shifted(self, plane: Plane, neighbour: int, rows: Rows = ALL) -> Plane:
        """As ``warp``, but by whole samples, which leaves grain as it is; only ``rows`` of it."""
        return self._drawn(plane, neighbour, opencv().INTER_NEAREST, rows)

    def _drawn(self, plane: Plane, neighbour: int, way: int, rows: Rows = ALL) -> Plane:
        found, key = self._maps[neighbour], (neighbour, plane.shape)
        if found is None:
            return plane if rows is ALL else plane[rows]
        if key not in self._sized:
            self._sized[key] = fitted(found, plane.shape)
        cv = opencv()
        made: Plane = cv.remap(plane, self._sized[key][rows], None, way, borderMode=cv.BORDER_REPLICATE)
        return made


def working_halvings(shape: tuple[int, ...]) -> int:
    """How often a picture is halved before its motion is searched."""
    halvings = 0
    while (shape[0] >> halvings) * (shape[1] >> halvings) > WORKING:
        halvings += 1
    return halvings


def codes(luma: Plane, halvings: int) -> Codes:
    """8-bit codes of a luma plane, averaged down; at least 16 samples a side, as the search needs."""
    cv = opencv()
    height, width = (max(16, -(-n >> halvings) if halvings else n) for n in luma.shape)
    small = luma
    if (height, width) != luma.shape:
        small = cv.resize(luma, (width, height), interpolation=cv.INTER_AREA)
    made: Codes = cv.convertScaleAbs(np.maximum(small, 0), alpha=255.0)
    return made


def places(here: Codes, there: Codes, preset: str) -> Flow:
    """Absolute sampling places (rows, columns, 2) in ``there`` for every sample of ``here``."""
    flow = guarded(here, there, search(preset).calc(here, there, None))
    return flow + lattice(here.shape[0], here.shape[1])


def guarded(here: Codes, there: Codes, flow: Flow) -> Flow:
    """The flow where it explains the picture better than standing still, faded out elsewhere."""
    cv, box = opencv(), (GUARD_BOX, GUARD_BOX)
    moved = cv.remap(
        there, flow + lattice(*here.shape), None, cv.INTER_LINEAR, borderMode=cv.BORDER_REPLICATE
    )
    standing = cv.blur(cv.absdiff(here, there), box, dst=None).astype(np.float32)
    following = cv.blur(cv.absdiff(here, moved), box).astype(np.float32)
    trust = cv.blur((following < GUARD_GAIN * standing).astype(np.float32), box)
    made: Flow = flow * trust[..., None]
    return made


def fitted(maps: Flow, shape: tuple[int, ...]) -> Flow:
    """Places counted in samples of the working size, for every sample of a plane of ``shape``."""
    (rows, columns), (height, width) = maps.shape[:2], shape
    if (rows, columns) == (height, width):
        return maps
    cv, larger = opencv(), grown(maps, height / rows, width / columns)
    made: Flow = cv.resize(larger, (width, height), interpolation=cv.INTER_LINEAR)
    return made


def grown(maps: Flow, down: float, right: float) -> Flow:
    """The same places counted in samples of a picture that many times larger."""
    out = np.empty_like(maps)
    for axis, ratio in enumerate((right, down)):
        np.multiply(maps[..., axis], np.float32(ratio), out=out[..., axis])
        out[..., axis] += np.float32(0.5 * ratio - 0.5)
    return out


@cache
def lattice(rows: int, columns: int) -> Flow:
    """Every sample's own place (rows, columns, 2), x first."""
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    return np.dstack([x, y])


def search(preset: str) -> Any:
    """A new searcher: after a small picture OpenCV's would search the next one otherwise than a new one."""
    wanted = PRESETS[preset]
    made = opencv().DISOpticalFlow_create(wanted.preset)
    made.setFinestScale(FINEST)
    made.setPatchStride(wanted.stride)
    made.setGradientDescentIterations(wanted.descents)
    made.setVariationalRefinementIterations(wanted.refinements)
    return made


@cache
def opencv() -> Any:
    """OpenCV on one thread: its flow depends on the number of threads, and frames run in parallel here.

    Raises ``ModelError`` if it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise ModelError(
            "Grain removal follows motion with OpenCV, which is not installed: "
            "pip install 'filmgrain-codec[cpu]' or opencv-python-headless."
        ) from error
    cv2.setNumThreads(1)
    return cv2
