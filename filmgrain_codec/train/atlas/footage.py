"""What is fitted: small pictures of a window's frames, and how they move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import InputError
from filmgrain_codec.nodes.flicker.table import mean_luma
from filmgrain_codec.nodes.flow import Codes, Flow, codes, lattice, moves
from filmgrain_codec.nodes.opencv import opencv

Array = NDArray[np.float32]
LEAST = 8
"""Rows and columns of a small picture at least."""
NEAR = 4.0
"""Samples of the picture that motion is searched in, over which its light is evened out."""
AGREED, SHARE = 0.5, 0.01
"""Flow there and back may miss by this: squared samples, and share of its squared length."""


@dataclass(frozen=True, slots=True)
class Small:
    """A frame: ``planes`` (planes, rows, columns) of full scale, ``structure`` at twice that size without
    its local light and contrast, ``weight`` (rows, columns), ``mean`` luma of the frame itself.
    """

    planes: Array
    structure: Codes
    weight: Array
    mean: float


@dataclass(frozen=True, slots=True)
class Footage:
    """A window: ``planes`` (frames, planes, rows, columns), ``weight`` (frames, rows, columns), 0 where a
    mask covers; ``ahead`` and ``back`` (frames, rows, columns, 2): where a point is in the next and the last
    frame, ``sure`` (2, frames, rows, columns) whether both agree; ``rgb``: what the planes are.
    """

    planes: Array
    weight: Array
    ahead: Flow
    back: Flow
    sure: Array
    rgb: bool

    @property
    def luma(self) -> Array:
        """(frames, rows, columns)."""
        return luma_of(self.planes, self.rgb)


def luma_of(planes: Array, rgb: bool) -> Array:
    """Luma (frames, rows, columns) of planes (frames, planes, rows, columns), as corrections see it."""
    return np.asarray(planes.mean(1) if rgb else planes[:, 0], np.float32)


def size_of(fmt: FrameFormat, columns: int) -> tuple[int, int]:
    """(rows, columns) of the small pictures: even, and at most half the frame's."""
    wide = max(LEAST, min(columns, fmt.width // 2) // 2 * 2)
    return max(LEAST, round(wide * fmt.height / fmt.width / 2) * 2), wide


def small(frame: Frame, size: tuple[int, int], mask: Frame | None = None) -> Small:
    """A frame made small; where the mask is bright it gets no weight."""
    cv, (rows, columns) = opencv(), size

    def shrunk(plane: Array, times: int = 1) -> Array:
        wanted = columns * times, rows * times
        made: Array = cv.resize(np.nan_to_num(plane), wanted, interpolation=cv.INTER_AREA)
        return made

    planes = np.stack([shrunk(p) for p in frame.planes])
    kept = frame.planes if frame.fmt.family == "rgb" else frame.planes[:1]
    seen = np.mean([shrunk(p, 2) for p in kept], axis=0, dtype=np.float32)
    weight = np.ones(size, np.float32)
    if mask is not None:
        weight = (shrunk(mask.planes[0]) < 0.25).astype(np.float32)
    return Small(planes, structure(seen), weight, mean_luma(frame))


def structure(luma: Array) -> Codes:
    """Luma less its local mean, over its local contrast: flicker does not move it."""
    cv = opencv()
    rest = luma - cv.GaussianBlur(luma, (0, 0), NEAR)
    contrast = cv.sqrt(cv.GaussianBlur(rest * rest, (0, 0), NEAR) + np.float32(4e-4))
    return codes(np.clip(rest / contrast / 6 + 0.5, 0, 1), 0)


def footage(frames: Sequence[Small], rgb: bool) -> Footage:
    """A window of small frames with its motion."""
    planes = np.stack([f.planes for f in frames])
    rows, columns = planes.shape[2:]
    ahead, back = (np.zeros((len(frames), rows, columns, 2), np.float32) for _ in range(2))
    for t in range(len(frames) - 1):
        here, there = frames[t].structure, frames[t + 1].structure
        ahead[t] = moves(here, there, "fine")[:rows, :columns]
        back[t + 1] = moves(there, here, "fine")[:rows, :columns]
    sure = np.zeros((2, len(frames), rows, columns), np.float32)
    for t in range(len(frames) - 1):
        sure[0, t] = agree(ahead[t], back[t + 1])
        sure[1, t + 1] = agree(back[t + 1], ahead[t])
    return Footage(planes, np.stack([f.weight for f in frames]), ahead, back, sure, rgb)


def agree(there: Flow, back: Flow) -> Array:
    """1 where following there and back again ends where it began, inside of the picture."""
    cv, (rows, columns) = opencv(), there.shape[:2]
    at = lattice(rows, columns) + there
    again = cv.remap(back, at, None, cv.INTER_LINEAR, borderMode=cv.BORDER_REPLICATE)
    missed = ((there + again) ** 2).sum(-1)
    near = missed < SHARE * ((there**2).sum(-1) + (again**2).sum(-1)) + AGREED
    inside = (at >= 0).all(-1) & (at[..., 0] <= columns - 1) & (at[..., 1] <= rows - 1)
    return np.asarray(near & inside, np.float32)


def masked(frames: Iterator[Frame], masks: Iterator[Frame] | None) -> Iterator[tuple[Frame, Frame | None]]:
    """Every frame with its mask. Raises ``InputError`` where they are not as many."""
    for frame in frames:
        if masks is None:
            yield frame, None
            continue
        mask = next(masks, None)
        if mask is None:
            raise InputError(f"The masks end at frame {frame.index} and the clip goes on: give one for each.")
        yield frame, mask
    if masks is not None and next(masks, None) is not None:
        raise InputError("There are more masks than frames: give one for each frame.")
