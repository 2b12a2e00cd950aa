"""Zones: levels stated for ranges of frames, as text of ``fgcodec encode --zones`` or as a list."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain.profile import LEVEL_MAX
from filmgrain_codec.pipeline.zones import Zone, parse_zones

Span = int | tuple[int | None, int | None]
Zones = str | Sequence[tuple[Span, float | None]] | None
"""Text, or pairs of frames and level: one number or (first, last), both inclusive, None for an end; None as
a level means as outside any zone, 0 leaves the grain as it is."""


def zones_of(zones: Zones) -> tuple[Zone, ...]:
    """The zones in frame order. Raises ``UsageError``."""
    if zones is None:
        return ()
    if isinstance(zones, str):
        try:
            return parse_zones(zones)
        except UsageError as error:
            raise UsageError(str(error).replace("--zones", "zones", 1)) from None
    try:
        found = sorted((_zone(*pair) for pair in zones), key=lambda zone: zone.start)
    except (TypeError, ValueError):
        raise UsageError(
            f"zones must be text like '0-99:level=0.03;100-:off' or pairs like ((0, 99), 0.03), not {zones!r}"
        ) from None
    for left, right in pairwise(found):
        if left.end is None or right.start < left.end:
            raise UsageError(f"the zone starting at frame {right.start} overlaps the one before it")
    return tuple(found)


def _zone(span: Span, level: float | None) -> Zone:
    first, last = (span, span) if isinstance(span, int) else span
    start, end = first or 0, None if last is None else last + 1
    if start < 0 or (end is not None and end <= start):
        raise UsageError(f"the zone {span!r} ends before it starts")
    if level is not None and not 0 <= level <= LEVEL_MAX:
        raise UsageError(f"the zone {span!r} has level {level}: it must be from 0 to {LEVEL_MAX:g}")
    return Zone(start, end, None if level is None else float(level))
