"""Denoisers of the VapourSynth world, from their wheels: dfttest2, nlm-ispc and mvtools.

All three see several frames. dfttest2 and nlm-ispc get each plane as a grey float clip; mvtools gets the
whole picture in 16 bits, since chroma follows the motion of luma.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.peers.case import SCORED, Planes
from benchmarks.peers.peer import Settings
from benchmarks.peers.tuned import PlaneWise
from filmgrain_codec.core.frame import Plane

_CODES = 255.0


@dataclass(frozen=True, slots=True)
class Dfttest(PlaneWise):
    """3-D Fourier domain Wiener filter."""

    name: str = "dfttest2"
    package: str = "dfttest2"
    frames: tuple[int, ...] = SCORED
    reach: int = 2

    def candidates(self, sigma: float, chroma: bool = False) -> Iterator[Settings]:
        for factor in (0.5, 1, 2, 4, 6, 9, 14, 22, 35):
            for temporal in (3,) if chroma else (3, 5):
                yield {"sigma": _rounded(factor * (sigma * _CODES) ** 2), "tbsize": temporal}

    def denoise(self, planes: Sequence[Plane], options: Settings) -> list[Plane]:
        import dfttest2

        return planes_of(dfttest2.DFTTest(clip_of([[p] for p in planes]), **options), 1)[0]


@dataclass(frozen=True, slots=True)
class NlmIspc(PlaneWise):
    """Non-local means over five frames, with weights (wmode 3) that stay finite for every strength."""

    name: str = "nlm-ispc"
    package: str = "vapoursynth-nlm-ispc"
    frames: tuple[int, ...] = SCORED
    reach: int = 2

    def candidates(self, sigma: float, chroma: bool = False) -> Iterator[Settings]:
        for factor in (1.3, 1.8, 2.5, 3.5, 5.0, 7.0):
            for patch in (2, 4):
                yield {"h": _rounded(factor * sigma * _CODES), "d": 2, "a": 4, "s": patch, "wmode": 3}

    def denoise(self, planes: Sequence[Plane], options: Settings) -> list[Plane]:
        import vapoursynth as vs

        clip = clip_of([[p] for p in planes])
        return planes_of(vs.core.nlm_ispc.NLMeans(clip, channels="Y", **options), 1)[0]


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


@dataclass(frozen=True, slots=True)
class Degrain:
    """mvtools: block motion compensation, weighted mean of five or seven frames.

    Of the settings for chroma only ``thsad`` counts: its motion is that of luma.
    """

    name: str = "mvtools degrain"
    package: str = "vapoursynth-mvtools"
    frames: tuple[int, ...] = SCORED
    reach: int = 3

    def candidates(self, sigma: float, chroma: bool = False) -> Iterator[Settings]:
        for factor in (48, 72, 96, 144, 192, 288):
            for radius in (2,) if chroma else (2, 3):
                for block in (16,) if chroma else (8, 16):
                    yield {"thsad": round(factor * sigma * _CODES), "radius": radius, "blksize": block}

    def run(self, frames: Sequence[Planes], luma: Settings, chroma: Settings | None) -> list[Planes]:
        import vapoursynth as vs

        mv = vs.core.mv
        clip = clip_of(frames)
        above = mv.Super(clip, pel=2)
        block = {"blksize": luma["blksize"], "overlap": luma["blksize"] // 2}
        vectors = [
            mv.Analyse(above, isb=back, delta=delta, **block)
            for delta in range(1, luma["radius"] + 1)
            for back in (1, 0)
        ]
        strengths = {"thsad": luma["thsad"], "thsadc": (chroma or luma)["thsad"]}
        apply = getattr(mv, f"Degrain{luma['radius']}")
        made = apply(clip, above, *vectors, plane=4 if chroma else 0, thscd1=10000, thscd2=255, **strengths)
        return list(zip(*planes_of(made, 3 if chroma else 1), strict=True))


def clip_of(frames: Sequence[Sequence[Plane]]) -> Any:
    """Frames as a clip: one plane as grey float, three as 4:2:0 of 16 bits."""
    import vapoursynth as vs

    core = vs.core
    core.num_threads = 2
    height, width = frames[0][0].shape
    kind = vs.GRAYS if len(frames[0]) == 1 else vs.YUV420P16
    blank = core.std.BlankClip(format=kind, width=width, height=height, length=len(frames), keep=True)

    def fill(n: int, f: Any) -> Any:
        out = f.copy()
        for k, plane in enumerate(frames[n]):
            target = np.asarray(out[k])
            exact = plane if kind == vs.GRAYS else np.clip(np.rint(plane * np.float32(65535)), 0, 65535)
            target[...] = exact
        return out

    return core.std.ModifyFrame(blank, blank, fill)


def planes_of(clip: Any, count: int) -> list[list[Plane]]:
    """The planes of a clip, each as a list over its frames, in 0..1."""
    found: list[list[Plane]] = [[] for _ in range(count)]
    for frame in clip.frames(close=False):
        for k in range(count):
            plane = np.asarray(frame[k])
            whole = plane if plane.dtype == np.float32 else plane.astype(np.float32) / np.float32(65535)
            found[k].append(np.array(whole, np.float32))
        frame.close()
    return found
