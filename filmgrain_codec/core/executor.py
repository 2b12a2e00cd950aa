"""Streaming run of a graph: reader thread -> nodes on a thread pool -> sink, in order.

Every queue is bounded, so memory does not grow with length (``Graph.footprint`` says how many
frames are alive at most) and a slow sink holds the reader back. NumPy and ONNX Runtime release
the interpreter lock, so threads are enough to keep the cores busy.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.errors import Interrupted, UsageError

POLL = 0.05
"""Seconds between looks at the cancel event while waiting for the reader."""
PATIENCE = 10.0
"""Seconds given to a source that hangs in a read before its daemon thread is left behind."""


def cores() -> int:
    """Cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def run(
    source: Iterable[Frame],
    graph: Graph,
    sink: Callable[[Frame], None],
    *,
    workers: int | None = None,
    depth: int | None = None,
    on_frame: Callable[[Frame], None] | None = None,
    cancel: threading.Event | None = None,
) -> int:
    """Send every frame through ``graph`` into ``sink``, on the calling thread; the number of frames.

    ``on_frame`` is told of every frame after the sink took it. Raises what ``process`` raises, and
    what the source and the sink raise, unchanged.
    """
    count = 0
    with closing(process(source, graph, workers=workers, depth=depth, cancel=cancel)) as frames:
        for frame in frames:
            sink(frame)
            count += 1
            if on_frame:
                on_frame(frame)
    return count


def process(
    source: Iterable[Frame],
    graph: Graph,
    *,
    workers: int | None = None,
    depth: int | None = None,
    cancel: threading.Event | None = None,
    start: int | None = None,
    stop: int | None = None,
) -> Generator[Frame, None, None]:
    """Frames of ``graph`` in order, made on ``workers`` threads (default: all cores).

    ``depth`` frames of every stage are in flight and as many are read ahead (default: twice the
    workers, at most four more). ``start`` and ``stop`` as in ``Graph.stream``. The iterator may be
    closed early, and setting ``cancel`` makes it raise ``Interrupted``: both end the threads and
    close the source. A node's error carries its name and the frame; ``FgcodecError`` classes stay.
    """
    workers = cores() if workers is None else workers
    depth = min(2 * workers, workers + 4) if depth is None else depth
    if workers < 1 or depth < 1:
        raise UsageError(f"workers and depth must be at least 1, not {workers} and {depth}")
    return _process(Reader(source, depth, cancel), graph, workers, depth, start, stop)


def _process(
    reader: Reader, graph: Graph, workers: int, depth: int, start: int | None, stop: int | None
) -> Generator[Frame, None, None]:
    pool = ThreadPoolExecutor(workers, thread_name_prefix="fgcodec-node")
    try:
        for frame in graph.stream(reader, pool.submit, depth=depth, start=start, stop=stop):
            reader.check_cancelled()
            yield frame
    finally:
        reader.stop()
        pool.shutdown(wait=True, cancel_futures=True)
        reader.join()


class Reader:
    """Iterates a source on a thread of its own, at most ``depth`` frames ahead of who reads it.

    Iterable once. The source's error is raised after the frames before it. ``stop`` then ``join``
    end the thread and close the source if it can be closed.
    """

    def __init__(self, source: Iterable[Frame], depth: int, cancel: threading.Event | None = None) -> None:
        self._source, self._depth, self._cancel = source, depth, cancel
        self._frames: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._stopped = self._ended = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, name="fgcodec-reader", daemon=True)

    def __iter__(self) -> Iterator[Frame]:
        self._thread.start()
        yield from iter(self._take, None)

    def check_cancelled(self) -> None:
        """Raises ``Interrupted`` once the cancel event is set."""
        if self._cancel is not None and self._cancel.is_set():
            raise Interrupted("the job was cancelled before its last frame")

    def stop(self) -> None:
        """Ask the thread to end; it does so at the source's next frame."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def join(self) -> None:
        if self._thread.ident is not None:
            self._thread.join(PATIENCE)

    def _take(self) -> Frame | None:
        with self._changed:
            while not self._frames and not self._ended:
                self.check_cancelled()
                self._changed.wait(POLL)
            if self._frames:
                self._changed.notify_all()
                return self._frames.popleft()
        if self._error is not None:
            raise self._error
        return None

    def _read(self) -> None:
        try:
            self._pump()
        except BaseException as error:
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _pump(self) -> None:
        source = iter(self._source)
        try:
            while not self._stopped and (frame := next(source, None)) is not None:
                self._put(frame)
                del frame
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()

    def _put(self, frame: Frame) -> None:
        with self._changed:
            while len(self._frames) >= self._depth and not self._stopped:
                self._changed.wait()
            if not self._stopped:
                self._frames.append(frame)
                self._changed.notify_all()
