"""FFmpeg's `noise` filter, through PyAV: 8-bit Gaussian noise of constant strength, fresh on every frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np

from benchmarks.peers.case import Case, Planes
from benchmarks.peers.ffmpeg import filtered
from benchmarks.peers.peer import Settings
from benchmarks.synthesizers.synthesizer import added, strengths
from filmgrain_codec.core.frame import Plane

_CODES = 255.0


@dataclass(frozen=True, slots=True)
class FfmpegNoise:
    """``flags``: t draws new noise for every frame; the filter's own default, none, repeats one frame's.

    Strength is the one whose noise has the standard deviation of the target at luma 0.5.
    """

    name: str = "noise (FFmpeg)"
    flags: str = "t"

    def settings(self, case: Case) -> Settings:
        planes = [options(s, self.flags, k) for k, s in enumerate(strengths(case))]
        return {"package": f"av {metadata.version('av')}", "planes": planes}

    def grain(self, case: Case) -> list[Planes]:
        planes = [self._plane(case, k, sigma) for k, sigma in enumerate(strengths(case))]
        return list(zip(*planes, strict=True))

    def _plane(self, case: Case, plane: int, sigma: float) -> list[Plane]:
        base = [frame.planes[plane] for frame in case.clean]
        if not sigma:
            return [np.zeros_like(p) for p in base]
        made = filtered(base, [("noise", options(sigma, self.flags, plane))], bits=8)
        eight = [np.asarray(np.rint(p * _CODES) / _CODES, np.float32) for p in base]
        return list(added(made, eight))


FROZEN = FfmpegNoise("noise (FFmpeg), its default", flags="")


def options(sigma: float, flags: str, plane: int) -> dict[str, Any]:
    """Settings of the filter for a grey clip; its noise is strength / sqrt(3), cut off to whole codes."""
    strength = min(100, round(sigma * _CODES * math.sqrt(3) + 0.3))
    return {"c0s": strength, "c0_seed": 100 + plane} | ({"c0f": flags} if flags else {})
