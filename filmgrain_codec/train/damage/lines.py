"""Line scratches over time: born, wandering, of varying depth, gone after a second or two."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.train.damage.film import Layers
from filmgrain_codec.train.generators.common import fast_generator

BIRTHS, LIFE, LONGEST = 0.02, 40.0, 240
"""Chance of a new line on a frame, mean of its exponential life in frames, and its end at the latest."""
WALK, DEPTH_AR, WHITE_SHARE = 2.0, 0.9, 0.7
TILT = np.deg2rad(2.0)
WIDTH = 15.0
"""Micrometres: the mean width. Scratches of a transport are narrow, about one sample of a 2K scan."""
RAIN_CHANCE, RAIN_SHAPE, RAIN_SCALE = 0.5, 6.0, 2.0
"""Films with short-lived line scratches, and the Gamma of how many a frame of severity 1 has."""
_LINE, _RAIN, _FILM = 100, 101, 102


@dataclass(frozen=True, slots=True)
class Line:
    """One line on one frame: place at half height, slope, rows covered, width and opacity of every row."""

    column: float
    slope: float
    top: float
    bottom: float
    width: float
    depth: float
    white: bool
    seed: int


@dataclass(frozen=True)
class Lines:
    """The line scratches of a film; ``births`` is the chance of a lasting one to begin, a frame.

    Columns and widths follow from ``pitch`` (micrometres a sample).
    """

    shape: tuple[int, int]
    pitch: float
    severity: float
    seed: int = 0
    births: float = BIRTHS

    def draw(self, made: Layers, number: int) -> None:
        """Stamp the lines of frame ``number`` into its layers."""
        for line in self.seen(number):
            stroke(made, line)

    def seen(self, number: int) -> list[Line]:
        """Lines of a frame: those that last, and rain."""
        lasting = [_lasting(self, birth) for birth in range(number - LONGEST + 1, number + 1)]
        begun = zip(range(number, number - LONGEST, -1), lasting[::-1], strict=True)
        return [track[number - birth] for birth, track in begun if len(track) > number - birth] + self.rain(
            number
        )

    def rain(self, number: int) -> list[Line]:
        """Lines that are seen on this frame only."""
        film, rng = fast_generator(self.seed, _FILM), fast_generator(self.seed, _RAIN, number)
        wet, rate = film.random() < RAIN_CHANCE, film.gamma(RAIN_SHAPE, RAIN_SCALE)
        rows, columns = self.shape
        # The counts are of a whole frame; a frame is about four thirds as wide as high.
        share = min(1.0, rows * columns * (self.pitch / 1000) ** 2 / 350)
        made = []
        for _ in range(rng.poisson(rate * self.severity * share) if wet else 0):
            length = rng.uniform(min(10, rows), rows)
            top = rng.uniform(-length / 2, rows - length / 2)
            made.append(
                Line(
                    column=rng.uniform(0, columns),
                    slope=np.tan(rng.uniform(-TILT, TILT)),
                    top=top,
                    bottom=top + length,
                    width=max(0.6, WIDTH / self.pitch * rng.uniform(0.5, 1.5)),
                    depth=rng.uniform(0.3, 1.0),
                    white=bool(rng.random() < WHITE_SHARE),
                    seed=int(rng.integers(1 << 31)),
                )
            )
        return made

    def track(self, birth: int) -> tuple[Line, ...]:
        """A lasting line from its birth on, one entry a frame; mostly none."""
        rng = fast_generator(self.seed, _LINE, birth + 2 * LONGEST)
        if rng.random() >= self.births:
            return ()
        rows, columns = self.shape
        frames = min(LONGEST, 1 + int(rng.exponential(LIFE)))
        walk = np.cumsum(rng.normal(0, WALK * 14.8 / self.pitch / 2, frames))
        at, slope = rng.uniform(0, columns), np.tan(rng.uniform(-TILT, TILT) / 4)
        width = max(0.6, WIDTH / self.pitch * rng.lognormal(0, 0.5))
        mean, white = rng.uniform(0.15, 0.8), bool(rng.random() < WHITE_SHARE)
        depth, swing = [], 0.0
        for _ in range(frames):
            swing = DEPTH_AR * swing + np.sqrt(1 - DEPTH_AR**2) * rng.normal()
            depth.append(float(np.clip(mean * (1 + 0.4 * swing), 0, 1)))
        seed = int(rng.integers(1 << 31))
        return tuple(
            Line(at + walk[k], slope, -1.0, rows + 1.0, width, depth[k], white, seed) for k in range(frames)
        )


@lru_cache(maxsize=2048)
def _lasting(lines: Lines, birth: int) -> tuple[Line, ...]:
    return lines.track(birth)


def stroke(made: Layers, line: Line) -> None:
    """Stamp one line: a Gaussian across, smooth noise along."""
    rows, columns = made.white.shape
    first, last = max(0, int(line.top)), min(rows, int(np.ceil(line.bottom)))
    if first >= last:
        return
    y = np.arange(first, last)
    centre = line.column + line.slope * (y - rows / 2)
    reach = int(np.ceil(2 * line.width)) + 1
    left = max(0, int(centre.min()) - reach)
    right = min(columns, int(centre.max()) + reach + 1)
    if left >= right:
        return
    across = np.arange(left, right)[None] - centre[:, None]
    # A line narrower than a sample dims it.
    sigma = max(line.width / 2, 0.45)
    strength = min(1.0, line.width / (2 * sigma))
    profile = np.exp(-0.5 * (across / sigma) ** 2) * strength
    patch: Plane = (line.depth * along(line, y)[:, None] * profile).astype(np.float32)
    made.stamp(patch, first, left, line.white)


def along(line: Line, y: np.ndarray) -> np.ndarray:
    """Depth 0..1 along a line: noise at every 24th row, linear between, ends faded."""
    knots = fast_generator(line.seed).random(int(y[-1]) // 24 + 3)
    ends = np.minimum(y - line.top + 1, line.bottom - y) / 6
    return np.interp(y / 24, np.arange(len(knots)), 0.25 + 0.75 * knots) * np.clip(ends, 0, 1)
