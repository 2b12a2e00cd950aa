"""Damaged pictures and what belongs there: real pairs, damaged clips, clean scenes that look damaged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import material
from filmgrain_codec.core.frame import Frame
from filmgrain_codec.nodes.repair.detect import Suspects
from filmgrain_codec.nodes.repair.specks import Speck, painted, pieces, specks
from filmgrain_codec.train.damage.clip import LABEL, Damage
from filmgrain_codec.train.repair_guard import GUARDS

Map = NDArray[np.float32]
Mask = NDArray[np.uint8]
SMALLEST = 3
AROUND, ONE_SIGN, OUTSTANDING = 6, 0.9, 1.5
"""Samples around a piece, share of its change of one sign, and deviations of them that it differs by."""
SEVERITY, FRAMES, SIZE = 0.3, 8, (640, 448)
PANNED, STEP = 5, 2
"""Stills that are panned over, and by how many samples a frame."""


@dataclass(frozen=True)
class Case:
    """One picture: what is to be repaired, what belongs there, where it is damaged, its group of scans."""

    name: str
    given: Map
    clean: Map
    damaged: Mask
    half: int = 0
    evident: Mask | None = None


def pairs() -> list[Case]:
    """The real pairs; scans, not patches, are dealt to the two halves."""
    folder = material.data() / "damage_pairs"
    names = sorted(p.name for p in (folder / "damaged").glob("*.png"))
    scans = sorted({scan(name) for name in names})
    made = []
    for name in names:
        given, clean = (
            cv2.imread(str(folder / part / name), cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255
            for part in ("damaged", "gt")
        )
        differs = (np.abs(given - clean) > LABEL).astype(np.uint8)
        damaged = cleared(differs)
        half = scans.index(scan(name)) % 2
        made.append(Case(name, given, clean, damaged, half, evident(given, clean, damaged)))
    return made


def evident(given: Map, clean: Map, damaged: Mask) -> Mask:
    """The pieces whose change has one sign, and that stand out from what is around them."""
    near = cv2.dilate(damaged, np.ones((3, 3), np.uint8))
    return painted([p for p in pieces(damaged) if stands_out(p, given, given - clean, near)], damaged.shape)


def one_way(case: Case) -> Mask:
    """The pieces that the retoucher made lighter or darker as a whole, as taking off dirt does."""
    change = case.given - case.clean
    return painted([p for p in pieces(case.damaged) if has_one_sign(p, change)], case.damaged.shape)


def has_one_sign(piece: Speck, change: Map) -> bool:
    by = change[piece.rows, piece.columns][piece.shape]
    return bool(abs(by.sum()) >= ONE_SIGN * np.abs(by).sum())


def stands_out(piece: Speck, given: Map, change: Map, near: Mask) -> bool:
    part = tuple(slice(max(0, k.start - AROUND), k.stop + AROUND) for k in (piece.rows, piece.columns))
    around = given[part][near[part] == 0]
    inside = given[piece.rows, piece.columns][piece.shape]
    if around.size < AROUND or not has_one_sign(piece, change):
        return False
    return bool(abs(inside.mean() - np.median(around)) > OUTSTANDING * max(around.std(), 1 / 255))


def scan(name: str) -> str:
    """The scan a patch was cut from: its name before the tile's place (one digit, dash, number)."""
    return re.sub(r"\d-\d+\.png$", "", name)


def cleared(mask: Mask) -> Mask:
    """A mask without pieces of fewer than ``SMALLEST`` samples."""
    return painted(specks(Suspects(mask, mask), 0, SMALLEST), mask.shape)


@dataclass(frozen=True)
class Scene:
    """A damaged clip, one case a frame."""

    name: str
    frames: list[Frame]
    cases: list[Case]


def scenes(motion: str, gauge: str) -> Iterator[Scene]:
    """Held-out material with held-out grain: clips of real ``motion``, or 'gentle' pans over stills."""
    names = material.clips() if motion == "real" else material.stills()[:PANNED]
    for number, name in enumerate(names):
        frames = list(
            material.grained(
                clean(motion, name, FRAMES), material.Grain("boolean", 0.015 + 0.01 * (number % 3))
            )
        )
        damage = Damage(frames[0].fmt, gauge, SEVERITY, seed=900 + number, rare=0)
        made = [damage.apply(f) for f in frames]
        yield Scene(
            name,
            [f for f, _ in made],
            [
                Case(name, dirty.planes[0], frame.planes[0], mask.astype(np.uint8))
                for frame, (dirty, mask) in zip(frames, made, strict=True)
            ],
        )


def clean(motion: str, name: str, count: int) -> list[Frame]:
    """Frames without grain."""
    if motion == "real":
        return material.clip(name, count, size=SIZE)
    return [material.crop(f, *SIZE) for f in material.panned(material.still(name), count, STEP)]


def guarded(name: str) -> Iterator[list[Frame]]:
    """Three frames of every clean clip with grain, and a guard scene (or 'nothing') in them."""
    for number, clip in enumerate(material.clips()):
        frames = material.clip(clip, 3, size=SIZE)
        lumas = np.stack([f.planes[0] for f in frames])
        if name in GUARDS:
            GUARDS[name](lumas, np.random.default_rng([7, number]))
        shown = [
            replace(f, planes=(luma, *f.planes[1:])) for f, luma in zip(frames, lumas.clip(0, 1), strict=True)
        ]
        yield list(material.grained(shown, material.Grain("boolean", 0.02)))
