"""vs-noise, AddGrain's successor for VapourSynth, from its wheel: Gaussian noise, smoothed both ways."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np

from benchmarks.peers.case import Case, Planes
from benchmarks.peers.peer import Settings
from benchmarks.peers.vapour import clip_of, planes_of
from benchmarks.synthesizers.gaussian import rounded
from benchmarks.synthesizers.synthesizer import added, strengths
from filmgrain_codec.core.frame import Plane
from filmgrain_codec.grain.filters import grain_filter
from filmgrain_codec.grain.profile import Spectrum

_CODES = 255.0
_MOST = 0.95


@dataclass(frozen=True, slots=True)
class VsNoise:
    """Variance and smoothing that give the target's strength at luma 0.5 and its neighbours' correlation."""

    name: str = "vs-noise"

    def settings(self, case: Case) -> Settings:
        planes = [options(case, k) for k in range(len(case.clean[0].planes))]
        return {"package": f"vsnoise {metadata.version('vsnoise')}", "planes": planes}

    def grain(self, case: Case) -> list[Planes]:
        planes = [self._plane(case, k) for k in range(len(case.clean[0].planes))]
        return list(zip(*planes, strict=True))

    def _plane(self, case: Case, plane: int) -> list[Plane]:
        import vapoursynth as vs

        base = [frame.planes[plane] for frame in case.clean]
        told = options(case, plane)
        if not told["var"]:
            return [np.zeros_like(p) for p in base]
        made = planes_of(vs.core.noise.Add(clip_of([[p] for p in base]), **told), 1)[0]
        return list(added([rounded(p) for p in made], base))


def options(case: Case, plane: int) -> dict[str, Any]:
    """Settings for a grey clip. Smoothing by h divides the deviation by (1 + h) / (1 - h)."""
    sigma, segment = strengths(case)[plane], case.segment
    spectrum = Spectrum(segment.chroma.size) if plane else segment.spectrum
    own = grain_filter(spectrum)
    across, down = (min(max(own.autocorrelation(*d), 0.0), _MOST) for d in ((1, 0), (0, 1)))
    loss = ((1 + across) / (1 - across) * (1 + down) / (1 - down)) ** 0.5
    variance = (sigma * _CODES * loss) ** 2
    return {"var": round(variance, 3), "hcorr": round(across, 3), "vcorr": round(down, 3), "seed": 7 + plane}
