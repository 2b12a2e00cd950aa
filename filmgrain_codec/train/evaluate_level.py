"""How far a measured level is off on pictures whose grain is known: ``fgcodec eval level``.

The same material as for removal (``train.evaluate``): clean clips and stills that are grained afresh, or a
tree of ``org/`` and ``fg/<level>/`` pictures. Clean material has noise of its own; truth is the added grain
and what is measured of the clean clip, in quadrature. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.train import clean as pictures
from filmgrain_codec.train.evaluate import Case, Row, files, grained, of_pair, read, recipe
from filmgrain_codec.train.trees import is_tree, read_tree

FAMILIES = ("boolean",)
SIZES = (0.45, 0.8, 1.2, 1.6)
LEVELS = (0.005, 0.01, 0.025, 0.06, 0.12)
TRUSTED_OWN = 0.35
"""Confidence from which noise measured in a clean clip counts as its own; below, it is taken for texture."""
Measure = Callable[[Sequence[Frame]], GrainSegment]
"""What measures the grain of consecutive frames of one shot."""


def evaluate(
    data: Path,
    measure: Measure,
    families: Sequence[str] = FAMILIES,
    sizes: Sequence[float] = SIZES,
    levels: Sequence[float] = LEVELS,
) -> Iterator[Row]:
    """One row per (family, size, level), after one for the clean material (family 'none').

    ``data``: a clip, a still, a folder of them, or a tree of pairs. Errors in percent of the truth:
    ``error`` is the median of their amounts over the clips, ``bias`` the median with sign, ``worst`` the
    largest amount. Raises ``InputError`` for data that cannot be used, ``UsageError`` for an unknown family.
    """
    if is_tree(data):
        tree = read_tree(data)
        for level in sorted(set(tree.levels.values())):
            yield row("tree", 0.0, level, measure, ((of_pair(p), 0.0) for p in tree.at(level)))
        return
    checked = [pictures.checked(f) for f in families]
    clips = [read(path) for path in files(data)]
    own = [measure(clip) for clip in clips]
    yield clean_row(own)
    noise = [s.level if s.confidence >= TRUSTED_OWN else 0.0 for s in own]
    for family, size, level in product(checked, sizes, levels):
        grain = recipe(family, size)
        cases = ((grained(c, grain, level, n), noise[n]) for n, c in enumerate(clips))
        yield row(family, size, level, measure, cases)


def clean_row(own: Sequence[GrainSegment]) -> Row:
    """What is measured where no grain was added: medians."""
    level, confidence = (float(np.median([getattr(s, k) for s in own])) for k in ("level", "confidence"))
    return {
        "family": "none",
        "size": 0.0,
        "level": 0.0,
        "found": level,
        "confidence": confidence,
        "clips": len(own),
    }


def row(family: str, size: float, level: float, measure: Measure, cases: Iterable[tuple[Case, float]]) -> Row:
    """Errors over all cases, each with its own noise."""
    found, off = [], []
    for case, own in cases:
        segment = measure(case.grainy)
        found.append(segment)
        off.append(100 * (segment.level / float(np.hypot(level, own)) - 1))
    return {
        "family": family,
        "size": size,
        "level": level,
        "found": float(np.median([s.level for s in found])),
        "error": float(np.median(np.abs(off))),
        "bias": float(np.median(off)),
        "worst": float(np.max(np.abs(off))),
        "found size": float(np.median([s.spectrum.size for s in found])),
        "confidence": float(np.median([s.confidence for s in found])),
        "clips": len(found),
    }
