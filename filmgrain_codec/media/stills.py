"""Numbered stills being written: PNG, TIFF, DPX or EXR, one picture per file.

PNG and TIFF are 8 or 16 bit, DPX 8, 10, 12 or 16, EXR 32-bit float (linear light where the frames'
transfer is known, see media/rgb.py). Stills hold RGB or grey: YUV frames are converted with their own
matrix and range.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av
import av.error

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import EncoderError, UsageError
from filmgrain_codec.media import color, rgb
from filmgrain_codec.media.convert import to_av
from filmgrain_codec.media.files import output_errors
from filmgrain_codec.media.probe import SourceInfo
from filmgrain_codec.media.y4m import lost

_PATTERN = re.compile(r"%0?\d*d")
_ENCODERS = {".png": "png", ".tif": "tiff", ".tiff": "tiff", ".dpx": "dpx", ".exr": "exr"}
_FIRST_NUMBER = 1


def still_format(ending: str, fmt: FrameFormat) -> str:
    """The pixel format for stills of an ending that holds ``fmt`` (gray or rgb) without loss."""
    gray, deep = fmt.family == "gray", fmt.bits > 8
    if ending == ".exr":
        return "grayf32le" if gray else "gbrpf32le"
    if ending == ".png":
        return ("gray16be" if deep else "gray") if gray else ("rgb48be" if deep else "rgb24")
    if gray:
        return "gray16le" if deep else "gray"
    if ending == ".dpx" and fmt.bits in (9, 10, 11, 12):
        return "gbrp10le" if fmt.bits <= 10 else "gbrp12le"
    return "rgb48le" if deep else "rgb24"


class StillsSink:
    """Stills in the folder ``temporary``, named as they will be at the end.

    ``path`` holds a ``%04d`` pattern, or names a single picture. Numbers start at 1.
    """

    def __init__(self, path: Path, temporary: Path, fmt: FrameFormat, source: SourceInfo | None) -> None:
        self.path, self.temporary = path, temporary
        self.dropped = lost(source, "a sequence of stills")
        self.video_bytes = self.over_range = self._count = 0
        self._ending = path.suffix.lower()
        self._rgb = rgb.rgb_format(fmt) if fmt.family == "yuv" else fmt
        self._pix_fmt = still_format(self._ending, self._rgb)
        self._encoder = _ENCODERS[self._ending]
        with output_errors(str(path)):
            temporary.mkdir(exist_ok=True)

    @property
    def bytes_written(self) -> int:
        return self.video_bytes

    def write(self, frame: Frame) -> None:
        name = self._name()
        frame = self._prepared(frame)
        data = self._encoded(frame)
        with output_errors(str(self.path)):
            (self.temporary / name).write_bytes(data)
        self.video_bytes += len(data)
        self._count += 1

    def _name(self) -> str:
        found = _PATTERN.search(self.path.name)
        if found:
            return self.path.name.replace(found[0], found[0] % (_FIRST_NUMBER + self._count))
        if self._count:
            raise UsageError(f"{self.path.name!r} names one picture; put %04d in it for several.")
        return self.path.name

    def _prepared(self, frame: Frame) -> Frame:
        if frame.fmt.family == "yuv":
            frame = rgb.to_rgb(frame)
        frame = rgb.full_range(frame)
        return rgb.to_linear(frame) if self._ending == ".exr" else frame

    def _encoded(self, frame: Frame) -> bytes:
        context = av.CodecContext.create(self._encoder, "w")
        context.width, context.height = frame.fmt.width, frame.fmt.height  # type: ignore[attr-defined]
        context.pix_fmt, context.time_base = self._pix_fmt, Fraction(1, 25)  # type: ignore[attr-defined]
        color.tag(context, frame.fmt.color)  # type: ignore[arg-type]
        picture = to_av(frame, self._pix_fmt)
        picture.pts = 0
        try:
            packets = [*context.encode(picture), *context.encode(None)]  # type: ignore[attr-defined]
        except (av.error.FFmpegError, ValueError) as e:
            raise EncoderError(f"{self._encoder} cannot write {self.path.name!r} ({e}).") from e
        return b"".join(bytes(p) for p in packets)

    def close(self) -> None:
        if not self._count:
            raise UsageError(f"There were no frames to write to {str(self.path)!r}.")

    def abort(self) -> None:
        return
