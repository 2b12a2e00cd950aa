"""Moving scenes out of still photographs: camera moves, and objects that move otherwise."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from filmgrain_codec.train.material import Clip, Picture

FRAMES = 3
SPEEDS = (0.0, 0.0, 0.3, 1.0, 3.0, 7.0, 16.0)
FAR_SHARE = 0.25
"""Share of scenes seen from far: their texture is as fine as grain, which a blind net must learn to keep."""


def camera(picture: Picture, side: int, rng: Generator) -> Tensor:
    """A smooth move over a still: (FRAMES, planes, side, side) in 0..1; one in six stands still."""
    height, width = picture.shape[1:]
    speed = rng.choice(SPEEDS)
    still = speed == 0 and rng.random() < 0.5
    pan = rng.normal(0, 1, 2) * speed
    zoom, turn = (0.0, 0.0) if still else (rng.normal(0, 0.004), rng.normal(0, 0.003))
    scale = rng.uniform(1.2, 1.9) if rng.random() < FAR_SHARE else rng.uniform(0.85, 1.15)
    angle = rng.normal(0, 0.03)
    centre = [rng.uniform(min(side / 2, n / 2), max(n - side / 2, n / 2)) for n in (height, width)]
    steps = torch.arange(side) - (side - 1) / 2
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    grids = []
    for k in range(-(FRAMES // 2), FRAMES // 2 + 1):
        size, tilt = scale * (1 + zoom * k), angle + turn * k
        cos, sin = np.cos(tilt) * size, np.sin(tilt) * size
        x = centre[1] + pan[1] * k + cos * columns - sin * rows
        y = centre[0] + pan[0] * k + sin * columns + cos * rows
        grids.append(torch.stack([x / (width - 1) * 2 - 1, y / (height - 1) * 2 - 1], -1))
    return look(picture, torch.cat(grids), side)


def look(picture: Picture, grid: Tensor, side: int) -> Tensor:
    """Sample a picture at all frames' grids at once."""
    image = torch.from_numpy(picture)[None].float() / 255
    seen = F.grid_sample(image, grid[None].float(), "bicubic", "reflection", align_corners=True)
    planes = picture.shape[0]
    return seen.clamp(0, 1).view(planes, FRAMES, side, side).transpose(0, 1)


def blob(side: int, rng: Generator) -> Tensor:
    """The mask (FRAMES, 1, side, side) of a disk that moves."""
    rows, columns = np.mgrid[:side, :side]
    centre, radius = rng.uniform(0, side, 2), rng.uniform(side * 0.1, side * 0.45)
    pan = rng.normal(0, 4, 2)
    masks = [
        (rows - centre[0] - pan[0] * k) ** 2 + (columns - centre[1] - pan[1] * k) ** 2 < radius**2
        for k in range(FRAMES)
    ]
    return torch.from_numpy(np.stack(masks)[:, None].astype(np.float32))


def scene(photos: tuple[Picture, ...], side: int, rng: Generator) -> Tensor:
    """A camera move, four in ten with a moving object before it."""
    seen = camera(photos[rng.integers(len(photos))], side, rng)
    if rng.random() < 0.4:
        mask = blob(side, rng)
        seen = torch.lerp(seen, camera(photos[rng.integers(len(photos))], side, rng), mask)
    return seen


def excerpt(clip: Clip, side: int, rng: Generator) -> Tensor:
    """Consecutive frames of a real clip, forwards or backwards: (FRAMES, planes, side, side)."""
    frames, height, width = clip[0].shape
    first = rng.integers(frames - FRAMES + 1)
    y, x = rng.integers(height - side + 1), rng.integers(width - side + 1)
    cut = np.stack([p[first : first + FRAMES, y : y + side, x : x + side] for p in clip], 1)
    if rng.random() < 0.5:
        cut = cut[::-1]
    return torch.from_numpy(cut.astype(np.float32) / 255)


def turned(scene: Tensor, rng: Generator) -> Tensor:
    """Random mirror and transposition."""
    if rng.random() < 0.5:
        scene = scene.flip(-1)
    if rng.random() < 0.5:
        scene = scene.flip(-2)
    return scene.transpose(-1, -2) if rng.random() < 0.5 else scene


def graded(luma: Tensor, rng: Generator) -> Tensor:
    """A random tone: gamma, fade, contrast (flat scans too), mostly in limited range."""
    if rng.random() < 0.35:
        luma = luma.clamp(0, 1) ** rng.uniform(0.55, 1.7)
    if rng.random() < 0.35:
        gain = rng.uniform(0.35, 1.0)
        luma = luma * gain + rng.uniform(0, 1 - gain)
    return luma * (219 / 255) + 16 / 255 if rng.random() < 0.7 else luma
