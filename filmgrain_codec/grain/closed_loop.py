"""Closing the loop: what is synthesised on the base layer must measure as the source did.

The base layer keeps a little of the grain, and estimator and synthesizer each have errors of their own.
Synthesised with an estimate and measured again by the same estimator, most of them show, and one or two
secant steps in the logarithms of level and size take them out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.grain.estimate import estimate_frames
from filmgrain_codec.grain.flat import Follow
from filmgrain_codec.grain.parametric import synthesize
from filmgrain_codec.grain.profile import LEVEL_MAX, GrainSegment
from filmgrain_codec.grain.spectrum_fit import SIZE_RANGE

Field = NDArray[np.float64]
Measure = Callable[[GrainSegment], GrainSegment]
"""From a segment to what is measured where it was synthesised."""
FARTHEST = 0.3
"""Largest correction of a logarithm: what is farther off is the base layer's fault, not the estimate's."""
_SLOPES = (0.5, 2.0)


def regrained(base: Sequence[Frame], follow: Follow | None = None) -> Measure:
    """Measures segments on ``base``, consecutive degrained frames, at least two."""

    def measure(segment: GrainSegment) -> GrainSegment:
        return estimate_frames([_grained(frame, segment) for frame in base], follow)

    return measure


def _grained(frame: Frame, segment: GrainSegment) -> Frame:
    peak = frame.fmt.peak
    made = synthesize(frame.planes, frame.fmt, segment, frame.index)
    coded = (np.clip(np.rint(p * peak), 0, peak) / peak for p in made)
    return frame.with_planes(tuple(np.asarray(p, np.float32) for p in coded))


def corrected(wanted: GrainSegment, measure: Measure, steps: int = 1) -> GrainSegment:
    """The segment that measures as ``wanted`` (what was measured on the source) when it is synthesised.

    ``steps``: corrections; each costs one synthesis and one measurement. Level and size change, nothing
    else does; size only where neither spectrum has a second lobe. A segment that is not grainy comes back
    as it is.
    """
    if not wanted.grainy:
        return wanted
    goal = _logs(wanted)
    at, slope = goal.copy(), np.ones(2)
    before: tuple[Field, Field] | None = None
    for _ in range(steps):
        found = measure(_with(wanted, at))
        if not found.grainy:
            return wanted
        seen = _logs(found)
        if wanted.spectrum.weight or found.spectrum.weight:
            # sizes of one lobe and of two are not to be compared
            seen[1] = goal[1]
        if before is not None:
            slope = _slope(at - before[0], seen - before[1])
        before = at, seen
        at = np.clip(at + (goal - seen) / slope, goal - FARTHEST, goal + FARTHEST)
    return _with(wanted, at)


def _slope(asked: Field, answered: Field) -> Field:
    """How much the measurement moves per move of what is asked for; 1 where hardly anything moved."""
    moved = np.abs(asked) > 1e-3
    raw = np.where(moved, answered, 1.0) / np.where(moved, asked, 1.0)
    return np.clip(raw, *_SLOPES)


def _logs(segment: GrainSegment) -> Field:
    return np.log([segment.level, segment.spectrum.size])


def _with(segment: GrainSegment, logs: Field) -> GrainSegment:
    level, size = (float(v) for v in np.exp(logs))
    spectrum = replace(segment.spectrum, size=float(np.clip(size, *SIZE_RANGE)))
    return replace(segment, level=min(level, LEVEL_MAX), spectrum=spectrum)
