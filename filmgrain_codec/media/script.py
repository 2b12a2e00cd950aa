"""VapourSynth scripts as sources: evaluated in this process, pictures and properties from one loop.

A script is a program: it may do whatever the user may. Its output 0 is the video. VapourSynth decides
how many threads it uses (``core.num_threads`` in the script).
"""

from __future__ import annotations

import runpy
import traceback
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from filmgrain_codec.core import vsframe
from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import FgcodecError, InputError, UsageError
from filmgrain_codec.grain import properties
from filmgrain_codec.media.convert import planar_format
from filmgrain_codec.media.probe import SourceInfo, StreamInfo, VideoInfo
from filmgrain_codec.media.rgb import to_yuv, yuv_format

ENDING = ".vpy"
_NAME = "__vapoursynth__"


def is_script(path: Path) -> bool:
    """Whether a path names a VapourSynth script."""
    return path.suffix.lower() == ENDING


class Script:
    """The clip that a script makes. ``info`` describes it; ``frames`` gives its pictures, as often as asked.

    Frames have those of ``grain.properties`` as ``props``. Raises ``InputError`` in one sentence if
    VapourSynth is not installed, the script fails, or its clip cannot be used; frames of it that fail
    raise it too.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._clip = _evaluated(path)
        self._real = vsframe.is_real(self._clip.format)
        with _failures(path), self._clip.get_frame(0) as frame:
            props = dict(frame.props)
            _progressive(0, props)
            self.info = _described(path, self._clip, props, self._real)

    def frames(self, start: int = 0, yuv: bool = False) -> Generator[Frame, None, None]:
        """Frames from ``start`` on, indices from 0. ``yuv``: RGB as Y'CbCr 4:4:4 (media/rgb.py)."""
        times = self._times()
        with _failures(self.path), closing(self._clip.frames(close=True)) as pictures:
            for n, picture in enumerate(pictures):
                pts, duration = times.of(n, picture.props)
                if n >= start:
                    frame = self._frame(n, picture, pts, duration)
                    yield to_yuv(frame, yuv_format(frame.fmt)) if yuv and frame.fmt.family == "rgb" else frame

    def _times(self) -> _Times:
        video = self.info.video
        return _Times(video.time_base, constant=video.rate is not None)

    def _frame(self, n: int, picture: Any, pts: int, duration: int) -> Frame:
        props = picture.props
        _progressive(n, props)
        fmt = _format(self._clip, props)
        planes = vsframe.read([picture[k] for k in range(fmt.planes)], fmt, self._real)
        kept = {name: _plain(props[name]) for name in properties.NAMES if name in props}
        return Frame(planes, fmt, n, pts, self.info.video.time_base, duration, kept)


class _Times:
    """Presentation times: frame numbers at a constant rate, summed durations at a variable one."""

    def __init__(self, base: Fraction, constant: bool) -> None:
        self._base, self._constant, self._next = base, constant, Fraction(0)

    def of(self, n: int, props: Mapping[str, Any]) -> tuple[int, int]:
        if self._constant:
            return n, 1
        here, length = self._next, _duration(n, props)
        self._next += length
        first, last = (round(t / self._base) for t in (here, self._next))
        return first, last - first


def _evaluated(path: Path) -> Any:
    try:
        import vapoursynth as vs
    except ImportError as error:
        raise InputError(
            f"{path.name} needs VapourSynth, which cannot be loaded ({error}): "
            f"pip install 'filmgrain-codec[vs]'"
        ) from error
    vs.clear_outputs()
    try:
        with _failures(path):
            runpy.run_path(str(path), run_name=_NAME)
        if 0 not in vs.get_outputs():
            raise InputError(f"{path.name} sets no output 0: end it with clip.set_output()")
        return _usable(path, vs.get_output(0), vs)
    finally:
        vs.clear_outputs()


def _usable(path: Path, output: Any, vs: Any) -> Any:
    clip = getattr(output, "clip", None)
    if clip is None:
        raise InputError(f"output 0 of {path.name} is sound: set the video there")
    if clip.format is None or clip.format.color_family == vs.UNDEFINED or 0 in (clip.width, clip.height):
        raise InputError(f"the clip of {path.name} changes its format or size on the way: convert it to one")
    try:
        vsframe.frame_format(clip.format, clip.width, clip.height)
    except UsageError as error:
        raise InputError(f"{path.name}: {error}") from None
    return clip


def _described(path: Path, clip: Any, props: Mapping[str, Any], real: bool) -> SourceInfo:
    fmt, fps = _format(clip, props), clip.fps
    rate = Fraction(fps.numerator, fps.denominator) if fps.numerator else None
    # of a variable rate: what the first frame is timed in, and finer
    base = 1 / rate if rate else Fraction(1, _duration(0, props).denominator * 1000)
    sar = props.get("_SARNum", 1), props.get("_SARDen", 1)
    video = VideoInfo(
        fmt=fmt,
        codec="rawvideo",
        pix_fmt=planar_format(fmt.family, fmt.sub_w, fmt.sub_h, fmt.bits),
        index=0,
        time_base=base,
        rate=rate,
        sar=Fraction(*sar) if all(sar) else Fraction(1),
        frames=clip.num_frames,
        duration=clip.num_frames / rate if rate else None,
    )
    stream = StreamInfo(0, "video", video.codec, None, None, ())
    return SourceInfo(str(path), "vapoursynth", video, (stream,), (), {})


def _format(clip: Any, props: Mapping[str, Any]) -> FrameFormat:
    return vsframe.frame_format(clip.format, clip.width, clip.height, vsframe.color_of(props))


def _progressive(n: int, props: Mapping[str, Any]) -> None:
    field = int(props.get("_FieldBased", 0))
    if field > 0:
        raise InputError(
            f"frame {n} is interlaced (_FieldBased={field}): deinterlace in the script, or set _FieldBased=0 "
            f"if that is wrong"
        )


def _duration(n: int, props: Mapping[str, Any]) -> Fraction:
    number, parts = props.get("_DurationNum", 0), props.get("_DurationDen", 0)
    if number <= 0 or parts <= 0:
        raise InputError(
            f"the rate of the clip varies, and frame {n} has no duration (_DurationNum, _DurationDen): set "
            f"them, or a rate with std.AssumeFPS"
        )
    return Fraction(number, parts)


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | str) else list(value)


@contextmanager
def _failures(path: Path) -> Iterator[None]:
    """Whatever a script raises, as one sentence that names it."""
    try:
        yield
    except FgcodecError as error:
        raise type(error)(f"{path.name}: {error}") from error
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        raise InputError(
            f"{path.name}: the script failed{_place(path, error)}: {_last_line(error)}"
        ) from error


def _place(path: Path, error: BaseException) -> str:
    """The line of the script that raised, if one did."""
    steps = traceback.extract_tb(error.__traceback__)
    lines = [step.lineno for step in steps if step.filename == str(path)]
    return f" in line {lines[-1]}" if lines else ""


def _last_line(error: BaseException) -> str:
    """What went wrong, without the traceback that VapourSynth puts into its messages."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = (lines or [""])[-1].removeprefix("vapoursynth.Error: ")
    name = type(error).__name__
    return said if name == "Error" and said else f"{name}: {said}" if said else name
