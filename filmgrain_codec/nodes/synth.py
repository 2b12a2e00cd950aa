"""The grain node: puts the grain of a profile back on every frame."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain.adjust import adjusted
from filmgrain_codec.grain.adjust import check as check_factors
from filmgrain_codec.grain.neural import CHROMA, LUMA, Array, Refiner, refined
from filmgrain_codec.grain.parametric import apply, strength
from filmgrain_codec.grain.profile import PARAMETRIC as PARAMETRIC
from filmgrain_codec.grain.profile import GrainProfile, GrainSegment
from filmgrain_codec.infer.session import session
from filmgrain_codec.infer.store import resolve
from filmgrain_codec.nodes.shares import mixed, share_of

INDEX_PROP = "FGIndex"
"""Frame property: absolute frame index from the in-band record; wins over ``Frame.index``."""
SEGMENT_PROP = "FGSegment"
"""Frame property: the GrainSegment recorded for this very frame (None: no grain); wins over the profile."""
LEVEL_PROP = "FGLevel"
"""Frame property set by this node: the level applied, 0 where there is no grain."""
Stock = Callable[[FrameFormat], GrainSegment]
"""Grain that depends on the size and the subsampling of the picture, as that of a film stock does."""


class Grain:
    """Grain of each frame's segment (``grain.parametric``); a pure node of radius 0.

    ``profile``: a GrainProfile, whose segment is looked up by the frame's absolute index, or one
    GrainSegment or ``Stock``, used for every frame; ``props['FGSegment']`` wins over all. The absolute
    index is ``props['FGIndex']`` where present, else ``frame.index + index_offset``; it also drives the
    noise. ``props['FGShare']`` scales the grain from place to place (``nodes.shares``).
    ``level`` (0..0.5, fraction of full scale) replaces the recorded level, also in shots recorded
    as free of grain; ``gain`` (at least 0) multiplies; ``seed`` replaces the recorded seed. ``size``
    and ``chroma`` multiply the recorded grain size and chroma strength (``grain.adjust``).
    ``synthesis``: 'parametric', or the id or tier of a synthesis model that refines it (``grain.neural``).
    ``threads``: cores for one frame, where the executor does not already run frames in parallel.
    A frame without a segment, or whose segment is no grain, passes through unchanged.
    Raises ``ModelError`` for a model that is not installed.
    """

    radius = 0

    def __init__(
        self,
        profile: GrainProfile | GrainSegment | Stock,
        *,
        level: float | None = None,
        gain: float = 1.0,
        size: float = 1.0,
        chroma: float = 1.0,
        seed: int | None = None,
        index_offset: int = 0,
        synthesis: str = PARAMETRIC,
        threads: int = 1,
    ) -> None:
        _check(level, gain)
        check_factors(size, chroma)
        self._everywhere = None if isinstance(profile, GrainProfile) else profile
        self._segments = profile.segments if isinstance(profile, GrainProfile) else ()
        self._size, self._chroma = size, chroma
        self._starts = [s.start for s in self._segments]
        self._level, self._gain, self._seed = level, gain, seed
        self._offset, self._threads = index_offset, threads
        self._net = None if synthesis in ("", PARAMETRIC) else refiner(synthesis)

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        return fmt

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        frame = window[0]
        index = int(frame.props.get(INDEX_PROP, frame.index + self._offset))
        segment = frame.props[SEGMENT_PROP] if SEGMENT_PROP in frame.props else self.segment(index, frame.fmt)
        if segment is not None:
            segment = adjusted(segment, self._size, self._chroma)
        applied = 0.0 if segment is None else strength(segment, self._stated(segment), self._gain)
        if segment is not None and applied:
            made, share = self._grained(frame, segment, index, applied), share_of(frame)
            frame = made if share is None else mixed(frame, made, share)
        return frame.with_planes(frame.planes, **{LEVEL_PROP: applied})

    def _grained(self, frame: Frame, segment: GrainSegment, index: int, level: float) -> Frame:
        fields = refined(self._net, segment) if self._net else None
        return apply(
            frame, segment, index=index, level=level, seed=self._seed, threads=self._threads, fields=fields
        )

    def _stated(self, segment: GrainSegment) -> float | None:
        """The level asked for; a stock's own counts as such, however fine its grain is on a small picture."""
        return segment.level if self._level is None and callable(self._everywhere) else self._level

    def segment(self, index: int, fmt: FrameFormat | None = None) -> GrainSegment | None:
        """The segment that holds absolute frame ``index``, or None; a ``Stock`` asks for ``fmt``."""
        if isinstance(self._everywhere, GrainSegment):
            return self._everywhere
        if self._everywhere is not None:
            return None if fmt is None else self._everywhere(fmt)
        position = bisect_right(self._starts, index) - 1
        if position < 0 or index >= self._segments[position].end:
            return None
        return self._segments[position]


def refiner(name: str) -> Refiner:
    """The nets of a synthesis model, by id or tier. Raises ``ModelError`` if it cannot be used.

    ONNX Runtime's CPU provider with one thread a tile, whatever else is installed: its bits are promised.
    """
    model = resolve(name, "synthesis")
    nets = {part: session(model.part(part)) for part in (LUMA, CHROMA)}

    def run(part: str, noise: Array, tone: Array, told: Array) -> Array:
        return nets[part].run({"noise": noise, "tone": tone, "told": told})

    return run


def _check(level: float | None, gain: float) -> None:
    if level is not None and not 0 <= level <= 0.5:
        raise UsageError(f"grain level {level} is out of range: give a fraction of full scale from 0 to 0.5")
    if not 0 <= gain <= 100:
        raise UsageError(f"grain gain {gain} is out of range: give a factor from 0 to 100")
