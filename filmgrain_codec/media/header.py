"""A minimal Matroska header in memory, as the description of an output stream.

PyAV cannot attach mastering display, content light or cropping to an output stream, but it can copy
a stream's whole description from an input. So the description is written as a Matroska track
(RFC 9559), read back by FFmpeg, and taken as the template: the muxer of the real output, whichever
it is, then writes its own form of it (Colour, mdcv and clli, PixelCrop and clap).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import av
from av.video.stream import VideoStream

from filmgrain_codec.core.frame import ColorInfo, ContentLight, MasteringDisplay

Crop = tuple[int, int, int, int]

_CODEC_IDS = {
    "h264": "V_MPEG4/ISO/AVC",
    "hevc": "V_MPEGH/ISO/HEVC",
    "av1": "V_AV1",
    "ffv1": "V_FFV1",
    "prores": "V_PRORES",
}


def element(identity: int, payload: bytes) -> bytes:
    """One EBML element with an eight-byte length."""
    name = identity.to_bytes((identity.bit_length() + 7) // 8, "big")
    return name + (len(payload) | 1 << 56).to_bytes(8, "big") + payload


def _uint(identity: int, value: int) -> bytes:
    return element(identity, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _float(identity: int, value: float) -> bytes:
    return element(identity, struct.pack(">d", value))


def _text(identity: int, value: str) -> bytes:
    return element(identity, value.encode())


def _mastering(m: MasteringDisplay) -> bytes:
    values = (*m.red, *m.green, *m.blue, *m.white, m.max_luminance, m.min_luminance)
    return element(0x55D0, b"".join(_float(0x55D1 + i, float(v)) for i, v in enumerate(values)))


def _light(light: ContentLight) -> bytes:
    return _uint(0x55BC, light.max_cll) + _uint(0x55BD, light.max_fall)


def _video(size: tuple[int, int], crop: Crop, color: ColorInfo) -> bytes:
    out = _uint(0xB0, size[0]) + _uint(0xBA, size[1])
    cropping = zip((0x54BB, 0x54AA, 0x54CC, 0x54DD), crop, strict=True)
    out += b"".join(_uint(identity, amount) for identity, amount in cropping if amount)
    static = (_light(color.content_light) if color.content_light else b"") + (
        _mastering(color.mastering) if color.mastering else b""
    )
    return element(0xE0, out + (element(0x55B0, static) if static else b""))


def matroska(codec: str, size: tuple[int, int], crop: Crop, color: ColorInfo) -> bytes:
    """The bytes of a Matroska file with one empty video track.

    ``size`` is that of the coded picture, ``crop`` is what players hide: top, bottom, left, right.
    """
    head = _uint(0x4286, 1) + _uint(0x42F7, 1) + _uint(0x42F2, 4) + _uint(0x42F3, 8)
    head += _text(0x4282, "matroska") + _uint(0x4287, 4) + _uint(0x4285, 2)
    info = _uint(0x2AD7B1, 1_000_000) + _text(0x4D80, "-") + _text(0x5741, "-")
    track = _uint(0xD7, 1) + _uint(0x73C5, 1) + _uint(0x83, 1) + _text(0x86, _CODEC_IDS[codec])
    track += _video(size, crop, color)
    cluster = element(0x1F43B675, _uint(0xE7, 0))
    body = element(0x1549A966, info) + element(0x1654AE6B, element(0xAE, track)) + cluster
    return element(0x1A45DFA3, head) + element(0x18538067, body)


@contextmanager
def template(codec: str, size: tuple[int, int], crop: Crop, color: ColorInfo) -> Iterator[VideoStream]:
    """The described stream, to be passed to ``add_stream_from_template(..., opaque=True)``."""
    with av.open(io.BytesIO(matroska(codec, size, crop, color)), format="matroska") as container:
        yield container.streams.video[0]
