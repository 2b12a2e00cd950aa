"""What is compared: the input, FFmpeg's deflicker, VapourSynth's temporal smoothers, and ours.

FFmpeg's filter scales luma by the mean of a window that looks ahead only; at a clip's end the window runs
into copies of the last frame's statistics and darkens, so it is given the clip mirrored at its end. Its
``gm`` and ``pm`` at size 25 give black frames, and its ``median`` leaves most of the flicker, in the version
that comes with PyAV (FFmpeg 9.0); all are shown as they are.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import Any, Protocol

import av

from benchmarks.flicker.groups import CLEAN, FULL, GUARDS, OLD
from benchmarks.flicker.scenes import cuts
from benchmarks.peers.ffmpeg import filtered
from filmgrain_codec.core.executor import process
from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.core.registry import build_chain

Frames = Sequence[Frame]
Groups = tuple[str, ...] | None
MODES = ("am", "gm", "hm", "qm", "cm", "pm", "median")
SIZES = (5, 25)


class Method(Protocol):
    """A deflicker: as many frames as it is given. ``groups`` that it is tried on, None for all.

    ``version``: of the program behind it, whose figures can be kept from run to run; '' if they cannot.
    """

    @property
    def name(self) -> str: ...

    @property
    def groups(self) -> Groups: ...

    @property
    def version(self) -> str: ...

    def apply(self, frames: Frames) -> list[Frame]: ...


@dataclass(frozen=True, slots=True)
class Input:
    """Does nothing."""

    name: str = "input"
    groups: Groups = None
    version: str = ""

    def apply(self, frames: Frames) -> list[Frame]:
        return list(frames)


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """One gain a frame, from a window of ``size`` frames; luma only, as the filter does it."""

    mode: str
    size: int
    groups: Groups = FULL
    version: str = f"av {av.__version__}"

    @property
    def name(self) -> str:
        return f"FFmpeg {self.mode} {self.size}"

    def apply(self, frames: Frames) -> list[Frame]:
        planes = mirrored([f.planes[0] for f in frames], self.size)
        bits = 8 if frames[0].fmt.bits == 8 else 10
        made = filtered(planes, [("deflicker", {"mode": self.mode, "size": self.size})], bits)
        return [f.with_planes((p, *f.planes[1:])) for f, p in zip(frames, made, strict=False)]


def mirrored(planes: Sequence[Plane], more: int) -> list[Plane]:
    """The planes, then ``more`` of them, backwards and forwards in turn."""
    there_and_back = [*planes, *reversed(planes[:-1] or planes)]
    around = [*there_and_back[len(planes) :], *there_and_back] * (more // len(planes) + 1)
    return [*planes, *around[:more]]


@dataclass(frozen=True, slots=True)
class Zsmooth:
    """A sample-by-sample smoother over time of the zsmooth plug-in (``vapoursynth-zsmooth``), luma only."""

    filter: str
    options: Mapping[str, Any] = field(default_factory=dict)
    groups: Groups = FULL

    @property
    def name(self) -> str:
        return f"zsmooth {self.filter}"

    @property
    def version(self) -> str:
        return metadata.version("vapoursynth-zsmooth")

    def apply(self, frames: Frames) -> list[Frame]:
        import vapoursynth as vs

        from benchmarks.peers.vapour import clip_of, planes_of

        clip = clip_of([[f.planes[0]] for f in frames])
        made = planes_of(getattr(vs.core.zsmooth, self.filter)(clip, **self.options), 1)[0]
        return [f.with_planes((p, *f.planes[1:])) for f, p in zip(frames, made, strict=True)]


@dataclass(frozen=True, slots=True)
class Ours:
    """A filter of the product, with the cuts that it finds; ``text`` as ``fgcodec filter -f`` takes it."""

    name: str
    text: str
    groups: Groups = None
    version: str = ""

    def apply(self, frames: Frames) -> list[Frame]:
        graph = Graph(build_chain([self.text]), cuts=cuts(frames))
        graph.configure(frames[0].fmt)
        return list(process(frames, graph, workers=1))


@dataclass(frozen=True, slots=True)
class Atlas:
    """The atlas of every shot, fitted in the time that a processor can spend; needs torch."""

    name: str = "atlas"
    groups: Groups = ("both", OLD)
    version: str = ""

    def apply(self, frames: Frames) -> list[Frame]:
        from filmgrain_codec.nodes.flicker.table import Corrected
        from filmgrain_codec.train.atlas.fit import Config, Source, fit

        fmt = frames[0].fmt
        source = Source(frames=lambda: iter(frames), fmt=fmt, count=len(frames), cuts=cuts(frames))
        with tempfile.TemporaryDirectory() as folder:
            table = fit(source, Path(folder) / "work", Config(threads=1))
        graph = Graph([Corrected(table)])
        graph.configure(fmt)
        return list(process(frames, graph, workers=1))


AUTO = Ours("auto", "deflicker")
STATED = (*FULL, CLEAN, GUARDS)
SAFE = Ours("safe", "deflicker:mode=safe", STATED)
STRONG = Ours("strong", "deflicker:mode=strong", STATED)
OFF = Ours("strength 0", "deflicker:strength=0")
SMOOTHERS = (
    Zsmooth("TTempSmooth", {"maxr": 5, "thresh": 64, "mdiff": 2, "strength": 3, "scthresh": 0}),
    Zsmooth("TemporalSoften", {"radius": 4, "threshold": 64, "scalep": True}),
    Zsmooth("TemporalMedian", {"radius": 2}),
)


def smoothers() -> tuple[Zsmooth, ...]:
    """The smoothers, none without the package ``vapoursynth-zsmooth``, with a word about it."""
    try:
        import vapoursynth as vs
    except ImportError:
        vs = None
    if vs is not None and hasattr(vs.core, "zsmooth"):
        return SMOOTHERS
    print("left out: the zsmooth plug-in needs the package vapoursynth-zsmooth", file=sys.stderr)
    return ()


def ffmpeg() -> Iterator[Ffmpeg]:
    """The filter in every mode at two sizes."""
    for mode, size in product(MODES, SIZES):
        yield Ffmpeg(mode, size, None if (mode, size) == ("am", 25) else FULL)
