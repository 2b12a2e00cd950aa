"""Packets as PyAV hands them out: what attach keeps."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, cast

import av
import pytest
from av.packet import PacketSideData

from filmgrain_codec.errors import ProfileError
from filmgrain_codec.media import carriage
from tests.carriage.conftest import Film
from tests.carriage.material import CODECS, IN_BAND

MASTERING = 20


def keyframe(path: object) -> tuple[av.Packet, bytes | None, av.container.InputContainer]:
    container = av.open(str(path))
    video = container.streams.video[0]
    packet = [p for p in container.demux(video) if p.is_keyframe][1]
    return packet, video.codec_context.extradata, container


def side_data(kind: int, data: bytes) -> PacketSideData:
    made: PacketSideData = cast(Any, PacketSideData)(kind, len(data))
    made.update(data)
    return made


@pytest.mark.parametrize("codec", CODECS)
def test_everything_but_the_record_is_kept(codec: str, film: Film) -> None:
    packet, extradata, container = keyframe(film(codec, in_band=False))
    packet.set_sidedata(side_data(MASTERING, b"m" * 88))
    packet.opaque = "mine"
    with container:
        out = carriage.attach(codec, packet, extradata, b"\x00\x00\x01 a record \x00\x00\x00")
        assert carriage.extract_packet(codec, out, extradata) == b"\x00\x00\x01 a record \x00\x00\x00"
        assert carriage.extract_packet(codec, packet, extradata) is None
        for name in ("pts", "dts", "duration", "time_base", "is_keyframe", "is_corrupt", "stream", "opaque"):
            assert getattr(out, name) == getattr(packet, name), name
        assert bytes(out.get_sidedata("mastering_display_metadata")) == b"m" * 88
        assert (bytes(out) == bytes(packet)) == (codec not in IN_BAND)


def test_a_packet_without_a_stream_can_carry_too() -> None:
    packet = av.Packet(b"anything")
    packet.pts, packet.time_base = 3, Fraction(1, 24)
    out = carriage.attach("ffv1", packet, None, b"record")
    assert (out.pts, bytes(out), carriage.extract_packet("ffv1", out, None)) == (3, b"anything", b"record")


def test_alpha_in_block_additional_is_not_overwritten() -> None:
    packet = av.Packet(b"vp9")
    packet.set_sidedata(side_data(15, (1).to_bytes(8, "big") + b"alpha picture"))
    assert carriage.extract_packet("vp9", packet, None) is None
    with pytest.raises(ProfileError, match="BlockAdditional 1"):
        carriage.attach("vp9", packet, None, b"record")


def test_a_record_in_block_additional_is_replaced() -> None:
    once = carriage.attach("vp9", av.Packet(b"vp9"), None, b"old")
    assert carriage.extract_packet("vp9", carriage.attach("vp9", once, None, b"new"), None) == b"new"


@pytest.mark.parametrize(
    ("name", "codec"), [("libx264", "h264"), ("libdav1d", "av1"), ("libsvtav1", "av1"), ("vp9", "vp9")]
)
def test_encoder_and_decoder_names_are_understood(name: str, codec: str) -> None:
    assert carriage.codec_name(name) == codec
