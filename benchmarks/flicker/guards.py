"""Clips whose light changes for good reasons, and clips at the edge of what a clip is, made from stills.

None of them flickers: what a deflicker takes from them is harm. Light falls on a scene by a gain on its
linear light, taken as the 2.2nd power of its codes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.flicker.figures import Video
from benchmarks.flicker.scenes import Clip, grainy, grey, moving, photograph
from filmgrain_codec.core.frame import Plane
from filmgrain_codec.train.generators.common import generator

SIZE = (320, 240)
LENGTH = 48
CURVE = 2.2
SCENES = (("kodim13", "kodim07"), ("kodim22", "kodim15"), ("kodim08", "kodim23"), ("kodim20", "kodim05"))
ROCKETS = (3, 14, 18, 31, 39)
"""Frames in which one bursts."""
STREAM = 63


@dataclass(frozen=True, slots=True)
class Guard:
    """``make`` gives full-range planes; ``film``: whether they get grain; ``cuts``: where they cut."""

    name: str
    make: Callable[[], Video]
    film: bool = True
    cuts: tuple[int, ...] = ()

    def clip(self) -> Clip:
        planes = list(self.make())
        frames = grainy(planes, STREAM) if self.film else tuple(grey(planes))
        return Clip(self.name, frames, np.stack(planes) if self.film else None, self.cuts)


def scene(number: int = 0, length: int = LENGTH) -> Video:
    """A moving crop."""
    background, thing = SCENES[number]
    return np.stack(moving(photograph(background), photograph(thing), 20 + number, length, SIZE))


def lit(video: Video, light: NDArray[np.floating]) -> Video:
    """A clip under ``light`` (linear, 1 leaves it as it is; of one number a frame, or one a sample)."""
    wide = np.asarray(light if light.ndim == 3 else light[:, None, None], np.float32)
    return np.asarray(np.clip(video * np.maximum(wide, 0) ** (1 / CURVE), 0, 1), np.float32)


def time(length: int = LENGTH) -> Video:
    return np.arange(length, dtype=np.float32)


def ramp(start: float, stop: float) -> Video:
    """0 before ``start``, 1 after ``stop``."""
    return np.asarray(np.clip((time() - start) / (stop - start), 0, 1), np.float32)


def away(x: float, y: float) -> Plane:
    """Distance from a place (shares of width and height), in heights."""
    width, height = SIZE
    across = (np.arange(width, dtype=np.float32) - x * width) / height
    down = (np.arange(height, dtype=np.float32)[:, None] - y * height) / height
    return np.hypot(across, down)


def fade_in() -> Video:
    return scene() * ramp(8, 24)[:, None, None]


def fade_out() -> Video:
    return scene() * (1 - ramp(20, 36))[:, None, None]


def cross_fade() -> Video:
    share = ramp(16, 32)[:, None, None]
    return scene(0) * (1 - share) + scene(1) * share


def explosion() -> Video:
    """Rises in three frames to seven times the light around one place, and decays."""
    since = time() - 16
    force = np.where(since < 0, 0, np.minimum(since / 3, 1) * np.exp(-np.maximum(since - 3, 0) / 8))
    near = 0.35 + np.exp(-((away(0.6, 0.55) / 0.4) ** 2))
    return lit(scene(1) * 0.8, 1 + 4.5 * force[:, None, None] * near)


def fireworks() -> Video:
    """A dark scene that rockets light up, one after the other and some together."""
    random, seen = generator(STREAM, 1), lit(scene(2), np.full(LENGTH, 0.06, np.float32))
    for start in ROCKETS:
        x, y = random.uniform(0.15, 0.85), random.uniform(0.1, 0.5)
        for n in range(start, min(start + 14, LENGTH)):
            age = n - start
            force = min(1.0, (age + 1) / 2) * np.exp(-age / 4)
            ring = np.exp(-(((away(x, y) - 0.025 * age) / 0.02) ** 2))
            glow = np.exp(-((away(x, y) / 0.5) ** 2))
            seen[n] = seen[n] * (1 + 2.5 * force * glow) + force * (0.7 * ring + 0.05 * glow)
    return np.asarray(np.clip(seen, 0, 1), np.float32)


def lightning() -> Video:
    """One frame, and later two, of far more light, most of it above."""
    force = np.float32(2.5) * np.isin(time(), (14,)) + np.float32(1.8) * np.isin(time(), (30, 31))
    above = np.linspace(1.2, 0.4, SIZE[1], dtype=np.float32)[:, None]
    return lit(scene(3) * 0.7, 1 + force[:, None, None] * above)


def shadow() -> Video:
    """A soft shadow crosses the picture."""
    light = [
        1 - 0.65 / (1 + np.exp((away(-0.3 + 1.6 * n / LENGTH, 0.5) - 0.4) / 0.03)) for n in range(LENGTH)
    ]
    return lit(scene(), np.stack(light))


def window() -> Video:
    """The camera pans over a dark room past a bright window."""
    room, outside = photograph("kodim01") * 0.3, photograph("kodim23")
    view = outside[100:400, 250:420] * 0.35 + 0.68
    room[100:400, 250:420] = np.clip(view, 0, 1)
    (width, height), pace = SIZE, 8
    return np.stack([room[130 : 130 + height, pace * n : pace * n + width] for n in range(LENGTH)])


def lamp() -> Video:
    """Switched on at once, and it stays on."""
    near = 0.25 + np.exp(-((away(0.3, 0.4) / 0.5) ** 2))
    return lit(scene(1) * 0.6, np.float32(1) + np.float32(1.5) * (time() >= 22)[:, None, None] * near)


def sunset() -> Video:
    """The light goes down to a third."""
    return lit(scene(2), np.exp(-1.1 * time() / LENGTH))


def still() -> Video:
    return np.repeat(scene(3, 1), 24, axis=0)


def cuts() -> Video:
    """Another scene every three frames."""
    scenes = [scene(k, 12) for k in range(4)]
    return np.stack([scenes[(n // 3) % 4][n % 3 + 3 * (n // 12)] for n in range(36)])


def two() -> Video:
    return scene(0, 2)


def one() -> Video:
    return scene(1, 1)


def black() -> Video:
    return np.zeros((20, SIZE[1], SIZE[0]), np.float32)


LIGHT = (
    Guard("fade in", fade_in), Guard("fade out", fade_out), Guard("cross-fade", cross_fade),
    Guard("explosion", explosion), Guard("fireworks", fireworks), Guard("lightning", lightning),
    Guard("moving shadow", shadow), Guard("bright window", window), Guard("lamp switched on", lamp),
    Guard("sunset", sunset),
)  # fmt: skip
"""Light that changes."""
EDGES = (
    Guard("still image", still, film=False), Guard("still under grain", still),
    Guard("cut every 3 frames", cuts, cuts=tuple(range(3, 36, 3))), Guard("2 frames", two),
    Guard("1 frame", one), Guard("black", black, film=False),
)  # fmt: skip
"""Clips at the edge of what a clip is."""


def guards() -> Iterator[Guard]:
    yield from (*LIGHT, *EDGES)
