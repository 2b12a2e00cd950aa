"""How a clip flickers, and what deflicker would do to each of its frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from filmgrain_codec.core.executor import process
from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.node import Node
from filmgrain_codec.core.registry import Value, build_chain, format_node
from filmgrain_codec.errors import UsageError
from filmgrain_codec.nodes.flicker.correction import Correction, knots
from filmgrain_codec.nodes.flicker.deflicker import Deflicker
from filmgrain_codec.nodes.flicker.light import NOTE, Light
from filmgrain_codec.pipeline.ahead import watched
from filmgrain_codec.pipeline.clip import opened
from filmgrain_codec.pipeline.progress import Listener, Meter
from filmgrain_codec.pipeline.request import PathLike

_ROW = "row"


@dataclass(frozen=True, slots=True)
class Row:
    """A frame. ``time`` in seconds; ``luma`` and ``corrected``: its mean luma before and after, as a fraction
    of full scale; ``darkest`` and ``brightest``: the least and the largest factor over the picture.
    """

    frame: int
    time: float
    shot: int
    luma: float
    corrected: float
    darkest: float
    brightest: float


@dataclass(frozen=True, slots=True)
class Shot:
    """Frames ``start`` to ``end`` (exclusive) and the flicker of their mean luma before and after, in codes
    of 8 bit.
    """

    start: int
    end: int
    flicker: float
    left: float


@dataclass(frozen=True, slots=True)
class Flicker:
    """What was found."""

    rows: tuple[Row, ...]
    shots: tuple[Shot, ...]


def flicker(
    path: PathLike, mode: str = "auto", radius: int | None = None, on_event: Listener | None = None
) -> Flicker:
    """Look at a clip as ``deflicker`` with this mode and radius does. Raises the errors of ``errors.py``."""
    values: dict[str, Value] = {"mode": mode} if radius is None else {"mode": mode, "radius": radius}
    (node,) = build_chain([format_node("deflicker", values)])
    assert isinstance(node, Deflicker)
    with opened(path, Path.cwd()) as clip:
        source, graph = watched(clip.frames(), clip.fmt, [Seen(node)])
        meter = Meter("flicker", clip.expected, on_event)
        rows = []
        with closing(process(source, graph)) as frames:
            for frame in frames:
                rows.append(frame.props[_ROW])
                meter.step()
    cuts = [cut for cut in graph.shots.cuts if cut < len(rows)]
    return Flicker(_numbered(rows, cuts), tuple(_shots(rows, cuts)))


class Seen:
    """Node that tells what a deflicker would do, and passes on no picture."""

    reach = 0

    def __init__(self, deflicker: Deflicker) -> None:
        self._deflicker, self.radius = deflicker, deflicker.radius
        self.before: tuple[Node, ...] = deflicker.before
        self.notes = deflicker.notes

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        return self._deflicker.configure(fmt)

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        frame = window[self.radius]
        light = Light.unpacked(frame.props[NOTE])
        row = _row(frame, light, self._deflicker.correction(window))
        return replace(frame, planes=(), props={_ROW: row})


def index(luma: Sequence[float]) -> float:
    """Flicker index of a path of mean luma (full scale): robust deviation of its second differences, in codes
    of 8 bit; 0 of fewer than three frames. For independent changes it is their standard deviation.
    """
    bends = np.diff(np.asarray(luma, np.float64), 2)
    return float(np.median(np.abs(bends))) * 255 / 0.6745 / 6**0.5 if bends.size else 0.0


def _row(frame: Frame, light: Light, correction: Correction) -> Row:
    luma = light.tones.mean(0) if frame.fmt.family == "rgb" else light.tones[0]
    curve = correction.curves.mean(0) if frame.fmt.family == "rgb" else correction.curves[0]
    factors = np.exp(-correction.field)
    return Row(
        frame.index,
        float(frame.time),
        0,
        float(luma.mean()),
        float(np.interp(luma, knots(), curve).mean() * factors.mean()),
        float(factors.min()),
        float(factors.max()),
    )


def _numbered(rows: Sequence[Row], cuts: Sequence[int]) -> tuple[Row, ...]:
    shots = np.searchsorted(cuts, [row.frame for row in rows], side="right")
    return tuple(replace(row, shot=int(shot)) for row, shot in zip(rows, shots, strict=True))


def _shots(rows: Sequence[Row], cuts: Sequence[int]) -> Iterator[Shot]:
    if not rows:
        raise UsageError("there is no frame to look at")
    for start, end in pairwise([0, *cuts, len(rows)]):
        part = rows[start:end]
        yield Shot(start, end, index([r.luma for r in part]), index([r.corrected for r in part]))
