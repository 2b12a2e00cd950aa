"""Corrections of a window from its frames and its atlas: low-frequency gains, less what of them is slow."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Family, Frame, FrameFormat
from filmgrain_codec.nodes.flicker.correction import (
    COLUMNS,
    DEPTHS,
    LIFT,
    ROWS,
    Correction,
    corrected,
)
from filmgrain_codec.nodes.flow import lattice
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.train.atlas.evidence import borne_out, explained, followed
from filmgrain_codec.train.atlas.footage import Footage, luma_of
from filmgrain_codec.train.atlas.grid import field
from filmgrain_codec.train.atlas.slow import slow
from filmgrain_codec.train.atlas.tone import chroma_curves, light_curves

Array = NDArray[np.float32]
CLIPPED = 0.02
"""Codes so near to black or white say nothing of a gain."""
NEAR, BOX = 2.0, 5
"""Samples: over which gains are smooth, and over which misfit is judged."""
MISFIT, USUAL = 0.04, 3.0
"""Where the atlas misses by this, or by three times what it usually misses by, it counts 1 / e."""
MOST = 0.7
PASSES = 2
STRENGTHS = (1.0, 0.75, 0.5, 0.25)
WORTH = 0.99
"""A correction must leave at most this share of the change from frame to frame, or it is left out."""


@dataclass(frozen=True, slots=True)
class Measured:
    """``corrections`` of a window's frames; ``strength`` they were given, and the mean change from frame to
    frame, followed along the motion, ``before`` and ``after``, of full scale of the small pictures.
    """

    corrections: list[Correction]
    strength: float
    before: float
    after: float


def measured(seen: Footage, plain: Array, atlas: Array, family: Family, middle: float) -> Measured:
    """What to do about a window's flicker. ``plain`` (frames, planes, rows, columns) as ``rebuilt``, which
    says how well a frame is explained; ``atlas``: ``plain`` with detail; ``middle``: the code of no chroma.
    """
    trust = weights(seen, atlas)
    curves = _curves(seen, atlas, trust, family, middle)
    found = [Correction(c, np.zeros((DEPTHS, ROWS, COLUMNS), np.float32)) for c in curves]
    wanted = luma_of(atlas, seen.rgb)
    known = explained(seen.luma, luma_of(plain, seen.rgb))
    shares = known * borne_out(seen, seen.luma, applied(seen, found, family))[0]
    found = [c.scaled(float(share)) for c, share in zip(found, shares, strict=True)]
    level = applied(seen, found, family)
    usual: Array | None = None
    for _ in range(PASSES):
        luma = applied(seen, found, family)
        each = [field(*frame) for frame in zip(luma, wanted, trust, strict=True)]
        now = np.stack([gains for gains, _ in each])
        if usual is None:
            usual = slow(now, np.stack([count for _, count in each]))
        rest = now - usual
        fields = (np.clip(c.field + r, -MOST, MOST) for c, r in zip(found, rest, strict=True))
        found = [Correction(c.curves, f) for c, f in zip(found, fields, strict=True)]
    shares = known[:, None, None] * borne_out(seen, level, applied(seen, found, family))[1]
    found = [Correction(c.curves, c.field * share) for c, share in zip(found, shares, strict=True)]
    return _judged(seen, found, family)


def weights(seen: Footage, atlas: Array) -> Array:
    """How far the atlas explains each sample (frames, rows, columns), 0 to 1."""
    cv, wanted = opencv(), luma_of(atlas, seen.rgb)
    luma = seen.luma
    steps = np.log((np.maximum(luma, 0) + LIFT) / (np.maximum(wanted, 0) + LIFT))
    rough = [cv.blur(np.abs(s - cv.GaussianBlur(s, (0, 0), NEAR)), (BOX, BOX)) for s in steps]
    limit = max(MISFIT, USUAL * float(np.median(rough)))
    whole = (luma > CLIPPED) & (luma < 1 - CLIPPED) & (wanted > CLIPPED)
    return np.asarray(seen.weight * whole * np.exp(-((np.stack(rough) / limit) ** 2)), np.float32)


def applied(seen: Footage, corrections: list[Correction], family: Family) -> Array:
    """Luma of the small frames with their corrections (frames, rows, columns)."""
    rows, columns = seen.planes.shape[2:]
    fmt = FrameFormat(columns, rows, family, 0, 0, 16)
    frames = (Frame(tuple(p), fmt, t, t, Fraction(1)) for t, p in enumerate(seen.planes))
    made = [corrected(f, c).planes for f, c in zip(frames, corrections, strict=True)]
    return np.stack([np.mean(p, axis=0) if seen.rgb else p[0] for p in made]).astype(np.float32)


def changes(seen: Footage, luma: Array) -> float:
    """Mean change of luma (frames, rows, columns) to the next frame along the motion, where that is sure."""
    at = lattice(*luma.shape[1:])
    total = count = 0.0
    for t in range(len(luma) - 1):
        there = followed(luma[t + 1], at + seen.ahead[t])
        weight = seen.sure[0, t] * seen.weight[t]
        total += float((weight * np.abs(there - luma[t])).sum())
        count += float(weight.sum())
    return total / max(count, 1.0)


def _judged(seen: Footage, found: list[Correction], family: Family) -> Measured:
    """The strength that leaves the least change from frame to frame; none where that is no gain."""
    before = changes(seen, seen.luma)
    after = {s: changes(seen, applied(seen, [c.scaled(s) for c in found], family)) for s in STRENGTHS}
    best = min(after, key=lambda s: after[s])
    if after[best] > WORTH * before:
        return Measured([Correction.none(len(c.curves)) for c in found], 0.0, before, before)
    return Measured([c.scaled(best) for c in found], best, before, after[best])


def _curves(seen: Footage, atlas: Array, trust: Array, family: Family, middle: float) -> Array:
    """(frames, planes, KNOTS)."""
    made = []
    for k in range(seen.planes.shape[1]):
        plane, wanted = seen.planes[:, k], atlas[:, k]
        if family == "yuv" and k:
            made.append(chroma_curves(plane, wanted, trust, middle))
        else:
            made.append(light_curves(plane, wanted, trust))
    return np.stack(made, 1)
