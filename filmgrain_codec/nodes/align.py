"""Motion compensation: neighbours of a frame drawn onto it along optical flow (``nodes.flow``)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.core.kept import Kept, Same
from filmgrain_codec.nodes.flow import Codes, Flow, along, codes, each, lattice, places, working_halvings
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.stripes import Grown, Rows, whole

Chosen = slice | list[int]
ALL = slice(None)
PICTURES_KEPT = 24
"""Working pictures (half a megabyte each at 1080p) that the windows of successive frames share."""
_pictures: Kept[tuple[Same, int, int], Codes] = Kept(PICTURES_KEPT)


class Motion:
    """Flows from one centre frame to its neighbours; ``preset`` fast, fine (four times the work) or smooth.

    ``lumas``: planes of one shape in 0..1, the centre at ``centre``. ``drawn`` and ``warp`` serve planes
    of any subsampling. A neighbour that is the centre itself (clamped at a cut) is passed through.
    ``median``: side of the box (odd, 0 for none) whose median the search sees, so that it follows no specks.
    ``film``: the lumas are successive frames, so that those farther off can be followed step by step, which
    costs a run of windows half as much.
    """

    def __init__(
        self,
        lumas: Sequence[Plane],
        centre: int,
        preset: str = "fast",
        halvings: int | None = None,
        median: int = 0,
        film: bool = False,
    ) -> None:
        self._shape = lumas[centre].shape
        self._halvings = working_halvings(self._shape) if halvings is None else halvings

        # a frame that stands twice in a window stays one object, though others may crowd it out meanwhile
        once = {id(luma): working(luma, self._halvings, median) for luma in lumas}
        self._flows = (along if film else each)([once[id(luma)] for luma in lumas], centre, preset)
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

    def part(self, plane: Plane, neighbour: int, rows: slice, columns: slice) -> Plane:
        """A box of ``warp``, without the rest."""
        if self._at(plane, neighbour) is None:
            return plane[rows, columns]
        cv, at = opencv(), self.places(plane, neighbour, rows, columns)
        made: Plane = cv.remap(plane, at, None, cv.INTER_LINEAR, borderMode=cv.BORDER_REPLICATE)
        return made

    def places(self, plane: Plane, neighbour: int, rows: slice, columns: slice) -> NDArray[np.float32]:
        """Where a box of ``warp`` is looked up (rows, columns, 2), x first. Not of a clamped neighbour."""
        at = self._at(plane, neighbour)
        assert at is not None
        return np.ascontiguousarray(at.box(rows, columns))

    def flow(self, neighbour: int) -> tuple[Flow | None, int]:
        """How far away in a neighbour to look, and how many luma samples its unit has; None if clamped."""
        return self._flows[neighbour], 2 << self._halvings

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


def working(luma: Plane, halvings: int, median: int = 0) -> Codes:
    """What the search sees of a luma plane, which must not change any more."""

    def made() -> Codes:
        small = codes(luma, halvings)
        return opencv().medianBlur(small, median) if median else small

    return _pictures.get((Same(luma), halvings, median), made)


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
