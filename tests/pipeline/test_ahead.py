"""Cuts found on the way give the windows that cuts known beforehand give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import pytest

from filmgrain_codec.core.executor import process
from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.errors import InputError
from filmgrain_codec.pipeline.ahead import Ahead
from filmgrain_codec.pipeline.shots import LOOK, SHORTEST, CutDetector
from tests.pipeline.moving import FORMAT, MOTIONS, frames, shot

LENGTHS = (6, 5, 17, 4, 26, 9, 5)
CUTS = tuple(accumulate(LENGTHS[:-1]))
PICTURES = [p for k, n in enumerate(LENGTHS) for p in shot(40 + k, n, MOTIONS[k % 4])]


@dataclass
class Windows:
    """Passes the centre through and notes which frames it was shown."""

    radius: int
    seen: dict[int, list[int]] = field(default_factory=dict)

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        return fmt

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        self.seen[n] = [frame.index for frame in window]
        return window[self.radius]


def source(level: float = 0.03):
    yield from frames(PICTURES, level)


def known(*radii: int) -> list[Windows]:
    nodes = [Windows(r) for r in radii]
    for _ in Graph(nodes, cuts=CUTS).stream(source()):
        pass
    return nodes


@pytest.mark.parametrize("radii", [(1,), (2,), (8,), (1, 2), (3, 0, 2, 1), (1, 16), (40,)])
@pytest.mark.parametrize("workers", [None, 1, 3])
def test_windows_are_those_of_cuts_known_beforehand(radii, workers):
    nodes = [Windows(r) for r in radii]
    ahead = Ahead(source(), FORMAT)
    graph = Graph(nodes, cuts=ahead.shots)
    made = graph.stream(ahead) if workers is None else process(ahead, graph, workers=workers)
    assert [frame.index for frame in made] == list(range(len(PICTURES)))
    assert ahead.shots.cuts == CUTS
    assert [node.seen for node in nodes] == [node.seen for node in known(*radii)]


def test_what_is_called_settled_never_changes_again():
    detector, history = CutDetector(FORMAT), []
    for frame in source():
        detector.observe(frame)
        history.append((detector.settled, detector.cuts))
    last = detector.finish()
    for settled, cuts in history:
        assert [c for c in cuts if c <= settled] == [c for c in last if c <= settled]
    assert any(settled > CUTS[-2] for settled, _ in history)


def test_few_frames_are_kept_back():
    given = []

    def counted():
        for frame in source():
            given.append(frame.index)
            yield frame

    for frame in Ahead(counted(), FORMAT):
        assert len(given) <= frame.index + LOOK + SHORTEST


@pytest.mark.parametrize("count", [0, 1, 3, 12])
def test_clips_shorter_than_what_is_kept_back_come_out_whole(count):
    first = (frame for frame in source() if frame.index < count)
    assert [frame.index for frame in Ahead(first, FORMAT)] == list(range(count))


def test_a_source_that_fails_is_reported_and_closed():
    closed = []

    def failing():
        try:
            yield from (f for f in source() if f.index < 20)
            raise InputError("no more")
        finally:
            closed.append(True)

    ahead = Ahead(failing(), FORMAT)
    with pytest.raises(InputError, match="no more"):
        list(process(ahead, Graph([Windows(1)], cuts=ahead.shots), workers=2))
    assert closed


def test_closing_early_closes_the_source():
    closed = []

    def endless():
        try:
            yield from source()
        finally:
            closed.append(True)

    ahead = Ahead(endless(), FORMAT)
    running = process(ahead, Graph([Windows(1)], cuts=ahead.shots), workers=1)
    next(running)
    running.close()
    assert closed
