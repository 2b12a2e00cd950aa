"""Which node makes which frame: by a number, by zones, by the properties or the samples of a clip."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import vapoursynth as vs

from filmgrain_codec.core.node import Node
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain import properties, wire
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.nodes.shares import SHARE_PROP, split
from filmgrain_codec.pipeline.zones import Zone, zone_at
from vsfgcodec.clips import Job, job, planes_of
from vsfgcodec.stages import Choice, Choose
from vsfgcodec.zones import Zones, zones_of

type Level = float | vs.VideoNode | None
Make = Callable[[float | None], Node]
Of = Callable[[GrainSegment | float], Choice]
At = Callable[[float, Mapping[str, Any]], Choice]


def choice(
    found: Job,
    level: Level,
    zones: Zones,
    at_level: Make,
    of_properties: Of,
    *,
    stateless: bool,
) -> tuple[Choose, Any]:
    """Which node makes which frame, and the clip whose frames tell of it (None: the clip itself).

    ``stateless``: without a level the node needs no properties either.
    """
    areas = zones_of(zones)
    for area in areas:
        if area.level is not None:
            at_level(area.level)
    by_properties = partial(_by_properties, areas, at_level, of_properties)
    if isinstance(level, vs.VideoNode):
        lender = job(found.name, level, "level")
        if lender.length != found.length:
            raise UsageError(f"level must have the length of the clip ({found.length}), not {lender.length}")
        at = partial(_plainly, at_level) if stateless else partial(_at, at_level, of_properties)
        return partial(_by_clip, areas, by_properties, at), level
    if level is None and not stateless:
        return by_properties, None
    if level is not None and not isinstance(level, int | float):
        raise UsageError(f"level must be a number, a clip with properties or None, not {level!r}")
    usual = at_level(level)
    return partial(_by_zone, areas, at_level, usual), None


def _by_zone(
    areas: tuple[Zone, ...], at_level: Make, usual: Node, n: int, told: Any, props: Mapping[str, Any]
) -> Choice:
    stated = _stated(areas, n)
    return (usual if stated is None else at_level(stated)), {}


def _by_clip(
    areas: tuple[Zone, ...],
    by_properties: Choose,
    at: At,
    n: int,
    told: Any,
    props: Mapping[str, Any],
) -> Choice:
    """By the properties of another clip's frame, or by its samples where it has no level and can be a map."""
    if properties.LEVEL in told.props or _stated(areas, n) is not None or told.format.id != vs.GRAYS:
        return by_properties(n, told, props)
    highest, share = split(planes_of(told)[0])
    node, given = at(highest, props)
    return node, {**given, SHARE_PROP: share}


def _by_properties(
    areas: tuple[Zone, ...],
    at_level: Make,
    of_properties: Of,
    n: int,
    told: Any,
    props: Mapping[str, Any],
) -> Choice:
    stated, measured = _stated(areas, n), properties.level(told.props)
    if stated is not None:
        return _at(at_level, of_properties, stated, told.props)
    if measured is None:
        raise UsageError(
            f"the property {properties.LEVEL} is missing: state a level, or set it with fg.estimate, "
            f"fg.apply_levels or std.SetFrameProps"
        )
    if properties.CURVE not in told.props:
        return of_properties(measured)
    return of_properties(properties.segment(told.props, 0, wire.MAX_FRAME))


def _at(
    at_level: Make,
    of_properties: Of,
    level: float,
    props: Mapping[str, Any],
) -> Choice:
    """A level that is stated; all else as the properties tell it, where they do."""
    if properties.CURVE not in props:
        return of_properties(level)
    known = properties.segment({properties.LEVEL: level, **props}, 0, wire.MAX_FRAME)
    return of_properties(replace(known, level=level)) if known.grainy else (at_level(level), {})


def _plainly(at_level: Make, level: float, props: Mapping[str, Any]) -> Choice:
    return at_level(level), {}


def _stated(areas: tuple[Zone, ...], n: int) -> float | None:
    area = zone_at(areas, n)
    return None if area is None else area.level
