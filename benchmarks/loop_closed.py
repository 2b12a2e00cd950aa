"""What closing the loop changes: ``python -m benchmarks loop_closed``.

Held-out Boolean grain on the clean clips, three frames: measured, removed, synthesised on the base layer with
the estimate, measured again. Ratios of the second measurement to the first, before correction and after one
and two secant steps; 1 is ideal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks import material
from benchmarks.material import Grain
from benchmarks.report import table
from filmgrain_codec.core.frame import Frame
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.grain import closed_loop
from filmgrain_codec.grain.estimate import estimate_frames
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.nodes.denoise import Denoise
from filmgrain_codec.pipeline.follow import follower

GRAINS = tuple(Grain("boolean", level, size) for level in (0.01, 0.025, 0.06) for size in (0.8, 1.6))
STEPS = (0, 1, 2)
COUNT = 3
COLUMNS = (
    "source", "level", "size", "confidence",
    *(f"{what}, {s} steps" for what in ("level", "size") for s in STEPS),
)  # fmt: skip


def rows(grains: Sequence[Grain] = GRAINS) -> Iterator[dict[str, Any]]:
    """One row per clip and grain."""
    for name in material.clips():
        clean = material.clip(name, COUNT, 4)
        for grain in grains:
            yield _row(name, list(material.grained(clean, grain)), grain)


def _row(name: str, frames: list[Frame], grain: Grain) -> dict[str, Any]:
    first = estimate_frames(frames, follower())
    measure = closed_loop.regrained(degrained(frames, first), follower())
    row: dict[str, Any] = {
        "source": name,
        "level": grain.level,
        "size": grain.size,
        "confidence": first.confidence,
    }
    for steps in STEPS:
        found = measure(closed_loop.corrected(first, measure, steps))
        row[f"level, {steps} steps"] = found.level / first.level
        row[f"size, {steps} steps"] = found.spectrum.size / first.spectrum.size
    return row


def degrained(frames: Sequence[Frame], grain: GrainSegment) -> list[Frame]:
    """The base layer of some frames, taken for a whole clip."""
    graph = Graph((Denoise(grain),))
    graph.configure(frames[0].fmt)
    return [graph.pull(lambda k: frames[k], len(frames))(k) for k in range(len(frames))]


def summary(found: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Medians of how far the second measurement is off, in percent."""
    return {
        f"median {key} %": float(np.median([100 * abs(r[key] - 1) for r in found]))
        for key in COLUMNS[4:]
        if found
    }


def main(_: Sequence[str] | None = None) -> int:
    found = list(rows())
    print(table(found, COLUMNS))
    print("\n".join(f"{k}: {v:.2f}" for k, v in summary(found).items()))
    return 0
