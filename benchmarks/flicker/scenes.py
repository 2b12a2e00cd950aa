"""Clean clips: moving crops of still pictures with grain of their own, and clips with real motion.

A moving crop is a panning, slowly zooming background with one object that moves on its own, so that motion,
occlusion and new picture at the borders are known exactly and nothing in it ever flickers. Clips of real
motion are taken at half size, which keeps the whole benchmark in minutes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

from benchmarks import material, quality
from benchmarks.flicker import figures
from benchmarks.flicker.figures import Step, Video
from benchmarks.flicker.recipe import quantised
from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat, Plane
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.pipeline.shots import CutDetector
from filmgrain_codec.train.generators.common import generator

SIZE = (448, 336)
LENGTH = 60
GRAIN = material.Grain("spectral", 4 / 255, 0.8, tone="boolean")
PAIRS = (
    ("kodim05", "kodim07"), ("kodim08", "kodim22"), ("kodim13", "kodim02"),
    ("kodim14", "kodim15"), ("kodim21", "kodim03"), ("kodim07", "kodim23"),
)  # fmt: skip
"""Background and object of each moving crop; stills of the test material, in which flicker clips few samples
(at most 5 %), for what is clipped no method brings back."""
BRIGHT = (("kodim20", "kodim03"), ("kodim23", "kodim21"))
"""The same of bright pictures, which flicker clips: up to 30 % of their samples."""
FILM = {
    "CrowdRun": "PPH10I1_Panasonic_A.264", "Ducks": "PPH10I2_Panasonic_A.264",
    "IntoTree": "PPH10I4_Panasonic_A.264",
}  # fmt: skip
OLD = {
    "London": "london_1900s", "Great Train Robbery": "great_train_robbery_1903",
    "Market Street": "market_street_1906", "A-bomb": "a-bomb_blast_effects_part.mp4",
    "Chaplin": "chaplin.mp4", "His Girl Friday": "friday.mp4",
}  # fmt: skip
PARK = "park_joy_420_720p50_frm0to9_480x270.y4m"
STREAM = 62


@dataclass(frozen=True)
class Clip:
    """Frames that motion, cuts and calm blocks are taken from, each worked out once.

    ``bare``: luma before grain was added, if it was. ``known``: its cuts, None to have them found.
    """

    name: str
    frames: tuple[Frame, ...]
    bare: Video | None = None
    known: tuple[int, ...] | None = ()

    @cached_property
    def cuts(self) -> tuple[int, ...]:
        return cuts(self.frames) if self.known is None else self.known

    @cached_property
    def luma(self) -> Video:
        return figures.luma(self.frames)

    @cached_property
    def path(self) -> list[Step]:
        return figures.steps(self.luma, self.cuts)

    @cached_property
    def calm(self) -> NDArray[np.bool_] | None:
        return None if self.bare is None else figures.calm_blocks(self.bare)


@dataclass(frozen=True)
class Case:
    """What methods are given, and the clip that they are held against.

    ``clean``: whether that clip is what they ought to make; if not, it is the input itself. ``ideal``: what
    a filter that knew the flicker would make (see ``recipe.averaged``).
    """

    clip: Clip
    given: tuple[Frame, ...]
    clean: bool = True
    ideal: tuple[Frame, ...] | None = None

    @cached_property
    def digest(self) -> str:
        """Names the frames given and those held against."""
        found = hashlib.sha256()
        for frame in (*self.given, *self.clip.frames):
            for plane in frame.planes:
                found.update(np.ascontiguousarray(plane))
        return found.hexdigest()[:16]

    @classmethod
    def untouched(cls, clip: Clip, clean: bool = True) -> Case:
        """A clip as it is."""
        return cls(clip, clip.frames, clean)


def cuts(frames: Sequence[Frame]) -> tuple[int, ...]:
    """First frames of new shots, as the product finds them."""
    detector = CutDetector(frames[0].fmt)
    for frame in frames:
        detector.observe(frame)
    return detector.finish()


def moving_crops(
    count: int | None = None, length: int = LENGTH, pairs: Sequence[tuple[str, str]] = PAIRS, first: int = 0
) -> Iterator[Clip]:
    """The moving crops, grey, 8 bits, with grain. ``first``: seed of the first way and grain."""
    for seed, (scene, thing) in enumerate(pairs[:count], first):
        planes = moving(photograph(scene), photograph(thing), seed, length)
        yield Clip(f"{scene} {thing}", grainy(planes, seed), np.stack(planes))


def photograph(name: str) -> Plane:
    """Luma of a still in 0..1, at most 768 wide."""
    frame = material.still(name, 768)
    peak, unit = frame.fmt.peak, 1 << frame.fmt.bits - 8
    full = (frame.planes[0] * np.float32(peak / unit) - 16) / np.float32(219)
    return np.asarray(np.clip(full, 0, 1), np.float32)


def moving(
    scene: Plane, thing: Plane, seed: int, length: int = LENGTH, size: tuple[int, int] = SIZE
) -> list[Plane]:
    """Frames of a clip of ``size`` (width, height), without grain; a different way for every ``seed``."""
    random = generator(STREAM, seed)
    angle, pace = random.uniform(0, 2 * pi), random.uniform(0.5, 2.2)
    zoom = random.uniform(-0.001, 0.001)
    place = np.array([random.uniform(0.3, 0.7) * n for n in size])
    speed = random.uniform(1, 3.5, 2) * random.choice([-1, 1], 2)
    radii = random.uniform(0.12, 0.2, 2) * size[1] * 1.2
    made = []
    for n in range(length):
        away = (n - length / 2) * pace
        middle = (scene.shape[1] / 2 + cos(angle) * away, scene.shape[0] / 2 + sin(angle) * away)
        seen = window(scene, middle, 1 + zoom * n, size)
        made.append(with_thing(seen, thing, bounced(place + speed * n, size), radii))
    return made


def window(picture: Plane, middle: tuple[float, float], scale: float, size: tuple[int, int]) -> Plane:
    """The part of a picture around ``middle`` (x, y), ``scale`` of its samples to one; mirrored outside."""
    cv, (width, height) = opencv(), size
    at = np.array([[scale, 0, middle[0] - scale * width / 2], [0, scale, middle[1] - scale * height / 2]])
    flags = cv.INTER_CUBIC | cv.WARP_INVERSE_MAP
    return np.asarray(
        np.clip(cv.warpAffine(picture, at, size, flags=flags, borderMode=cv.BORDER_REFLECT), 0, 1)
    )


def with_thing(seen: Plane, thing: Plane, place: NDArray[np.float64], radii: NDArray[np.float64]) -> Plane:
    """A round piece of another picture over a frame, its middle at ``place``."""
    height, width = seen.shape
    x, y = np.arange(width) - place[0], np.arange(height)[:, None] - place[1]
    away = np.hypot(x / radii[0], y / radii[1])
    mask = np.clip((1 - away) * radii.min() / 2 + 0.5, 0, 1).astype(np.float32)
    across = (thing.shape[1] / 2 - place[0] + width / 2, thing.shape[0] / 2 - place[1] + height / 2)
    return np.asarray(seen + mask * (window(thing, across, 1.0, (width, height)) - seen), np.float32)


def bounced(place: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    """A place that turns back at the borders."""
    ends = np.array(size, float)
    return np.asarray(np.abs((place + ends) % (2 * ends) - ends))


def grainy(planes: Sequence[Plane], seed: int) -> tuple[Frame, ...]:
    """Full-range grey planes with grain, as frames of 8 bits."""
    return tuple(material.grained(grey(planes), GRAIN, seed))


def grey(planes: Sequence[Plane], bits: int = 8) -> list[Frame]:
    """Full-range planes as frames, rounded to ``bits``."""
    height, width = planes[0].shape
    fmt = FrameFormat(width, height, "gray", 0, 0, bits, ColorInfo(range=2))
    frames = (Frame((p,), fmt, n, n, 1 / material.RATE, 1) for n, p in enumerate(planes))
    return [quantised(f, f.planes) for f in frames]


def real_motion(names: Sequence[str] | None = None) -> Iterator[Clip]:
    """The clips with real motion at half size, 10 bits 4:2:0."""
    for name in material.clips() if names is None else names:
        yield Clip(name, tuple(map(halved, material.clip(name))))


def film() -> Iterator[Clip]:
    """Clips from 65 mm film with its grain, ten frames each, the large ones at half size."""
    folder = material.data() / "film_video"
    for name, file in FILM.items():
        yield Clip(name, tuple(map(halved, quality.frames(folder / "svt65mm_10bit" / file))))
    yield Clip("ParkJoy", tuple(quality.frames(folder / PARK)))


def in_grey(frame: Frame) -> Frame:
    """Black-and-white film that was stored as RGB without its copies; others as they are."""
    if frame.fmt.family != "rgb":
        return frame
    return replace(frame, planes=frame.planes[1:2], fmt=replace(frame.fmt, family="gray"))


def halved(frame: Frame) -> Frame:
    """Half as wide and high."""
    cv, fmt = opencv(), frame.fmt
    half = replace(fmt, width=fmt.width // 4 * 2, height=fmt.height // 4 * 2)
    sizes = [half.shape(k)[::-1] for k in range(fmt.planes)]
    planes = [
        cv.resize(p, size, interpolation=cv.INTER_AREA) for p, size in zip(frame.planes, sizes, strict=True)
    ]
    return quantised(replace(frame, fmt=half), planes)


def old_films(limit: int = 90) -> Iterator[Clip]:
    """The first frames of films that flicker, or that real light makes look so; no truth is known."""
    folder = material.data() / "film_video"
    for name, file in OLD.items():
        frames = tuple(map(in_grey, quality.frames(folder / file, limit)))
        yield Clip(name, frames, known=None)
