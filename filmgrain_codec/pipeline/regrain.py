"""From carried records to grained frames: which segment and which index each frame has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import ModelError, ProfileError
from filmgrain_codec.grain import parametric, wire
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.media.carriage import Carried
from filmgrain_codec.pipeline.analyse import at_level, typical

SEGMENT, INDEX = "FGSegment", "FGIndex"
PARAMETRIC = "parametric"

Adjust = Callable[[GrainSegment], tuple[GrainSegment, float]]


def located(frames: Iterable[Frame], carried: Carried) -> Iterator[Frame]:
    """Give every frame its segment and its index in the film, which a trim or concat moved."""
    current, since = -1, 0
    for frame in frames:
        run = carried.run_at(frame.time)
        current, since = run, since + 1 if run == current else 0
        place = carried.locate(frame.time, since)
        frame.props |= {SEGMENT: place.segment, INDEX: place.index}
        yield frame


def everywhere(frames: Iterable[Frame], segment: GrainSegment) -> Iterator[Frame]:
    """One and the same grain on every frame, for clips that carry none."""
    for frame in frames:
        frame.props |= {SEGMENT: segment, INDEX: frame.index}
        yield frame


def fallback(name: str, level: float | None) -> GrainSegment:
    """Typical grain at the level asked for; without one there is nothing to synthesize."""
    if level is None:
        raise ProfileError(
            f"{name}: carries no grain profile; give --level F to add typical grain "
            f"or --no-grain to decode only"
        )
    return wire.quantise(typical(0, 1, level))


def adjustment(level: float | None, gain: float, seed: int | None) -> Adjust:
    """The user's overrides: the segment to synthesize, and the level to do it at (0: leave alone).

    A recorded level counts from the 'no grain' threshold on; a stated one, and a gain, as they are.
    """

    def adjust(segment: GrainSegment) -> tuple[GrainSegment, float]:
        shape = segment if level is None else at_level(segment, level)
        if seed is not None:
            shape = replace(shape, seed=seed)
        return shape, parametric.strength(shape, level, gain)

    return adjust


def check_synthesis(asked: str, carried: Carried) -> str:
    """The synthesizer to use: the one asked for, or the one the profile names."""
    wanted = asked
    if asked == "auto":
        wanted = carried.profile.synthesis if carried.profile else PARAMETRIC
    if wanted not in ("", PARAMETRIC):
        raise ModelError(f"synthesizer '{wanted}' is not installed; use --synth {PARAMETRIC}")
    return PARAMETRIC


@dataclass(frozen=True, slots=True)
class Regrain:
    """Node that synthesizes each frame's own segment (see ``located``); no segment, no change."""

    adjust: Adjust
    radius: int = 0

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        return fmt

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        frame = window[0]
        segment = frame.props.get(SEGMENT)
        if segment is None:
            return frame
        shape, level = self.adjust(segment)
        if level == 0:
            return frame
        planes = parametric.synthesize(frame.planes, frame.fmt, shape, frame.props[INDEX], level=level)
        return frame.with_planes(planes, FGLevel=level)
