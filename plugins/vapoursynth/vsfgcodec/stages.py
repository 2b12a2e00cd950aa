"""One node of the frame graph as a VapourSynth filter: its windows, its properties, its threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import vapoursynth as vs

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.node import Node, Noting
from filmgrain_codec.core.window import Shots
from filmgrain_codec.errors import FgcodecError, UsageError
from vsfgcodec.clips import (
    Job,
    Planes,
    blank,
    chosen_planes,
    closed,
    fill,
    frame_of,
    like,
    opened,
    parallel,
    shifted,
    views,
)
from vsfgcodec.cuts import FLAG, Cuts, marked

Choice = tuple[Node, dict[str, Any]]
"""The node for a frame, and properties that the node (not the script) finds on it."""
Choose = Callable[[int, Any, Mapping[str, Any]], Choice]
"""Of frame n: its number, the frame of ``Stage.levels`` (the clip's own if that is None), its properties."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Which node makes frame n, given frame n of ``levels``.

    All nodes that ``choose`` returns have ``radius`` and give ``fmt``. ``reach``: frames on each side
    that are really looked at. ``notes``: properties that are read of the whole window, and taken off.
    """

    choose: Choose
    radius: int
    fmt: FrameFormat
    reach: int
    levels: Any = None
    notes: tuple[str, ...] = ()


def stage(node: Node, fmt: FrameFormat) -> Stage:
    """A stage of one node for every frame. Raises ``UsageError`` if it cannot work on ``fmt``."""
    made = node.configure(fmt)
    if isinstance(node, Noting):
        return Stage(lambda n, told, props: (node, {}), node.radius, made, node.reach, notes=node.notes)
    reads = getattr(node, "reads", ())
    return Stage(
        lambda n, told, props: (node, {k: props[k] for k in reads if k in props}),
        node.radius,
        made,
        node.radius,
    )


@dataclass(frozen=True, slots=True)
class Manner:
    """How stages run: which planes are written, where shots begin, how many frames at a time."""

    planes: Planes = None
    cuts: Cuts = "auto"
    num_streams: int | None = None
    props: Mapping[str, Any] = field(default_factory=dict)

    def gate(self) -> AbstractContextManager[Any]:
        if self.num_streams is None:
            return nullcontext()
        if (
            isinstance(self.num_streams, bool)
            or not isinstance(self.num_streams, int)
            or self.num_streams < 1
        ):
            raise UsageError(f"num_streams must be at least 1, not {self.num_streams!r}")
        return threading.BoundedSemaphore(self.num_streams)


def run(job: Job, stages: Sequence[Stage], manner: Manner) -> Any:
    """The clip through some stages; planes not chosen stay as they are, and so do all properties."""
    planes, gate = chosen_planes(manner.planes, job.fmt.planes), manner.gate()
    fmt = stages[-1].fmt
    if len(planes) < job.fmt.planes and fmt != job.fmt:
        raise UsageError("planes cannot be chosen where the filter changes the format")
    made = opened(job)
    windowed = any(s.radius for s in stages)
    if windowed:
        made = marked(job, made, manner.cuts)
    before = job.fmt
    for each in stages:
        made = _through(job, made, each, before, gate)
        before = each.fmt
    out = closed(job, made, fmt)
    if len(planes) < job.fmt.planes:
        out = _merged(job.clip, out, planes)
    return out.std.RemoveFrameProps([FLAG]) if windowed else out


def _through(job: Job, clip: Any, each: Stage, fmt: FrameFormat, gate: AbstractContextManager[Any]) -> Any:
    """One stage. The frames given are those of the window, the one to write into, the one of the levels."""
    form = clip if each.fmt == fmt else blank(job.clip, each.fmt, True).std.CopyFrameProps(clip)
    window = _around(clip, each)
    others = [form] + ([each.levels] if each.levels is not None else [])
    work = partial(_work, job, each, fmt, gate)
    return parallel(job.name, form, [*window, *others], work)


def _around(clip: Any, each: Stage) -> list[Any]:
    """The clips whose frames make the window. Where only notes are read, they are clips of one sample."""
    offsets = range(-each.radius, each.radius + 1)
    if not each.notes:
        return [shifted(clip, k) for k in offsets]
    small = clip.std.BlankClip(width=1, height=1, format=vs.GRAY8, keep=True).std.CopyFrameProps(clip)
    small.std.SetVideoCache(mode=1, fixedsize=1, maxsize=2 * len(offsets))
    return [shifted(clip if abs(k) <= each.reach else small, k) for k in offsets]


def _work(
    job: Job, each: Stage, fmt: FrameFormat, gate: AbstractContextManager[Any], n: int, f: list[Any]
) -> Any:
    window, target, told = f[: 2 * each.radius + 1], f[2 * each.radius + 1], f[-1]
    try:
        node, given = each.choose(n, told, target.props)
        frames = window_of(job, each.radius, each.reach, fmt, n, window, each.notes)
        frames[each.radius].props.update(given)
        with gate:
            made = node.process(frames, n)
    except FgcodecError as error:
        raise type(error)(f"frame {n}: {error!s}") from error
    out = _written(target, made, frames[each.radius], given)
    for name in each.notes:
        del out.props[name]
    return out


def window_of(
    job: Job,
    radius: int,
    reach: int,
    fmt: FrameFormat,
    n: int,
    given: Sequence[Any],
    notes: Sequence[str] = (),
) -> list[Frame]:
    """The window of frame ``n`` from frames n - ``radius`` to n + ``radius``, which carry ``FLAG``.

    Each picture is made once, however often it is repeated at the ends of its shot. With ``notes`` the frames
    beyond ``reach`` have no planes; without, the last ones within it stand for them.
    """
    first = n - radius
    cuts = [k for k, f in enumerate(given, first) if 0 < k < job.length and f.props.get(FLAG)]
    numbers = list(Shots(cuts).neighbours(n, radius, 0, job.length - 1))
    if notes:
        noted = {k: _noted(job, fmt, k, given[k - first], abs(k - n) <= reach, notes) for k in set(numbers)}
        return [noted[k] for k in numbers]
    near = [min(max(k, n - reach), n + reach) for k in numbers]
    frames = {k: frame_of(job, fmt, k, given[k - first]) for k in set(near)}
    return [frames[k] for k in near]


def _noted(job: Job, fmt: FrameFormat, k: int, frame: Any, seen: bool, notes: Sequence[str]) -> Frame:
    """Frame ``k`` with its notes, and with planes only if they may be looked at."""
    made = frame_of(job, fmt, k, frame) if seen else Frame((), fmt, k, k, job.time_base, 1)
    made.props.update({name: frame.props[name] for name in notes})
    return made


def _written(target: Any, made: Frame, before: Frame, given: Mapping[str, Any]) -> Any:
    same = made.fmt == before.fmt
    kept = [same and plane is before.planes[k] for k, plane in enumerate(made.planes)]
    out = target.copy() if any(kept) else like(target)
    for view, plane, stays in zip(views(out), made.planes, kept, strict=True):
        if not stays:
            fill(view, plane)
    for name, value in made.props.items():
        if name not in given:
            out.props[name] = plain(value)
    return out


def plain(value: Any) -> Any:
    """A value as VapourSynth takes it: its properties refuse NumPy's numbers."""
    return value.item() if hasattr(value, "item") else value


def _merged(clip: Any, made: Any, planes: Sequence[int]) -> Any:
    sources = [made if p in planes else clip for p in range(clip.format.num_planes)]
    numbers = list(range(len(sources)))
    merged = vs.core.std.ShufflePlanes(sources, numbers, clip.format.color_family)
    return merged.std.CopyFrameProps(made)
