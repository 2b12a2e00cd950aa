"""Cuts found while a clip streams by, so that it need not be read once before.

A cut is judged by the frames around it, so frames are kept back until the cuts near them are settled:
about a dozen, whatever the clip's length.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.core.node import Node
from filmgrain_codec.core.window import Shots
from filmgrain_codec.pipeline.shots import CutDetector


class Ahead:
    """Source frames in order, each given once it is settled whether ``shots`` has a cut there.

    Iterable once; closing the iterator closes the source. A graph made with ``shots`` works as if it had
    known all cuts from the start: a window is cut to its shot after its last frame was read.
    """

    def __init__(self, frames: Generator[Frame, None, None], fmt: FrameFormat) -> None:
        self.shots = Shots()
        self._frames, self._detector = frames, CutDetector(fmt)

    def __iter__(self) -> Iterator[Frame]:
        held: deque[Frame] = deque()
        with closing(self._frames) as frames:
            for frame in frames:
                self._detector.observe(frame)
                settled = self._detector.settled
                # a cut that may still go would end a window too early
                self.shots.cuts = tuple(cut for cut in self._detector.cuts if cut <= settled)
                held.append(frame)
                del frame
                while held and held[0].index <= settled:
                    yield held.popleft()
            self.shots.cuts = self._detector.finish()
            while held:
                yield held.popleft()


def watched(
    frames: Generator[Frame, None, None], fmt: FrameFormat, nodes: Sequence[Node]
) -> tuple[Iterable[Frame], Graph]:
    """A source and the graph of some nodes; temporal ones get the cuts, which are found on the way."""
    graph = Graph(nodes)
    if graph.halo == 0:
        return frames, graph
    source = Ahead(frames, fmt)
    return source, Graph(nodes, cuts=source.shots)
