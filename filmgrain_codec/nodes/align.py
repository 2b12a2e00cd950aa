"""Motion compensation: neighbours of a frame drawn onto it along dense inverse-search optical flow.

The flow is Kroeger et al., "Fast Optical Flow using Dense Inverse Search" (ECCV 2016), as OpenCV
implements it, at 8 bit and at half the size of at most ``WORKING`` samples a picture. Where grain moves
the flow about in a still picture, the guard takes the neighbour as it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.opencv import opencv as opencv
from filmgrain_codec.nodes.stripes import Grown, Rows, bordered, whole

Codes = NDArray[np.uint8]
Chosen = slice | list[int]
ALL = slice(None)
Flow = NDArray[np.float32]
"""(rows, columns, 2): how far away in the neighbour to look, in its own samples right and down."""

WORKING = 640_000
"""A picture is taken as it is up to this many samples, at half, a quarter ... of its size above."""
ALIGNED, LEAST = 4, 32
"""Working pictures have sides of a multiple of this, and of no less."""
GUARD_BOX, GUARD_GAIN = 7, 0.9
"""The flow counts where it makes the difference to the neighbour, over boxes of so many samples of the
flow, at least a tenth smaller."""


@dataclass(frozen=True, slots=True)
class Search:
    """How flow is searched: OpenCV's preset, the distance between patches (samples), steps of descent
    for each, iterations of variational refinement.

    All end at the size of what they are given, which is half the working size: OpenCV's fast presets
    would end at a quarter, which costs removal up to 0.3 dB, and stretch what they find.
    """

    preset: int
    stride: int
    descents: int
    refinements: int


PRESETS = {"fast": Search(1, 6, 12, 0), "fine": Search(2, 3, 25, 2), "smooth": Search(1, 6, 12, 5)}


class Motion:
    """Flows from one centre frame to its neighbours; ``preset`` fast, fine (four times the work) or smooth.

    ``lumas``: planes of one shape in 0..1, the centre at ``centre``. ``drawn`` and ``warp`` serve planes
    of any subsampling. A neighbour that is the centre itself (clamped at a cut) is passed through.
    ``median``: side of the box (odd, 0 for none) whose median the search sees, so that it follows no specks.
    """

    def __init__(
        self,
        lumas: Sequence[Plane],
        centre: int,
        preset: str = "fast",
        halvings: int | None = None,
        median: int = 0,
    ) -> None:
        self._shape = lumas[centre].shape
        self._halvings = working_halvings(self._shape) if halvings is None else halvings

        def seen(luma: Plane) -> Codes:
            small = codes(luma, self._halvings)
            return opencv().medianBlur(small, median) if median else small

        here = seen(lumas[centre])
        self._flows: list[Flow | None] = [
            None if luma is lumas[centre] else moves(here, seen(luma), preset) for luma in lumas
        ]
        self._places: dict[tuple[int, tuple[int, ...]], Grown] = {}

    def drawn(self, plane: Plane, neighbour: int) -> Rows:
        """A plane of frame number ``neighbour`` of the window as the centre frame would show it."""
        return self._drawn(plane, neighbour, opencv().INTER_LINEAR)

    def warp(self, plane: Plane, neighbour: int) -> Plane:
        """As ``drawn``, all rows at once."""
        rows = self.drawn(plane, neighbour)
        return rows if isinstance(rows, np.ndarray) else whole(rows)

    def shifted(self, plane: Plane, neighbour: int, rows: Chosen = ALL) -> Plane:
        """As ``warp``, but by whole samples, which leaves grain as it is; only ``rows`` of it."""
        seen = self._drawn(plane, neighbour, opencv().INTER_NEAREST)
        if isinstance(seen, np.ndarray):
            return seen if rows is ALL else seen[rows]
        return whole(seen) if isinstance(rows, slice) else np.concatenate([seen[r] for r in runs(rows)])

    def sharp(self, plane: Plane, neighbour: int, rows: slice, columns: slice) -> Plane:
        """A box of ``warp``, drawn by Lanczos' filter: the picture where it belongs, grain hardly softer."""
        at = self._at(plane, neighbour)
        if at is None:
            return plane[rows, columns]
        cv, box = opencv(), np.ascontiguousarray(at[rows][:, columns])
        made: Plane = cv.remap(plane, box, None, cv.INTER_LANCZOS4, borderMode=cv.BORDER_REPLICATE)
        return made

    def inside(self, neighbour: int) -> NDArray[np.uint8]:
        """1 where what ``warp`` shows lies in the neighbour's picture (luma's shape); 0 for a clamped one."""
        flow, (height, width) = self._flows[neighbour], self._shape
        if flow is None:
            return np.zeros((height, width), np.uint8)
        cv, unit = opencv(), 2 << self._halvings
        at = lattice(*flow.shape[:2]) + flow
        last = np.array([width / unit, height / unit], np.float32) - np.float32(0.5)
        small = ((at >= -0.5) & (at <= last)).all(-1).astype(np.uint8)
        size = flow.shape[1] * unit, flow.shape[0] * unit
        made: NDArray[np.uint8] = cv.resize(small, size, interpolation=cv.INTER_NEAREST)
        return made[:height, :width]

    def _drawn(self, plane: Plane, neighbour: int, way: int) -> Rows:
        at = self._at(plane, neighbour)
        return plane if at is None else Drawn(plane, at, way)

    def _at(self, plane: Plane, neighbour: int) -> Grown | None:
        """Where to look for each sample of a plane, None for a clamped neighbour."""
        flow, key = self._flows[neighbour], (neighbour, plane.shape)
        if flow is None:
            return None
        if key not in self._places:
            each = zip(self._shape, plane.shape, strict=True)
            down, right = ((2 << self._halvings) / 2 ** round(np.log2(n / k)) for n, k in each)
            self._places[key] = places(flow, (down, right), plane.shape)
        return self._places[key]


class Drawn:
    """A plane seen through a map of places; sliced, it gives rows."""

    def __init__(self, plane: Plane, at: Grown, way: int) -> None:
        self._plane, self._at, self._way = plane, at, way
        self.shape = plane.shape

    def __getitem__(self, rows: slice) -> Plane:
        cv = opencv()
        at, border = self._at[rows], cv.BORDER_REPLICATE
        made: Plane = cv.remap(self._plane, at, None, self._way, borderMode=border)
        return made


def runs(rows: list[int]) -> list[slice]:
    """Rows that follow each other, together."""
    ends = [k for k, (a, b) in enumerate(pairwise(rows), 1) if b != a + 1]
    return [slice(rows[a], rows[b - 1] + 1) for a, b in pairwise([0, *ends, len(rows)])]


def working_halvings(shape: tuple[int, ...]) -> int:
    """How often a picture is halved before its motion is searched."""
    halvings = 0
    while (shape[0] >> halvings) * (shape[1] >> halvings) > WORKING:
        halvings += 1
    return halvings


def codes(luma: Plane, halvings: int) -> Codes:
    """8-bit codes of a luma plane, averaged down; the edge is repeated to sides that ``moves`` can take."""
    cv, step = opencv(), ALIGNED << halvings
    below, beside = (max(LEAST << halvings, -(-n // step) * step) - n for n in luma.shape)
    if below or beside:
        luma = cv.copyMakeBorder(luma, 0, below, 0, beside, cv.BORDER_REPLICATE)
    if halvings:
        size = luma.shape[1] >> halvings, luma.shape[0] >> halvings
        luma = cv.resize(luma, size, interpolation=cv.INTER_AREA)
    made: Codes = cv.convertScaleAbs(np.maximum(luma, 0), alpha=255.0)
    return made


def moves(here: Codes, there: Codes, preset: str) -> Flow:
    """Where in ``there`` to look for each 2x2 samples of ``here``, in units of two samples.

    0 where following explains the picture no better than standing still, faded between.
    """
    flow: Flow = search(preset).calc(halved(here), halved(there), None)
    return flow * trust(here, there, flow)[..., None]


def trust(here: Codes, there: Codes, flow: Flow) -> Plane:
    """1 where the flow counts, 0 where not (rows, columns of the flow)."""
    cv = opencv()
    at = places(flow, (2, 2), here.shape)[:]
    moved = cv.remap(there, at, None, cv.INTER_LINEAR, borderMode=cv.BORDER_REPLICATE)
    standing, following = (boxes(halved(cv.absdiff(here, seen))) for seen in (there, moved))
    return boxes(following < GUARD_GAIN * standing)


def boxes(samples: NDArray[Any]) -> Plane:
    """Means over boxes around every sample."""
    made: Plane = opencv().blur(samples.astype(np.float32), (GUARD_BOX, GUARD_BOX))
    return made


def halved(picture: Codes) -> Codes:
    """Half as high and as wide; sides must be even."""
    cv = opencv()
    made: Codes = cv.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv.INTER_AREA)
    return made


def places(flow: Flow, ratio: tuple[float, float], shape: tuple[int, ...]) -> Grown:
    """Absolute places to look at, x first, for every sample of a plane of ``shape``.

    ``ratio``: how many samples of the plane lie (down, right) in one of the flow; 1/2, 1, 2 ...
    """
    cv, (rows, columns) = opencv(), flow.shape[:2]
    if min(ratio) < 1:
        rows, columns = (int(n * min(r, 1)) for n, r in zip((rows, columns), ratio, strict=True))
        flow = cv.resize(flow, (columns, rows), interpolation=cv.INTER_AREA)
    down, right = (int(max(r, 1)) for r in ratio)
    at = bordered(flow)
    if ratio[0] == ratio[1]:
        np.multiply(at, np.float32(ratio[0]), out=at)
    else:
        np.multiply(at, np.array([ratio[1], ratio[0]], np.float32), out=at)
    np.add(at, middles(rows, columns, down, right), out=at)
    return Grown(at, (down, right), shape)


@cache
def lattice(rows: int, columns: int) -> Flow:
    """Every sample's own place (rows, columns, 2), x first."""
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    return np.dstack([x, y])


@cache
def middles(rows: int, columns: int, down: int, right: int) -> Flow:
    """The middle of every block of ``down`` x ``right`` samples, x first, one block more on each side."""
    size = np.array([right, down], np.float32)
    return (lattice(rows + 2, columns + 2) - 0.5) * size - 0.5


def search(preset: str) -> Any:
    """A new searcher: after a small picture OpenCV's would search the next one otherwise than a new one."""
    wanted = PRESETS[preset]
    made = opencv().DISOpticalFlow_create(wanted.preset)
    made.setFinestScale(0)
    made.setPatchStride(wanted.stride)
    made.setGradientDescentIterations(wanted.descents)
    made.setVariationalRefinementIterations(wanted.refinements)
    return made
