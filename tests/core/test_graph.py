"""The boundary rule, laziness, and what a graph refuses."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.errors import FgcodecError, InputError, ModelError, UsageError
from tests.core.material import (
    FORMAT,
    Far,
    Mean,
    Noise,
    PassFormat,
    Ramp,
    Same,
    ToGray,
    bits,
    clip,
    make_frame,
)


@dataclass
class Seen(PassFormat):
    """Writes down which frames each window held."""

    radius: int

    def __post_init__(self) -> None:
        self.windows: dict[int, list[int]] = {}

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        self.windows[n] = [f.index for f in window]
        return window[self.radius]


def windows_of(radius: int, length: int, cuts: Sequence[int] = ()) -> dict[int, list[int]]:
    node = Seen(radius)
    assert len(list(Graph([node], cuts=cuts).stream(clip(length)))) == length
    return node.windows


def test_windows_repeat_the_first_and_last_frame_of_the_clip():
    assert windows_of(2, 4) == {
        0: [0, 0, 0, 1, 2],
        1: [0, 0, 1, 2, 3],
        2: [0, 1, 2, 3, 3],
        3: [1, 2, 3, 3, 3],
    }


def test_windows_never_see_across_a_cut():
    assert windows_of(1, 5, cuts=[2, 4]) == {
        0: [0, 0, 1],
        1: [0, 1, 1],
        2: [2, 2, 3],
        3: [2, 3, 3],
        4: [4, 4, 4],
    }


def test_a_clip_shorter_than_the_window_is_repeated_into_it():
    assert windows_of(3, 1) == {0: [0] * 7}


def test_random_access_follows_the_same_rule():
    node = Seen(2)
    pull = Graph([node], cuts=[3]).pull(make_frame, 6)
    for n in (5, 0, 3):
        pull(n)
    assert node.windows == {5: [3, 4, 5, 5, 5], 0: [0, 0, 0, 1, 2], 3: [3, 3, 3, 4, 5]}


def test_the_halo_is_the_sum_of_the_radii():
    assert Graph([Mean(2), Noise(0), Ramp(3)]).halo == 5
    assert Graph([]).halo == 0


def test_a_stream_reads_no_further_than_its_halo():
    read = []

    def source():
        for frame in clip(100):
            read.append(frame.index)
            yield frame

    frames = Graph([Mean(2), Ramp(1)]).stream(source())
    assert read == []
    next(frames)
    assert read == [0, 1, 2, 3]
    next(frames)
    assert read == [0, 1, 2, 3, 4]


def test_a_chunk_asks_for_its_halo_clamped_at_the_clip_and_at_cuts():
    asked = []

    def read(first, end):
        asked.append((first, end))
        return clip(end, first)

    graph = Graph([Mean(2), Ramp(1)], cuts=[50])
    for start, stop in ((0, 10), (20, 30), (45, 49), (48, 55), (97, 100)):
        assert [f.index for f in graph.chunk(read, start, stop, 100)] == list(range(start, stop))
    assert asked == [(0, 13), (17, 33), (42, 50), (45, 58), (94, 100)]


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (3, 3), (5, 4), (0, 11)])
def test_a_chunk_outside_the_clip_is_refused(start, stop):
    with pytest.raises(UsageError, match="clip of 10 frames"):
        Graph([]).span(start, stop, 10)


@pytest.mark.parametrize("n", [-1, 10])
def test_a_frame_outside_the_clip_is_refused(n):
    with pytest.raises(UsageError, match="outside the clip of 10 frames"):
        Graph([Mean(1)]).pull(make_frame, 10)(n)


@dataclass
class Counted(PassFormat):
    radius: int
    made: list[int] = field(default_factory=list)

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        self.made.append(n)
        return window[self.radius]


def test_random_access_makes_every_frame_of_a_sweep_once():
    nodes, read = [Counted(2), Counted(4), Counted(1)], []
    pull = Graph(nodes).pull(lambda n: read.append(n) or make_frame(n), 30)
    for n in range(30):
        pull(n)
    assert [read] + [node.made for node in nodes] == [list(range(30))] * 4


def test_random_access_asks_the_source_by_one_thread_at_a_time():
    busy = threading.Lock()

    def get(n):
        assert busy.acquire(blocking=False), "two threads at once"
        time.sleep(0.001)
        busy.release()
        return make_frame(n)

    pull = Graph([Mean(1)]).pull(get, 80)
    with ThreadPoolExecutor(4) as pool:
        assert [f.index for f in pool.map(pull, range(0, 80, 5))] == list(range(0, 80, 5))


def test_threads_that_want_the_same_frames_share_them():
    node, read = Counted(1), []
    pull = Graph([node]).pull(lambda n: read.append(n) or make_frame(n), 40)
    with ThreadPoolExecutor(4) as pool:
        for n in range(0, 40, 2):
            list(pool.map(pull, [n, n + 1, n, n + 1]))
    assert sorted(read) == sorted(node.made) == list(range(40))


def test_configure_passes_each_node_the_format_the_one_before_makes():
    out = Graph([Mean(1), ToGray(), Ramp(0)]).configure(FORMAT)
    assert (out.family, out.planes) == ("gray", 1)


def test_an_empty_graph_gives_back_the_very_frames():
    frames = list(clip(5))
    assert list(Graph([], debug=False).stream(frames)) == frames
    assert [bits(f) for f in Graph([]).stream([])] == []


def test_a_stream_may_begin_anywhere():
    assert [f.index for f in Graph([Mean(1)], cuts=[12]).stream(clip(20, 10))] == list(range(10, 20))


def test_a_gap_in_the_frame_numbers_is_refused():
    frames = [make_frame(0), make_frame(1), make_frame(3)]
    with pytest.raises(InputError, match="frame 3 where frame 2"):
        list(Graph([Mean(1)]).stream(frames))


def test_a_stream_without_its_halo_is_refused():
    with pytest.raises(InputError, match="frame 5 where frame 4"):
        list(Graph([Mean(1)]).stream(clip(20, 5), start=5))


def test_a_change_of_picture_size_is_refused():
    frames = [make_frame(0), make_frame(1, replace(FORMAT, width=8))]
    with pytest.raises(InputError, match="from 6x4, 8 bit to 8x4, 8 bit at frame 1"):
        list(Graph([Mean(0)]).stream(frames))


def test_cuts_start_at_one():
    with pytest.raises(UsageError, match="cannot be 0"):
        Graph([], cuts=[3, 0])


def test_what_is_no_node_is_refused():
    with pytest.raises(UsageError, match="str is no node"):
        Graph(["grain"])
    with pytest.raises(UsageError, match="radius -1"):
        Graph([Mean(-1)])


@dataclass(frozen=True)
class InPlace(PassFormat):
    radius: int = 0

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        window[0].planes[0][...] += 1
        return window[0]


def test_debug_mode_catches_a_node_that_writes_into_its_input(monkeypatch):
    frame = make_frame(0)
    with pytest.raises(FgcodecError, match=r"read-only.*frame 0, node InPlace"):
        list(Graph([InPlace()], debug=True).stream([frame]))
    monkeypatch.setenv("FGCODEC_DEBUG", "1")
    with pytest.raises(FgcodecError, match="read-only"):
        Graph([Same(0), InPlace()]).pull(make_frame, 3)(1)
    assert bits(frame) == bits(make_frame(0))
    assert frame.planes[0].flags.writeable


@dataclass(frozen=True)
class Broken(PassFormat):
    error: Exception
    at: int = 3
    radius: int = 0

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        if n == self.at:
            raise self.error
        return window[self.radius]


def test_errors_name_the_frame_and_the_node_and_keep_their_class():
    with pytest.raises(ModelError, match=r"the weights are gone \(frame 3, node Broken\)"):
        list(Graph([Mean(1), Broken(ModelError("the weights are gone"))]).stream(clip(9)))
    with pytest.raises(FgcodecError, match=r"ValueError: odd \(frame 3, node Broken\)"):
        Graph([Broken(ValueError("odd")), Mean(2)]).pull(make_frame, 9)(2)


def test_a_failed_frame_is_tried_again_by_random_access():
    broken = [True]

    def get(n):
        if broken:
            broken.pop()
            raise InputError("not yet")
        return make_frame(n)

    pull = Graph([Mean(1)]).pull(get, 4)
    with pytest.raises(InputError, match="not yet"):
        pull(0)
    assert pull(0).index == 0


@dataclass(frozen=True)
class Wrong(PassFormat):
    radius: int = 1

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        return window[0]


@dataclass(frozen=True)
class Double(PassFormat):
    radius: int = 0

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        return window[0].with_planes(tuple(p.astype(np.float64) for p in window[0].planes))


@pytest.mark.parametrize("node", [Wrong(), Double()])
def test_a_node_that_returns_something_else_is_caught(node):
    with pytest.raises(FgcodecError, match=rf"node {type(node).__name__}"):
        list(Graph([node]).stream(clip(5)))


def test_formats_with_odd_sizes_travel():
    fmt = FrameFormat(1, 1)
    frames = [make_frame(n, fmt) for n in range(3)]
    assert [f.planes[1].shape for f in Graph([Mean(1)]).stream(frames)] == [(1, 1)] * 3


def test_frames_beyond_reach_stay_only_as_notes():
    seen = []

    class Watched(Far):
        def process(self, window: Sequence[Frame], n: int) -> Frame:
            seen.append([k - self.radius for k, f in enumerate(window) if not f.planes])
            return Far.process(self, window, n)

    list(Graph([Watched(4)]).stream(clip(12)))
    assert seen[6] == [-4, -3, -2, -1]
