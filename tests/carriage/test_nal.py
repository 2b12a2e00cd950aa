"""NAL units by hand: what the specification says, and bytes nobody should send."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmgrain_codec.media.carriage import nal, packet
from filmgrain_codec.media.carriage.ident import RECORD_CAP, RECORD_UUID

CODECS = ("h264", "hevc")
AVCC = bytes([1, 100, 0, 30, 0xFF, 0xE0, 0])
HVCC = bytes([1]) + bytes(20) + bytes([0xFF, 0])
EXTRADATA = {"h264": AVCC, "hevc": HVCC}
ZEROS = st.binary(max_size=600) | st.text("\x00\x01\x02\x03\x04", max_size=600).map(str.encode)
RECORDS = ZEROS.filter(len)


def picture(codec: str) -> bytes:
    return b"\x65\x88\x84\x00\x10" if codec == "h264" else b"\x26\x01\xaf\x08\x42"


def before(codec: str) -> list[bytes]:
    """Access unit delimiter, parameter sets and a foreign SEI, which all stand before ours."""
    if codec == "h264":
        return [b"\x09\x10", b"\x67\x64\x00\x1e", b"\x68\xee\x3c", b"\x06\x05\x01\xaa\x80"]
    return [b"\x46\x01\x50", b"\x40\x01\x0c", b"\x42\x01\x01", b"\x44\x01\xc0", b"\x4e\x01\x05\x01\xaa\x80"]


def joined(units: list[bytes], size: int) -> bytes:
    return b"".join(nal.framed(unit, size) for unit in units)


def split(data: bytes, size: int) -> list[bytes]:
    return [data[u.start : u.end] for u in nal.units(data, size)]


def attached(codec: str, data: bytes, extradata: bytes | None, record: bytes) -> bytes:
    import av

    return bytes(packet.attach(codec, av.Packet(data), extradata, record))


@given(ZEROS)
def test_escaped_bytes_hold_no_start_code_and_come_back(payload: bytes) -> None:
    escaped = nal.escape(payload + b"\x80")
    assert not re.search(b"\x00\x00[\x00-\x02]", escaped)
    assert nal.unescape(escaped) == payload + b"\x80"


@pytest.mark.parametrize(
    ("plain", "coded"),
    [
        (b"\x00\x00\x00\x00\x00", b"\x00\x00\x03\x00\x00\x03\x00"),
        (b"\x00\x00\x03", b"\x00\x00\x03\x03"),
        (b"\x00\x00\x04", b"\x00\x00\x04"),
        (b"\x00\x00\x01\x00\x00\x02", b"\x00\x00\x03\x01\x00\x00\x03\x02"),
    ],
)
def test_emulation_prevention_as_the_specification_writes_it(plain: bytes, coded: bytes) -> None:
    assert nal.escape(plain) == coded


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4])
@given(RECORDS)
def test_a_record_comes_back_and_only_one_unit_is_new(codec: str, size: int, record: bytes) -> None:
    extradata = None
    if size:
        at = 4 if codec == "h264" else 21
        extradata = EXTRADATA[codec][:at] + bytes([0xFC | size - 1]) + EXTRADATA[codec][at + 1 :]
        record = record[:60] if size == 1 else record
    units = [*before(codec), picture(codec), picture(codec)]
    data = attached(codec, joined(units, size), extradata, record)
    found = split(data, size)
    assert packet.extract(codec, data, extradata) == record
    assert found[:-3] == before(codec)
    assert found[-2:] == [picture(codec)] * 2
    assert attached(codec, data, extradata, record) == data


@pytest.mark.parametrize("codec", CODECS)
def test_a_new_record_replaces_the_old_one(codec: str) -> None:
    data = joined([*before(codec), picture(codec)], 0)
    once = attached(codec, data, None, b"new")
    assert attached(codec, attached(codec, data, None, b"old, and longer"), None, b"new") == once


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("length", range(190, 520, 3))
def test_no_length_field_looks_like_a_start_code(codec: str, length: int) -> None:
    unit = nal.sei(codec, RECORD_UUID + b"\x55" * length)
    assert not nal.framed(unit, 4).startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01"))


def test_an_svc_prefix_unit_stays_with_its_slice() -> None:
    units = [b"\x67\x64", b"\x6e\x40\x80\x07", picture("h264")]
    assert split(attached("h264", joined(units, 4), AVCC, b"x"), 4)[-2:] == units[-2:]


def test_short_start_codes_and_trailing_zeros_stay_as_they_are() -> None:
    data = b"\x00\x00\x01\x67\x64\x00\x00\x00\x01" + picture("h264")
    out = attached("h264", data, None, b"x")
    assert out.startswith(b"\x00\x00\x01\x67\x64\x00\x00\x00\x01\x06")
    assert packet.extract("h264", out, None) == b"x"


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x00\x01", b"\x00\x00\x00\x09\x06", b"\xff" * 40])
def test_nothing_is_attached_where_there_is_no_picture(codec: str, data: bytes) -> None:
    with pytest.raises(packet.ProfileError, match="without a picture"):
        attached(codec, data, None, b"x")


@pytest.mark.parametrize("record", [b"", bytes(RECORD_CAP + 1)])
def test_records_have_a_size_limit(record: bytes) -> None:
    with pytest.raises(packet.ProfileError, match="cannot be carried"):
        attached("h264", joined([picture("h264")], 4), AVCC, record)


def test_a_record_that_overflows_short_lengths_is_refused() -> None:
    extradata = AVCC[:4] + b"\xfc" + AVCC[5:]
    with pytest.raises(packet.ProfileError, match="1-byte NAL lengths"):
        attached("h264", joined([picture("h264")], 1), extradata, bytes(400))


@given(st.sampled_from(CODECS), st.binary(max_size=400), st.none() | st.binary(max_size=40))
def test_garbage_gives_nothing(codec: str, data: bytes, extradata: bytes | None) -> None:
    assert packet.extract(codec, data, extradata) is None


@given(st.sampled_from(CODECS), st.integers(0, 80), st.integers(0, 255), st.integers(0, 80))
def test_damaged_packets_never_raise(codec: str, at: int, value: int, keep: int) -> None:
    data = bytearray(
        attached(codec, joined([*before(codec), picture(codec)], 4), EXTRADATA[codec], b"record")
    )
    data[at % len(data)] = value
    packet.extract(codec, bytes(data[: len(data) - keep]), EXTRADATA[codec])
