"""Clean frames in, damaged frames and masks out: ``damaged`` for programs, ``Damaged`` as a node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat, Plane
from filmgrain_codec.errors import UsageError
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.train.damage import shapes
from filmgrain_codec.train.damage.film import Film, Layers
from filmgrain_codec.train.damage.lines import Lines
from filmgrain_codec.train.damage.statistics import pitch
from filmgrain_codec.train.generators.common import block_mean, fast_generator

WHITE, BLACK = 0.97, 0.02
"""What opaque damage looks like, as shares of the way from black to white."""
LABEL = 10 / 255
"""A sample is damaged where luma changed by more than this share of full scale."""
RARE = 0.001
"""Chance of a blank frame, and of a splice, on each frame."""
WEAVE_RETURN, WEAVE_KEPT = 0.15, 64
"""Weave is an Ornstein-Uhlenbeck process: this much of it is lost a frame; steps looked back."""
_WEAVE, _RARE = 200, 201


@dataclass(frozen=True)
class Damage:
    """What happens to a clip of format ``fmt``; every frame is a pure function of its number.

    ``gauge`` (see ``statistics.GAUGES``) gives the size of things; ``severity`` 1 is as dirty as the
    uncleaned scans measured, 0.2 is usual, None draws one by ``seed``. ``weave`` is the deviation in
    samples by which whole pictures move; ``rare`` the chance of blank frames and splices.
    ``templates``: a folder of mask files instead of procedural shapes. Raises ``UsageError``.
    """

    fmt: FrameFormat
    gauge: str = "35mm"
    severity: float | None = None
    seed: int = 0
    weave: float = 0.0
    rare: float = RARE
    templates: Path | None = None

    def __post_init__(self) -> None:
        if self.severity is not None and not 0 <= self.severity <= 20:
            raise UsageError(f"{self.severity} is no severity of damage: give a number from 0 to 20.")
        if not 0 <= self.weave <= 20:
            raise UsageError(f"{self.weave} is no weave: give a deviation of 0 to 20 samples.")
        if self.seed < 0:
            raise UsageError(f"{self.seed} is no seed: give a whole number from 0 on.")
        pitch(self.gauge, self.fmt.height)

    @cached_property
    def film(self) -> Film:
        bank = shapes.from_files(self.templates) if self.templates else shapes.procedural()
        size, step = (self.fmt.height, self.fmt.width), pitch(self.gauge, self.fmt.height)
        return Film(size, step, self.severity, self.seed, bank=bank, by_size=self.templates is not None)

    @cached_property
    def lines(self) -> Lines:
        film = self.film
        return Lines(film.shape, film.pitch, film.dirty, self.seed, births=0.02 if film.dirty > 0 else 0.0)

    def layers(self, number: int) -> Layers:
        """What lies on frame ``number``."""
        made = self.film.layers(number)
        self.lines.draw(made, number)
        rare(made, self.seed, number, self.rare if self.film.dirty > 0 else 0.0)
        return made

    def sway(self, number: int) -> NDArray[np.float64]:
        """How far frame ``number`` lies off its place, samples down and right."""
        if not self.weave:
            return np.zeros(2)
        steps = range(max(0, number - WEAVE_KEPT), number + 1)
        kicks = np.stack([fast_generator(self.seed, _WEAVE, k).normal(0, 1, 2) for k in steps])
        keep = 1 - WEAVE_RETURN
        weights = keep ** np.arange(len(kicks) - 1, -1, -1)
        return np.asarray(self.weave * np.sqrt(1 - keep**2) * (weights[:, None] * kicks).sum(0))

    def apply(self, frame: Frame) -> tuple[Frame, Plane]:
        """The damaged frame, and where it is damaged: (rows, columns), 0 or 1.

        Weave moves the picture and is no damage of the mask. Samples are rounded to the codes of the format.
        """
        still = swayed(frame, self.sway(frame.index))
        made = self.layers(frame.index)
        if not (made.white.any() or made.black.any()):
            return still, np.zeros_like(frame.planes[0])
        planes = tuple(covered(p, made, k, still.fmt) for k, p in enumerate(still.planes))
        lumas = [luma_of(each, still.fmt) for each in (planes, still.planes)]
        return still.with_planes(planes), (np.abs(lumas[0] - lumas[1]) > LABEL).astype(np.float32)


def damaged(
    frames: Iterable[Frame],
    fmt: FrameFormat,
    gauge: str = "35mm",
    severity: float | None = None,
    seed: int = 0,
    **options: Any,
) -> Iterator[tuple[Frame, Plane]]:
    """Every frame damaged, and its mask (rows, columns) of 0 and 1; see ``Damage``."""
    damage = Damage(fmt, gauge, severity, seed, **options)
    return map(damage.apply, frames)


@dataclass
class Damaged:
    """A node that damages every frame, or gives its mask (gray, 8 bit, full range) where ``mask``."""

    gauge: str = "35mm"
    severity: float | None = None
    seed: int = 0
    weave: float = 0.0
    rare: float = RARE
    templates: Path | None = None
    mask: bool = False
    radius: int = 0

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        self._damage = Damage(
            fmt, self.gauge, self.severity, self.seed, self.weave, self.rare, self.templates
        )
        self._fmt = FrameFormat(fmt.width, fmt.height, "gray", 0, 0, 8, ColorInfo(range=2))
        return self._fmt if self.mask else fmt

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        made, mask = self._damage.apply(window[0])
        return replace(made, planes=(mask,), fmt=self._fmt) if self.mask else made


def covered(plane: Plane, made: Layers, number: int, fmt: FrameFormat) -> Plane:
    """A plane under its damage. Damage has no colour: chroma goes to neutral as far as it is covered."""
    white, black = (block_mean(layer, fmt, number) for layer in (made.white, made.black))
    if number and fmt.family == "yuv":
        middle = np.float32((1 << (fmt.bits - 1)) / fmt.peak)
        return rounded(middle + (plane - middle) * (1 - white) * (1 - black), fmt, white, black, plane)
    low, high = ends(fmt)
    dark = plane + black * (low + BLACK * (high - low) - plane)
    return rounded(dark + white * (low + WHITE * (high - low) - dark), fmt, white, black, plane)


def rounded(samples: Plane, fmt: FrameFormat, white: Plane, black: Plane, clean: Plane) -> Plane:
    """Samples as codes; what nothing covers stays as it is, bit for bit."""
    codes = np.clip(np.rint(samples * np.float32(fmt.peak)), 0, fmt.peak) / np.float32(fmt.peak)
    return np.where((white > 0) | (black > 0), codes, clean).astype(np.float32)


def ends(fmt: FrameFormat) -> tuple[float, float]:
    """Black and white of luma."""
    if fmt.full_range:
        return 0.0, 1.0
    step = (1 << (fmt.bits - 8)) / fmt.peak
    return 16 * step, 235 * step


def luma_of(planes: Sequence[Plane], fmt: FrameFormat) -> Plane:
    """Luma of a frame, or what stands for it in RGB (BT.709)."""
    if fmt.family != "rgb":
        return planes[0]
    red, green, blue = planes
    return np.asarray(0.2126 * red + 0.7152 * green + 0.0722 * blue, np.float32)


def swayed(frame: Frame, by: NDArray[np.float64]) -> Frame:
    """The frame's picture moved by (down, right) samples; edges are repeated."""
    if not by.any():
        return frame
    cv = opencv()

    def moved(plane: Plane) -> Plane:
        down, right = (b * n / m for b, n, m in zip(by, plane.shape, frame.planes[0].shape, strict=True))
        matrix = np.array([[1, 0, right], [0, 1, down]])
        size, border = plane.shape[::-1], cv.BORDER_REPLICATE
        made: Plane = cv.warpAffine(plane, matrix, size, flags=cv.INTER_CUBIC, borderMode=border)
        return np.clip(made, 0, 1)

    return frame.with_planes(tuple(moved(p) for p in frame.planes))


def rare(made: Layers, seed: int, number: int, chance: float) -> None:
    """A blank frame, or a splice: a wide uneven bar at the top or the bottom, now and then."""
    rng = fast_generator(seed, _RARE, number)
    blank, splice = rng.random(2) < chance
    layer = made.white if rng.random() < 0.7 else made.black
    if blank:
        np.maximum(layer, np.float32(rng.uniform(0.7, 1)), out=layer)
    if splice:
        rows = layer.shape[0]
        depth = max(1, int(rows * rng.uniform(0.01, 0.04)))
        edge = np.linspace(0, rng.uniform(0, depth), layer.shape[1])
        y = np.arange(2 * depth)[:, None]
        bar = np.clip(depth + edge - y, 0, 1).astype(np.float32) * np.float32(rng.uniform(0.5, 1))
        part = layer[: 2 * depth] if rng.random() < 0.5 else layer[::-1][: 2 * depth]
        np.maximum(part, bar[: len(part)], out=part)
