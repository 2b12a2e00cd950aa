"""Back-pressure, order, errors, cancellation and memory of the streaming executor."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from filmgrain_codec.core.executor import Reader, process, run
from filmgrain_codec.core.frame import Frame
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.errors import FgcodecError, InputError, Interrupted, ModelError, UsageError
from tests.core.material import Mean, Noise, PassFormat, Ramp, bits, clip, make_frame


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


class Source:
    """A generator that says how far it was read and whether it was closed."""

    def __init__(self, length: int = 10**9, error: Exception | None = None) -> None:
        self.length, self.error = length, error
        self.read, self.closed = 0, threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        try:
            while self.read < self.length:
                self.read += 1
                yield make_frame(self.read - 1)
            if self.error:
                raise self.error
        finally:
            self.closed.set()


@dataclass(frozen=True)
class Fails(PassFormat):
    error: Exception
    at: int
    radius: int = 1

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        if n >= self.at:
            raise self.error
        return window[self.radius]


@dataclass(frozen=True)
class Meets(PassFormat):
    """Ends only when ``parties`` frames are being made at once."""

    barrier: threading.Barrier
    radius: int = 0

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        self.barrier.wait(timeout=20)
        return window[0]


@dataclass(frozen=True)
class Uneven(PassFormat):
    """Later frames are often done before earlier ones."""

    radius: int = 1
    times: tuple[float, ...] = (0.01, 0.0, 0.004, 0.0, 0.002)

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        time.sleep(self.times[n % 5])
        return window[1]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_results_come_in_order_and_equal_the_plain_stream(workers):
    graph = Graph([Mean(1), Uneven(), Noise(2)], cuts=[7])
    made, told = [], []
    count = run(clip(30), graph, made.append, workers=workers, depth=3, on_frame=told.append)
    assert count == 30
    assert [bits(f) for f in made] == [bits(f) for f in graph.stream(clip(30))]
    assert told == made


def test_frames_are_made_at_the_same_time():
    graph = Graph([Meets(threading.Barrier(3))])
    assert run(clip(9), graph, lambda f: None, workers=3, depth=3) == 9


def test_decoding_goes_on_while_the_sink_is_busy():
    source, ahead = Source(20), threading.Event()

    def reading() -> Iterator[Frame]:
        for frame in source:
            if frame.index == 4:
                ahead.set()
            yield frame

    def sink(frame: Frame) -> None:
        assert ahead.wait(timeout=20)

    assert run(reading(), Graph([]), sink, workers=1, depth=4) == 20


@pytest.mark.parametrize("depth", [1, 3, 8])
@pytest.mark.parametrize("nodes", [[], [Noise(0)], [Mean(2), Ramp(0), Uneven()]])
def test_a_slow_sink_holds_the_source_back(nodes, depth):
    source, graph, taken, gaps = Source(60), Graph(nodes), [0], []

    def sink(frame: Frame) -> None:
        time.sleep(0.001)
        gaps.append(source.read - taken[0])
        taken[0] += 1

    run(source, graph, sink, workers=2, depth=depth)
    assert max(gaps) <= graph.footprint(depth)
    assert source.closed.is_set()


@dataclass
class Census:
    """Counts frames alive, by their luma planes."""

    alive: int = 0
    most: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def admit(self, frame: Frame) -> Frame:
        with self.lock:
            self.alive += 1
            self.most = max(self.most, self.alive)
        weakref.finalize(frame.planes[0], self._gone)
        return frame

    def _gone(self) -> None:
        with self.lock:
            self.alive -= 1


@dataclass(frozen=True)
class Copies(PassFormat):
    census: Census
    radius: int

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        return self.census.admit(window[self.radius].with_planes(tuple(p.copy() for p in window[0].planes)))


@pytest.mark.parametrize("depth", [1, 4])
def test_memory_does_not_grow_with_length(depth):
    most = []
    for length in (60, 600):
        census = Census()
        graph = Graph([Copies(census, 2), Copies(census, 0), Copies(census, 1)])
        run(map(census.admit, clip(length)), graph, lambda f: None, workers=2, depth=depth)
        most.append(census.most)
        gc.collect()
        assert census.alive == 0
    assert max(most) <= graph.footprint(depth)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_node_error_names_frame_and_node_and_ends_the_threads(workers):
    source = Source()
    graph = Graph([Mean(1), Fails(ModelError("no such net"), 5)])
    made = []
    with pytest.raises(ModelError, match=r"no such net \(frame 5, node Fails\)"):
        run(source, graph, made.append, workers=workers, depth=4)
    assert [f.index for f in made] == [0, 1, 2, 3, 4]
    assert source.closed.is_set()


def test_a_bug_in_a_node_becomes_our_error_with_its_cause():
    with pytest.raises(FgcodecError, match=r"ZeroDivisionError: by nought \(frame 2") as caught:
        run(clip(9), Graph([Fails(ZeroDivisionError("by nought"), 2)]), lambda f: None, workers=2)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_source_error_comes_unchanged():
    source = Source(12, InputError("the file ends in the middle of a frame"))
    with pytest.raises(InputError, match=r"^the file ends in the middle of a frame$"):
        run(source, Graph([Mean(1)]), lambda f: None, workers=2)
    assert source.closed.is_set()


def test_a_sink_error_comes_unchanged_and_stops_the_source():
    source = Source()

    def sink(frame: Frame) -> None:
        if frame.index == 6:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        run(source, Graph([Mean(1)]), sink, workers=2)
    assert source.closed.is_set()


@pytest.mark.parametrize("after", [0, 7])
def test_cancelling_interrupts(after):
    source, cancel, made = Source(), threading.Event(), []
    if not after:
        cancel.set()

    def sink(frame: Frame) -> None:
        made.append(frame)
        if len(made) == after:
            cancel.set()

    with pytest.raises(Interrupted):
        run(source, Graph([Mean(1)]), sink, workers=2, cancel=cancel)
    assert len(made) == after
    assert source.closed.is_set()


def test_cancelling_interrupts_while_the_source_is_silent():
    cancel, silence = threading.Event(), threading.Event()

    def source() -> Iterator[Frame]:
        yield make_frame(0)
        cancel.set()
        silence.wait(20)

    reader = Reader(source(), 2, cancel)
    frames = iter(reader)
    next(frames)
    watch = threading.Timer(10, silence.set)
    watch.start()
    with pytest.raises(Interrupted):
        next(frames)
    assert not silence.is_set()
    silence.set()
    watch.cancel()
    watch.join()
    reader.stop()
    reader.join()


def test_closing_the_iterator_early_ends_everything():
    source = Source()
    frames = process(source, Graph([Mean(2), Noise(0)]), workers=3)
    assert [next(frames).index for _ in range(4)] == [0, 1, 2, 3]
    frames.close()
    assert source.closed.is_set()


def test_an_unused_iterator_starts_nothing():
    source = Source()
    process(source, Graph([Mean(2)]), workers=2).close()
    assert source.read == 0


def test_an_empty_source_gives_nothing():
    assert run([], Graph([Mean(3)]), lambda f: None, workers=2) == 0


@pytest.mark.parametrize(("workers", "depth"), [(0, 3), (2, 0)])
def test_workers_and_depth_start_at_one(workers, depth):
    with pytest.raises(UsageError, match="at least 1"):
        process([], Graph([]), workers=workers, depth=depth)
