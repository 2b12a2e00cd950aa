"""Denoisers of FFmpeg's filter collection, through PyAV: nlmeans, fftdnoiz, bm3d.

Each plane is given to the filter as a grey clip, so that luma and chroma have strengths of their own.
nlmeans knows 8 bits only; the others get 10.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import av.error
import numpy as np

from benchmarks.peers.case import SCORED
from benchmarks.peers.peer import Settings
from benchmarks.peers.tuned import PlaneWise
from filmgrain_codec.core.frame import Plane

_TICK = Fraction(1, 24)
_CODES = 255.0
"""The filters count their strengths in 8-bit codes at every depth."""
Filters = Sequence[tuple[str, Settings]]


@dataclass(frozen=True, slots=True)
class Nlmeans(PlaneWise):
    """Non-local means (Buades et al. 2005), one frame at a time."""

    name: str = "nlmeans (FFmpeg)"
    package: str = "av"
    frames: tuple[int, ...] = SCORED
    reach: int = 0

    def candidates(self, sigma: float, chroma: bool = False) -> Iterator[Settings]:
        for factor in (0.5, 0.7, 1.0, 1.4, 2.0, 2.8):
            strength = round(min(max(factor * sigma * _CODES, 1.0), 30.0), 2)
            for patch in (3, 7):
                yield {"s": strength, "p": patch, "r": 15}

    def denoise(self, planes: Sequence[Plane], options: Settings) -> list[Plane]:
        return filtered(planes, [("nlmeans", options)], bits=8)


@dataclass(frozen=True, slots=True)
class Fftdnoiz(PlaneWise):
    """Wiener filter of overlapping blocks' spectra over three frames, or one where that is better."""

    name: str = "fftdnoiz (FFmpeg)"
    package: str = "av"
    frames: tuple[int, ...] = SCORED
    reach: int = 1

    def candidates(self, sigma: float, chroma: bool = False) -> Iterator[Settings]:
        for factor in (0.5, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0, 11.0, 16.0):
            for temporal in (0, 1):
                strength = round(min(factor * sigma * _CODES, 100.0), 2)
                yield {"sigma": strength, "block": 32, "overlap": 0.8, "prev": temporal, "next": temporal}

    def denoise(self, planes: Sequence[Plane], options: Settings) -> list[Plane]:
        return filtered(planes, [("fftdnoiz", options)], bits=10)


@dataclass(frozen=True, slots=True)
class FfmpegBm3d(PlaneWise):
    """FFmpeg's BM3D, first step alone or both. Its block matching (group above 1) only made it worse."""

    name: str = "bm3d (FFmpeg)"
    package: str = "av"
    frames: tuple[int, ...] = SCORED
    reach: int = 0

    def candidates(self, sigma: float, chroma: bool = False) -> Iterator[Settings]:
        for factor in (2.0, 4.0, 6.0, 8.0, 12.0, 16.0):
            for block in (8, 16):
                for final in (0.0, 2.0, 4.0):
                    yield {"sigma": round(factor * sigma * _CODES, 2), "block": block, "final": final}

    def denoise(self, planes: Sequence[Plane], options: Settings) -> list[Plane]:
        common = {"block": options["block"], "bstep": 4, "group": 1}
        steps = [("bm3d", {**common, "sigma": options["sigma"]})]
        if options["final"]:
            strength = options["sigma"] * options["final"]
            steps.append(("bm3d", {**common, "sigma": strength, "estim": "final", "ref": 1}))
        return filtered(planes, steps, bits=10)


def filtered(planes: Sequence[Plane], filters: Filters, bits: int) -> list[Plane]:
    """A grey clip through one filter, or through two of which the second also sees the input."""
    height, width = planes[0].shape
    pix_fmt = "gray" if bits == 8 else "gray10le"
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=width, height=height, format=av.VideoFormat(pix_fmt, width, height), time_base=_TICK
    )
    sink = graph.add("buffersink")
    _link(graph, source, sink, filters)
    graph.configure()
    for n, plane in enumerate(planes):
        source.push(_picture(plane, pix_fmt, bits, n))
    source.push(None)
    made = [_plane(frame, bits) for frame in _pulled(sink)]
    if len(made) != len(planes):
        raise RuntimeError(f"{filters[0][0]} gave {len(made)} frames for {len(planes)}")
    return made


def _link(
    graph: av.filter.Graph,
    source: av.filter.context.FilterContext,
    sink: av.filter.context.FilterContext,
    filters: Filters,
) -> None:
    steps = [graph.add(name, **{k: str(v) for k, v in options.items()}) for name, options in filters]
    if len(steps) == 1:
        source.link_to(steps[0])
    else:
        split = graph.add("split")
        source.link_to(split)
        split.link_to(steps[0], 0, 0)
        split.link_to(steps[1], 1, 0)
        steps[0].link_to(steps[1], 0, 1)
    steps[-1].link_to(sink)


def _picture(plane: Plane, pix_fmt: str, bits: int, n: int) -> av.VideoFrame:
    height, width = plane.shape
    sample, peak = (np.uint8, 255) if bits == 8 else (np.uint16, 1023)
    frame = av.VideoFrame(width, height, pix_fmt)
    target = frame.planes[0]
    rows = np.zeros((height, target.line_size // np.dtype(sample).itemsize), sample)
    rows[:, :width] = np.clip(np.rint(plane * np.float32(peak)), 0, peak)
    target.update(rows.tobytes())
    frame.pts, frame.time_base = n, _TICK
    return frame


def _pulled(sink: av.filter.context.FilterContext) -> Iterator[av.VideoFrame]:
    while True:
        try:
            yield sink.pull()
        except (av.error.EOFError, av.error.BlockingIOError):
            return


def _plane(frame: av.VideoFrame, bits: int) -> Plane:
    sample, peak = (np.uint8, 255) if bits == 8 else (np.uint16, 1023)
    if frame.format.components[0].bits != bits:
        raise RuntimeError(f"the filter turned {bits} bits into {frame.format.name}")
    plane = frame.planes[0]
    rows = np.frombuffer(plane, sample).reshape(plane.height, -1)
    return rows[:, : plane.width].astype(np.float32) / np.float32(peak)
