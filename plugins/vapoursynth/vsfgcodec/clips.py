"""Clips in and out of the frame graph: checks, shifted windows, float planes, parallel callbacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import vapoursynth as vs

from filmgrain_codec.core import vsframe
from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import FgcodecError, UsageError

Work = Callable[[int, list[Any]], Any]
Planes = int | Sequence[int] | None
FAMILIES = {"gray": vs.GRAY, "yuv": vs.YUV, "rgb": vs.RGB}


@dataclass(frozen=True, slots=True)
class Job:
    """A checked clip and the function that works on it. ``fmt`` has no colour: that is each frame's own."""

    name: str
    clip: Any
    fmt: FrameFormat
    real: bool

    @property
    def length(self) -> int:
        return int(self.clip.num_frames)

    @property
    def time_base(self) -> Fraction:
        fps = self.clip.fps
        return Fraction(fps.denominator, fps.numerator) if fps.numerator else Fraction(1, 25)


def job(name: str, clip: Any, what: str = "clip") -> Job:
    """Check a clip. Raises ``UsageError`` if it is none, of variable format or size, or no format of ours."""
    if not isinstance(clip, vs.VideoNode):
        raise UsageError(f"{what} must be a video clip, not {type(clip).__name__}")
    if clip.format is None or clip.format.color_family == vs.UNDEFINED:
        raise UsageError(f"{what} changes its format on the way: convert it to one format first")
    if 0 in (clip.width, clip.height):
        raise UsageError(f"{what} changes its size on the way: resize it to one size first")
    fmt = vsframe.frame_format(clip.format, clip.width, clip.height)
    return Job(name, clip, fmt, vsframe.is_real(clip.format))


def same_shape(first: Job, other: Job, what: str) -> None:
    """Raise ``UsageError`` unless two clips have the same length, size and planes."""

    def shape(j: Job) -> tuple[object, ...]:
        f = j.fmt
        return f.width, f.height, f.family, f.sub_w, f.sub_h, j.length

    if shape(first) != shape(other):
        raise UsageError(f"{what} must have the size, planes and length of the clip")


def chosen_planes(planes: Planes, count: int) -> tuple[int, ...]:
    """Plane numbers, all by default. Raises ``UsageError``."""
    if planes is None:
        return tuple(range(count))
    numbers = [planes] if isinstance(planes, int) else list(planes)
    if not numbers or any(isinstance(p, bool) or p not in range(count) for p in numbers):
        raise UsageError(f"planes must be one or more of 0 to {count - 1}, not {planes!r}")
    return tuple(sorted(set(numbers)))


def parallel(name: str, out: Any, clips: Sequence[Any], work: Work) -> Any:
    """``work(n, frames)`` for every frame, on all of VapourSynth's threads at once.

    A ModifyFrame calls back one frame at a time, so every frame gets one of its own.
    """

    def reporting(n: int, f: Any) -> Any:
        try:
            return work(n, f if isinstance(f, list) else [f])
        except FgcodecError as error:
            # without its cause: VapourSynth puts the traceback into the message, and some filters cut that
            raise vs.Error(f"{name}: {error}") from None

    given = list(clips)
    return out.std.FrameEval(lambda n: out.std.ModifyFrame(given, reporting), clip_src=[out, *given])


def shifted(clip: Any, by: int) -> Any:
    """The clip whose frame n is frame n + ``by``; the first and last frame are repeated."""
    if by == 0:
        return clip
    length = clip.num_frames
    if by < 0:
        return clip.std.DuplicateFrames([0] * min(-by, length))[:length] if -by < length else clip[0] * length
    return clip.std.DuplicateFrames([length - 1] * by)[by:]


def blank(clip: Any, fmt: FrameFormat, real: bool) -> Any:
    """A clip of as many frames to write into, in the format of ``fmt``."""
    kind, bits = (vs.FLOAT, 32) if real else (vs.INTEGER, fmt.bits)
    form = vs.core.query_video_format(FAMILIES[fmt.family], kind, bits, fmt.sub_w, fmt.sub_h)
    return clip.std.BlankClip(width=fmt.width, height=fmt.height, format=form.id, keep=True)


def empty(form: Any) -> Any:
    """A frame like those of a clip, or another: samples are whatever was in memory, and no properties."""
    return vs.core.create_video_frame(form.format, form.width, form.height)


def like(frame: Any) -> Any:
    """As ``empty``, with a frame's properties: a copy of it would copy samples that are written over."""
    made = empty(frame)
    made.props.update(frame.props)
    return made


def views(frame: Any) -> list[Any]:
    return [frame[p] for p in range(frame.format.num_planes)]


def colored(fmt: FrameFormat, props: Mapping[str, Any]) -> FrameFormat:
    """The format with the colour that a frame's properties describe."""
    return replace(fmt, color=vsframe.color_of(props))


def opened(job: Job) -> Any:
    """The clip's planes as the graph sees them, in a float clip, with all properties."""
    form = blank(job.clip, job.fmt, True)

    def work(n: int, f: list[Any]) -> Any:
        progressive(n, f[0].props)
        out = empty(form)
        planes = vsframe.read(views(f[0]), colored(job.fmt, f[0].props), job.real)
        for view, plane in zip(views(out), planes, strict=True):
            fill(view, plane)
        return out

    return parallel(job.name, form, [job.clip], work).std.CopyFrameProps(job.clip)


def closed(job: Job, made: Any, fmt: FrameFormat) -> Any:
    """The graph's float planes in the clip's own format, rounded if it is one of integers."""
    real = job.real and fmt == job.fmt
    form = blank(job.clip, fmt, real)

    def work(n: int, f: list[Any]) -> Any:
        out = empty(form)
        origin = views(f[1]) if real else None
        vsframe.write(planes_of(f[0]), views(out), colored(fmt, f[0].props), origin)
        return out

    return parallel(job.name, form, [made, job.clip], work).std.CopyFrameProps(made)


def planes_of(frame: Any) -> tuple[Any, ...]:
    """Planes of a float frame, contiguous, as the graph's own are: sums then add up in the same order."""
    return tuple(np.ascontiguousarray(view) for view in views(frame))


def fill(view: Any, plane: Any) -> None:
    np.copyto(np.asarray(view), plane)


def frame_of(job: Job, fmt: FrameFormat, n: int, frame: Any) -> Frame:
    """A float frame of ``opened`` as the graph's Frame number ``n``."""
    return Frame(planes_of(frame), colored(fmt, frame.props), n, n, job.time_base, 1)


def progressive(n: int, props: Mapping[str, Any]) -> None:
    """Raise ``UsageError`` for a frame of two fields."""
    if int(props.get("_FieldBased", 0)) > 0:
        raise UsageError(
            f"frame {n} is interlaced (_FieldBased={int(props['_FieldBased'])}): deinterlace first, or set "
            f"_FieldBased=0 if that is wrong"
        )
