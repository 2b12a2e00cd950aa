"""A damaged film: what lies on each of its frames, a pure function of (seed, frame number).

Specks are new on every frame, one in twenty stays for two or three; gate dirt stays for seconds. Layers are
opacities of white and black damage, (rows, columns) float32 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.train.damage import shapes
from filmgrain_codec.train.damage.statistics import KINDS, LARGEST_AREA, SCAN_AREA, SCAN_PITCH, SEVERITY
from filmgrain_codec.train.generators.common import fast_generator

POLARITIES = {"white": 0.5, "black": 0.3, "mixed": 0.2}
"""Share of films whose damage is white, black, or either from speck to speck."""
STAYING, FAINT_SHARE = 0.05, 0.2
OPACITY, FAINT = (0.5, 1.0), (0.15, 0.5)
SOFTNESS = (0.4, 0.9)
BURST = 4.0
"""Shape of the Gamma by which a frame's counts vary around the film's."""
GATE_FRAMES, GATE_COUNT, GATE_SEEN = 96, 3.0, 0.03
_SPECKS, _COUNTS, _GATE, _CLIP = range(4)


@dataclass(frozen=True, slots=True)
class Speck:
    """One piece of damage. ``at``: its middle, rows and columns from the frame's corner."""

    kind: str
    area: float
    at: tuple[float, float]
    angle: float
    opacity: float
    white: bool
    soft: float
    frames: int
    seed: int


@dataclass(slots=True)
class Layers:
    """Opacity of the damage that is brighter and of that which is darker than the film, (rows, columns)."""

    white: Plane
    black: Plane

    def stamp(self, patch: Plane, top: int, left: int, white: bool) -> None:
        """The larger of what lies there and of ``patch``, whose corner is at (``top``, ``left``)."""
        layer = self.white if white else self.black
        y, x = max(0, top), max(0, left)
        into = layer[y : max(y, top + patch.shape[0]), x : max(x, left + patch.shape[1])]
        if into.size:
            part = patch[y - top :, x - left :][: into.shape[0], : into.shape[1]]
            np.maximum(into, part, out=into)


@dataclass(frozen=True)
class Film:
    """A film of frames of ``shape`` (rows, columns) scanned at ``pitch`` micrometres a sample.

    ``severity`` 1: as dirty as the frames measured; None draws one. ``faint``: share of semi-transparent
    specks. ``bank``: shapes, ``by_size`` where they are real. ``lines``: whether there are line scratches.
    """

    shape: tuple[int, int]
    pitch: float
    severity: float | None = None
    seed: int = 0
    faint: float = FAINT_SHARE
    bank: shapes.Bank = field(default_factory=shapes.procedural, hash=False, compare=False)
    by_size: bool = False
    polarity: str | None = None

    @cached_property
    def dirty(self) -> float:
        """The severity given or drawn."""
        if self.severity is not None:
            return self.severity
        return float(np.exp(self._rng(_CLIP, 1).normal(*SEVERITY)))

    def layers(self, number: int) -> Layers:
        """All specks of frame ``number``."""
        made = Layers(np.zeros(self.shape, np.float32), np.zeros(self.shape, np.float32))
        for age in range(3):
            for speck in self.born(number - age):
                if speck.frames > age:
                    self._draw(made, speck)
        for speck in self.gate(number // GATE_FRAMES):
            self._draw(made, speck)
        return made

    def born(self, number: int) -> tuple[Speck, ...]:
        """The specks first seen on frame ``number``; none before the first frame."""
        return _born(self, number) if number >= 0 else ()

    def gate(self, stretch: int) -> list[Speck]:
        """Dirt of the gate, which stays at the frame's edge for a while."""
        rng = self._rng(_GATE, stretch)
        count = rng.poisson(GATE_COUNT * min(1.0, self.dirty))
        return [self._at_edge(self._speck("dirt", (0.5, 0.5), rng), rng) for _ in range(count)]

    def _at_edge(self, speck: Speck, rng: Generator) -> Speck:
        place = rng.random(2)
        place[rng.integers(2)] = rng.choice([0.0, 1.0]) + rng.uniform(-1, 1) * GATE_SEEN / 4
        at = (float(place[0] * self.shape[0]), float(place[1] * self.shape[1]))
        return Speck("dirt", 2 * speck.area, at, speck.angle, 1.0, False, speck.soft, 1, speck.seed)

    def _rng(self, *key: int) -> Generator:
        return fast_generator(self.seed, *key)

    def draw_born(self, number: int) -> tuple[Speck, ...]:
        """As ``born``, drawn anew."""
        counts, rng = self._rng(_COUNTS, number), self._rng(_SPECKS, number)
        share = self.shape[0] * self.shape[1] * (self.pitch / 1000) ** 2 / SCAN_AREA
        expected = self.dirty * share * counts.gamma(BURST, 1 / BURST)
        density = Density(counts)
        return tuple(
            self._speck(kind, density.draw(rng), rng)
            for kind, fits in KINDS.items()
            for _ in range(counts.poisson(expected * fits.count))
        )

    def _speck(self, kind: str, place: tuple[float, float], rng: Generator) -> Speck:
        fits = KINDS[kind]
        area = min(rng.gamma(fits.shape, fits.scale), LARGEST_AREA) * (SCAN_PITCH / self.pitch) ** 2
        opacity = rng.uniform(*(FAINT if rng.random() < self.faint else OPACITY))
        return Speck(
            kind=kind,
            area=max(area, 1e-3),
            at=(place[0] * self.shape[0], place[1] * self.shape[1]),
            angle=rng.uniform(0, 2 * np.pi),
            opacity=opacity,
            white=self._white(rng),
            soft=rng.uniform(*SOFTNESS),
            frames=int(rng.integers(2, 4)) if rng.random() < STAYING else 1,
            seed=int(rng.integers(1 << 31)),
        )

    @cached_property
    def _mood(self) -> str:
        drawn = self._rng(_CLIP, 2).choice(list(POLARITIES), p=list(POLARITIES.values()))
        return self.polarity or str(drawn)

    def _white(self, rng: Generator) -> bool:
        return bool(rng.random() < 0.5) if self._mood == "mixed" else self._mood == "white"

    def _draw(self, made: Layers, speck: Speck) -> None:
        rng = fast_generator(speck.seed)
        shape = shapes.chosen(self.bank[speck.kind], speck.area, rng, by_size=self.by_size)
        shape = shape[::-1] if rng.random() < 0.5 else shape
        (y, x), opacity = (int(np.floor(v)) for v in speck.at), speck.opacity
        # A speck smaller than a sample dims it; it cannot be drawn smaller than a few of the shape's own.
        area = max(speck.area, 1.0)
        patch = shapes.placed(shape, area, speck.angle, (speck.at[0] - y - 0.5, speck.at[1] - x - 0.5))
        patch = softened(patch, speck.soft) * np.float32(opacity * speck.area / area)
        made.stamp(patch, y - patch.shape[0] // 2, x - patch.shape[1] // 2, speck.white)


@lru_cache(maxsize=64)
def _born(film: Film, number: int) -> tuple[Speck, ...]:
    return film.draw_born(number)


def softened(patch: Plane, sigma: float) -> Plane:
    """Blurred by a Gaussian; the patch grows by three samples on each side."""
    cv = opencv()
    padded = cv.copyMakeBorder(patch, 3, 3, 3, 3, cv.BORDER_CONSTANT, value=0)
    made: Plane = cv.GaussianBlur(padded, (7, 7), sigma)
    return made


class Density:
    """Where on a frame specks lie: gradient noise of 2 x 2 cells (Perlin, SIGGRAPH 1985), never zero."""

    def __init__(self, rng: Generator) -> None:
        turn = rng.uniform(0, 2 * np.pi, (3, 3))
        self._slope: NDArray[np.float64] = np.stack([np.sin(turn), np.cos(turn)])

    def __call__(self, y: float, x: float) -> float:
        """Relative density 0.1..1.9 at a place 0..1."""
        row, column = min(int(2 * y), 1), min(int(2 * x), 1)
        v, u = 2 * y - row, 2 * x - column
        corners = [
            float(
                self._slope[0, row + i, column + j] * (v - i) + self._slope[1, row + i, column + j] * (u - j)
            )
            for i in (0, 1)
            for j in (0, 1)
        ]
        fade = [t * t * t * (t * (6 * t - 15) + 10) for t in (v, u)]
        above, below = (corners[k] + fade[1] * (corners[k + 1] - corners[k]) for k in (0, 2))
        return 1 + 0.9 * float(np.clip(1.4 * (above + fade[0] * (below - above)), -1, 1))

    def draw(self, rng: Generator) -> tuple[float, float]:
        """A place (y, x) in 0..1."""
        while True:
            y, x, chance = rng.random(3)
            if chance * 1.9 < self(y, x):
                return float(y), float(x)
