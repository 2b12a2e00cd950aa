"""What looks like damage and is none: stars, sparks, snow, rain, lamps, text and small fast things.

They move on straight paths and are there on every frame of a scene, as light of the scene is; grain comes
on top of them. Nets learn from them what to leave alone, benchmarks count what is flagged.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.opencv import opencv

Lumas = NDArray[np.float32]
"""(frames, rows, columns), 0..1."""
FRACTION = 4
"""Places are drawn to sixteenths of a sample."""


def stars(lumas: Lumas, rng: Generator) -> None:
    """Points on a darkened sky that drift together."""
    lumas *= np.float32(rng.uniform(0.1, 0.6))
    discs(
        lumas,
        rng,
        count=int(rng.integers(5, 60)),
        radius=(0.4, 1.3),
        light=(0.4, 1),
        drift=rng.normal(0, 1, 2),
    )


def snow(lumas: Lumas, rng: Generator) -> None:
    """Soft flakes that fall, each at its own speed."""
    fall = np.array([rng.uniform(2, 8), rng.normal(0, 2)])
    discs(
        lumas,
        rng,
        count=int(rng.integers(8, 60)),
        radius=(0.7, 2.5),
        light=(0.7, 1),
        drift=fall,
        own=1.0,
        soft=0.8,
    )


def lamps(lumas: Lumas, rng: Generator) -> None:
    """A few bright or dark discs that stay where they are or move with the camera."""
    drift = rng.normal(0, 2, 2) * rng.integers(2)
    light = (0.8, 1) if rng.random() < 0.7 else (0, 0.1)
    discs(lumas, rng, count=int(rng.integers(1, 9)), radius=(0.8, 4), light=light, drift=drift, soft=0.6)


def flying(lumas: Lumas, rng: Generator) -> None:
    """Birds, balls and the like: small, dark or bright, fast, each its own way."""
    light = (0, 0.2) if rng.random() < 0.6 else (0.7, 1)
    discs(lumas, rng, count=int(rng.integers(1, 6)), radius=(1, 4), light=light, drift=np.zeros(2), own=8.0)


def sparks(lumas: Lumas, rng: Generator) -> None:
    """Short bright strokes along their own way."""
    streaks(
        lumas, rng, count=int(rng.integers(3, 25)), length=(3, 14), speed=(3, 16), spread=np.pi, light=1.0
    )


def rain(lumas: Lumas, rng: Generator) -> None:
    """Faint parallel strokes, falling fast."""
    streaks(
        lumas, rng, count=int(rng.integers(10, 60)), length=(6, 25), speed=(8, 25), spread=0.05, light=0.5
    )


def text(lumas: Lumas, rng: Generator) -> None:
    """A line or two of letters, at rest or scrolling."""
    cv = opencv()
    words = ["".join(chr(c) for c in rng.integers(33, 123, 14)) for _ in range(int(rng.integers(1, 4)))]
    size, light = rng.uniform(0.25, 0.8), float(rng.random() < 0.75)
    drift = rng.normal(0, 2, 2) * rng.integers(2)
    origin = rng.uniform(0, 1, (len(words), 2)) * lumas.shape[1:] - (0, lumas.shape[2] / 2)
    for number, plane in enumerate(lumas):
        mask = np.zeros(plane.shape, np.uint8)
        for word, at in zip(words, origin + drift * number, strict=True):
            place = (int(at[1]), int(at[0]))
            cv.putText(mask, word, place, cv.FONT_HERSHEY_SIMPLEX, size, 255, 1, cv.LINE_AA)
        blend(plane, mask, light)


def discs(
    lumas: Lumas,
    rng: Generator,
    *,
    count: int,
    radius: tuple[float, float],
    light: tuple[float, float],
    drift: NDArray[np.floating],
    own: float = 0.0,
    soft: float = 0.45,
) -> None:
    """Discs that move by ``drift`` and a normal draw of deviation ``own``, samples (down, right) a frame."""
    at = rng.uniform(0, 1, (count, 2)) * lumas.shape[1:]
    ways = drift + rng.normal(0, 1, (count, 2)) * own
    radii, lights = rng.uniform(*radius, count), rng.uniform(*light, count)
    opaque = rng.uniform(0.5, 1, count)
    for number, plane in enumerate(lumas):
        for k in range(count):
            y, x = (at[k] + ways[k] * number) % plane.shape
            dab(plane, y, x, radii[k], soft, lights[k], opaque[k])


def dab(plane: Plane, y: float, x: float, radius: float, soft: float, light: float, opaque: float) -> None:
    """One disc with a soft rim."""
    reach = int(radius + 3 * soft) + 2
    top, left = max(0, int(y) - reach), max(0, int(x) - reach)
    part = plane[top : int(y) + reach + 1, left : int(x) + reach + 1]
    rows, columns = np.ogrid[: part.shape[0], : part.shape[1]]
    away = np.hypot(rows + top - y, columns + left - x)
    cover = np.clip((radius - away) / (2 * soft) + 0.5, 0, 1) * opaque
    part += (cover * (light - part)).astype(np.float32)


def streaks(
    lumas: Lumas,
    rng: Generator,
    *,
    count: int,
    length: tuple[float, float],
    speed: tuple[float, float],
    spread: float,
    light: float,
) -> None:
    """Strokes that move along themselves."""
    cv, lean = opencv(), rng.normal(0, 0.15)
    at = rng.uniform(0, 1, (count, 2)) * lumas.shape[1:]
    angle = np.pi / 2 + lean + rng.uniform(-spread, spread, count)
    way = np.stack([np.sin(angle), np.cos(angle)], 1)
    lengths, speeds = rng.uniform(*length, count), rng.uniform(*speed, count)
    opaque = rng.uniform(0.2, 1.0) * light
    for number, plane in enumerate(lumas):
        mask = np.zeros(plane.shape, np.uint8)
        begin = (at + way * (speeds * number)[:, None]) % plane.shape
        end = begin + way * lengths[:, None]
        for a, b in zip(begin, end, strict=True):
            ends = [tuple(int(v * (1 << FRACTION)) for v in p[::-1]) for p in (a, b)]
            cv.line(mask, *ends, 255, 1, cv.LINE_AA, FRACTION)
        blend(plane, mask, 0.95, opaque)


def blend(plane: Plane, mask: NDArray[np.uint8], light: float, opaque: float = 1.0) -> None:
    cover = mask * np.float32(opaque / 255)
    plane += cover * (np.float32(light) - plane)


GUARDS: dict[str, Callable[[Lumas, Generator], None]] = {
    g.__name__: g for g in (stars, snow, lamps, flying, sparks, rain, text)
}
"""Each draws onto (frames, rows, columns) luma in place."""
