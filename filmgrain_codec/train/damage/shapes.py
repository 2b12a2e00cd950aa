"""Shapes of damage: opacities drawn procedurally, or cut out of masks of real damage."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.errors import InputError
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.train.damage.statistics import KINDS
from filmgrain_codec.train.generators.common import fast_generator

Bank = Mapping[str, tuple[Plane, ...]]
"""Opacities 0..1 of every kind, each plane cropped to its shape, sorted by area."""
SHAPES = 48
"""Procedural shapes of a kind; turned, mirrored and scaled freely."""
NEAREST = 15
"""Of real shapes one among so many of the area wanted is taken."""
FILES = {
    "dust": ("dots", "spots", "sprink"),
    "dirt": ("dirt", "smut"),
    "short hair": ("hair-sh",),
    "long hair": ("hair", "lint"),
    "scratch": ("scratch",),
}
"""Names that mask files of a kind begin with, up to the last dash."""
FAINTEST = 0.02
HELD_OUT_DIGIT = 3
"""Masks whose number ends in this digit are never trained on."""


@cache
def procedural() -> Bank:
    """The shapes that need no files; the same in every process."""
    return {
        kind: by_area([trimmed(_DRAWN[kind](fast_generator(number, k))) for k in range(SHAPES)])
        for number, kind in enumerate(KINDS)
    }


def from_files(folder: Path, held_out: bool | None = None) -> Bank:
    """Shapes out of the mask files (PNG, 255 = damage) of a folder. Kinds without a file are procedural.

    ``held_out``: those that are never trained on alone, or (False) all the others. Raises ``InputError``
    where the folder holds no mask of a known name.
    """
    paths = [p for p in sorted(folder.glob("*.png")) if held_out is None or is_held_out(p) == held_out]
    found = {
        kind: [shape for path in paths if named(path) in names for shape in read(path)]
        for kind, names in FILES.items()
    }
    if not any(found.values()):
        names = ", ".join(sorted(n for each in FILES.values() for n in each))
        raise InputError(f"{folder} holds no damage masks: it must hold PNG files NAME-NUMBER.png ({names}).")
    return {kind: by_area(shapes) if shapes else procedural()[kind] for kind, shapes in found.items()}


def is_held_out(path: Path) -> bool:
    """Whether a mask file NAME-NUMBER.png is kept from training."""
    return path.stem.endswith(f"{HELD_OUT_DIGIT}")


def named(path: Path) -> str:
    return path.stem.rpartition("-")[0]


def read(path: Path) -> list[Plane]:
    """The largest connected shape of a mask file; none if it is empty."""
    cv = opencv()
    codes = cv.imread(str(path), cv.IMREAD_GRAYSCALE)
    if codes is None:
        raise InputError(f"{path} cannot be read as a picture: damage masks are gray PNG files.")
    _, labels, facts, _ = cv.connectedComponentsWithStats((codes > 20).astype(np.uint8), connectivity=8)
    if len(facts) < 2:
        return []
    kept = labels == 1 + int(np.argmax(facts[1:, cv.CC_STAT_AREA]))
    return [trimmed(np.where(kept, codes, 0) / np.float32(255))]


def by_area(shapes: list[Plane]) -> tuple[Plane, ...]:
    return tuple(sorted(shapes, key=amount))


def amount(shape: Plane) -> float:
    """Samples that a shape covers."""
    return float(shape.sum())


def trimmed(shape: NDArray[np.floating]) -> Plane:
    """A shape without the empty rows and columns around it."""
    rows, columns = (np.flatnonzero(shape.max(axis) > FAINTEST) for axis in (1, 0))
    cut = shape[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.ascontiguousarray(cut, np.float32)


def chosen(shapes: tuple[Plane, ...], area: float, rng: Generator, *, by_size: bool) -> Plane:
    """Any of the shapes, or one of the ``NEAREST`` in area."""
    if not by_size:
        return shapes[int(rng.integers(len(shapes)))]
    at = bisect(shapes, area, key=amount)
    first = max(0, min(at - NEAREST // 2, len(shapes) - NEAREST))
    return shapes[int(rng.integers(first, min(first + NEAREST, len(shapes))))]


def placed(shape: Plane, area: float, angle: float, offset: tuple[float, float]) -> Plane:
    """A shape turned by ``angle`` (radians), scaled to ``area`` samples, its middle ``offset`` (y, x) off
    that of the patch returned. Made at twice the size, then averaged down."""
    cv = opencv()
    scale = 2 * float(np.sqrt(area / shape.sum()))
    if scale < 1:
        size = [max(1, round(n * scale)) for n in shape.shape[::-1]]
        grown = max(1.0, scale * max(shape.shape) / max(size))
        shape, scale = cv.resize(shape, size, interpolation=cv.INTER_AREA), grown
    half = int(np.ceil(np.hypot(*shape.shape) * scale / 4)) + 2
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    y, x = ((n - 1) / 2 for n in shape.shape)
    middle = [2 * half - 0.5 + 2 * o for o in offset]
    matrix = np.array([[cos, -sin, middle[1] - cos * x + sin * y], [sin, cos, middle[0] - sin * x - cos * y]])
    large = cv.warpAffine(shape, matrix, (4 * half, 4 * half), flags=cv.INTER_LINEAR)
    made: Plane = cv.resize(large, (2 * half, 2 * half), interpolation=cv.INTER_AREA)
    return made


# procedural shapes ----------------------------------------------------------------------------


def dust(rng: Generator) -> Plane:
    """A round grain with an uneven rim, at most half again as long as wide."""
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    radius = np.ones(64)
    for k in range(2, 7):
        radius += rng.normal(0, 0.22 / k) * np.cos(k * turn + rng.uniform(0, 2 * np.pi))
    ratio = np.sqrt(rng.uniform(1, 1.5))
    at = np.stack([np.cos(turn) * radius * ratio, np.sin(turn) * radius / ratio], 1)
    canvas = np.zeros((64, 64), np.uint8)
    opencv().fillPoly(canvas, [np.rint((32 + 15 * at) * 16).astype(np.int32)], 255, opencv().LINE_AA, 4)
    return (canvas / np.float32(255)).astype(np.float32)


def dirt(rng: Generator) -> Plane:
    """A ragged flake: smooth noise over a threshold that rises outwards."""
    cv, side = opencv(), 96
    noise = cv.GaussianBlur(rng.normal(0, 1, (side, side)), (0, 0), rng.uniform(4, 10))
    y, x = (np.mgrid[:side, :side] - side / 2) / (side / 2)
    fall = (x * rng.uniform(1, 1.8)) ** 2 + y**2
    height = 0.6 * noise / noise.std() + 1.1 - 5 * fall
    _, labels = cv.connectedComponents((height > 0).astype(np.uint8))
    inside = np.where(fall < 1, labels, 0)
    largest = int(np.argmax(np.bincount(inside[inside > 0], minlength=2)))
    return np.where(labels == largest, np.clip(height / rng.uniform(0.1, 0.8), 0, 1), 0).astype(np.float32)


def hair(rng: Generator, turning: float, thickness: float) -> Plane:
    """A fibre: a line whose direction wanders; ``thickness`` in 240ths of its length."""
    steps = 60
    bend = np.cumsum(rng.normal(0, turning / np.sqrt(steps), steps)) * 4 / np.sqrt(steps)
    direction = np.cumsum(bend) / np.sqrt(steps) + rng.normal(0, turning) * np.linspace(0, 1, steps)
    path = np.cumsum(np.stack([np.cos(direction), np.sin(direction)], 1), 0) * 240 / steps
    path += 12 - path.min(0)
    columns, rows = (int(n) + 16 for n in path.max(0))
    canvas = np.zeros((rows, columns), np.uint8)
    line = [np.rint(path * 16).astype(np.int32)]
    opencv().polylines(canvas, line, False, 255, max(1, round(thickness)), opencv().LINE_AA, 4)
    return (canvas / np.float32(255)).astype(np.float32)


def short_hair(rng: Generator) -> Plane:
    return hair(rng, 0.6, rng.uniform(12, 30))


def long_hair(rng: Generator) -> Plane:
    return hair(rng, rng.uniform(0.8, 2.2), rng.uniform(5, 12))


def scratch(rng: Generator) -> Plane:
    """A nearly straight line of uneven depth."""
    line = hair(rng, 0.08, rng.uniform(5, 12))
    depth = np.interp(np.arange(line.shape[1]), np.linspace(0, line.shape[1], 9), rng.uniform(0.2, 1, 9))
    return (line * depth).astype(np.float32)


_DRAWN = {
    "dust": dust,
    "dirt": dirt,
    "short hair": short_hair,
    "long hair": long_hair,
    "scratch": scratch,
}
