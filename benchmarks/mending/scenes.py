"""Clean clips with damage put on them, scenes that look damaged and are not, and old films."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks import material
from benchmarks.flicker import scenes as moving
from benchmarks.flicker.figures import Video
from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.core.registry import build_chain
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.train.damage.clip import Damage
from filmgrain_codec.train.damage.film import Film, Layers, Speck
from filmgrain_codec.train.generators.common import generator
from filmgrain_codec.train.repair_guard import GUARDS

LENGTH, LONGEST = 10, 18
GAUGES = ("16mm", "super8")
SEVERITY = 0.25
"""A quarter of the dirt of uncleaned scans, about what worn film has."""
STREAM = 91
SPECKS, EVERYTHING, SMOOTH, PROTOCOL = "specks", "everything", "smooth", "protocol"
CROPS = len(moving.PAIRS)
OTHERS = (
    ("kodim01", "kodim04"), ("kodim04", "kodim17"), ("kodim17", "kodim19"), ("kodim19", "kodim20"),
    ("andrew-ridley-54228", "kodim01"), ("matteo-botto-16023", "andrew-ridley-54228"),
)  # fmt: skip
THIRD = (
    ("kodim02", "kodim19"), ("kodim03", "kodim13"), ("kodim15", "kodim08"), ("kodim22", "matteo-botto-16023"),
    ("kodim20", "kodim14"), ("kodim23", "kodim05"),
)  # fmt: skip


@dataclass(frozen=True)
class Draw:
    """Clips and damage.

    ``pairs``: stills of the moving crops; ``first``: of their seeds; ``where``: whether clips of real motion
    give their first frames (0), those of the middle (0.5) or the last (1).
    """

    name: str
    pairs: Sequence[tuple[str, str]]
    first: int
    where: float

    def cut(self, clip: moving.Clip) -> moving.Clip:
        start = round(self.where * max(0, len(clip.frames) - LONGEST))
        return replace(clip, frames=clip.frames[start : start + LONGEST])


USUAL, FRESH, JUDGE = (
    Draw("usual", moving.PAIRS, 0, 0.0),
    Draw("fresh", OTHERS, 100, 1.0),
    Draw("judge", THIRD, 200, 0.5),
)
"""The draw that dust's rules were tuned on; one that was looked at afterwards, to see what they get wrong;
one that was only ever measured."""


@dataclass(frozen=True)
class Case:
    """A clip: ``given`` and, where they are known, ``clean`` frames and ``masks`` (rows, columns; 0 or 1).

    ``bare``: luma of the clean frames before grain.
    """

    group: str
    name: str
    given: tuple[Frame, ...]
    clean: tuple[Frame, ...] | None = None
    masks: tuple[Plane, ...] | None = None
    bare: Video | None = None


@cache
def clips(crops: int | None = None, draw: Draw = USUAL) -> tuple[moving.Clip, ...]:
    """Moving crops of stills with grain, and clips of real motion, a few frames each."""
    made = [*moving.moving_crops(crops, LONGEST, draw.pairs, draw.first), *moving.real_motion()]
    return tuple(map(draw.cut, made))


def synthetic(crops: int | None = None, draw: Draw = USUAL) -> Iterator[Case]:
    """The clean clips with specks of scanned shapes, and with all that the generator has in drawn shapes.

    ``crops``: how many moving crops.
    """
    for number, clip in enumerate(clips(crops, draw), draw.first):
        frames = clip.frames[:LENGTH]
        bare = None if clip.bare is None else clip.bare[:LENGTH]
        for kind in (SPECKS, EVERYTHING):
            yield spoiled(kind, clip.name, frames, bare, number)
        if bare is not None:
            soft = np.stack([opencv().GaussianBlur(p, (0, 0), 8) for p in bare])
            yield spoiled(SMOOTH, clip.name, moving.grainy(list(soft), STREAM + number), soft, number)


def spoiled(group: str, name: str, frames: Sequence[Frame], bare: Video | None, seed: int) -> Case:
    """One clip, damaged."""
    kind = Damage if group == EVERYTHING else Specks
    folder = None if group == EVERYTHING else masks_folder()
    gauge = GAUGES[seed % len(GAUGES)]
    damage = kind(frames[0].fmt, gauge, SEVERITY, seed, rare=0.0, templates=folder)
    given, masks = zip(*map(damage.apply, frames), strict=True)
    return Case(group, name, tuple(given), tuple(frames), tuple(masks), bare)


class Specks(Damage):
    """Dust, dirt and hair that come and go; no lines and nothing that sticks in the gate."""

    def layers(self, number: int) -> Layers:
        return Passing(**{f.name: getattr(self.film, f.name) for f in fields(Film)}).layers(number)


class Passing(Film):
    """A film whose gate is clean."""

    def gate(self, stretch: int) -> list[Speck]:
        return []


def masks_folder() -> Path | None:
    """Shapes drawn from scans (of the training material: the net has seen shapes like these)."""
    found = material.data().parent / "train" / "damage_masks"
    return found if found.is_dir() else None


def guards(draw: Draw = USUAL) -> Iterator[Case]:
    """Stars, snow, lamps, small fast things, sparks, rain and text over moving crops; nothing is damaged."""
    for number, (name, painted) in enumerate(GUARDS.items(), draw.first):
        for take in range(2):
            clip = clips(draw=draw)[(number + take) % CROPS]
            assert clip.bare is not None
            lumas = np.array(clip.bare[:LENGTH], np.float32)
            painted(lumas, generator(STREAM, number, take))
            yield Case("guards", f"{name} {take + 1}", moving.grainy(list(lumas), STREAM + number))


def clean(draw: Draw = USUAL) -> Iterator[Case]:
    """The same clips without anything on them."""
    for clip in clips(draw=draw):
        yield Case("clean", clip.name, clip.frames[:LENGTH])


def old_films(limit: int) -> Iterator[Case]:
    """Real dirt; deflickered first."""
    for clip in moving.old_films(limit):
        graph = Graph(build_chain(["deflicker"]), cuts=clip.cuts)
        yield Case("old films", clip.name, tuple(graph.stream(clip.frames)))
