"""AV1 OBUs by hand: with and without size fields, and bytes nobody should send."""

from __future__ import annotations

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmgrain_codec.errors import ProfileError
from filmgrain_codec.media.carriage import obu, packet

DELIMITER = b"\x12\x00"
SEQUENCE = b"\x0a\x03\x01\x02\x03"
HDR = b"\x2a\x06\x01\x00\x10\x00\x20\x80"
FRAME = b"\x32\x04abcd"
FRAME_TO_THE_END = b"\x30abcd"
FRAME_WITH_EXTENSION = b"\x36\x08\x04abcd"


def attached(data: bytes, record: bytes) -> bytes:
    return bytes(packet.attach("av1", av.Packet(data), None, record))


@given(st.integers(0, 2**32 - 1))
def test_leb128_comes_back(value: int) -> None:
    coded = obu.leb128(value)
    assert obu.read_leb128(b"\xff" + coded, 1) == (value, 1 + len(coded))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80" * 9])
def test_leb128_that_does_not_end(data: bytes) -> None:
    assert obu.read_leb128(data, 0) is None


@pytest.mark.parametrize("frame", [FRAME, FRAME_TO_THE_END, FRAME_WITH_EXTENSION])
@given(st.binary(min_size=1, max_size=400))
def test_a_record_stands_between_headers_and_the_first_frame(frame: bytes, record: bytes) -> None:
    head = DELIMITER + SEQUENCE + HDR
    out = attached(head + FRAME + frame, record)
    assert out.startswith(head)
    assert out.endswith(FRAME + frame)
    assert packet.extract("av1", out, None) == record
    assert attached(out, record) == out


def test_a_new_record_replaces_the_old_one() -> None:
    data = DELIMITER + SEQUENCE + FRAME
    assert attached(attached(data, b"old, and longer"), b"new") == attached(data, b"new")


@pytest.mark.parametrize("data", [b"", DELIMITER, SEQUENCE + HDR, b"\x32\x7fabc", b"\x92\x00"])
def test_nothing_is_attached_where_there_is_no_picture(data: bytes) -> None:
    with pytest.raises(ProfileError, match="without a picture"):
        attached(data, b"x")


@given(st.binary(max_size=400))
def test_garbage_gives_nothing(data: bytes) -> None:
    assert packet.extract("av1", data, None) is None


@given(st.integers(0, 80), st.integers(0, 255), st.integers(0, 80))
def test_damaged_packets_never_raise(at: int, value: int, keep: int) -> None:
    data = bytearray(attached(DELIMITER + SEQUENCE + FRAME, b"record"))
    data[at % len(data)] = value
    packet.extract("av1", bytes(data[: len(data) - keep]), None)
