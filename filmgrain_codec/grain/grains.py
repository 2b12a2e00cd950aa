"""Sets of grain: what was added to the frames of some clips, in two halves, and one held against another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.grain import realism
from filmgrain_codec.grain.realism import Figures, Findings, Tally

Planes = tuple[Plane, ...]
Array = NDArray[np.floating]


@dataclass(frozen=True)
class Grains:
    """Grain of several clips: for each, its planes (frames, rows, columns) and the clean luma under them.

    Fractions of full scale. The first half holds the frames of even number, or the upper half of a single
    frame, the second half the rest.
    """

    planes: tuple[tuple[Array, ...], ...]
    luma: tuple[Array, ...]

    @classmethod
    def of(cls, added: Sequence[Sequence[Planes]], clean: Sequence[Sequence[Planes]]) -> Grains:
        """From what was added to each frame of each clip, and the clean frames."""
        planes = tuple(tuple(np.stack(p) for p in zip(*clip, strict=True)) for clip in added)
        return cls(planes, tuple(np.stack([frame[0] for frame in clip]) for clip in clean))

    @cached_property
    def halves(self) -> tuple[Tally, Tally]:
        first, second = (
            [realism.tally([part(p)[k] for p in planes], part(luma)[k]) for planes, luma in self._clips()]
            for k in (0, 1)
        )
        return sum(first[1:], first[0]), sum(second[1:], second[0])

    @cached_property
    def time(self) -> Figures:
        """Repeats (``realism.in_time``) over all clips; ``temporal_still``: of those that stand still."""
        still = [p[0] for p, y in self._clips() if len(y) > 1 and np.array_equal(y[0], y[1])]
        alone = realism.in_time(still)["temporal"] if still else None
        return {**realism.in_time([p[0] for p, _ in self._clips()]), "temporal_still": alone}

    @property
    def whole(self) -> Tally:
        return self.halves[0] + self.halves[1]

    def in_order(self) -> tuple[Array, Array]:
        """Luma grain and clean luma (frames, rows, columns), the first halves of all clips before the second.

        Clips of several sizes are cut to what they have in common.
        """
        return self._ordered([p[0] for p in self.planes]), self._ordered(self.luma)

    def _clips(self) -> list[tuple[tuple[Array, ...], Array]]:
        return list(zip(self.planes, self.luma, strict=True))

    def _ordered(self, sets: Sequence[Array]) -> Array:
        parts = [part(s)[k] for k in (0, 1) for s in sets]
        rows, columns = (min(p.shape[axis] for p in parts) for axis in (1, 2))
        return np.concatenate([p[:, :rows, :columns] for p in parts])


def part(frames: Array) -> tuple[Array, Array]:
    """The two halves of the frames of a clip, or of the rows of a single frame, of equal size."""
    if len(frames) > 1:
        even = len(frames) // 2 * 2
        return frames[:even:2], frames[1:even:2]
    middle = frames.shape[1] // 2
    return frames[:, :middle], frames[:, middle : 2 * middle]


def compared(real: Grains, fake: Grains, effective: float = math.inf) -> Findings:
    """All figures of ``fake`` against ``real``, which is worth at most ``effective`` samples."""
    half, floor = realism.halved(real.halves, fake.halves)
    whole = realism.figures(real.whole, fake.whole)
    worth = min(effective, real.whole.effective)
    return Findings(whole | fake.time, half | fake.time, floor | real.time, worth)
