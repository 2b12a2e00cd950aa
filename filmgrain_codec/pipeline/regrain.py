"""From carried records to grained frames: which segment and which index each frame has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.errors import ModelError, ProfileError
from filmgrain_codec.grain import wire
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.infer.store import resolve
from filmgrain_codec.media.carriage import Carried
from filmgrain_codec.nodes.synth import INDEX_PROP, PARAMETRIC, SEGMENT_PROP
from filmgrain_codec.pipeline.analyse import at_level, typical


def located(frames: Iterable[Frame], carried: Carried, level: float | None) -> Iterator[Frame]:
    """Give every frame its segment and its index in the film, which a trim or concat moved.

    With a stated ``level``, shots recorded as free of grain get typical grain to show it with.
    """
    current, since = -1, 0
    for frame in frames:
        run = carried.run_at(frame.time)
        current, since = run, since + 1 if run == current else 0
        place = carried.locate(frame.time, since)
        segment = place.segment
        if segment is not None and level is not None:
            segment = at_level(segment, level)
        frame.props |= {SEGMENT_PROP: segment, INDEX_PROP: place.index}
        yield frame


def fallback(name: str, level: float | None) -> GrainSegment:
    """Typical grain at the level asked for; without one there is nothing to synthesize."""
    if level is None:
        raise ProfileError(
            f"{name}: carries no grain profile; give --level F to add typical grain "
            f"or --no-grain to decode only"
        )
    return wire.quantise(typical(0, 1, level))


def check_synthesis(asked: str, carried: Carried) -> str:
    """The synthesizer to use: the one asked for, or the one the profile names. Raises ``ModelError``."""
    wanted = asked
    if asked == "auto":
        wanted = carried.profile.synthesis if carried.profile else PARAMETRIC
    if wanted in ("", PARAMETRIC):
        return PARAMETRIC
    try:
        return resolve(wanted, "synthesis").id
    except ModelError as error:
        raise ModelError(f"synthesizer '{wanted}' is not installed; use --synth {PARAMETRIC}") from error
