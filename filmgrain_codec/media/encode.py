"""One video encoder: frames in, packets out, each packet knowing its frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import cast

import av
import av.error
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import EncoderError
from filmgrain_codec.media import color, opening
from filmgrain_codec.media.convert import to_av
from filmgrain_codec.media.encoders import EncoderSpec
from filmgrain_codec.media.order import mend
from filmgrain_codec.media.probe import USUAL_RATE
from filmgrain_codec.media.rgb import limited_range
from filmgrain_codec.nodes.convert import Depth


class VideoEncoder:
    """An opened encoder. ``encode`` takes frames in order and yields (packet, frame index).

    Raises ``EncoderError`` if the encoder refuses its settings or a picture.
    """

    def __init__(
        self,
        spec: EncoderSpec,
        fmt: FrameFormat,
        time_base: Fraction,
        rate: Fraction | None,
        sar: Fraction = Fraction(1),
        *,
        global_header: bool = True,
    ) -> None:
        self.spec, self.fmt = spec, _told(spec, fmt)
        self._depth = Depth(spec.bits)
        self._indices: dict[int | None, int] = {}
        self.context = cast(VideoCodecContext, av.CodecContext.create(spec.name, "w"))
        self._describe(time_base, rate or USUAL_RATE, sar, global_header)
        try:
            with opening.quietly():
                self.context.open()
        except (av.error.FFmpegError, ValueError) as e:
            raise EncoderError(_refusal(spec, fmt, e)) from e

    def _describe(self, time_base: Fraction, rate: Fraction, sar: Fraction, global_header: bool) -> None:
        self._begun, self._time_base = False, time_base
        context, spec = self.context, self.spec
        context.width, context.height, context.pix_fmt = spec.width, spec.height, spec.pix_fmt
        context.time_base, context.framerate, context.sample_aspect_ratio = time_base, rate, sar
        color.tag(context, self.fmt.color)
        context.field_order = 1  # progressive
        context.thread_count = spec.threads
        context.options = dict(spec.options)
        if global_header:
            context.flags |= int(Flags.global_header)

    @property
    def extradata(self) -> bytes | None:
        """The stream's out-of-band header."""
        data = self.context.extradata
        return bytes(data) if data else None

    def encode(self, frame: Frame) -> Iterator[tuple[av.Packet, int]]:
        """Encode one frame; a keyframe is forced where its props hold 'force_keyframe'."""
        frame = limited_range(frame) if self.fmt.color.range == 1 else frame
        picture = to_av(
            self._depth.process((frame,), 0),
            self.spec.frame_pix_fmt,
            size=(self.spec.width, self.spec.height),
            carrier=frame.props.get("carrier"),
        )
        picture.pict_type = PictureType.I if frame.props.get("force_keyframe") else PictureType.NONE
        self._indices[frame.pts] = frame.index
        yield from self._run(picture, f"at frame {frame.index}")

    def flush(self) -> Iterator[tuple[av.Packet, int]]:
        """The packets still held back."""
        yield from self._run(None, "at the end")

    def _run(self, picture: av.VideoFrame | None, where: str) -> Iterator[tuple[av.Packet, int]]:
        try:
            packets = self.context.encode(picture)
        except av.error.EOFError:
            return
        except (av.error.FFmpegError, ValueError) as e:
            raise EncoderError(f"{self.spec.name} failed {where} ({getattr(e, 'strerror', e)}).") from e
        if picture is None and not self._begun:  # the whole clip comes at once
            mend(packets, self._time_base)
        self._begun = self._begun or bool(packets)
        for packet in packets:
            index = self._indices.pop(packet.pts, None)
            if index is None:
                raise EncoderError(f"{self.spec.name} changed a timestamp {where}; choose another encoder.")
            yield packet, index


def _told(spec: EncoderSpec, fmt: FrameFormat) -> FrameFormat:
    """The format as the stream will say it: ProRes is limited range by definition."""
    if spec.codec == "prores" and fmt.color.range == 2:
        return replace(fmt, color=replace(fmt.color, range=1))
    return fmt


def _refusal(spec: EncoderSpec, fmt: FrameFormat, error: Exception) -> str:
    settings = " ".join(f"{k}={v}" for k, v in spec.options.items())
    return (
        f"{spec.name} refused {spec.width}x{spec.height} {spec.pix_fmt} with {settings or 'no options'} "
        f"({getattr(error, 'strerror', None) or error}); change the setting or the codec."
    )
