"""The optional pass of an encode that closes the loop: regrained, the base layer must measure as the source.

In a few frames of every shot whose grain was measured, the source, and the base layer with the measured grain
put back, are measured alike; what lies between them corrects the shot's level, size and chroma strengths
(``grain.closed_loop``). Removal is still told what was measured. The encoder comes later, so what it does to
the base layer is not seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.core.node import Node
from filmgrain_codec.grain import closed_loop, wire
from filmgrain_codec.grain.closed_loop import Put
from filmgrain_codec.grain.estimate import estimate_frames
from filmgrain_codec.grain.profile import GrainProfile, GrainSegment
from filmgrain_codec.nodes.synth import PARAMETRIC, SEGMENT_PROP, Grain
from filmgrain_codec.pipeline.analyse import TRUSTED
from filmgrain_codec.pipeline.follow import follower
from filmgrain_codec.pipeline.progress import Meter

BURSTS, BURST, STEPS = 3, 4, 2
"""Of fewer frames the two measurements differ by as much as what is to be corrected."""


@dataclass(frozen=True, slots=True)
class Refined:
    """What refining did to the segment that starts at frame ``start``.

    Ratios of what is measured where grain was put back to what the source measures, ``before`` and ``after``:
    level, and size and chroma strengths where they can be compared (else 1). 1 is ideal.
    """

    start: int
    before: tuple[float, ...]
    after: tuple[float, ...]


def refine(
    segments: Sequence[GrainSegment],
    measured: Sequence[bool],
    frames: Iterable[Frame],
    removal: Sequence[Node],
    meter: Meter,
    synthesis: str = PARAMETRIC,
) -> tuple[tuple[GrainSegment, ...], list[Refined]]:
    """The segments corrected, and what changed.

    ``measured``: which of them carry what was measured, not what was stated. ``frames``: the source, read
    once. ``removal``: makes the base layer. ``synthesis``: the synthesizer that will put grain back. A shot
    of one frame, one measured with little evidence and one where correction brings nothing stay as they are.
    """
    source, made, changes = iter(frames), list[GrainSegment](), list[Refined]()
    # a zone inside a shot counts as a shot of its own: only frames of one segment are kept at a time
    graph, put = Graph(removal, cuts=[s.start for s in segments if s.start]), graining(synthesis)
    for segment, ours in zip(segments, measured, strict=True):
        bursts = bursts_of(segment) if ours and to_refine(segment) else []
        spans = [graph.span(a, b, segment.end) for a, b in bursts]
        kept = _read(source, spans, segment, meter)
        if bursts:
            segment, change = _refined(segment, kept, bursts, graph, put)
            changes.append(change)
        made.append(segment)
    return tuple(made), changes


def graining(synthesis: str) -> Put:
    """Puts a segment's grain on a frame with a synthesizer, by id or tier."""
    node = Grain(GrainProfile(()), synthesis=synthesis)

    def put(frame: Frame, segment: GrainSegment) -> Frame:
        marked = frame.with_planes(frame.planes, **{SEGMENT_PROP: segment})
        return node.process((marked,), frame.index)

    return put


def to_refine(segment: GrainSegment) -> bool:
    return segment.grainy and segment.confidence >= TRUSTED and segment.end - segment.start > 1


def bursts_of(segment: GrainSegment) -> list[tuple[int, int]]:
    """(first, end) of three bursts of four frames, evenly spread; up to twelve frames of a short segment."""
    length = segment.end - segment.start
    count = BURSTS if length >= 2 * BURST * BURSTS else 1
    side = min(BURST * BURSTS // count, length)
    starts = [segment.start + (k + 1) * (length - side) // (count + 1) for k in range(count)]
    return [(start, start + side) for start in starts]


def _read(
    source: Iterator[Frame], spans: Sequence[tuple[int, int]], segment: GrainSegment, meter: Meter
) -> dict[int, Frame]:
    """Read on to the end of a segment; the frames of its spans."""
    kept = {}
    for frame in islice(source, segment.end - segment.start):
        if any(first <= frame.index < end for first, end in spans):
            kept[frame.index] = frame
        meter.step()
    return kept


def _refined(
    segment: GrainSegment,
    kept: dict[int, Frame],
    bursts: Sequence[tuple[int, int]],
    graph: Graph,
    put: Put,
) -> tuple[GrainSegment, Refined]:
    def read(first: int, end: int) -> Iterator[Frame]:
        return (kept[k] for k in range(first, end))

    base = [frame for a, b in bursts for frame in graph.chunk(read, a, b, segment.end)]
    source = [kept[k] for a, b in bursts for k in range(a, b)]
    wanted = estimate_frames(source, follower())
    loop = closed_loop.closed(wanted, closed_loop.regrained(base, follower(), put), STEPS)
    made = wire.quantise(closed_loop.moved(segment, wanted, loop.segment), clamp=True)
    ratios = (tuple(closed_loop.ratios(wanted, found)) for found in (loop.before, loop.after))
    return made, Refined(segment.start, *ratios)
