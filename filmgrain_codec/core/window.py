"""Which frames a node sees: shots, sliding windows for streams, a window cache for random access.

The boundary rule of the whole package is stated in ``Shots`` and nowhere else.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.core.kept import Kept
from filmgrain_codec.errors import UsageError

OPEN_END = 1 << 62
"""End of a shot that runs to the end of the clip, wherever that is."""

Window = tuple[Frame, ...]


class Shots:
    """The boundary rule: windows clamp at the clip's ends and at cuts.

    A cut at frame c means that frames c - 1 and c belong to different shots. Where a window
    would reach past the first or last frame of its shot, that frame is repeated.
    """

    def __init__(self, cuts: Iterable[int] = ()) -> None:
        self.cuts = tuple(sorted(set(cuts)))
        if self.cuts and self.cuts[0] < 1:
            raise UsageError(f"a cut names the first frame of a new shot, so it cannot be {self.cuts[0]}")

    def bounds(self, n: int) -> tuple[int, int]:
        """First frame of the shot that holds frame ``n``, and the first frame after it."""
        place = bisect_right(self.cuts, n)
        first = self.cuts[place - 1] if place else 0
        return first, self.cuts[place] if place < len(self.cuts) else OPEN_END

    def span(self, start: int, stop: int, halo: int) -> tuple[int, int]:
        """The frames needed around ``start`` to ``stop`` (exclusive) for a reach of ``halo``."""
        first, end = self.bounds(start)[0], self.bounds(stop - 1)[1]
        return max(first, start - halo), min(end, stop + halo)

    def neighbours(self, n: int, radius: int, first: int, last: int) -> Iterator[int]:
        """Frame numbers of the window of ``n``; ``first`` and ``last`` are the clip's own ends."""
        begin, end = self.bounds(n)
        low, high = max(begin, first), min(end - 1, last)
        return (min(max(k, low), high) for k in range(n - radius, n + radius + 1))


def windows(
    frames: Iterable[Frame],
    radius: int,
    shots: Shots,
    first: int | None = None,
    stop: int = OPEN_END,
    *,
    reach: int | None = None,
) -> Iterator[tuple[int, Window]]:
    """Frames ``first`` to ``stop`` of a stream, each number with its window.

    Holds 2 * radius + 1 frames at most; those more than ``reach`` (default: ``radius``) back lose their
    planes. Without ``first`` it starts at the stream's first frame; the stream's own ends count as the
    clip's ends. Cuts may become known as frames are read, at the latest with the frame itself.
    """
    source, held = iter(frames), deque[Frame]()
    _read_to(0, source, held)
    if not held:
        return
    for n in range(held[0].index if first is None else first, stop):
        begin, end = shots.bounds(n)
        _read_to(min(n + radius, end - 1), source, held)
        while held and held[0].index < max(n - radius, begin):
            held.popleft()
        if not held or held[-1].index < n:
            return
        low = held[0].index
        if reach is not None and reach < radius:
            _unburden(held, n - reach - low)
        yield n, tuple(held[k - low] for k in shots.neighbours(n, radius, low, held[-1].index))


def _unburden(held: deque[Frame], count: int) -> None:
    """Take the planes off the first ``count`` frames; those before the last of them have none any more."""
    for k in reversed(range(count)):
        if not held[k].planes:
            return
        held[k] = replace(held[k], planes=())


def _read_to(n: int, source: Iterator[Frame], held: deque[Frame]) -> None:
    while not held or held[-1].index < n:
        frame = next(source, None)
        if frame is None:
            return
        held.append(frame)


class FrameCache:
    """The ``size`` frames used last. Thread-safe: a frame is made once, who comes later waits for it."""

    def __init__(self, make: Callable[[int], Frame], size: int) -> None:
        self._make, self._kept = make, Kept[int, Frame](size)

    def __call__(self, n: int) -> Frame:
        return self._kept.get(n, partial(self._make, n))
