"""Dense motion between two pictures, and along the frames of a window.

The flow is Kroeger et al., "Fast Optical Flow using Dense Inverse Search" (ECCV 2016), as OpenCV
implements it, at 8 bit and at half the size of at most ``WORKING`` samples a picture. Where grain moves
the flow about in a still picture, the guard takes the neighbour as it stands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.core.kept import Kept, Same
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.stripes import Grown, bordered

Codes = NDArray[np.uint8]
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
STEPS_KEPT = 32
"""Steps from a frame to the one beside it that are remembered (a megabyte each at 1080p): the windows of
successive frames share them."""


@dataclass(frozen=True, slots=True)
class Step:
    """Flow from a frame to the one beside it, as it was searched and after the guard."""

    searched: Flow
    guarded: Flow


_steps: Kept[tuple[Any, ...], Step] = Kept(STEPS_KEPT)
_names: Kept[Same, bytes] = Kept(STEPS_KEPT)


def each(pictures: Sequence[Codes], centre: int, preset: str) -> list[Flow | None]:
    """Flows from the picture at ``centre`` to all, each by itself; None to those that are the very same."""
    here = pictures[centre]
    return [None if there is here else moves(here, there, preset) for there in pictures]


def along(pictures: Sequence[Codes], centre: int, preset: str) -> list[Flow | None]:
    """As ``each``, where the pictures are successive frames: followed from each to the next.

    Every step is searched once for all windows that share it; what comes out depends on the pictures alone.
    Searched anew, the way to frames farther off would gain removal 0.02 dB and cost twice as much.
    """
    names = {id(p): (named(p), p.shape) for p in pictures}

    def step(here: Codes, there: Codes) -> Step:
        key = preset, names[id(here)], names[id(there)]
        return _steps.get(key, lambda: _stepped(here, there, preset))

    before = onward(pictures[centre::-1], step)
    return [*before[::-1], None, *onward(pictures[centre:], step)]


def named(picture: Codes) -> bytes:
    """The digest of a picture, taken once."""
    return _names.get(Same(picture), lambda: hashlib.sha256(picture).digest())


def onward(pictures: Sequence[Codes], step: Callable[[Codes, Codes], Step]) -> list[Flow | None]:
    """Flows from the first of some pictures to each of the others."""
    found: list[Flow | None] = []
    way: Flow | None = None
    kept: Flow | None = None
    for here, there in pairwise(pictures):
        if there is not here:
            taken = step(here, there)
            way = taken.searched if way is None else joined(way, taken.searched)
            kept = taken.guarded if here is pictures[0] else guarded(pictures[0], there, way)
        found.append(kept)
    return found


def _stepped(here: Codes, there: Codes, preset: str) -> Step:
    flow = searched(here, there, preset)
    return Step(flow, guarded(here, there, flow))


def joined(first: Flow, then: Flow) -> Flow:
    """Where both flows lead, one after the other."""
    cv = opencv()
    at = lattice(*first.shape[:2]) + first
    made: Flow = first + cv.remap(then, at, None, cv.INTER_LINEAR, borderMode=cv.BORDER_REPLICATE)
    return made


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
    return guarded(here, there, searched(here, there, preset))


def searched(here: Codes, there: Codes, preset: str) -> Flow:
    """``moves`` without the guard."""
    made: Flow = search(preset).calc(halved(here), halved(there), None)
    return made


def guarded(here: Codes, there: Codes, flow: Flow) -> Flow:
    """A flow where it counts, and 0 elsewhere."""
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
