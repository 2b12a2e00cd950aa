"""Mutated profiles: only ProfileError may come out, within bounds of memory and length."""

from __future__ import annotations

import json
import random
import re
import time
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filmgrain_codec.errors import ProfileError
from filmgrain_codec.grain import wire
from filmgrain_codec.grain.profile import GrainProfile
from filmgrain_codec.grain.wire import Record, from_bytes, from_json, to_bytes, to_json
from tests.grain.material import GOLDEN, GOLDEN_RECORD

EXAMPLES, MUTANTS = 200, 25  # per test; the two mutation tests together try 10^4 inputs
ROOM = 256 << 10
PER_CHARACTER = 40
"""Bytes a parser may take: fixed, and per character of input."""
RECORD = to_bytes(GOLDEN_RECORD)
TEXT = to_json(GOLDEN)
SEGMENT = TEXT[TEXT.index('{"frames"') : TEXT.index("},{") + 1]
NUMBER = re.compile(r"[-\d.]+")
VALUES = [
    "0", "-0.0", "1", "2", "0.1", "0.5", "1.00001", "16", "48", "50", "281474976710655", "281474976710656",
    "4294967296", "1e-320", "1e308", "1e999", "null", "true", '"1"', "[]", "{}",
]  # fmt: skip
TOKENS = re.compile(r'[-+.\w]+|"[^"]*"|[\[\]{},:]')
JUNK = [
    "NaN", "Infinity", "-Infinity", "1e999", "1e-400", "-1", "0", "0.5", "1.5", "9" * 30, "9" * 5000,
    "null", "true", '""', '"x"', '"\\ud800"', '"\\u0000"', '"filmgrain":1', "[]", "{}", "[[[[", "]", "}",
    ",", ":", "-", "\x00",
]  # fmt: skip
Outcome = GrainProfile | Record | None
patient = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """One to four flips, cuts, insertions or splices."""
    made = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at, other = rng.randint(0, len(made)), rng.randint(0, len(data))
        kind = rng.randrange(6)
        if kind == 0 and at < len(made):
            made[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(made):
            made[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif kind == 2:
            del made[at:]
        elif kind == 3:
            made[at:at] = rng.randbytes(rng.choice((1, 2, 7, 100)))
        elif kind == 4:
            made[at:] = data[other:]
        else:
            del made[at : at + rng.randint(1, 8)]
    return bytes(made)


def resealed(data: bytes) -> bytes:
    """Length and checksum made right again, so that the fields themselves are attacked."""
    if len(data) < 10:
        return data
    body = data[:4] + (len(data) & 0xFFFF).to_bytes(2, "little") + data[6:-4]
    return body + zlib.crc32(body).to_bytes(4, "little")


def mutate_text(text: str, rng: random.Random) -> str:
    """Values replaced; tokens dropped, doubled, swapped or replaced; raw characters."""
    way = rng.random()
    if way < 0.15:
        return mutate_bytes(text.encode(), rng).decode("latin-1")
    tokens = TOKENS.findall(text)
    if way < 0.6:
        for at in rng.sample([k for k, t in enumerate(tokens) if NUMBER.fullmatch(t)], rng.randint(1, 3)):
            tokens[at] = rng.choice((*VALUES, tokens[at] + "9", "-" + tokens[at], str(rng.uniform(-2, 30))))
        return "".join(tokens)
    for _ in range(rng.randint(1, 4)):
        at, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        kind = rng.randrange(5)
        if kind == 0:
            tokens[at] = rng.choice(JUNK)
        elif kind == 1 and len(tokens) > 1:
            del tokens[at]
        elif kind == 2:
            tokens[at:at] = tokens[other : other + rng.randint(1, 40)]
        elif kind == 3:
            tokens[at], tokens[other] = tokens[other], tokens[at]
        else:
            near = (tokens[at] + "9", "-" + tokens[at], tokens[at] + "e9", str(rng.uniform(-2, 30)))
            tokens[at] = rng.choice(near)
    return "".join(tokens)


def outcome(parse: Callable[[], Outcome], length: int) -> Outcome:
    """What the parser gives, None for ProfileError; anything else fails, and so does a memory hog."""
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    result: Outcome = None
    message = ""
    try:
        result = parse()
    except ProfileError as error:
        message = str(error)
    assert len(message) < 300
    assert tracemalloc.get_traced_memory()[1] - before < ROOM + PER_CHARACTER * length
    return result


@pytest.fixture(scope="module", autouse=True)
def _traced() -> object:
    tracemalloc.start(1)
    yield
    tracemalloc.stop()


@patient
@given(st.integers(0, 2**64 - 1))
def test_mutated_records(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(MUTANTS):
        data = mutate_bytes(RECORD, rng)
        if rng.random() < 0.8:
            data = resealed(data)
        record = outcome(lambda data=data: from_bytes(data), len(data))
        if isinstance(record, Record):
            assert from_bytes(to_bytes(record)) == record


@patient
@given(st.integers(0, 2**64 - 1))
def test_mutated_tags(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(MUTANTS):
        text = mutate_text(TEXT, rng)
        profile = outcome(lambda text=text: from_json(text), len(text))
        if isinstance(profile, GrainProfile):
            assert from_json(to_json(profile)) == profile


segment_keys = st.sampled_from(["frames", "level", "curve", "seed"])
root_keys = st.sampled_from(["filmgrain", "segments", "synthesis", "removal", "fingerprint"])
values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda v: st.lists(v, max_size=9) | st.dictionaries(segment_keys, v),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(root_keys, values))
def test_any_json_value_in_any_place(table: dict[str, object]) -> None:
    text = json.dumps({"filmgrain": 1, **table})
    outcome(lambda: from_json(text), len(text))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    assert outcome(lambda: from_bytes(data), len(data)) is None
    assert outcome(lambda: from_bytes(b"FGR\x01" + data), len(data)) is None


FULL = wire.MAX_JSON
BOMBS: dict[str, Callable[[], str]] = {
    "deep lists": lambda: "[" * (FULL // 2),
    "deep objects": lambda: '{"a":' * (FULL // 5),
    "just too deep": lambda: "[" * 80_000 + "]" * 80_000,
    "empty lists": lambda: "[" + "[]," * (FULL // 3 - 2) + "[]]",
    "many numbers": lambda: "[" + "1," * (FULL // 2 - 2) + "1]",
    "many keys": lambda: "{" + ",".join(f'"{k}":1' for k in range(160_000)) + "}",
    "long text": lambda: '{"filmgrain":1,"segments":[],"fingerprint":"' + "x" * (FULL - 100) + '"}',
    "wide text": lambda: '{"filmgrain":1,"segments":[],"removal":"' + "\U0001f3ac" * (FULL // 2) + '"}',
    "long integer": lambda: "9" * (FULL - 1),
    "long fraction": lambda: "0." + "9" * (FULL - 5),
    "spaces": lambda: " " * FULL,
    "many segments": lambda: '{"filmgrain":1,"segments":[' + ",".join([SEGMENT] * 15_000) + "]}",
    "oversized": lambda: "{}" + " " * FULL,
    "far oversized": lambda: "{" + " " * (4 * FULL),
}
"""Records that try to make the parser work or hoard."""


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_cost_bounded_memory(name: str) -> None:
    text = BOMBS[name]()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    with pytest.raises(ProfileError):
        from_json(text)
    assert tracemalloc.get_traced_memory()[1] - before < 48 << 20


@pytest.mark.release
def test_time_of_the_worst_inputs(record_property: Callable[[str, object], None]) -> None:
    """Reports, asserts nothing about time."""
    tracemalloc.stop()
    for name, bomb in BOMBS.items():
        text = bomb()
        begin = time.perf_counter()
        with pytest.raises(ProfileError):
            from_json(text)
        took = time.perf_counter() - begin
        record_property(name, took)
        print(f"{name:20s} {len(text):9d} characters {1e3 * took:9.1f} ms")
    tracemalloc.start(1)
