"""The only reader and writer of grain profiles: JSON for container tags, binary for the stream.

Every number of a segment is an integer multiple of a fixed step (``NUMBERS``); both forms carry
the same integers, so tag and in-band record give the identical ``GrainSegment`` and therefore
bit-identical grain. ``quantise`` is that rounding: what is synthesized must be quantised first.

Binary record, version 1, little endian, under 100 bytes:

    offset  bytes  field
    0       3      magic "FGR"
    3       1      version
    4       2      length of the whole record in bytes
    6       6      index: absolute number of the frame that carries the record
    12      6 + 6  start (inclusive) and end (exclusive) of the segment, frame numbers
    24      48     level u32; curve 8 x u16; size, anisotropy u16, weight i16, spread u16;
                   cb, cr, chroma size u16, y_cb, y_cr, cb_cr i16; skew i16; seed u32;
                   confidence u16 (steps: NUMBERS)
    72      1 + n  length and ASCII of the synthesis model id; nothing means "parametric"
            1 + n  length and ASCII of the removal model id; where a law follows, "." stands for "removal-"
            2 + 1  skew slope i16, kurtosis i8; 0 where a record ends before them
            1 + 1  law u8, kurtosis slope i8; 0 where a record ends before them, and left out where these two
                   and all that follows are 0
            5      corrections of the spectrum, 8 x 5 bits of two's complement in steps of 0.5 dB, the first
                   one lowest; 0 where a record ends before them, and left out where all are 0
            ...    bytes a later writer of version 1 may add: ignored
    end-4   4      CRC-32 (zlib) of all bytes before it

JSON, version 1: {"filmgrain": 1, "synthesis": id, "removal": id, "fingerprint": text, "segments":
[{"frames": [start, end], "level": x, "curve": [8], "spectrum": [size, anisotropy, weight,
spread], "chroma": [cb, cr, size, y_cb, y_cr, cb_cr], "skew": x, "seed": n, "confidence": x,
"skew_slope": x, "kurtosis": x, "law": n, "kurtosis_slope": x, "correction": [8]}]}.
"frames" and "level" are required; a missing key means a flat curve, one Gaussian of 0.8 samples, no
chroma grain, no skew, seed 0, confidence 1, and 0 for those after it; unknown keys are ignored. Everything
that does not fit raises ``ProfileError``, nothing else. Programs that do not know the corrections read the
rest as it stands: grain whose spectrum is the Gaussians'.
"""

from __future__ import annotations

import json
import math
import re
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from filmgrain_codec.grain.profile import (
    KNOTS,
    PARAMETRIC,
    Chroma,
    Correction,
    GrainProfile,
    GrainSegment,
    Spectrum,
)
from filmgrain_codec.grain.wire_json import MAX_JSON, MAX_SEGMENTS, fail, parsed
from filmgrain_codec.grain.wire_numbers import CORRECTIONS, NUMBERS, PACKED, Number, packed, unpacked

VERSION: Final = 1
MAX_BINARY = 4 << 10
"""Largest in-band record in bytes."""
MAX_FRAME = (1 << 48) - 1
"""Largest frame number; also the end of a segment that lasts for ever."""
MAX_ID = 48
MAX_FINGERPRINT = 128
MAX_REACH = 32.0
"""Largest size * spread: a wider filter would only make decoding slow."""

_LATER, _LATEST = 4, 2
"""Numbers behind the ids, which the first writers did not know; how many of them are left out where all 0,
as are the corrections, which come last."""
_SHORT, _PREFIX = ".", "removal-"
_FIXED = len(NUMBERS) - CORRECTIONS - _LATER
_BODY = struct.Struct("<" + "".join(n.code for n in NUMBERS[:_FIXED]))
_TAIL = [struct.Struct("<" + n.code) for n in NUMBERS[_FIXED:-CORRECTIONS]]
_HEAD = struct.Struct("<3sBH")
_MAGIC = b"FGR"
_FRAME_BYTES, _CRC_BYTES = 6, 4
_ID = re.compile(r"[A-Za-z0-9._+-]*")
_TEXT = re.compile(r"[ -~]*")


@dataclass(frozen=True, slots=True)
class Record:
    """One in-band record: the segment that holds the carrying frame, and that frame's number."""

    segment: GrainSegment
    index: int
    synthesis: str = PARAMETRIC
    removal: str = ""


def quantise(segment: GrainSegment, *, clamp: bool = False) -> GrainSegment:
    """The segment as either form carries it: every number rounded to its step in ``NUMBERS``.

    Idempotent. A value out of range raises ``ProfileError``, or with ``clamp`` is moved to the
    nearest end of its range (the spread also so that size * spread is at most ``MAX_REACH``);
    NaN, infinity and a bad frame range always raise.
    """
    codes = [_code(n, v, clamp) for n, v in zip(NUMBERS, _values(segment), strict=True)]
    result = _segment(segment.start, segment.end, codes)
    if clamp and _reach(result) > MAX_REACH:
        shape = result.spectrum
        spread = math.floor(1000 * MAX_REACH / shape.size) / 1000
        result = replace(result, spectrum=replace(shape, spread=max(1.0, spread)))
    return _checked(result)


def quantise_profile(profile: GrainProfile, *, clamp: bool = False) -> GrainProfile:
    """The profile with every segment quantised."""
    return replace(profile, segments=tuple(quantise(s, clamp=clamp) for s in profile.segments))


def to_json(profile: GrainProfile) -> str:
    """The profile as one line of ASCII JSON; ``from_json`` gives ``quantise_profile(profile)``."""
    quantised = _checked_profile(quantise_profile(profile))
    record = {
        "filmgrain": VERSION,
        "synthesis": quantised.synthesis,
        "removal": quantised.removal,
        "fingerprint": quantised.fingerprint,
        "segments": [_brief(to_table(s)) for s in quantised.segments],
    }
    text = json.dumps(record, separators=(",", ":"), allow_nan=False)
    if len(text) > MAX_JSON:
        fail(f"takes {len(text)} characters, more than the {MAX_JSON} a tag may hold: split the clip")
    return text


def from_json(text: str) -> GrainProfile:
    """Parse a tag. Its numbers are rounded to their steps, so the result is quantised."""
    root = _table(parsed(text), "the record")
    _check_version(root.get("filmgrain"))
    segments = root.get("segments")
    if not isinstance(segments, list) or len(segments) > MAX_SEGMENTS:
        fail(f"needs a list of at most {MAX_SEGMENTS} segments")
    return _checked_profile(
        GrainProfile(
            tuple(from_table(_table(s, "a segment")) for s in segments),
            removal=_text(root, "removal", ""),
            synthesis=_text(root, "synthesis", PARAMETRIC),
            fingerprint=_text(root, "fingerprint", ""),
        )
    )


def to_bytes(record: Record) -> bytes:
    """The in-band form; ``from_bytes`` gives the record with its segment quantised."""
    segment = quantise(record.segment)
    _checked_record(record)
    frames = (record.index, segment.start, segment.end)
    body = b"".join(f.to_bytes(_FRAME_BYTES, "little") for f in frames)
    codes = [_code(n, v, False) for n, v in zip(NUMBERS, _values(segment), strict=True)]
    body += _BODY.pack(*codes[:_FIXED])
    later, corrections = codes[_FIXED:-CORRECTIONS], codes[-CORRECTIONS:]
    synthesis, removal = "" if record.synthesis == PARAMETRIC else record.synthesis, record.removal
    count = _LATER if any(later[-_LATEST:] + corrections) else _LATER - _LATEST
    removal = re.sub(f"^{_PREFIX}", _SHORT, removal) if segment.law else removal
    body += b"".join(bytes([len(i)]) + i.encode("ascii") for i in (synthesis, removal))
    body += b"".join(f.pack(c) for f, c in zip(_TAIL[:count], later[:count], strict=True))
    body += packed(corrections) if any(corrections) else b""
    length = _HEAD.size + len(body) + _CRC_BYTES
    data = _HEAD.pack(_MAGIC, VERSION, length) + body
    return data + zlib.crc32(data).to_bytes(_CRC_BYTES, "little")


def from_bytes(data: bytes) -> Record:
    """Parse an in-band record, exactly as long as it says it is."""
    if not _HEAD.size + _CRC_BYTES <= len(data) <= MAX_BINARY:
        fail(f"in-band record has {len(data)} bytes, which none can have")
    data = bytes(data)
    magic, version, length = _HEAD.unpack_from(data)
    if magic != _MAGIC:
        fail("in-band record does not begin with FGR")
    _check_version(version)
    end = len(data) - _CRC_BYTES
    if length != len(data) or zlib.crc32(data[:end]) != int.from_bytes(data[end:], "little"):
        fail("in-band record is damaged (length or checksum)")
    return _checked_record(_body(data[_HEAD.size : end]))


def _body(data: bytes) -> Record:
    ids_at = 3 * _FRAME_BYTES + _BODY.size
    if len(data) < ids_at:
        fail("in-band record is too short")
    index, start, end = (
        int.from_bytes(data[k * _FRAME_BYTES : (k + 1) * _FRAME_BYTES], "little") for k in range(3)
    )
    synthesis, rest = _short(data[ids_at:])
    removal, rest = _short(rest)
    codes = (*_BODY.unpack_from(data, 3 * _FRAME_BYTES), *_tail(rest))
    for number, code in zip(NUMBERS, codes, strict=True):
        _in_range(number, code)
    removal = _PREFIX + removal[1:] if removal.startswith(_SHORT) else removal
    return Record(_checked(_segment(start, end, codes)), index, synthesis or PARAMETRIC, removal)


def _tail(data: bytes) -> list[int]:
    """Numbers behind the ids; 0 for those that the record's writer did not know."""
    found = []
    for form, number in zip(_TAIL, NUMBERS[_FIXED:-CORRECTIONS], strict=True):
        if 0 < len(data) < form.size:
            fail(f"in-band record ends inside {number.name}")
        found.append(form.unpack_from(data)[0] if data else 0)
        data = data[form.size :]
    if 0 < len(data) < PACKED:
        fail("in-band record ends inside the corrections")
    return found + unpacked(data[:PACKED])


def _short(data: bytes) -> tuple[str, bytes]:
    if not data or len(data) < 1 + data[0]:
        fail("in-band record ends inside a model id")
    return data[1 : 1 + data[0]].decode("latin-1"), data[1 + data[0] :]


def _values(segment: GrainSegment) -> tuple[float, ...]:
    """A segment's numbers in the order of ``NUMBERS``."""
    s, c = segment.spectrum, segment.chroma
    for name, values, count in (("curve", segment.curve, KNOTS), ("correction", s.correction, CORRECTIONS)):
        if len(values) != count:
            fail(f"{name} needs {count} values, not {len(values)}")
    return (
        segment.level, *segment.curve, s.size, s.anisotropy, s.weight, s.spread,
        c.cb, c.cr, c.size, c.y_cb, c.y_cr, c.cb_cr, segment.skew, segment.seed, segment.confidence,
        segment.skew_slope, segment.kurtosis, segment.law, segment.kurtosis_slope, *s.correction,
    )  # fmt: skip


def _segment(start: int, end: int, codes: Iterable[int]) -> GrainSegment:
    level, *rest = (c / n.scale for n, c in zip(NUMBERS, codes, strict=True))
    a, b, c, d, e, f, g, h, *rest = rest
    size, anisotropy, weight, spread, *rest = rest
    cb, cr, chroma_size, y_cb, y_cr, cb_cr, skew, seed, confidence, *rest = rest
    skew_slope, kurtosis, law, kurtosis_slope, *rest = rest
    correction: Correction = tuple(rest)  # type: ignore[assignment]
    return GrainSegment(
        start, end, level, (a, b, c, d, e, f, g, h),
        Spectrum(size, anisotropy, weight, spread, correction),
        Chroma(cb, cr, chroma_size, y_cb, y_cr, cb_cr),
        skew, int(seed), confidence, skew_slope, kurtosis, int(law), kurtosis_slope,
    )  # fmt: skip


def _code(number: Number, value: float, clamp: bool) -> int:
    scaled = value * number.scale
    if isinstance(value, bool) or not math.isfinite(scaled):
        fail(f"{number.name} is {value}, not a number")
    code = round(scaled)
    return max(number.low, min(number.high, code)) if clamp else _in_range(number, code)


def _in_range(number: Number, code: int) -> int:
    if not number.low <= code <= number.high:
        low, high = number.low / number.scale, number.high / number.scale
        fail(f"{number.name} {code / number.scale:g} is not in {low:g}..{high:g}")
    return code


def _reach(segment: GrainSegment) -> float:
    return segment.spectrum.size * segment.spectrum.spread if segment.spectrum.weight else 0.0


def _checked(segment: GrainSegment) -> GrainSegment:
    """The segment, if its frame range and filter width make sense."""
    if not 0 <= segment.start < segment.end <= MAX_FRAME:
        fail(f"frames {segment.start} to {segment.end} are no range within 0..{MAX_FRAME}")
    if _reach(segment) > MAX_REACH:
        fail(f"size times spread is {_reach(segment):g}, more than {MAX_REACH:g}")
    return segment


def _checked_record(record: Record) -> Record:
    _check_ids(record.synthesis, record.removal)
    if not record.segment.start <= record.index < record.segment.end:
        fail(f"record of frame {record.index} lies outside its own segment")
    return record


def _checked_profile(profile: GrainProfile) -> GrainProfile:
    """The profile, if its texts, its version and the order of its segments are right."""
    _check_version(profile.version)
    _check_ids(profile.synthesis, profile.removal)
    if len(profile.fingerprint) > MAX_FINGERPRINT or not _TEXT.fullmatch(profile.fingerprint):
        fail(f"fingerprint must be at most {MAX_FINGERPRINT} printable ASCII characters")
    if len(profile.segments) > MAX_SEGMENTS:
        fail(f"has {len(profile.segments)} segments, more than {MAX_SEGMENTS}: split the clip")
    for before, after in pairwise(profile.segments):
        if after.start < before.end:
            fail(f"segment at frame {after.start} overlaps the one before it")
    return profile


def _check_ids(*ids: str) -> None:
    for text in ids:
        if len(text) > MAX_ID or not _ID.fullmatch(text) or text.startswith(_SHORT):
            fail(f"a model id must be at most {MAX_ID} letters, digits or ._+-, the first no point")


def _check_version(version: Any) -> None:
    if isinstance(version, bool) or not isinstance(version, int):
        fail("states no version: this is not a filmgrain record")
    if version != VERSION:
        fail(f"has version {version}, this program knows version {VERSION}: update filmgrain_codec")


def _brief(table: dict[str, Any]) -> dict[str, Any]:
    """Without those numbers that the first writers did not know, where they are 0."""
    return {key: value for key, value in table.items() if key not in _LEFT_OUT or value != _DEFAULT[key]}


def to_table(segment: GrainSegment) -> dict[str, Any]:
    """A quantised segment as plain values, the keys as in JSON."""
    level, *rest = (int(v) if v == int(v) else v for v in _values(segment))
    return {
        "frames": [segment.start, segment.end], "level": level, "curve": rest[:8],
        "spectrum": rest[8:12], "chroma": rest[12:18],
        "skew": rest[18], "seed": rest[19], "confidence": rest[20],
        "skew_slope": rest[21], "kurtosis": rest[22], "law": rest[23], "kurtosis_slope": rest[24],
        "correction": rest[25:],
    }  # fmt: skip


# part of the format: they stay what they are when the defaults of the dataclasses change
_DEFAULT: Final[dict[str, Any]] = {
    "curve": [1] * KNOTS,
    "spectrum": [0.8, 1, 0, 2.5],
    "chroma": [0, 0, 0.6, 0, 0, 0],
    "skew": 0,
    "seed": 0,
    "confidence": 1,
    "skew_slope": 0,
    "kurtosis": 0,
    "law": 0,
    "kurtosis_slope": 0,
    "correction": [0] * CORRECTIONS,
}
_LEFT_OUT = list(_DEFAULT)[-_LATER - 1 :]


def from_table(table: dict[str, Any]) -> GrainSegment:
    """A segment of plain values, quantised; raises ``ProfileError``."""
    start, end = (_frame(f) for f in _listed(table, "frames", 2))
    if "level" not in table:
        fail(f"segment at frame {start} has no level")
    values = [table["level"]]
    for key in ("curve", "spectrum", "chroma"):
        values += _listed({key: _DEFAULT[key], **table}, key, len(_DEFAULT[key]))
    values += [table.get(key, _DEFAULT[key]) for key in list(_DEFAULT)[3:-1]]
    values += _listed({"correction": _DEFAULT["correction"], **table}, "correction", CORRECTIONS)
    return _checked(_segment(start, end, [_json_code(n, v) for n, v in zip(NUMBERS, values, strict=True)]))


def _json_code(number: Number, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int if number.scale == 1 else int | float):
        fail(f"{number.name} is not a {'whole ' if number.scale == 1 else ''}number")
    return _code(number, value, False)


def _frame(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        fail("a frame number is not a whole number")
    return value


def _listed(table: dict[str, Any], key: str, length: int) -> list[Any]:
    values = table.get(key)
    if not isinstance(values, list) or len(values) != length:
        fail(f'a segment needs "{key}" with {length} values')
    return values


def _table(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        fail(f"{what} is not a JSON object")
    return value


def _text(table: dict[str, Any], key: str, default: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str):
        fail(f'"{key}" is not text')
    return value
