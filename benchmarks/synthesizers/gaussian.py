"""White Gaussian noise with the strength curve of the target: what a plain noise adder can do at best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.peers.case import Case, Planes, codes
from benchmarks.peers.peer import Settings
from benchmarks.synthesizers.synthesizer import added
from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.train.generators.common import block_mean

_PEAK = 1023


@dataclass(frozen=True, slots=True)
class Gaussian:
    """``seed`` starts the noise of each frame."""

    name: str = "Gaussian noise"
    seed: int = 5

    def settings(self, case: Case) -> Settings:
        return {"seed": self.seed, "strength": "true curve"}

    def grain(self, case: Case) -> list[Planes]:
        return [self._frame(frame, case) for frame in case.clean]

    def _frame(self, frame: Frame, case: Case) -> Planes:
        rng = np.random.default_rng([self.seed, frame.index])
        chroma = case.segment.chroma
        made = []
        for k, factor in enumerate((1.0, chroma.cb, chroma.cr)[: len(frame.planes)]):
            sigma = factor * case.segment.sigma(block_mean(frame.planes[0], frame.fmt, k))
            noisy = frame.planes[k] + sigma * rng.standard_normal(sigma.shape)
            made.append(rounded(np.asarray(noisy, np.float32)))
        return added(made, frame.planes)


def rounded(plane: Plane) -> Plane:
    """A plane through the 10-bit codes of a file."""
    return codes(plane).astype(np.float32) / np.float32(_PEAK)
