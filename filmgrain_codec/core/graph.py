"""Graph: a validated chain of nodes, run as a stream, in chunks or by random access.

All three give the same bits, because nodes are pure and windows follow one rule (``Shots``):
they clamp at the clip's ends and at cuts.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.core.node import Node, reach, unfolded
from filmgrain_codec.core.window import OPEN_END, FrameCache, Shots, Window, windows
from filmgrain_codec.errors import FgcodecError, InputError, UsageError

Get = Callable[[int], Frame]
Read = Callable[[int, int], Iterable[Frame]]
Submit = Callable[..., Future[Frame]]

SPARE = 4
"""Frames a random-access cache keeps beyond one window, so that parallel requests share them."""


class Graph:
    """A chain of nodes over one clip; ``cuts`` are the first frames of new shots.

    Nodes that read notes (``Noting``) bring the nodes that make them.
    Where cuts come to light only as the clip streams by, ``cuts`` is a ``Shots`` that its owner keeps
    ahead of the frames given. ``debug`` (default: environment variable FGCODEC_DEBUG) hands nodes
    read-only planes, so that one that writes into its input fails at once. Raises ``UsageError`` for
    what is no node.
    """

    def __init__(
        self, nodes: Sequence[Node], *, cuts: Iterable[int] | Shots = (), debug: bool | None = None
    ) -> None:
        for node in nodes:
            _check_node(node)
        self.nodes = tuple(unfolded(nodes))
        self.shots = cuts if isinstance(cuts, Shots) else Shots(cuts)
        self._debug = bool(os.environ.get("FGCODEC_DEBUG")) if debug is None else debug
        self._formats: tuple[FrameFormat, ...] = ()
        self._lock = threading.Lock()

    @property
    def halo(self) -> int:
        """Source frames needed on each side of a frame made: the sum of the radii."""
        return sum(node.radius for node in self.nodes)

    def footprint(self, depth: int) -> int:
        """Most frames alive at once in the executor with ``depth`` in flight, whatever the length."""
        held = sum(2 * stage.radius + 2 * depth for stage in self._stages())
        return held + depth + 3

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        """Tell every node its input format, first to last; the format that comes out.

        Raises ``UsageError`` where a node cannot work on what it would be given.
        """
        formats = [fmt]
        for node in self.nodes:
            formats.append(node.configure(formats[-1]))
        self._formats = tuple(formats)
        return formats[-1]

    def stream(
        self,
        frames: Iterable[Frame],
        submit: Submit | None = None,
        *,
        depth: int = 2,
        start: int | None = None,
        stop: int | None = None,
    ) -> Iterator[Frame]:
        """Frames in order, made lazily; the clip's length need not be known.

        ``submit`` (an executor's) runs up to ``depth`` frames of every stage at a time. Without
        ``start`` the first frame given is the clip's first; with it, ``frames`` brings its halo
        (see ``span``) and frames ``start`` to ``stop`` come out. Raises ``InputError`` where
        frame numbers do not run on or the picture size changes.
        """
        begin = None if start is None else self._first_needed(start, self.halo)
        flow = self._checked(frames, begin)
        for stage, later in self._stages_with_later():
            first = None if start is None else self._first_needed(start, later)
            end = OPEN_END if stop is None else self.shots.span(stop - 1, stop, later)[1]
            seen = windows(flow, stage.radius, self.shots, first, end, reach=stage.reach)
            flow = _results(stage, seen, submit, depth)
        return flow

    def span(self, start: int, stop: int, length: int) -> tuple[int, int]:
        """The source frames (first, one past the last) that frames ``start`` to ``stop`` need."""
        if not 0 <= start < stop <= length:
            raise UsageError(f"frames {start} to {stop} are no part of a clip of {length} frames")
        first, end = self.shots.span(start, stop, self.halo)
        return first, min(end, length)

    def chunk(
        self, read: Read, start: int, stop: int, length: int, submit: Submit | None = None, *, depth: int = 2
    ) -> Iterator[Frame]:
        """Frames ``start`` to ``stop`` (exclusive) of a clip of ``length`` frames.

        ``read(first, end)`` yields source frames; it is asked for the chunk and its halo only.
        """
        first, end = self.span(start, stop, length)
        return self.stream(read(first, end), submit, depth=depth, start=start, stop=stop)

    def pull(self, get: Get, length: int) -> Get:
        """Random access to the clip: a thread-safe function from frame number to frame.

        ``get`` gives source frames; it is called by one thread at a time, from any thread.
        """
        stages = self._stages()
        fetch: Get = FrameCache(self._guarded(get), 2 * stages[0].radius + 1 + SPARE)
        for stage, following in zip(stages, [*stages[1:], None], strict=True):
            size = SPARE + (2 * following.radius + 1 if following else 0)
            fetch = FrameCache(partial(self._make, stage, fetch, length), size)
        return partial(_in_clip, fetch, length)

    def _first_needed(self, start: int, reach: int) -> int:
        return self.shots.span(start, start + 1, reach)[0]

    def _make(self, stage: Stage, fetch: Get, length: int, n: int) -> Frame:
        numbers = self.shots.neighbours(n, stage.radius, 0, length - 1)
        return stage.run(tuple(fetch(k) for k in numbers), n)

    def _stages(self) -> list[Stage]:
        """Nodes that see one frame only run in the same task as the node before them."""
        groups: list[list[Node]] = [[]]
        for node in self.nodes:
            if node.radius and groups[-1]:
                groups.append([])
            groups[-1].append(node)
        return [Stage(tuple(group), self._debug) for group in groups]

    def _stages_with_later(self) -> Iterator[tuple[Stage, int]]:
        """Each stage with the frames that later stages need on each side of its output."""
        later = self.halo
        for stage in self._stages():
            later -= stage.radius
            yield stage, later

    def _checked(self, frames: Iterable[Frame], begin: int | None) -> Iterator[Frame]:
        for frame in frames:
            if begin is None:
                begin = frame.index
            if frame.index < begin:
                continue
            yield self._admit(frame, begin)
            begin += 1

    def _guarded(self, get: Get) -> Get:
        lock = threading.Lock()

        def guarded(n: int) -> Frame:
            with lock:
                return self._admit(get(n), n)

        return guarded

    def _admit(self, frame: Frame, n: int) -> Frame:
        """A source frame, checked against the number and the format expected."""
        if frame.index != n:
            raise InputError(f"the source gave frame {frame.index} where frame {n} was expected")
        with self._lock:
            if not self._formats:
                self.configure(frame.fmt)
        if _layout(frame.fmt) != _layout(self._formats[0]):
            was, now = (f"{f.width}x{f.height}, {f.bits} bit" for f in (self._formats[0], frame.fmt))
            raise InputError(f"the picture changes from {was} to {now} at frame {n}; split the source there")
        return _read_only(frame) if self._debug else frame


@dataclass(frozen=True, slots=True)
class Stage:
    """A node and the one-frame nodes that follow it, run as one task."""

    nodes: tuple[Node, ...]
    debug: bool = False

    @property
    def radius(self) -> int:
        return self.nodes[0].radius if self.nodes else 0

    @property
    def reach(self) -> int:
        """Frames on each side whose planes are looked at."""
        return reach(self.nodes[0]) if self.nodes else 0

    def run(self, window: Window, n: int) -> Frame:
        """Make frame ``n``; errors name the node and the frame."""
        for node in self.nodes:
            frame = _process(node, window, n)
            window = (_read_only(frame) if self.debug else frame,)
        return window[0]


def node_name(node: Node) -> str:
    """What messages call a node: its class."""
    return type(node).__name__


def _process(node: Node, window: Window, n: int) -> Frame:
    where = f"frame {n}, node {node_name(node)}"
    try:
        frame = node.process(window, n)
    except FgcodecError as error:
        error.args = (f"{str(error).rstrip('.')} ({where})",)
        raise
    except Exception as error:
        raise FgcodecError(f"{type(error).__name__}: {error} ({where})") from error
    if frame.index != n or any(p.dtype != np.float32 for p in frame.planes):
        raise FgcodecError(f"got frame {frame.index}, or planes that are not float32 ({where})")
    return frame


def _results(
    stage: Stage, tasks: Iterator[tuple[int, Window]], submit: Submit | None, depth: int
) -> Iterator[Frame]:
    if submit is None:
        for n, window in tasks:
            yield stage.run(window, n)
        return
    flight: deque[Future[Frame]] = deque()
    for n, window in tasks:
        flight.append(submit(stage.run, window, n))
        if len(flight) >= depth:
            yield flight.popleft().result()
    while flight:
        yield flight.popleft().result()


def _check_node(node: Node) -> None:
    if not isinstance(node, Node):
        raise UsageError(f"{type(node).__name__} is no node: it needs radius, configure and process")
    if not isinstance(node.radius, int) or node.radius < 0:
        raise UsageError(
            f"node {node_name(node)} states radius {node.radius}; it must be a whole number from 0"
        )


def _in_clip(fetch: Get, length: int, n: int) -> Frame:
    if not 0 <= n < length:
        raise UsageError(f"frame {n} is outside the clip of {length} frames")
    return fetch(n)


def _layout(fmt: FrameFormat) -> tuple[object, ...]:
    """What must stay the same through a clip; colour tags may come and go."""
    return fmt.width, fmt.height, fmt.family, fmt.sub_w, fmt.sub_h, fmt.bits


def _read_only(frame: Frame) -> Frame:
    return replace(frame, planes=tuple(_locked(plane) for plane in frame.planes))


def _locked(plane: Plane) -> Plane:
    view = plane.view()
    view.flags.writeable = False
    return view
