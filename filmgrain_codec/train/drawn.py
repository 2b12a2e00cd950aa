"""Pictures that no camera saw: drawings, text as screens draw it, dither, titles over a scene.

Pictures are (3, h, w) Y, Cb, Cr codes; scenes (frames, side, side, 3) float32 in 0..1, as in ``motion``.
"""

from __future__ import annotations

import string
from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.train import motion
from filmgrain_codec.train.material import Material, Picture, to_ycbcr

Canvas = NDArray[np.uint8]
Colour = tuple[int, int, int]
Glyphs = NDArray[np.float32]
DITHER_SHARE, CAMERA_SHARE = 0.12, 0.3
"""Of drawn scenes: one-bit dither of photographs; such as a camera moves over, off the grid of samples."""
SPEEDS = (0, 0, 0, 1, 2, 4, 9)
"""Whole samples a frame, as pages scroll."""
MARGIN = 160
"""Samples of a page beyond the window on each side."""
BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16 + 1 / 32
LETTERS = np.array(list(string.ascii_letters + string.digits + ".,:;!?()-'& " + " " * 8))


def scene(seen: Material, side: int, frames: int, rng: Generator) -> motion.Scene:
    """A page that stands or scrolls by whole samples, or a camera's move over it."""
    wide = side + 2 * MARGIN
    made = dithered(seen, wide, rng) if rng.random() < DITHER_SHARE else page(wide, rng)
    if rng.random() < CAMERA_SHARE:
        return motion.camera(made, side, frames, rng)
    return scrolled(made, side, frames, rng)


def scrolled(picture: Picture, side: int, frames: int, rng: Generator) -> motion.Scene:
    """Windows of a picture, each so many samples on from the one before."""
    step = rng.choice(SPEEDS, 2) * rng.choice([-1, 1], 2)
    room = picture.shape[1] - side
    places = [(room // 2 + step * (k - frames // 2)).clip(0, room) for k in range(frames)]
    windows = [np.moveaxis(picture[:, y : y + side, x : x + side], 0, 2) for y, x in places]
    return np.stack(windows).astype(np.float32) / np.float32(255)


def page(side: int, rng: Generator) -> Picture:
    """Flat areas, shapes with outlines, lines and text on a ground of one colour."""
    canvas = np.full((side, side, 3), colour(rng), np.uint8)
    for draw, most in ((areas, 6), (shapes, 14), (lines, 10)):
        if rng.random() < 0.6:
            for _ in range(rng.integers(1, most + 1)):
                draw(canvas, rng)
    if rng.random() < 0.7:
        written(canvas, rng)
    return to_ycbcr(canvas.astype(np.float32))


def dithered(seen: Material, side: int, rng: Generator) -> Picture:
    """A photograph in two tones, by Bayer's matrix or by noise."""
    luma = motion.square(seen.photos[rng.integers(len(seen.photos))], side, rng)[..., 0]
    tiled = np.tile(BAYER, (side // 4 + 1, side // 4 + 1))[:side, :side]
    limit = tiled if rng.random() < 0.6 else rng.random((side, side))
    dark, light = np.sort(rng.choice([0, 40, 80, 180, 220, 255], 2, replace=False))
    made = np.full((3, side, side), 127, np.uint8)
    made[0] = np.where(luma > limit, light, dark)
    return made


def titled(found: motion.Scene, rng: Generator) -> motion.Scene:
    """A scene with lines of text over it that stand still, light with a dark rim or the other way round."""
    side = found.shape[1]
    text, rim = np.zeros((side, side), np.float32), int(rng.integers(0, 3))
    for row in range(int(rng.integers(side // 4)), side - 40, int(rng.integers(40, 120))):
        drawn = glyphs(rng, side)
        height, width = min(len(drawn), side - row), min(drawn.shape[1], side - 8)
        left = int(rng.integers(side - width))
        text[row : row + height, left : left + width] = drawn[:height, :width]
    around = opencv().dilate(text, np.ones((2 * rim + 1,) * 2, np.uint8))
    tone = np.float32(rng.choice([0.0, 0.08, 0.75, 0.92, 1.0]))
    back = np.array([1 - tone, 0.5, 0.5], np.float32)
    ink = np.array([tone, 0.5, 0.5], np.float32)
    seen = found + around[..., None] * (back - found)
    made: motion.Scene = seen + text[..., None] * (ink - seen)
    return made


def colour(rng: Generator) -> Colour:
    """Half of them gray, mostly black or white; the others any."""
    if rng.random() < 0.5:
        tone = int(rng.choice([0, 255, 16, 235, rng.integers(256)]))
        return (tone, tone, tone)
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return (red, green, blue)


def areas(canvas: Canvas, rng: Generator) -> None:
    """A rectangle of one colour, or of one that runs into another."""
    side = len(canvas)
    top, left = rng.integers(0, side - 8, 2).tolist()
    part = canvas[top : top + int(rng.integers(8, side)), left : left + int(rng.integers(8, side))]
    one, other = (np.asarray(colour(rng), np.float32) for _ in range(2))
    share = np.linspace(0, 1, len(part), dtype=np.float32)[:, None, None] * (rng.random() < 0.3)
    part[:] = np.rint(one + share * (other - one))


def shapes(canvas: Canvas, rng: Generator) -> None:
    """An ellipse or polygon, mostly with an outline."""
    cv, side = opencv(), len(canvas)
    smooth = cv.LINE_AA if rng.random() < 0.7 else cv.LINE_8
    if rng.random() < 0.5:
        centre, axes = rng.integers(0, side, 2).tolist(), rng.integers(3, side // 4, 2).tolist()
        points = cv.ellipse2Poly(centre, axes, int(rng.integers(180)), 0, 360, 4)
    else:
        points = (rng.integers(0, side, 2) + rng.integers(-side // 5, side // 5, (5, 2))).astype(np.int32)
    cv.fillPoly(canvas, [points], colour(rng), smooth)
    if rng.random() < 0.7:
        cv.polylines(canvas, [points], True, colour(rng), int(rng.integers(1, 5)), smooth)


def lines(canvas: Canvas, rng: Generator) -> None:
    """A stroke, or a hatching of many."""
    cv, side = opencv(), len(canvas)
    smooth = cv.LINE_AA if rng.random() < 0.5 else cv.LINE_8
    ink, thick = colour(rng), int(rng.integers(1, 4))
    start, end = rng.integers(0, side, (2, 2))
    step = rng.integers(2, 10, 2)
    for k in range(int(rng.choice([1, 1, 12]))):
        cv.line(canvas, (start + k * step).tolist(), (end + k * step).tolist(), ink, thick, smooth)


def written(canvas: Canvas, rng: Generator) -> None:
    """Lines of text in one ink."""
    ink = np.asarray(colour(rng), np.float32)
    row, left = rng.integers(0, 40, 2).tolist()
    for _ in range(int(rng.integers(1, 30))):
        drawn = glyphs(rng, len(canvas) - left)
        part = canvas[row : row + len(drawn), left : left + drawn.shape[1]]
        drawn = drawn[: len(part), : part.shape[1], None]
        part[:] = np.rint(part + drawn * (ink - part))
        row += int(len(drawn) * rng.uniform(1, 1.6)) + 1
        if row > len(canvas) - 8:
            return


def glyphs(rng: Generator, width: int) -> Glyphs:
    """One line of letters drawn at random: how much of each sample they cover (height, at most ``width``)."""
    text = "".join(rng.choice(LETTERS, int(rng.integers(4, 60))))
    draw: Callable[[str, Generator], Glyphs] = outlined if rng.random() < 0.6 else stroked
    return draw(text, rng)[:, :width]


def outlined(text: str, rng: Generator) -> Glyphs:
    """In the type that Pillow brings along, smooth or not."""
    from PIL import Image, ImageDraw, ImageFont

    size = int(rng.choice([9, 11, 12, 14, 16, 20, 28, 44]))
    font = ImageFont.load_default(size)
    image = Image.new("L", (round(font.getlength(text)) + 2, size + size // 2))
    drawing = ImageDraw.Draw(image)
    drawing.fontmode = "L" if rng.random() < 0.7 else "1"
    drawing.text((1, 1), text, fill=255, font=font)
    return np.asarray(image, np.float32) / np.float32(255)


def stroked(text: str, rng: Generator) -> Glyphs:
    """In Hershey's strokes, smooth or not."""
    cv = opencv()
    scale, thick, font = float(rng.uniform(0.3, 1.6)), int(rng.integers(1, 4)), int(rng.integers(0, 8))
    (width, height), below = cv.getTextSize(text, font, scale, thick)
    image = np.zeros((height + below + 4, width + 4), np.uint8)
    smooth = cv.LINE_AA if rng.random() < 0.7 else cv.LINE_8
    cv.putText(image, text, (2, height + 2), font, scale, 255, thick, smooth)
    return image.astype(np.float32) / np.float32(255)
