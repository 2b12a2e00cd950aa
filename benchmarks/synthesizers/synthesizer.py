"""What a grain synthesizer is to the benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from benchmarks.peers.case import Case, Planes
from benchmarks.peers.peer import Settings
from filmgrain_codec.core.frame import Plane


class Synthesizer(Protocol):
    """Puts grain like that of a case's grainy frames onto its clean ones.

    ``settings``: all that its grain depends on besides the case; also printed in the results.
    ``grain``: what it adds to each frame, regrained minus its own base, fractions of full scale.
    """

    @property
    def name(self) -> str: ...

    def settings(self, case: Case) -> Settings: ...

    def grain(self, case: Case) -> list[Planes]: ...


def added(made: Sequence[Plane], base: Sequence[Plane]) -> Planes:
    """The difference of two pictures."""
    return tuple(np.asarray(m - b, np.float32) for m, b in zip(made, base, strict=True))


def strengths(case: Case) -> tuple[float, ...]:
    """Standard deviation of the grain at luma 0.5 on each plane, as the profile says."""
    chroma = case.segment.chroma
    return case.level, case.level * chroma.cb, case.level * chroma.cr
