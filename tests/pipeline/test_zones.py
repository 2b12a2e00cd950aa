"""The --zones syntax: what it means and where it says it went wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmgrain_codec.errors import UsageError
from filmgrain_codec.pipeline.zones import Zone, parse_zones, zone_at


def test_the_documented_example():
    assert parse_zones("0-99:level=0.03;100-:off") == (Zone(0, 100, 0.03), Zone(100, None, 0.0))


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("5:off", Zone(5, 6, 0.0)),
        ("5-5:level=0.15", Zone(5, 6, 0.15)),
        (" 7 - 9 : auto ;", Zone(7, 10, None)),
        ("0-:level=0", Zone(0, None, 0.0)),
        ("0-1:level= 1e-2", Zone(0, 2, 0.01)),
    ],
)
def test_one_zone(text, zone):
    assert parse_zones(text) == (zone,)


def test_zones_come_back_in_frame_order():
    assert [z.start for z in parse_zones("50-59:off;0-9:auto;70-:level=0.1")] == [0, 50, 70]


@pytest.mark.parametrize(
    ("text", "problem", "character"),
    [
        ("x-3:off", "expected a frame number", 1),
        ("0-3:off;  y:off", "expected a frame number", 11),
        (";0:off", "expected a frame number", 1),
        ("0-3", "expected ':'", 4),
        ("3 4:off", "expected '-'", 3),
        ("9-3:off", "before it starts", 3),
        ("0-3:leve=0.1", "expected level=NUMBER", 5),
        ("0-3:level=0.2", "from 0 to 0.15", 5),
        ("0-3:level=nan", "from 0 to 0.15", 5),
        ("0-3:level=-1", "from 0 to 0.15", 5),
        ("0-3:level=", "from 0 to 0.15", 5),
        ("0-3:", "expected level=NUMBER", 5),
        ("0-9:off;5-:auto", "overlaps", 9),
        ("5-:off;9:auto", "overlaps", 8),
        ("99999999999:off", "too large", 1),
    ],
)
def test_bad_input_names_the_problem_and_the_place(text, problem, character):
    with pytest.raises(UsageError, match="--zones: ") as caught:
        parse_zones(text)
    assert problem in str(caught.value)
    assert f"(character {character})" in str(caught.value)


@pytest.mark.parametrize("text", ["", "   "])
def test_empty_is_refused(text):
    with pytest.raises(UsageError, match="empty"):
        parse_zones(text)


def test_zone_at():
    zones = parse_zones("2-3:level=0.05;7-:off")
    assert [z.level if (z := zone_at(zones, n)) else "-" for n in range(9)] == [
        "-", "-", 0.05, 0.05, "-", "-", "-", 0.0, 0.0,
    ]  # fmt: skip


@given(st.text(alphabet="0123456789-:;=.levlofau tonx", max_size=40))
def test_any_text_gives_zones_or_a_usage_error(text):
    try:
        zones = parse_zones(text)
    except UsageError:
        return
    assert all(z.end is None or z.end > z.start for z in zones)
    assert sum(z.end is None for z in zones) <= 1
