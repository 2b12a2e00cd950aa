"""Pictures that were never filmed, drawn on the spot: text, a screen, a cartoon, titles, a dither."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.train.material import to_ycbcr
from filmgrain_codec.train.pool import split

Canvas = NDArray[np.uint8]
SIZE = 768, 512
WORDS = [
    "The",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog;",
    "24",
    "frames",
    "of",
    "film",
    "grain,",
]
MATRIX = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) * 16


def text(rng: Generator) -> Canvas:
    """Black on white in three sizes, as a page on a screen."""
    image = Image.new("RGB", SIZE, (245, 245, 245))
    _lines(image, rng, range(8, SIZE[1] - 20, 22), (11, 13, 16), (20, 20, 30))
    return np.asarray(image)


def screen(rng: Generator) -> Canvas:
    """Windows and buttons with text in them."""
    image = Image.new("RGB", SIZE, (60, 60, 70))
    draw = ImageDraw.Draw(image)
    for k in range(10):
        draw.rectangle((10, 10 + 48 * k, 190, 46 + 48 * k), (90, 90, 110), (30, 30, 40))
    draw.rectangle((220, 60, 740, 460), (255, 255, 255), (0, 0, 0))
    _lines(image, rng, range(20, 500, 48), (14,), (235, 235, 235), (20, 180))
    _lines(image, rng, range(70, 440, 18), (12,), (0, 0, 0), (230, 700))
    return np.asarray(image)


def cartoon(rng: Generator) -> Canvas:
    """Flat areas with dark outlines, drawn four times as large."""
    image = Image.new("RGB", (SIZE[0] * 4, SIZE[1] * 4), (150, 200, 230))
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        fill = tuple(rng.integers(40, 230, 3).tolist())
        x, y = (rng.integers(0, n) for n in image.size)
        radius = int(rng.integers(60, 440))
        if rng.random() < 0.5:
            turns = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 9)))
            points = [(x + radius * np.cos(t), y + radius * np.sin(t)) for t in turns]
            draw.polygon(points, fill, (15, 15, 15), 8)
        else:
            box = (x - radius, y - 0.6 * radius, x + radius, y + 0.6 * radius)
            draw.ellipse(box, fill, (15, 15, 15), 8)
    return np.asarray(image.resize(SIZE, Image.Resampling.BOX))


def titles(rng: Generator) -> Canvas:
    """White letters over a sky that runs from dark to light."""
    sky = np.linspace(20, 140, SIZE[1])[:, None, None] * np.array([0.6, 0.8, 1.0])
    image = Image.fromarray(np.broadcast_to(sky, (SIZE[1], SIZE[0], 3)).astype(np.uint8))
    _lines(image, rng, range(60, 460, 52), (18, 24, 36), (240, 240, 240), (120, 640))
    return np.asarray(image)


def dither(_: Generator) -> Canvas:
    """One bit, by Bayer's matrix."""
    tone = np.linspace(0, 178, SIZE[0]) + 60 * np.sin(np.arange(SIZE[1]) / 40)[:, None]
    ones = tone > np.tile(MATRIX, (SIZE[1] // 4, SIZE[0] // 4))
    return np.where(ones, 255, 0).astype(np.uint8)[..., None].repeat(3, 2)


DRAWINGS: dict[str, Callable[[Generator], Canvas]] = {
    d.__name__: d for d in (text, screen, cartoon, titles, dither)
}


def drawing(name: str) -> Frame:
    """A drawing by its name, 4:2:0 in 10-bit codes of video range."""
    canvas = DRAWINGS[name](np.random.default_rng(7)).astype(np.float32)
    planes = np.moveaxis(to_ycbcr(canvas), 0, 2) / np.float32(255)
    luma = planes[..., :1] * np.float32(219 / 255) + np.float32(16 / 255)
    chroma = (planes[..., 1:] - np.float32(0.5)) * np.float32(224 / 255) + np.float32(0.5)
    fmt = FrameFormat(*SIZE, "yuv", 1, 1, 10)
    return Frame(split(np.concatenate([luma, chroma], 2), fmt), fmt, 0, 0, Fraction(1, 25))


def _lines(
    image: Image.Image,
    rng: Generator,
    rows: range,
    sizes: tuple[int, ...],
    ink: tuple[int, int, int],
    between: tuple[int, int] = (8, 740),
) -> None:
    """A line of words at each of ``rows``, from the first column to the second."""
    draw = ImageDraw.Draw(image)
    for row in rows:
        font, column = ImageFont.load_default(int(rng.choice(sizes))), float(between[0])
        while column < between[1] - 40:
            word = str(rng.choice(WORDS)) + " "
            draw.text((column, row), word, fill=ink, font=font)
            column += font.getlength(word)
