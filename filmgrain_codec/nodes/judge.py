"""A quick measurement of one window's grain, for removal where nothing is known of it.

Grain is what differs between the centre and its motion-compensated neighbours, and at most what a
block varies by itself. Texture that moves too fast to be followed differs as well, so only the
calmest blocks count (``nodes.calm``): over the whole picture first, since grain is everywhere, then in each
luma bin, which may exceed what the whole picture says only where its own blocks agree. In doubt it reads
low. Much rougher than ``grain.estimate``, which looks at many frames of a shot, and hundreds of times
faster; a pure function of the window, so blind removal stays one too.

Limits: where no part of a picture is calm, it may read 0.006 where there is no grain (photographs averaged
down by four and moved fast: seen in 6 of 54 above 0.003). Grain of size 1.4 at 0.01 and less reads up to a
third low beside texture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.grain.profile import (
    DEFAULT_CURVE,
    KNOT_POSITIONS,
    LEVEL_MAX,
    LEVEL_NONE,
    Chroma,
    Curve,
    GrainSegment,
    Spectrum,
)
from filmgrain_codec.nodes import calm
from filmgrain_codec.nodes.calm import BLOCK, Array, Seen, Where
from filmgrain_codec.nodes.opencv import opencv

Planes = Sequence[Plane]
FEWEST = 32
USUAL = np.maximum(DEFAULT_CURVE, 0.35)
"""Strength at the knots that is usual, relative to the level; films differ most in the dark."""
UNCLEAR, CLEAR, MOST_UNUSUAL = 0.11, 0.21, 2.0
"""A bin may exceed the usual where this share of its blocks agrees, up to so many times where so many do."""
BLACK, WHITE, DEAD = 0.1, 0.8, 5e-4
"""Bars and burned-out areas show no grain: luma beyond these that deviates less than that."""
HIGHLIGHTS, PLENTY = 0.75, 0.25
"""Grain fades where a film burns out, at a luma of its own: the whole picture's level is read below this
luma, if so many of its blocks lie there."""
ENOUGH = 300_000
BAND = 16
"""Of larger pictures bands of so many rows are looked at, evenly spread, until there are ENOUGH samples."""
FULL, MODEST = 0.007, 0.9
"""Blind removal is told this share of a judged level from FULL on, and below it less, down to LEVEL_NONE."""
STATED_FULL, CHROMA_SHARE = 0.004, 0.75


def bands(shape: tuple[int, ...], luma: tuple[int, ...]) -> slice | list[int]:
    """Rows of a plane of ``shape`` that are looked at; ``luma``: shape of the frame's luma plane."""
    every = -(-luma[0] * luma[1] // ENOUGH)
    if every == 1:
        return slice(None)
    depth = BAND * shape[0] // luma[0]
    starts = range(0, shape[0] - depth + 1, depth * every)
    return [row for start in starts for row in range(start, start + depth)]


def judged(centre: Planes, neighbours: Sequence[Planes]) -> GrainSegment:
    """Level, curve, size and chroma of the grain, as far as one window shows them.

    ``centre``: the centre frame's planes, or ``bands`` of them; ``neighbours``: the same of one or two
    adjacent frames drawn onto it by whole samples (interpolation would soften their grain). One that
    repeats the centre says nothing. Without neighbours the level is 0.
    """
    told = [other for other in neighbours if not repeated(centre[0], other[0])]
    if not told or min(centre[0].shape) < 4 * BLOCK:
        return nothing()
    luma, seen = calm.blocks(centre[0]), Seen.of(centre[0], [other[0] for other in told])
    usable = ~(((luma < BLACK) | (luma > WHITE)) & (seen.own < DEAD**2))
    if usable.sum() < FEWEST:
        return nothing()
    relative = seen.least / np.interp(luma, KNOT_POSITIONS, USUAL) ** 2
    size = seen.size(calmest(relative, usable))
    grain = seen.expected(size)
    clear = unburned(luma, usable)
    most = np.sqrt(calm.lowest(relative[clear], grain, calm.OVERALL)[0])
    sigma = curve(luma[usable], seen.least[usable], grain, float(most))
    level = float(np.interp(0.5, KNOT_POSITIONS, sigma))
    if level <= 1e-5:
        return nothing()
    powers = np.where(clear, np.interp(luma, KNOT_POSITIONS, sigma) ** 2, 0)
    shape: Curve = tuple(float(v) for v in np.minimum(sigma / level, 8.0))  # type: ignore[assignment]
    return GrainSegment(
        0, 1, min(level, LEVEL_MAX), shape, Spectrum(size), chroma_of(centre, told, powers), confidence=0.3
    )


def nothing() -> GrainSegment:
    return GrainSegment(0, 1, 0.0, confidence=0.0)


def repeated(centre: Plane, other: Plane) -> bool:
    """Whether most of a neighbour is the centre frame once more."""
    return bool(np.count_nonzero(centre == other) > 0.9 * centre.size)


def unburned(luma: Array, usable: Where) -> Where:
    below = usable & (luma < HIGHLIGHTS)
    return below if below.sum() >= max(FEWEST, PLENTY * usable.sum()) else usable


def calmest(variance: Array, usable: Where) -> Where:
    return usable & (variance <= np.quantile(variance[usable], calm.CALMEST))


def curve(luma: Array, variance: Array, grain: calm.Expected, usual: float) -> Array:
    """sigma at the knots: each luma bin's own, within what ``usual`` times the usual curve allows."""
    ratio = np.full(len(KNOT_POSITIONS), np.nan)
    for k, knot in enumerate(KNOT_POSITIONS):
        inside = np.abs(luma - knot) < 1.0 / 14
        if inside.sum() >= FEWEST:
            found, share = calm.lowest(variance[inside], grain, calm.IN_A_BIN)
            most = np.interp(share, (UNCLEAR, CLEAR), (1.0, MOST_UNUSUAL))
            ratio[k] = min(np.sqrt(found) / USUAL[k], most * usual)
    known = np.isfinite(ratio)
    if not known.any():
        return usual * USUAL
    return np.asarray(USUAL * np.interp(KNOT_POSITIONS, KNOT_POSITIONS[known], ratio[known]))


def chroma_of(centre: Planes, neighbours: Sequence[Planes], powers: Array) -> Chroma:
    """Strengths of Cb and Cr relative to luma's ``powers`` (variance by block, 0: unusable), and size."""
    if len(centre) < 3:
        return Chroma()
    found, sizes = [], []
    for k in (1, 2):
        seen = Seen.of(centre[k], [planes[k] for planes in neighbours])
        luma = opencv().resize(powers, seen.least.shape[::-1], interpolation=opencv().INTER_AREA)
        usable = luma > 0
        relative = seen.least / np.maximum(luma, 1e-12)
        sizes.append(seen.size(calmest(relative, usable)))
        found.append(np.sqrt(calm.lowest(relative[usable], seen.expected(sizes[-1]), calm.OVERALL)[0]))
    return Chroma(cb=float(found[0]), cr=float(found[1]), size=float(np.mean(sizes)))


def careful(found: GrainSegment) -> GrainSegment:
    """What blind removal is told: a little less than was judged, because too much costs more than too little,
    and of hardly any grain, which may be texture, ever less.
    """
    return replace(found, level=found.level * faded(found.level), chroma=without_traces(found))


def stated(found: GrainSegment, given: GrainSegment) -> GrainSegment:
    """What was judged, at the level that a user states; chroma's strength stays as it was judged.

    A level below ``STATED_FULL`` is told lower still: with so little grain, as much else would go.
    """
    level = given.level * min(1.0, given.level / STATED_FULL)
    if found.level <= LEVEL_NONE:
        return replace(given, level=level)
    chroma, ratio = without_traces(found), MODEST * found.level / given.level
    return replace(found, level=level, chroma=replace(chroma, cb=chroma.cb * ratio, cr=chroma.cr * ratio))


def without_traces(found: GrainSegment) -> Chroma:
    """Chroma of which what is hardly any grain counts less."""
    strengths = (found.chroma.cb, found.chroma.cr)
    cb, cr = (s * faded(found.level * s / CHROMA_SHARE) / MODEST for s in strengths)
    return replace(found.chroma, cb=cb, cr=cr)


def faded(level: float) -> float:
    """The share of a judged level that removal is told."""
    return float(np.interp(level, (LEVEL_NONE, FULL), (0.0, MODEST)))
