"""Grain that was measured elsewhere: a sidecar, the properties of a script's frames, or a dump of them.

A sidecar is a grain profile in JSON (``grain.wire``) with three more keys: "frames" (how many the clip
has), "size" ([width, height]) and "cuts" (first frames of shots). A dump is what ``vspipe --json`` writes:
a list with the properties of every frame, among them those of ``grain.properties``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.errors import ProfileError
from filmgrain_codec.grain import properties, wire
from filmgrain_codec.grain.profile import GrainProfile, GrainSegment
from filmgrain_codec.pipeline import analyse
from filmgrain_codec.pipeline.zones import Zone

MOST_FRAMES = 1 << 24


@dataclass(frozen=True, slots=True)
class Levels:
    """The grain of ``frames`` frames. ``segments`` cover them without a gap.

    ``cuts``: first frames of shots, None if that is not told. ``removal``: what took the grain off the
    very frames that tell of it; '' if it is still on them.
    """

    frames: int
    segments: tuple[GrainSegment, ...]
    cuts: tuple[int, ...] | None = None
    removal: str = ""

    def check(self, frames: int, where: str) -> None:
        """Raise ``ProfileError`` unless they are told for a clip of so many frames."""
        if self.frames != frames:
            raise ProfileError(
                f"{where} tells of {self.frames} frames, but the clip has {frames}: both must be of one clip"
            )

    def part(self, first: int, count: int) -> Levels:
        """What is told of ``count`` frames from ``first`` on, counted from 0."""
        last = first + count
        inside = [s for s in self.segments if s.start < last and s.end > first]
        segments = tuple(
            replace(s, start=max(s.start - first, 0), end=min(s.end - first, count)) for s in inside
        )
        cuts = None if self.cuts is None else tuple(c - first for c in self.cuts if first < c < last)
        return Levels(count, segments, cuts, self.removal)

    def settled(
        self, *, level: float | None, zones: tuple[Zone, ...], digest: str
    ) -> tuple[GrainSegment, ...]:
        """The segments with what the user states besides, as ``analyse.settle``: nothing is doubted here."""
        sure = [replace(s, confidence=1.0) for s in self.segments]
        made = analyse.settle(sure, level=level, zones=zones, digest=digest)
        own = GrainProfile(self.segments)
        return tuple(_with_own(m, own.at(m.start)) for m in made)


def _with_own(made: GrainSegment, own: GrainSegment | None) -> GrainSegment:
    """Confidence and, where there is one, seed as they were told."""
    return made if own is None else replace(made, confidence=own.confidence, seed=own.seed or made.seed)


def of_text(text: str, where: str) -> Levels:
    """Read a sidecar or a dump; ``where`` names it in errors. Raises ``ProfileError``."""
    try:
        root = json.loads(text, parse_constant=_constant)
    except (ValueError, RecursionError, ProfileError) as error:
        raise ProfileError(
            f"{where} is no JSON ({error}): give a sidecar of fg.analyze, or what vspipe --json wrote"
        ) from None
    try:
        return of_properties(root) if isinstance(root, list) else _of_sidecar(root)
    except ProfileError as error:
        raise ProfileError(f"{where}: {error}") from None


def of_properties(frames: Iterable[Mapping[str, Any]]) -> Levels:
    """What the properties of all frames tell. Raises ``ProfileError``, naming the frame."""
    notes = Notes()
    for props in frames:
        notes.add(props)
    return notes.finish()


def watched(frames: Iterable[Frame], notes: Notes) -> Iterator[Frame]:
    """The frames, what their properties tell noted on the way; nothing if the first tells nothing."""
    for n, frame in enumerate(frames):
        if n == notes.frames and (n or properties.LEVEL in frame.props):
            notes.add(frame.props)
        yield frame


class Notes:
    """Gathers properties frame by frame; keeps one entry for each run of equal ones."""

    def __init__(self) -> None:
        self.frames = 0
        self._runs: list[tuple[int, dict[str, Any]]] = []
        self._cuts: list[int] = []
        self._shot: Any = None
        self._untold = False
        self._removals: set[str] = set()

    def add(self, props: Mapping[str, Any]) -> None:
        """Take the next frame's properties."""
        n = self.frames
        if not isinstance(props, Mapping) or properties.level(props) is None:
            raise ProfileError(
                f"frame {n} has no property {properties.LEVEL}: set it on every frame, or on none"
            )
        told = {name: _plain(props[name]) for name in properties.GRAIN if name in props}
        if not self._runs or self._runs[-1][1] != told:
            self._runs.append((n, told))
        shot = props.get(properties.SHOT)
        self._untold |= shot is None
        if n and shot != self._shot:
            self._cuts.append(n)
        self._shot, self.frames = shot, n + 1
        self._removals.add(str(props.get(properties.MODEL, "")))

    def finish(self) -> Levels:
        """All of it. Raises ``ProfileError`` if grain is off some frames only."""
        if not self.frames:
            raise ProfileError("no frame tells of its grain")
        if len(self._removals) > 1:
            found = ", ".join(sorted(map(repr, self._removals)))
            raise ProfileError(
                f"{properties.MODEL} differs from frame to frame ({found})"
                f": take the grain off all of the clip, or off none of it"
            )
        ends = [start for start, _ in self._runs[1:]] + [self.frames]
        segments = tuple(
            segment(told, start, end) for (start, told), end in zip(self._runs, ends, strict=True)
        )
        cuts = None if self._untold else tuple(self._cuts)
        return Levels(self.frames, segments, cuts, self._removals.pop())


def segment(props: Mapping[str, Any], start: int, end: int) -> GrainSegment:
    """The grain that properties tell of; of a level alone, grain of no stock in particular."""
    level = properties.level(props)
    if level is not None and properties.CURVE not in props:
        return wire.quantise(analyse.typical(start, end, level))
    return properties.segment(props, start, end)


def to_text(profile: GrainProfile, frames: int, size: tuple[int, int], cuts: Iterable[int]) -> str:
    """A sidecar."""
    known = json.loads(wire.to_json(profile))
    return json.dumps({**known, "frames": frames, "size": list(size), "cuts": list(cuts)}, indent=1) + "\n"


def _of_sidecar(root: Any) -> Levels:
    profile = wire.from_json(json.dumps(root, separators=(",", ":")))
    frames, cuts = root.get("frames"), root.get("cuts", [])
    if isinstance(frames, bool) or not isinstance(frames, int) or not 0 < frames <= MOST_FRAMES:
        _fail('states no number of "frames"')
    if not isinstance(cuts, list) or any(isinstance(c, bool) or not isinstance(c, int) for c in cuts):
        _fail('"cuts" is not a list of frame numbers')
    if sorted({c for c in cuts if 0 < c < frames}) != cuts:
        _fail('"cuts" are not frames of the clip, rising')
    edges = [0, *(s.end for s in profile)]
    if [s.start for s in profile] != edges[:-1] or edges[-1] != frames:
        _fail("its segments do not cover the clip without a gap")
    return Levels(frames, profile.segments, tuple(cuts), "")


def _plain(value: Any) -> Any:
    """A property as JSON would hold it: lists of numbers, never arrays of VapourSynth."""
    return value if isinstance(value, int | float | str) else list(value)


def _constant(word: str) -> NoReturn:
    raise ProfileError(f"{word} is no number")


def _fail(what: str) -> NoReturn:
    raise ProfileError(f"the sidecar {what}")
