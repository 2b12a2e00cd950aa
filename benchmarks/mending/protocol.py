"""The published protocol that the targets of dust were set on, made anew: eight moving crops with specks.

A still (Kodak's, stretched to 800 x 600) is panned and slowly zoomed behind a thing that moves on its own; a
window of 448 x 336 is seen. Grain: white noise behind a Gaussian of 0.7 samples, four codes strong, less in
shadows and lights. Dirt is another in every frame, eight pieces on average: dots, dirt and hair by area, of
shapes that no net was trained on, half to fully opaque; a film has white dirt (half of them), black or both.
What is given is rounded to 8 bits, the truth is not. All 20 frames of a clip count, dirty or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.random import Generator

from benchmarks.flicker import scenes as moving
from benchmarks.mending.scenes import PROTOCOL, Case, masks_folder
from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.train.damage import shapes
from filmgrain_codec.train.damage.clip import BLACK, LABEL, WHITE
from filmgrain_codec.train.damage.film import OPACITY, POLARITIES, SOFTNESS, Layers, softened
from filmgrain_codec.train.generators.common import generator

FRAMES, PICTURE = 22, (800, 600)
"""The first and the last frame have one neighbour, and do not count."""
STREAM, FIRST = 92, 500
"""The first seed: of 300, 400 ... the one whose clips are as far from the truth as published (37.8 dB)."""
PAIRS = (
    ("kodim01", "kodim04"), ("kodim02", "kodim15"), ("kodim03", "kodim19"), ("kodim04", "kodim13"),
    ("kodim05", "kodim23"), ("kodim07", "kodim08"), ("kodim08", "kodim21"), ("kodim13", "kodim05"),
)  # fmt: skip
GRAIN, SIZE = 4 / 255, 0.7
RATE, MOST = 4.0, 50
"""Pieces of a frame: a Gamma of shape 2 and this scale, at most so many."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Masks of one name, their ``share`` of the pieces, and ``areas`` in samples: log-normal (median,
    deviation) or Gamma (shape, scale)."""

    name: str
    share: float
    areas: tuple[float, float]
    normal: bool = False


KINDS = (
    Kind("dots", 0.45, (14, 0.9), normal=True),
    Kind("dirt", 0.30, (25, 0.9), normal=True),
    Kind("hair-sh", 0.15, (2.2, 12)),
    Kind("hair", 0.05, (3.2, 30)),
    Kind("smut", 0.05, (2, 60)),
)
LEAST, LONGEST = 4.0, 120.0
"""Area and length of a piece, samples."""
SOLID, SEEN = 0.3, 0.08
"""Opacity of a mask's samples that its area is counted by, and of those that its box holds."""
SMALLER, SOFT, STRONGER = 0.7, 0.5, 1.6
"""What is drawn smaller than this is first blurred by so much, and so much stronger."""


def cases(count: int | None = None) -> Iterator[Case]:
    """The clips (``count`` of them)."""
    for number, (scene, thing) in enumerate(PAIRS[:count], FIRST):
        yield case(f"{scene} {thing}", scene, thing, number)


def case(name: str, scene: str, thing: str, seed: int) -> Case:
    """One clip: background and thing by name."""
    stills = [stretched(moving.photograph(each)) for each in (scene, thing)]
    bare = moving.moving(*stills, seed, FRAMES)
    clean = [grained(p, generator(STREAM, seed, 0, n)) for n, p in enumerate(bare)]
    mood = str(generator(STREAM, seed, 1).choice(list(POLARITIES), p=list(POLARITIES.values())))
    dirty = [soiled(p, mood, generator(STREAM, seed, 2, n)) for n, p in enumerate(clean)]
    masks = tuple(np.abs(d - c) > LABEL for d, c in zip(dirty, clean, strict=True))
    given = moving.grey(dirty)
    truth = [f.with_planes((p,)) for f, p in zip(given, clean, strict=True)]
    return Case(PROTOCOL, name, tuple(given), tuple(truth), tuple(m.astype(np.float32) for m in masks))


def stretched(picture: Plane) -> Plane:
    return np.asarray(opencv().resize(picture, PICTURE), np.float32)


def grained(plane: Plane, rng: Generator) -> Plane:
    """A plane under grain that is strongest in the middle tones."""
    noise = opencv().GaussianBlur(rng.normal(0, 1, plane.shape).astype(np.float32), (0, 0), SIZE)
    strength = GRAIN * (0.4 + 1.2 * np.sqrt(np.clip(plane * (1 - plane), 0, 1)))
    return np.asarray(np.clip(plane + noise / noise.std() * strength, 0, 1), np.float32)


def soiled(plane: Plane, mood: str, rng: Generator) -> Plane:
    """A plane with a frame's dirt on it, not rounded."""
    layers = Layers(np.zeros_like(plane), np.zeros_like(plane))
    for _ in range(min(MOST, int(rng.gamma(2, RATE)))):
        patch = piece(rng)
        top, left = (
            int(rng.integers(-(n // 2), of - n // 2)) for n, of in zip(patch.shape, plane.shape, strict=True)
        )
        white = rng.random() < 0.5 if mood == "mixed" else mood == "white"
        layers.stamp(patch, top, left, bool(white))
    dark = plane + layers.black * (BLACK - plane)
    return np.asarray(dark + layers.white * (WHITE - dark), np.float32)


def piece(rng: Generator) -> Plane:
    """The opacity of one piece of dirt."""
    kind = KINDS[int(rng.choice(len(KINDS), p=[k.share for k in KINDS]))]
    bank = templates(kind.name)
    shape = bank[int(rng.integers(len(bank)))]
    scale = min(
        np.sqrt(max(LEAST, area(kind, rng)) / np.count_nonzero(shape > SOLID)), LONGEST / max(shape.shape)
    )
    patch = shapes.placed(shape, float(shape.sum() * scale**2), rng.uniform(0, 2 * np.pi), (0.0, 0.0))
    if scale < SMALLER:
        patch = np.clip(softened(patch, SOFT) * STRONGER, 0, 1)
    patch = softened(patch, rng.uniform(*SOFTNESS))
    return np.asarray(np.clip(patch / max(float(patch.max()), 0.2), 0, 1) * rng.uniform(*OPACITY), np.float32)


def area(kind: Kind, rng: Generator) -> float:
    first, second = kind.areas
    return float(np.exp(rng.normal(np.log(first), second)) if kind.normal else rng.gamma(first, second))


@cache
def templates(name: str) -> tuple[Plane, ...]:
    """Scanned masks of a name that training leaves out, whole, with what is faint in them.

    Raises ``FileNotFoundError`` where the shared material holds none.
    """
    folder = masks_folder()
    paths = sorted(folder.glob(f"{name}-*.png")) if folder else []
    found = [opencv().imread(str(p), 0) for p in paths if shapes.named(p) == name and shapes.is_held_out(p)]
    if not found:
        raise FileNotFoundError(f"No damage masks {name}-NUMBER.png in the shared material.")
    return tuple(boxed(codes.astype(np.float32) / 255) for codes in found)


def boxed(shape: Plane) -> Plane:
    rows, columns = (np.flatnonzero((shape > SEEN).any(axis)) for axis in (1, 0))
    return shape[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
