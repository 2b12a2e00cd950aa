"""Closing the loop: what is synthesised on the base layer must measure as the source did.

The base layer keeps a little of the grain, and estimator and synthesizer each have errors of their own.
Synthesised with an estimate and measured again by the same estimator, most of them show, and one or two
secant steps in the logarithms of level, size and chroma strengths take them out. How far a measurement can be
trusted depends on the picture: where little of it is flat, another draw of the same grain may read some
percent higher. So each is the median of a few draws, and what they differ by anyway is not corrected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.grain import parametric
from filmgrain_codec.grain.estimate import estimate_frames
from filmgrain_codec.grain.flat import Follow
from filmgrain_codec.grain.profile import LEVEL_MAX, GrainSegment
from filmgrain_codec.grain.spectrum_fit import SIZE_RANGE

Field = NDArray[np.float64]
Measure = Callable[[GrainSegment], GrainSegment]
"""From a segment to what is measured where it was synthesised."""
Put = Callable[[Frame, GrainSegment], Frame]
FARTHEST = 0.3
"""Largest correction of a logarithm: what is farther off is the base layer's fault, not the estimate's."""
DRAWS = 2, 4
"""Syntheses that are measured for one answer, each with a seed of its own: fewest, and most."""
CHANCE = 0.006
"""How far the median of the draws is off by chance at least, in logarithms."""
ENOUGH = 0.002
"""Corrections of logarithms that are worth no further step."""
_SLOPES = (0.5, 2.0)
_SEEDS = 0x9E3779B9
_NOTHING = 1e-9
"""Stands for 0 where a logarithm is taken."""


def regrained(base: Sequence[Frame], follow: Follow | None = None, put: Put = parametric.apply) -> Measure:
    """Measures segments on ``base``, degrained frames, at least two of them consecutive.

    ``put`` synthesises a segment on a frame.
    """

    def measure(segment: GrainSegment) -> GrainSegment:
        return estimate_frames([_coded(put(frame, segment)) for frame in base], follow)

    return measure


def _coded(frame: Frame) -> Frame:
    peak = frame.fmt.peak
    coded = (np.clip(np.rint(p * peak), 0, peak) / peak for p in frame.planes)
    return frame.with_planes(tuple(np.asarray(p, np.float32) for p in coded))


@dataclass(frozen=True, slots=True)
class Closed:
    """A segment corrected, and what was measured where it was synthesised ``before`` and ``after``."""

    segment: GrainSegment
    before: GrainSegment
    after: GrainSegment


def corrected(wanted: GrainSegment, measure: Measure, steps: int = 1) -> GrainSegment:
    """The segment that measures as ``wanted`` (what was measured on the source) when it is synthesised.

    ``steps``: corrections at most; each costs two to four syntheses and measurements. Level, size and chroma
    strengths change, nothing else does; size only where neither spectrum has a second lobe or a correction, a
    chroma strength only where both have some. A segment that is not grainy comes back as it is.
    """
    if not wanted.grainy:
        return wanted
    goal, made = _logs(wanted), wanted
    at, slope = goal.copy(), np.ones(len(goal))
    before: tuple[Field, Field] | None = None
    for _ in range(steps):
        found, chance = drawn(measure, made)
        if not found.grainy:
            return wanted
        seen = np.where(_comparable(wanted, found), _logs(found), goal)
        if before is not None:
            slope = _slope(at - before[0], seen - before[1])
        before = at, seen
        apart = goal - seen
        at = np.clip(at + _sure(apart, chance) * apart / slope, goal - FARTHEST, goal + FARTHEST)
        made = _with(wanted, at)
        if np.abs(at - before[0]).max() < ENOUGH:
            break
    return made


def drawn(measure: Measure, segment: GrainSegment) -> tuple[GrainSegment, Field]:
    """The median of what is measured of some syntheses, and how far in logarithms it is off by chance: of two
    where they agree, of up to four where they do not. Not grainy where one of them is not.
    """
    fewest, most = DRAWS
    found, chance = list[GrainSegment](), np.full(len(_logs(segment)), CHANCE)
    for k in range(most):
        found.append(measure(replace(segment, seed=(segment.seed + k * _SEEDS) % 2**32)))
        if not found[-1].grainy:
            return found[-1], chance
        if k + 1 >= fewest:
            spread = np.std([_logs(f) for f in found], 0, ddof=1) / np.sqrt(k + 1)
            if (spread <= CHANCE).all():
                break
    odd = [f for f in found if not _comparable(f, f)[1]]
    middle = np.median([_logs(f) for f in found], 0)
    return _with((odd or found)[0], middle), np.maximum(spread, CHANCE)


def closed(wanted: GrainSegment, measure: Measure, steps: int = 2) -> Closed:
    """``corrected``, measured once more, and taken back where that did not bring it nearer."""
    measured = cache(measure)
    made = corrected(wanted, measured, steps)
    before, after = (drawn(measured, s)[0] for s in (wanted, made))
    if off(wanted, after) >= off(wanted, before):
        return Closed(wanted, before, before)
    return Closed(made, before, after)


def off(wanted: GrainSegment, found: GrainSegment) -> float:
    """How far a measurement is off: root mean square of the logarithms that can be compared."""
    if not found.grainy:
        return float("inf")
    apart = np.log(ratios(wanted, found))[_comparable(wanted, found)]
    return float(np.sqrt((apart**2).mean()))


def ratios(wanted: GrainSegment, found: GrainSegment) -> list[float]:
    """Level, size, Cb and Cr strength of ``found`` over those of ``wanted``; 1 where not comparable."""
    apart = np.where(_comparable(wanted, found), _logs(found) - _logs(wanted), 0.0)
    return [float(v) for v in np.exp(apart)]


def moved(segment: GrainSegment, start: GrainSegment, end: GrainSegment) -> GrainSegment:
    """``segment`` with the correction that led from ``start`` to ``end``."""
    return _with(segment, _logs(segment) + _logs(end) - _logs(start))


def _comparable(a: GrainSegment, b: GrainSegment) -> NDArray[np.bool_]:
    """Which logarithms mean the same in both: only of single Gaussians are sizes to be compared."""
    sized = not any(s.spectrum.weight or s.spectrum.corrected for s in (a, b))
    return np.array([True, sized, min(a.chroma.cb, b.chroma.cb) > 0, min(a.chroma.cr, b.chroma.cr) > 0])


def _sure(apart: Field, chance: Field) -> Field:
    """The share of a difference that counts: what is off by chance shall not be corrected."""
    return np.asarray(apart**2 / (apart**2 + chance**2), np.float64)


def _slope(asked: Field, answered: Field) -> Field:
    """How much the measurement moves per move of what is asked for; 1 where hardly anything moved."""
    moved = np.abs(asked) > 1e-3
    raw = np.where(moved, answered, 1.0) / np.where(moved, asked, 1.0)
    return np.clip(raw, *_SLOPES)


def _logs(segment: GrainSegment) -> Field:
    chroma = segment.chroma
    values = (segment.level, segment.spectrum.size, chroma.cb, chroma.cr)
    return np.log(np.maximum(values, _NOTHING))


def _with(segment: GrainSegment, logs: Field) -> GrainSegment:
    level, size, cb, cr = (float(v) if v > 2 * _NOTHING else 0.0 for v in np.exp(logs))
    spectrum = replace(segment.spectrum, size=float(np.clip(size, *SIZE_RANGE)))
    chroma = replace(segment.chroma, cb=cb, cr=cr)
    return replace(segment, level=min(level, LEVEL_MAX), spectrum=spectrum, chroma=chroma)
