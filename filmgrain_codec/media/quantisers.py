"""How coarsely a decoded picture was quantised, as far as its decoder tells."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.video.frame import PictureType
from av.video.stream import VideoStream

from filmgrain_codec.core import quantiser
from filmgrain_codec.media.decode import Tally


def exported_qp(picture: av.VideoFrame) -> float | None:
    """The mean QP that the decoder exported of a picture's blocks (H.264, MPEG-2), else None.

    The decoder must have been opened with ``export_side_data=venc_params``.
    """
    data = picture.side_data.get("VIDEO_ENC_PARAMS")
    if data is None or not data.nb_blocks:
        return None
    mean = float(np.mean(data.qp_map()))
    if data.codec_type.name == "H264":
        return mean - 6 * (picture.format.components[0].bits - 8)
    return quantiser.of_step(mean)


def jpeg_qp(packet: bytes) -> float | None:
    """QP of a JPEG by its first quantiser table (ITU-T T.81, B.2.4.1), None if it has none of 8 bit."""
    at = packet.find(b"\xff\xdb")
    table = packet[at + 5 : at + 69]
    if at < 0 or len(table) < 64 or packet[at + 4] >> 4:
        return None
    return quantiser.of_jpeg_table(table)


def quantiser_of(picture: av.VideoFrame, stream: VideoStream, tally: Tally) -> dict[str, Any]:
    """Properties of a frame: 'FGCodec', and where it is told (JPEG's by the first picture's table) 'FGQP';
    there 'FGKeyQP' too: of the last picture, this one among them, that was coded without others, and
    'FGSliceQP', 1 where both are what HEVC's slices say.
    """
    props: dict[str, Any] = {"FGCodec": quantiser.family(stream.codec_context.codec.canonical_name)}
    qp = exported_qp(picture)
    if qp is None and props["FGCodec"] == "jpeg" and tally.first_packet:
        qp = jpeg_qp(tally.first_packet)
    if qp is None and tally.headers is not None:
        qp = tally.headers.qp(picture.pts)
        if qp is not None and props["FGCodec"] == "x265":
            props["FGSliceQP"] = 1
    if qp is not None and alone(picture):
        tally.key_qp = qp
    keyed = {} if tally.key_qp is None else {"FGKeyQP": tally.key_qp}
    return props if qp is None else {**props, "FGQP": qp, **keyed}


def alone(picture: av.VideoFrame) -> bool:
    """Whether a picture was coded without others."""
    return bool(picture.key_frame) or picture.pict_type == PictureType.I
