"""Node and Analyzer: the two kinds of filter.

A node is a pure function of (window, absolute frame index, parameters): no state, no clock,
no global random numbers. So it gives the same bits in order, under random access, in chunks
and after a seek. Whatever must see the whole shot is an analyzer: it observes, finishes, and
its result is frozen into the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from filmgrain_codec.core.frame import Frame, FrameFormat

T_co = TypeVar("T_co", covariant=True)


@runtime_checkable
class Node(Protocol):
    """One filter of the frame graph."""

    @property
    def radius(self) -> int:
        """Frames needed on each side of the one made, at least 0."""
        ...

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        """The output format for an input format; raises ``UsageError`` if it cannot work."""
        ...

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        """Make frame ``n``.

        ``window`` holds 2 * radius + 1 frames, the middle one being frame ``n``; at the
        clip's ends and at cuts the graph repeats the nearest frame of the same shot.
        """
        ...


@runtime_checkable
class Noting(Node, Protocol):
    """A node that looks further than its pictures: at what nodes before it noted of each frame.

    Such a filter streams with a long window in little memory: ``before`` make a note of every frame, and the
    node reads those of its whole window, but only few of its pictures.
    """

    @property
    def before(self) -> tuple[Node, ...]:
        """The nodes that make the notes; they run first, as nodes of their own."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Names of the properties that hold the notes, as bytes. The node takes them off its result."""
        ...

    @property
    def reach(self) -> int:
        """Frames on each side whose planes may be looked at; frames further off may have none."""
        ...


def unfolded(nodes: Iterable[Node]) -> Iterator[Node]:
    """The nodes as they run: each after those that make its notes."""
    for node in nodes:
        if isinstance(node, Noting):
            yield from unfolded(node.before)
        yield node


def reach(node: Node) -> int:
    """Frames on each side whose planes the node looks at."""
    return node.reach if isinstance(node, Noting) else node.radius


@runtime_checkable
class Analyzer(Protocol[T_co]):
    """A pass that observes every frame in order and yields parameters."""

    def observe(self, frame: Frame) -> None: ...

    def finish(self) -> T_co: ...
