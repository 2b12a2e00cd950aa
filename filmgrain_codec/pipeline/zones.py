"""Zones: grain levels the user states for ranges of frames.

Syntax: zones separated by ``;``, each ``FRAMES:SETTING``. FRAMES is ``START-END`` (both
inclusive, counted from 0), ``START-`` (to the end of the clip) or a single frame number.
SETTING is ``level=NUMBER`` (0 to 0.15), ``off`` (leave the grain in the picture) or ``auto``
(measure, as outside any zone). Blanks are ignored. Example: ``0-99:level=0.03; 100-:off``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain.profile import LEVEL_MAX

EXAMPLE = "0-99:level=0.03;100-:off"
_ZONE = re.compile(r"\s*(?P<start>\d+)\s*(?P<dash>-)?\s*(?P<end>\d+)?\s*(?P<colon>:)?\s*(?P<setting>.*?)\s*$")
_MAX_FRAME = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Zone:
    """Frames ``start`` (inclusive) to ``end`` (exclusive, None = end of clip) at one level.

    ``level`` is a fraction of full scale in 0..0.15; 0 means off, None means measured.
    """

    start: int
    end: int | None
    level: float | None

    def holds(self, index: int) -> bool:
        """Whether frame ``index`` lies in this zone."""
        return self.start <= index and (self.end is None or index < self.end)


def parse_zones(text: str) -> tuple[Zone, ...]:
    """Zones in frame order; raises ``UsageError`` naming the position of what it cannot read."""
    if not text.strip():
        raise UsageError(f"--zones is empty; write it like {EXAMPLE}.")
    found = sorted(((_zone(part, at), at) for at, part in _parts(text)), key=lambda item: item[0].start)
    for (left, _), (right, at) in pairwise(found):
        if left.end is None or right.start < left.end:
            raise _error(f"the zone starting at frame {right.start} overlaps the one before it", at)
    return tuple(zone for zone, _ in found)


def zone_at(zones: tuple[Zone, ...], index: int) -> Zone | None:
    """The zone that holds frame ``index``, or None."""
    return next((zone for zone in zones if zone.holds(index)), None)


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """(offset, text) of each zone; a trailing separator is allowed."""
    offset = 0
    pieces = text.split(";")
    for number, piece in enumerate(pieces):
        if piece.strip() or number < len(pieces) - 1:
            yield offset, piece
        offset += len(piece) + 1


def _zone(part: str, at: int) -> Zone:
    match = _ZONE.match(part)
    if match is None:
        raise _error("expected a frame number", at + _indent(part))
    if match["end"] and not match["dash"]:
        raise _error("expected '-' between two frame numbers", at + match.start("end"))
    if not match["colon"]:
        raise _error("expected ':' and a setting after the frames", at + len(part.rstrip()))
    start = _frame(match["start"], at + match.start("start"))
    end = _end(match, start, at)
    return Zone(start, end, _level(match["setting"], at + match.start("setting")))


def _end(match: re.Match[str], start: int, at: int) -> int | None:
    if match["end"]:
        last = _frame(match["end"], at + match.start("end"))
        if last < start:
            raise _error(f"the zone ends at frame {last}, before it starts", at + match.start("end"))
        return last + 1
    return None if match["dash"] else start + 1


def _frame(digits: str, at: int) -> int:
    if len(digits) > 10 or int(digits) > _MAX_FRAME:
        raise _error("the frame number is too large", at)
    return int(digits)


def _level(setting: str, at: int) -> float | None:
    if setting == "off":
        return 0.0
    if setting == "auto":
        return None
    name, _, value = setting.partition("=")
    if name.strip() != "level":
        raise _error("expected level=NUMBER, off or auto", at)
    try:
        level = float(value)
    except ValueError:
        level = math.nan
    if not 0.0 <= level <= LEVEL_MAX:
        raise _error(f"the level must be a number from 0 to {LEVEL_MAX:g}", at)
    return level


def _indent(part: str) -> int:
    return len(part) - len(part.lstrip())


def _error(problem: str, at: int) -> UsageError:
    return UsageError(f"--zones: {problem} (character {at + 1}); write it like {EXAMPLE}.")
