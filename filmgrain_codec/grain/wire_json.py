"""Text of a grain profile to plain values, within bounds that are checked before anything is built."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from filmgrain_codec.errors import ProfileError

MAX_JSON: Final = 7 << 20
"""Largest JSON record in characters."""
MAX_SEGMENTS: Final = 14_000
"""Most shots of one profile; they fit into ``MAX_JSON`` whatever their numbers."""
_DIGITS = 20  # more than any number here needs; keeps Python from building huge integers


def parsed(text: str) -> Any:
    """The value; raises ``ProfileError`` for what is too large, no JSON, or holds a key twice."""
    if len(text) > MAX_JSON:
        fail(f"has {len(text)} characters, more than {MAX_JSON}")
    # a bound on what the parser may build, taken before it builds it
    brackets, members, items = text.count("[") + text.count("{"), text.count(":"), text.count(",")
    if brackets > 7 * MAX_SEGMENTS or members > 14 * MAX_SEGMENTS or items > 40 * MAX_SEGMENTS:
        fail("holds more values than any profile can")
    try:
        return json.loads(text, parse_int=_integer, parse_constant=_constant, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise ProfileError(f"grain profile is not valid JSON ({error})") from None


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS:
        fail(f"holds a number of {len(digits)} digits")
    return int(digits)


def _constant(name: str) -> NoReturn:
    fail(f"holds {name}, which is not a number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        fail("holds a key twice")
    return table


def fail(what: str) -> NoReturn:
    """Refuse a profile with a sentence."""
    raise ProfileError(f"grain profile {what}")
