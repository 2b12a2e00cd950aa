"""What repair finds in a clip, frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from filmgrain_codec.core.executor import process
from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.node import Node
from filmgrain_codec.core.registry import build_chain
from filmgrain_codec.errors import UsageError
from filmgrain_codec.nodes import repair as repairs
from filmgrain_codec.nodes.repair import KINDS, dust, scratches
from filmgrain_codec.pipeline.ahead import watched
from filmgrain_codec.pipeline.clip import opened
from filmgrain_codec.pipeline.progress import Listener, Meter
from filmgrain_codec.pipeline.request import PathLike

OFF = "off"


@dataclass(frozen=True, slots=True)
class Row:
    """A frame. ``time`` in seconds; ``specks``, ``damaged`` (share of luma's samples) and ``left`` (1: too
    many, the frame stays as it is) as ``dust`` says; ``scratches`` and ``scratched`` as ``scratches`` does.
    """

    frame: int
    time: float
    specks: int
    damaged: float
    left: int
    scratches: int
    scratched: float


def chain(text: str) -> list[str]:
    """The filters that ``encode --repair`` names: off, kinds with commas, or best. Raises ``UsageError``."""
    return [] if text == OFF else repairs.named(text, "--repair")


def row(frame: Frame) -> Row:
    """What the properties of a frame tell."""
    told = frame.props
    return Row(
        frame.index,
        float(frame.time),
        int(told.get(dust.COUNT_PROP, 0)),
        float(told.get(dust.SHARE_PROP, 0.0)),
        int(told.get(dust.LEFT_PROP, 0)),
        int(told.get(scratches.COUNT_PROP, 0)),
        float(told.get(scratches.SHARE_PROP, 0.0)),
    )


class Tally:
    """Node that counts the frames that the repair before it left alone; pictures pass."""

    radius = 0

    def __init__(self) -> None:
        self._left: set[int] = set()

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        return fmt

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        if window[0].props.get(dust.LEFT_PROP, 0):
            self._left.add(n)
        return window[0]

    @property
    def warnings(self) -> list[str]:
        """One sentence if frames were left alone."""
        left = len(self._left)
        if not left:
            return []
        frames = "1 frame had" if left == 1 else f"{left} frames had"
        return [f"{frames} more specks than dust's max_coverage allows and stayed as they were"]


def tallied(nodes: Iterable[Node]) -> Tally | None:
    """A tally for these nodes, None where none of them repairs."""
    return Tally() if any(isinstance(n, dust.Dust | scratches.Scratches) for n in nodes) else None


def look(path: PathLike, filters: Sequence[str] = KINDS, on_event: Listener | None = None) -> list[Row]:
    """Run a clip through repairs and keep only what they say of each frame.

    ``filters``: texts of dust and scratches with their parameters. Raises the errors of ``errors.py``.
    """
    nodes = build_chain(filters)
    if tallied(nodes) is None:
        raise UsageError(f"no repair among {', '.join(filters)}: name {' or '.join(KINDS)}")
    with opened(path, Path.cwd()) as clip:
        source, graph = watched(clip.frames(), clip.fmt, nodes)
        meter = Meter("repair", clip.expected, on_event)
        rows = []
        with closing(process(source, graph)) as frames:
            for frame in frames:
                rows.append(row(frame))
                meter.step()
    return rows
