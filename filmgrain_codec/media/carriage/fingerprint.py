"""What ties container tags to the stream they were written for.

A transcode keeps tags and changes the pictures; without a check its decoder would add grain that the pictures
may hold already. The fingerprint covers the codec, the size, the number of frames and a hash of the coded
picture data of the first keyframe. It leaves out everything that a stream copy may change: our own records,
parameter sets, delimiters, start codes or length fields, AV1 size fields, timestamps.
"""

from __future__ import annotations

import hashlib

from filmgrain_codec.media.carriage import nal, obu
from filmgrain_codec.media.carriage.packet import codec_name

_VERSION = "1"


def fingerprint(
    codec: str, packet_bytes: bytes, extradata: bytes | None, width: int, height: int, frames: int | None
) -> str:
    """'1/codec/WIDTHxHEIGHT/frames/hash' for a stream whose first keyframe is ``packet_bytes``.

    ``frames`` is the number of coded frames (packets), or None where it is not known yet; the hash is the
    first 32 hex digits of SHA-256.
    """
    codec = codec_name(codec)
    digest = hashlib.sha256()
    for piece in _picture(codec, packet_bytes, extradata):
        digest.update(piece)
    count = "-" if frames is None else str(frames)
    return f"{_VERSION}/{codec}/{width}x{height}/{count}/{digest.hexdigest()[:32]}"


def difference(recorded: str, actual: str) -> str:
    """Why ``recorded`` cannot belong to the stream ``actual`` was made from; '' if it can.

    Fewer frames than recorded are no difference: a file cut at its end still counts from its first frame.
    """
    then, now = recorded.split("/"), actual.split("/")
    if not recorded:
        return "the tag holds no fingerprint"
    if len(then) != 5 or then[0] != _VERSION:
        return "the tag's fingerprint has an unknown form"
    for k, what in ((1, "codec"), (2, "picture size")):
        if then[k] != now[k]:
            return f"the {what} is {now[k]} and was {then[k]}"
    if then[4] != now[4]:
        return "the first keyframe is not the recorded one"
    if then[3].isdecimal() and now[3].isdecimal() and int(now[3]) > int(then[3]):
        return f"the stream holds {now[3]} frames and had {then[3]}"
    return ""


def _picture(codec: str, data: bytes, extradata: bytes | None) -> list[bytes]:
    if codec in ("h264", "hevc"):
        size = nal.length_size(codec, extradata, data)
        found = (u for u in nal.units(data, size) if nal.is_picture(codec, data, u))
        return [data[u.start : u.end].rstrip(b"\x00") for u in found]
    if codec == "av1":
        return [data[u.start : u.end] for u in obu.obus(data) if u.kind in obu.PICTURE]
    return [data]
