"""HDR10+ in coded packets: what a source says of each picture's brightness, taken along as it is.

Source: SMPTE ST 2094-40 in ITU-T T.35 form (CTA-861-H, annex S). HEVC carries it as an SEI message before the
picture, AV1 as a metadata OBU ("HDR10+ AV1 Metadata Handling Specification", AOMedia). The bytes are not
looked into: pictures keep their numbers, so what is said of them stays true.
"""

from __future__ import annotations

from collections.abc import Callable

from av.video.stream import VideoStream

from filmgrain_codec.media.carriage import nal, obu
from filmgrain_codec.media.carriage.packet import Packet, codec_name, rebuilt, with_sei

HDR10PLUS = "hdr10plus"
"""Of a frame: the T.35 payload that its source says of it."""
CODECS = frozenset({"hevc", "av1"})
T35 = bytes([0xB5, 0x00, 0x3C, 0x00, 0x01, 0x04])
"""Country, provider, code and application of ST 2094-40."""


def read(codec: str, data: bytes, extradata: bytes | None) -> bytes | None:
    """The T.35 payload of the picture in a packet; None without one. Input is untrusted."""
    codec, said = codec_name(codec), list[bytes]()
    if codec == "hevc":
        messages = nal.told(codec, data, nal.length_size(codec, extradata, data))
        said = [payload for kind, payload in messages if kind == nal.T35]
    elif codec == "av1":
        said = list(obu.told(data))
    return next((payload for payload in said if payload.startswith(T35)), None)


def reading(stream: VideoStream) -> Callable[[Packet], bytes | None] | None:
    """``read`` for the packets of a stream; None where its codec has no place for HDR10+."""
    codec = stream.codec_context.codec.canonical_name
    if codec not in CODECS:
        return None
    return lambda packet: read(codec, bytes(packet), stream.codec_context.extradata)


def added(codec: str, packet: Packet, extradata: bytes | None, payload: bytes) -> Packet:
    """A packet that also says ``payload`` of its picture. Raises ``ProfileError`` if it holds none."""
    data = bytes(packet)
    if codec_name(codec) == "hevc":
        return rebuilt(packet, with_sei("hevc", data, extradata, payload, nal.T35))
    return rebuilt(packet, obu.before_picture(data, obu.metadata(payload)))
