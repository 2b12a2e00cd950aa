"""Moving scenes out of still photographs: camera moves, rippling ground, objects that move otherwise.

All pictures are (height, width, 3) float32 Y, Cb, Cr in 0..1; a scene is (frames, side, side, 3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from filmgrain_codec.nodes.flow import lattice
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.train.material import Clip, Picture

Scene = NDArray[np.float32]
FAR_SHARE = 0.25
"""Share of scenes seen from far: their texture is as fine as grain, which a blind net must learn to keep."""
BLURS, SHRUNK = (0.5, 2.5), (1.2, 4.0)
"""Sigma of a soft scene's softness in samples; factor by which it was smaller once."""


@dataclass(frozen=True, slots=True)
class Style:
    """How lively scenes are: speeds to draw from (samples a frame, times a normal draw in each direction),
    shares that ripple and that have objects before them. ``erratic``: ripples wander from frame to frame, so
    that no frame follows from the one before.
    """

    speeds: tuple[float, ...]
    ripples: float
    objects: float
    erratic: bool = False


CALM = Style((0.0, 0.0, 0.3, 1.0, 3.0, 6.0, 12.0), 0.3, 0.4)
LIVELY = Style((0.3, 1.0, 3.0, 6.0, 12.0, 20.0), 0.6, 0.8, erratic=True)
"""Where much is new on every frame, as in what hand-held and action cameras see."""


def scene(photos: tuple[Picture, ...], side: int, frames: int, rng: Generator, style: Style = CALM) -> Scene:
    """A camera move over a still, of calm ones four in ten with a moving object before it."""
    seen = camera(photos[rng.integers(len(photos))], side, frames, rng, style)
    if rng.random() < style.objects:
        over = camera(photos[rng.integers(len(photos))], side, frames, rng, style)
        seen += blob(side, frames, rng) * (over - seen)
    return seen


def camera(picture: Picture, side: int, frames: int, rng: Generator, style: Style = CALM) -> Scene:
    """Pan, zoom, turn and tilt over a still; of calm ones one in six stands still, three in ten ripple."""
    cv = opencv()
    image = np.ascontiguousarray(np.moveaxis(picture, 0, 2), np.float32) / 255
    track = homographies(image.shape[:2], side, frames, rng, style.speeds)
    ripple = ripples(side, frames, rng, style)
    out = np.empty((frames, side, side, 3), np.float32)
    for k, matrix in enumerate(track):
        if ripple is None:
            flags = cv.INTER_CUBIC | cv.WARP_INVERSE_MAP
            out[k] = cv.warpPerspective(
                image, matrix, (side, side), flags=flags, borderMode=cv.BORDER_REFLECT
            )
        else:
            maps = cv.perspectiveTransform(lattice(side, side) + ripple[k], matrix)
            out[k] = cv.remap(image, maps, None, cv.INTER_CUBIC, borderMode=cv.BORDER_REFLECT)
    return out.clip(0, 1)


def square(picture: Picture, side: int, rng: Generator) -> Scene:
    """(side, side, 3) of a still as it is; where it is smaller, mirrored out."""
    missing = [(0, max(0, side - n)) for n in picture.shape[1:]]
    whole = np.pad(picture, [(0, 0), *missing], "symmetric")
    top, left = (rng.integers(n - side + 1) for n in whole.shape[1:])
    part = np.moveaxis(whole[:, top : top + side, left : left + side], 0, 2)
    return np.asarray(part, np.float32) / np.float32(255)


def homographies(
    shape: tuple[int, ...], side: int, frames: int, rng: Generator, speeds: tuple[float, ...]
) -> list[NDArray[np.float64]]:
    """From window samples to picture samples, one matrix a frame."""
    speed = rng.choice(speeds)
    still = speed == 0 and rng.random() < 0.5
    pan, speedup = rng.normal(0, 1, 2) * speed, rng.normal(0, 0.08) * speed
    zoom, turn, tilt = (0.0,) * 3 if still else (rng.normal(0, 0.004), rng.normal(0, 0.003), 1e-5 * speed)
    scale = rng.uniform(1.2, 1.9) if rng.random() < FAR_SHARE else rng.uniform(0.85, 1.15)
    angle, leaning = rng.normal(0, 0.03), rng.normal(0, 1, 2) * tilt
    centre = [rng.uniform(min(side / 2, n / 2), max(n - side / 2, n / 2)) for n in shape]
    out = []
    for k in range(-(frames // 2), frames // 2 + 1):
        size, tilted = scale * (1 + zoom) ** k, angle + turn * k
        cos, sin = np.cos(tilted) * size, np.sin(tilted) * size
        x, y = (centre[i] + pan[1 - i] * (k + speedup * k * abs(k)) for i in (1, 0))
        half = (side - 1) / 2
        to_centre = np.array([[1, 0, -half], [0, 1, -half], [0, 0, 1]])
        about = np.array([[cos, -sin, x], [sin, cos, y], [*(leaning * k), 1]])
        out.append(about @ to_centre)
    return out


def ripples(side: int, frames: int, rng: Generator, style: Style = CALM) -> Scene | None:
    """Smooth displacements (frames, side, side, 2) that grow with time or wander, None for scenes without."""
    if rng.random() >= style.ripples:
        return None
    size, cells = rng.uniform(0.2, 2.5), (rng.integers(3, 9), rng.integers(3, 9), 2)
    if not style.erratic:
        steps = np.arange(frames, dtype=np.float32) - frames // 2
        return np.asarray(steps[:, None, None, None] * _smooth(rng.normal(0, size, cells), side), np.float32)
    return np.stack([_smooth(part, side) for part in rng.normal(0, size, (frames, *cells)).cumsum(0)])


def _smooth(coarse: NDArray[np.float64], side: int) -> NDArray[np.float32]:
    cv = opencv()
    made: NDArray[np.float32] = cv.resize(
        coarse.astype(np.float32), (side, side), interpolation=cv.INTER_CUBIC
    )
    return made


def blob(side: int, frames: int, rng: Generator) -> Scene:
    """The soft-edged mask (frames, side, side, 1) of a disk that moves."""
    rows, columns = np.mgrid[:side, :side].astype(np.float32)
    centre, radius = rng.uniform(0, side, 2), rng.uniform(side * 0.08, side * 0.4)
    pan, soft = rng.normal(0, 4, 2), rng.uniform(0.5, 3)
    masks = [
        np.hypot(rows - centre[0] - pan[0] * k, columns - centre[1] - pan[1] * k)
        for k in range(-(frames // 2), frames // 2 + 1)
    ]
    return np.clip((radius - np.stack(masks)) / soft + 0.5, 0, 1).astype(np.float32)[..., None]


def excerpt(clip: Clip, side: int, frames: int, rng: Generator) -> Scene:
    """Consecutive frames of a real clip, forwards or backwards; its chroma stretched to luma's size."""
    cv = opencv()
    count, height, width = clip[0].shape
    first = rng.integers(count - frames + 1)
    y, x = (2 * rng.integers((n - side) // 2 + 1) for n in (height, width))
    out = np.full((frames, side, side, 3), 0.5, np.float32)
    for k in range(frames):
        out[k, ..., 0] = clip[0][first + k, y : y + side, x : x + side] / np.float32(255)
        for c, plane in enumerate(clip[1:], 1):
            part = plane[first + k, y // 2 : (y + side) // 2, x // 2 : (x + side) // 2]
            out[k, ..., c] = cv.resize(part, (side, side), interpolation=cv.INTER_LINEAR) / np.float32(255)
    return out[::-1] if rng.random() < 0.5 else out


def turned(scene: Scene, rng: Generator) -> Scene:
    """Random mirror and transposition."""
    scene = scene[:, :: rng.choice([-1, 1]), :: rng.choice([-1, 1])]
    return scene.swapaxes(1, 2) if rng.random() < 0.5 else scene


def softened(found: Scene, rng: Generator) -> Scene:
    """A scene out of focus, or one that was made larger."""
    cv, side = opencv(), found.shape[1]
    if rng.random() < 0.5:
        sigma = rng.uniform(*BLURS)
        return np.stack([cv.GaussianBlur(frame, (0, 0), sigma) for frame in found])
    small = round(side / rng.uniform(*SHRUNK))
    how = cv.INTER_CUBIC if rng.random() < 0.5 else cv.INTER_LINEAR
    shrunk = [cv.resize(frame, (small, small), interpolation=cv.INTER_AREA) for frame in found]
    return np.stack([cv.resize(frame, (side, side), interpolation=how) for frame in shrunk])


def graded(scene: Scene, rng: Generator) -> Scene:
    """A random tone and colour: gamma, fade, contrast (flat scans too), mostly in limited range."""
    luma, chroma = scene[..., :1], scene[..., 1:] - 0.5
    if rng.random() < 0.35:
        luma = luma ** rng.uniform(0.55, 1.7)
    if rng.random() < 0.35:
        gain = rng.uniform(0.35, 1.0)
        luma = luma * gain + rng.uniform(0, 1 - gain)
    if rng.random() < 0.7:
        luma = luma * (219 / 255) + 16 / 255
    chroma = chroma * rng.choice([-1, 1], 2) * rng.uniform(0.3, 1.25)
    chroma = chroma[..., ::-1] if rng.random() < 0.5 else chroma
    return np.concatenate([luma, chroma + 0.5], -1).astype(np.float32)
