"""Inspect and estimate: what a file holds, what grain a clip has."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from filmgrain_codec.errors import ModelError
from filmgrain_codec.grain import wire
from filmgrain_codec.grain.profile import GrainProfile, GrainSegment
from filmgrain_codec.infer import store
from filmgrain_codec.media import carriage
from filmgrain_codec.media.carriage import Carried
from filmgrain_codec.media.decode import has_native_grain
from filmgrain_codec.media.probe import USUAL_RATE, probe
from filmgrain_codec.pipeline import analyse
from filmgrain_codec.pipeline.clip import Clip, opened
from filmgrain_codec.pipeline.plan import source_digest
from filmgrain_codec.pipeline.progress import Listener, Meter
from filmgrain_codec.pipeline.reference import matched, same_shape
from filmgrain_codec.pipeline.report import shots
from filmgrain_codec.pipeline.request import PathLike
from filmgrain_codec.pipeline.target import existing


def inspect(path: PathLike) -> dict[str, Any]:
    """Streams, colour and the carried grain profile of a file, as plain data."""
    file = existing(path)
    info = probe(file)
    carried = carriage.find(file)
    return {
        "file": str(path),
        **asdict(info),
        "grain": {**_carried(carried), "players": has_native_grain(str(file))},
    }


def _carried(carried: Carried) -> dict[str, Any]:
    profile = carried.profile
    found = {"source": carried.source, "stale": carried.stale, "reason": carried.reason}
    if profile is None:
        return found
    return {
        **found,
        "removal": profile.removal,
        "removal_available": _available(profile.removal),
        "synthesis": profile.synthesis,
        "shots": shots(profile),
    }


def _available(model: str) -> bool:
    try:
        return not model or bool(store.resolve(model))
    except ModelError:
        return False


@dataclass(frozen=True, slots=True)
class Estimate:
    """The grain of a clip: ``used`` is what an encode would carry, ``measured`` what was found before shots
    of little confidence borrowed from others or were taken for texture; ``ends``: of every shot, in seconds.
    """

    file: str
    frames: int
    used: tuple[GrainSegment, ...]
    measured: tuple[GrainSegment, ...]
    ends: tuple[tuple[Fraction, Fraction], ...]
    notes: list[str]

    def to_dict(self) -> dict[str, Any]:
        """As plain data: 'file', 'frames', 'shots', 'measured', and a sentence on each doubt in 'notes'."""
        used, measured = (shots(GrainProfile(s)) for s in (self.used, self.measured))
        return {"file": self.file, "frames": self.frames, "shots": used, "measured": measured,
                "notes": self.notes}  # fmt: skip


def estimate(path: PathLike, ref: PathLike | None = None, on_event: Listener | None = None) -> Estimate:
    """Cuts and grain of every shot, as an automatic encode uses it; ``ref`` is the clip without grain."""
    reference: AbstractContextManager[Clip | None]
    reference = opened(ref, Path.cwd()) if ref is not None else nullcontext(None)
    with opened(path, Path.cwd()) as clip, reference as base:
        clip, base = replace(clip, as_yuv=True), base and replace(base, as_yuv=True)
        if base:
            same_shape(clip, base)
        fmt, time_base = clip.fmt, clip.info.video.time_base
        found = analyse.survey(clip.frames(), fmt, Meter("analyse", clip.expected, on_event))
        meter = Meter("estimate", found.frames, on_event)
        truth = matched(base, found.times, time_base) if base else None
        measured = analyse.measure(clip.frames(), found.shots(), fmt, meter, truth)
        used = analyse.settle(measured, level=None, zones=(), digest=source_digest(clip.path))
    return Estimate(
        file=str(path),
        frames=found.frames,
        used=tuple(used),
        measured=tuple(wire.quantise(segment, clamp=True) for segment in measured),
        ends=tuple((_time(found, s.start), _time(found, s.end)) for s in used),
        notes=[] if base else [*analyse.doubts(used), *analyse.lacking(found.shots())],
    )


def _time(found: analyse.Survey, index: int) -> Fraction:
    """When a frame begins; the last lasts as long as the one before it."""
    times = found.times
    if index < len(times):
        return times[index]
    return times[-1] + (times[-1] - times[-2] if len(times) > 1 else 1 / USUAL_RATE)
