"""Grain measured and told: ``estimate`` on the way, ``analyze`` before the first frame, ``apply_levels``."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import vapoursynth as vs

from filmgrain_codec.core import vsframe
from filmgrain_codec.core.frame import Frame
from filmgrain_codec.core.window import Shots
from filmgrain_codec.errors import OutputError, ProfileError, UsageError
from filmgrain_codec.grain import properties
from filmgrain_codec.grain.profile import GrainProfile, GrainSegment
from filmgrain_codec.pipeline import analyse, levels
from filmgrain_codec.pipeline.progress import Meter
from vsfgcodec.clips import (
    Job,
    colored,
    frame_of,
    job,
    opened,
    parallel,
    progressive,
    same_shape,
    shifted,
    views,
)
from vsfgcodec.cuts import FLAG, Cuts, marked
from vsfgcodec.errors import public
from vsfgcodec.zones import Zones, zones_of

PathLike = str | os.PathLike[str]
TOLD = tuple(name for name in properties.GRAIN if name != "FGSeed")
_STARTS = "FGStarts"
_KEPT = 32


@public
def estimate(
    clip: vs.VideoNode, ref: vs.VideoNode | None = None, *, every: int = 24, tr: int = 2, cuts: Cuts = "auto"
) -> vs.VideoNode:
    """Measure the grain on the way and set it as properties; the pictures stay as they are.

    Frames are measured in groups of ``every`` that end at cuts: from the middle frame of a group and
    ``tr`` frames on each side, as ``fgcodec estimate`` measures a shot; a measurement takes about a second
    of a core. What shows too little evidence of grain counts as texture, with level 0. ``analyze`` looks at
    more of each shot and is the better measure where one may wait for it. ``ref``: the same clip with its
    grain off, by any filter; then the difference is measured. ``cuts``: see ``vsfgcodec.cuts``.

    Sets FGLevel, FGCurve, FGSpectrum, FGChroma, FGSkew, FGSkewSlope, FGKurtosis,
    FGKurtosisSlope, FGLaw, FGCorrection and FGConfidence. Raises ``vs.Error``.
    """
    found = _measurable("fg.estimate", clip)
    _at_least("every", every, 1)
    _at_least("tr", tr, 0)
    truth = None
    if ref is not None:
        truth = job(found.name, ref, "ref")
        same_shape(found, truth, "ref")
    frames = marked(found, opened(found), cuts)
    tiny = clip.std.BlankClip(width=16, height=16, format=vs.GRAY8, keep=True)
    flags = tiny.std.CopyFrameProps(frames, props=[FLAG])
    flags.std.SetVideoCache(mode=1, fixedsize=True, maxsize=4 * every)
    measured = _measured(found, frames, truth, tiny, tr)
    measured.std.SetVideoCache(mode=1, fixedsize=True, maxsize=_KEPT)
    groups = _groups(flags, every)

    def place(n: int, f: Any) -> Any:
        return shifted(measured, _anchor(n, every, found.length, f.props[_STARTS]) - n)

    told = tiny.std.FrameEval(place, prop_src=groups, clip_src=[measured])
    return clip.std.CopyFrameProps(told, props=list(TOLD))


def _measured(found: Job, frames: Any, truth: Job | None, tiny: Any, tr: int) -> Any:
    """A clip whose frame n has the grain of frames n - ``tr`` to n + ``tr`` as properties."""
    around = [shifted(frames, k) for k in range(-tr, tr + 1)]
    clean = [shifted(opened(truth), k) for k in range(-tr, tr + 1)] if truth else []

    def work(n: int, f: list[Any]) -> Any:
        window, others = f[1 : len(around) + 1], f[len(around) + 1 :]
        cuts = [k for k, w in enumerate(window, n - tr) if 0 < k < found.length and w.props.get(FLAG)]
        numbers = sorted(set(Shots(cuts).neighbours(n, tr, 0, found.length - 1)))
        seen = [frame_of(found, found.fmt, k, window[k - n + tr]) for k in numbers]
        ref = [frame_of(truth, truth.fmt, k, others[k - n + tr]) for k in numbers] if truth else None
        out = f[0].copy()
        for name, value in properties.of_segment(_grain_of(found, seen, ref)).items():
            out.props[name] = value
        return out

    return parallel(found.name, tiny, [tiny, *around, *clean], work)


def _grain_of(found: Job, seen: Sequence[Frame], ref: Sequence[Frame] | None) -> GrainSegment:
    span = [(seen[0].index, seen[-1].index + 1)]
    segments = analyse.measure(iter(seen), span, found.fmt, Meter("estimate", None, None), ref)
    if ref is not None:
        return segments[0]
    return analyse.settle(segments, level=None, zones=(), digest="")[0]


def _groups(flags: Any, every: int) -> Any:
    """A clip whose frame n has, as text, the places in its group at which shots begin."""
    last, missing = flags.num_frames - 1, -flags.num_frames % every
    padded = flags.std.DuplicateFrames([last] * missing) if missing else flags
    members = [padded.std.SelectEvery(every, k) for k in range(every)] if every > 1 else [padded]

    def work(n: int, f: Any) -> Any:
        given = f if isinstance(f, list) else [f]
        out = given[0].copy()
        out.props[_STARTS] = " ".join(str(k) for k, frame in enumerate(given) if frame.props[FLAG])
        return out

    groups = members[0].std.ModifyFrame(members, work)
    return vs.core.std.Interleave([groups] * every)[: flags.num_frames]


def _anchor(n: int, every: int, length: int, starts: str) -> int:
    """The frame measured for frame ``n``: the middle of the part of its group that lies in its shot."""
    first = n - n % every
    edges = [0, *(k for k in map(int, starts.split()) if k > 0), min(every, length - first)]
    low = max(k for k in edges if k <= n - first)
    high = min(k for k in edges if k > n - first)
    return first + (low + high - 1) // 2


@public
def analyze(
    clip: vs.VideoNode,
    path: PathLike,
    ref: vs.VideoNode | None = None,
    *,
    zones: Zones = None,
    cuts: Sequence[int] | None = None,
    overwrite: bool = False,
) -> vs.VideoNode:
    """Measure every shot before the first frame, keep it in the sidecar ``path``, and set the properties.

    As ``fgcodec estimate`` does: cuts from all frames, up to 24 frames of each shot measured. A sidecar
    that is there already is read instead, unless ``overwrite``. ``ref``: as in ``estimate``. ``zones``:
    levels for ranges of frames. ``cuts``: first frames of shots, where they are known.

    The script stops here until it is done, so a previewer does too; afterwards it opens at once.
    Sets what ``apply_levels`` sets. Raises ``vs.Error``.
    """
    found = _measurable("fg.analyze", clip)
    place = Path(path)
    if overwrite or not place.exists():
        if not place.parent.is_dir():
            raise OutputError(f"{place.parent}: no such folder; create it first")
        truth = None
        if ref is not None:
            truth = job(found.name, ref, "ref")
            same_shape(found, truth, "ref")
        areas = zones_of(zones)
        spans, edges = _shots(found, cuts)
        meter = Meter("estimate", None, None)
        wanted = {n for start, end in spans for n in analyse.samples(start, end)}
        truths = _some(truth, wanted) if truth else None
        segments = analyse.measure(_some(found, wanted), spans, found.fmt, meter, truths)
        used = analyse.settle(segments, level=None, zones=areas, digest=_digest(found))
        if ref is None:
            for sentence in analyse.doubts(used):
                vs.core.log_message(vs.MESSAGE_TYPE_WARNING, f"{found.name}: {sentence}")
        size = found.fmt.width, found.fmt.height
        _write(place, levels.to_text(GrainProfile(used), found.length, size, edges))
    return _told(found, place)


@public
def apply_levels(clip: vs.VideoNode, source: PathLike | vs.VideoNode) -> vs.VideoNode:
    """Set the grain that was measured elsewhere as properties; the pictures stay as they are.

    ``source``: a sidecar of ``analyze``, what ``vspipe --json`` wrote, or a clip whose properties are
    taken over, so that a clip cleaned by any filter tells of the grain it had.

    Sets FGLevel, FGCurve, FGSpectrum, FGChroma, FGSkew, FGSkewSlope, FGKurtosis,
    FGKurtosisSlope, FGLaw, FGCorrection, FGSeed, FGConfidence and, of a sidecar,
    FGShot (first frame of the shot). Raises ``vs.Error``.
    """
    found = job("fg.apply_levels", clip)
    if not isinstance(source, vs.VideoNode):
        return _told(found, Path(source))
    lender = job(found.name, source, "source")
    if lender.length != found.length:
        raise UsageError(f"source must have the length of the clip ({found.length}), not {lender.length}")
    return clip.std.CopyFrameProps(source, props=[*properties.GRAIN, properties.SHOT])


def _told(found: Job, path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path} cannot be read ({error}): run fg.analyze first") from None
    told = levels.of_text(text, path.name)
    told.check(found.length, path.name)
    starts = [s.start for s in told.segments]
    props = [properties.of_segment(s) for s in told.segments]
    shots = None if told.cuts is None else Shots(told.cuts)

    def work(n: int, f: Any) -> Any:
        out = f.copy()
        for name, value in props[int(np.searchsorted(starts, n, side="right")) - 1].items():
            out.props[name] = value
        if shots is not None:
            out.props[properties.SHOT] = shots.bounds(n)[0]
        return out

    tiny = found.clip.std.BlankClip(width=16, height=16, format=vs.GRAY8, keep=True)
    names = [*properties.GRAIN, *([properties.SHOT] if shots is not None else [])]
    return found.clip.std.CopyFrameProps(tiny.std.ModifyFrame(tiny, work), props=names)


def _measurable(name: str, clip: Any) -> Job:
    found = job(name, clip)
    if found.fmt.family == "rgb":
        raise UsageError("grain is measured in YCbCr or gray, not in RGB: convert to 4:4:4 first")
    return found


def _at_least(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"{name} must be at least {least}, not {value!r}")


def _shots(found: Job, cuts: Sequence[int] | None) -> tuple[list[tuple[int, int]], tuple[int, ...]]:
    """(start, end) of each shot and their first frames but the clip's."""
    if cuts is None:
        survey = analyse.survey(_all(found), found.fmt, Meter("analyse", None, None))
        return survey.shots(), survey.cuts
    edges = tuple(sorted(set(cuts)))
    if any(isinstance(c, bool) or not isinstance(c, int) or not 0 < c < found.length for c in edges):
        raise UsageError(f"cuts must be frame numbers from 1 to {found.length - 1}, not {list(cuts)!r}")
    return list(zip((0, *edges), (*edges, found.length), strict=True)), edges


def _all(found: Job) -> Iterator[Frame]:
    for n, frame in enumerate(found.clip.frames(close=True)):
        yield _frame(found, n, frame)


def _some(found: Job, wanted: set[int]) -> Iterator[Frame]:
    """Every frame in order; those that are not ``wanted`` are not made, and have no planes."""
    for n in range(found.length):
        if n in wanted:
            with found.clip.get_frame(n) as frame:
                yield _frame(found, n, frame)
        else:
            yield Frame((), found.fmt, n, n, found.time_base)


def _frame(found: Job, n: int, frame: Any) -> Frame:
    progressive(n, frame.props)
    fmt = colored(found.fmt, frame.props)
    return Frame(vsframe.read(views(frame), fmt, found.real), fmt, n, n, found.time_base, 1)


def _digest(found: Job) -> str:
    """What seeds are made of: the first picture."""
    with found.clip.get_frame(0) as frame:
        return f"{zlib.crc32(np.ascontiguousarray(frame[0]).tobytes()):08x}"


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written ({error.strerror}): choose another place") from None
