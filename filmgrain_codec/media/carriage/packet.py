"""One grain record in one coded packet: attach, extract.

H.264 and HEVC carry it as an SEI message (user_data_unregistered) before the first slice, AV1 as a T.35
metadata OBU before the first frame, every other codec as BlockAdditional 1 beside the packet (Matroska and
WebM write it; other containers drop it silently).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal, cast, get_args

import av
from av.packet import PacketSideData, PktSideDataT

from filmgrain_codec.errors import ProfileError
from filmgrain_codec.media.carriage import nal, obu
from filmgrain_codec.media.carriage.ident import unwrap, wrap

type Packet = av.Packet[Any]

IN_BAND = frozenset({"h264", "hevc", "av1"})
"""Codecs with a place for records in the stream itself."""
BLOCK_ADDITIONAL: Final[Literal["matroska_block_additional"]] = "matroska_block_additional"
BLOCK_ID = (1).to_bytes(8, "big")
_BLOCK_TYPE = get_args(PktSideDataT).index(BLOCK_ADDITIONAL)
_ALIASES = {
    "libdav1d": "av1",
    "libaom-av1": "av1",
    "libsvtav1": "av1",
    "librav1e": "av1",
    "libx264": "h264",
    "libx265": "hevc",
    "libvpx-vp9": "vp9",
}


def codec_name(name: str) -> str:
    """FFmpeg's codec name for the name of a codec, a decoder or an encoder ('libdav1d' is 'av1')."""
    return _ALIASES.get(name, name)


def attach(codec: str, packet: Packet, extradata: bytes | None, record: bytes) -> Packet:
    """A packet that also carries ``record``; ours in it already is replaced, everything else is kept.

    ``codec`` is FFmpeg's codec name; ``extradata`` says how H.264 and HEVC packets are delimited.
    Raises ProfileError if the packet holds no picture, or its BlockAdditional 1 is taken (VP9 alpha).
    """
    codec, payload = codec_name(codec), wrap(record)
    if codec in ("h264", "hevc"):
        data = _without_sei(codec, bytes(packet), extradata)
        return rebuilt(packet, with_sei(codec, data, extradata, payload))
    if codec == "av1":
        return rebuilt(packet, obu.before_picture(_without_metadata(bytes(packet)), obu.t35(payload)))
    taken = _block(packet)
    if taken is not None and _unblocked(taken) is None:
        raise ProfileError(
            f"The {codec} stream already uses BlockAdditional 1 (alpha?): no grain record can be added."
        )
    carrying = rebuilt(packet, bytes(packet))
    _set_side_data(carrying, _BLOCK_TYPE, BLOCK_ID + payload)
    return carrying


def extract(codec: str, data: bytes, extradata: bytes | None, block: bytes | None = None) -> bytes | None:
    """The record in a packet's bytes or in ``block``, its BlockAdditional side data; None without one."""
    codec = codec_name(codec)
    found = None
    if codec in ("h264", "hevc"):
        found = _read_sei(codec, data, nal.length_size(codec, extradata, data))
    elif codec == "av1":
        found = _read_metadata(data)
    return found if found is not None or block is None else _unblocked(block)


def extract_packet(codec: str, packet: Packet, extradata: bytes | None) -> bytes | None:
    """The record that a demuxed packet carries, or None."""
    return extract(codec, bytes(packet), extradata, _block(packet))


def with_sei(
    codec: str, data: bytes, extradata: bytes | None, payload: bytes, kind: int = nal.USER_DATA_UNREGISTERED
) -> bytes:
    """An H.264 or HEVC packet with one more SEI message, right before its picture.

    Raises ProfileError if the packet holds no picture, or its length fields are too short for the message.
    """
    size = nal.length_size(codec, extradata, data)
    for unit in nal.units(data, size):
        if nal.opens_picture(codec, data, unit):
            temporal = data[unit.start + 1] & 7 if codec == "hevc" and unit.end > unit.start + 1 else 1
            message = _checked(nal.sei(codec, payload, temporal or 1, kind), size)
            return data[: unit.begin] + nal.framed(message, size) + data[unit.begin :]
    raise ProfileError(f"A {codec} packet without a picture cannot carry a grain record.")


def _without_sei(codec: str, data: bytes, extradata: bytes | None) -> bytes:
    """A packet without records of ours before its picture."""
    kept, at = b"", 0
    for unit in nal.units(data, nal.length_size(codec, extradata, data)):
        if nal.opens_picture(codec, data, unit):
            break
        if _own_sei(codec, data, unit) is not None:
            kept, at = kept + data[at : unit.begin], unit.end
    return kept + data[at:]


def _checked(message: bytes, size: int) -> bytes:
    if size and len(message) >= 1 << 8 * size:
        raise ProfileError(f"A grain record of {len(message)} bytes does not fit {size}-byte NAL lengths.")
    return message


def _own_sei(codec: str, data: bytes, unit: nal.Unit) -> bytes | None:
    return _record(nal.messages(codec, data, unit)) if nal.is_sei(codec, data, unit) else None


def _read_sei(codec: str, data: bytes, size: int) -> bytes | None:
    return _record(nal.told(codec, data, size))


def _record(messages: Iterable[tuple[int, bytes]]) -> bytes | None:
    """The first record of ours among SEI messages."""
    found = (unwrap(payload) for kind, payload in messages if kind == nal.USER_DATA_UNREGISTERED)
    return next((record for record in found if record is not None), None)


def _without_metadata(data: bytes) -> bytes:
    """A packet without records of ours."""
    kept, at = b"", 0
    for unit in obu.obus(data):
        if unwrap(obu.read_t35(data, unit) or b"") is not None:
            kept, at = kept + data[at : unit.begin], unit.end
    return kept + data[at:]


def _read_metadata(data: bytes) -> bytes | None:
    code = len(obu.T35_CODE)
    found = (unwrap(payload[code:]) for payload in obu.told(data) if payload.startswith(obu.T35_CODE))
    return next((record for record in found if record is not None), None)


def _block(packet: Packet) -> bytes | None:
    if not packet.has_sidedata(BLOCK_ADDITIONAL):
        return None
    return bytes(packet.get_sidedata(BLOCK_ADDITIONAL))


def _unblocked(block: bytes) -> bytes | None:
    return unwrap(block[8:]) if block[:8] == BLOCK_ID else None


def rebuilt(packet: Packet, data: bytes) -> Packet:
    """A new packet with other bytes and the same times, flags, stream and side data."""
    new = av.Packet(data)
    if packet.stream is not None:
        new.stream = packet.stream
    new.time_base = packet.time_base
    new.pts, new.dts, new.duration = packet.pts, packet.dts, packet.duration
    new.is_keyframe, new.is_corrupt = packet.is_keyframe, packet.is_corrupt
    new.opaque = packet.opaque
    for side in packet.iter_sidedata():
        side.to_packet(new)
    return new


def _set_side_data(packet: Packet, kind: int, data: bytes) -> None:
    side = cast(Any, PacketSideData)(kind, len(data))
    side.update(data)
    packet.set_sidedata(side, True)
