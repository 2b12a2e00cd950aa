"""DeepFilmGrain's generator (Ameur et al. 2022) as ONNX: grain as a function of picture and level alone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.peers.case import Case, Planes
from benchmarks.peers.nets import applied
from benchmarks.peers.peer import Settings
from benchmarks.synthesizers.gaussian import rounded
from benchmarks.synthesizers.synthesizer import added
from filmgrain_codec.core.frame import Frame


@dataclass(frozen=True, slots=True)
class DeepFilmGrain:
    """The net in ``file``: ``image`` (1, C, H, W) of 0..1 and ``level`` (1, 1) to a grainy image.

    With one channel it grains luma alone. It is told the level, and takes no noise: what stands still gets
    grain that stands still.
    """

    file: Path
    name: str = "DeepFilmGrain generator"

    def settings(self, case: Case) -> Settings:
        return {"sha256": hashlib.sha256(self.file.read_bytes()).hexdigest()}

    def grain(self, case: Case) -> list[Planes]:
        return [self._grain(frame, case.level) for frame in case.clean]

    def _grain(self, frame: Frame, level: float) -> Planes:
        made = [rounded(p) for p in applied(self.file, frame, level)]
        grain = added(made, frame.planes[: len(made)])
        return (*grain, *(np.zeros_like(p) for p in frame.planes[len(made) :]))
