"""How coarsely a decoded picture was quantised, as far as its decoder tells."""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.video.stream import VideoStream

from filmgrain_codec.core import quantiser


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


def quantiser_of(picture: av.VideoFrame, stream: VideoStream) -> dict[str, Any]:
    """Properties of a frame: 'FGCodec', and 'FGQP' where it is told."""
    props: dict[str, Any] = {"FGCodec": quantiser.family(stream.codec_context.name)}
    qp = exported_qp(picture)
    return props if qp is None else {**props, "FGQP": qp}
