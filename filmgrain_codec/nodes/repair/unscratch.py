"""A scratch taken off: how opaque it is, measured along it, and what lies beneath, by undoing the mixture.

Most scratches are thin enough to see the picture through: O = (1 - a) I + a c, c the colour of bare film or
of what it hides. With a known, I follows, and grain and detail come back with it. Only where next to nothing
shows through the gap is grown over from its sides, with fresh grain. One profile serves for a whole line, so
that detail beside it is not taken for a part of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.repair.aligned import brightness
from filmgrain_codec.nodes.repair.detect import Mask
from filmgrain_codec.nodes.repair.paths import Path
from filmgrain_codec.nodes.repair.spatial import grown

Array = NDArray[np.float32]
SIDE, BESIDE = 10, 4
"""Samples on each side of a line's middle that are looked at; of those, how many tell what lies beneath."""
HALF, EVERY = 24, 4
"""Rows on each side that a row's opacity is measured over; it is measured in every fourth."""
WIDEST = 5
"""Samples from a line's middle to its edge at most."""
FAINT = 0.1
"""The line ends where its profile falls under this share of its peak."""
BLUNT = 0.35
"""What has more of its peak left at the widest is no thin line."""
THIN, DEEP = 0.02, 0.6
"""Opacity that nothing is done about, and above which too little shows through to be raised."""
CLEAR = 0.08
"""Where the picture is so near to the scratch's colour its opacity cannot be read."""


@dataclass(frozen=True, slots=True, eq=False)
class Veil:
    """``bright`` and ``dark``: opacity of bright and of dark scratches at every luma sample, 0 to 1; and the
    ``count`` of them."""

    bright: Array
    dark: Array
    count: int

    @property
    def mask(self) -> Mask:
        """Where there are scratches (uint8, 0 or 1)."""
        return ((self.bright > 0) | (self.dark > 0)).astype(np.uint8)


def cleaned(frame: Frame, paths: list[Path], strips: int) -> tuple[tuple[Plane, ...], Mask, int]:
    """The planes without the scratches, which of luma's samples were touched (0 or 1), and their number."""
    veil = measured(frame, paths, strips)
    if not veil.count:
        return frame.planes, veil.mask, 0
    made = []
    for k, plane in enumerate(frame.planes):
        bright, dark = (_at_size(v, plane.shape) for v in (veil.bright, veil.dark))
        colours = (0.5, 0.5) if k and frame.fmt.family == "yuv" else extremes(frame)[::-1]
        made.append(_unveiled(plane, (bright, dark), colours, frame.index, k))
    return tuple(made), veil.mask, veil.count


def extremes(frame: Frame) -> tuple[float, float]:
    """Black and white, of full scale, less a little: film is never quite either."""
    low, high = (0.0, 1.0) if frame.fmt.full_range else (16 / 255, 235 / 255)
    return low + 0.02 * (high - low), high - 0.03 * (high - low)


def measured(frame: Frame, paths: list[Path], strips: int) -> Veil:
    """How opaque the scratches of a frame are."""
    luma = brightness(frame)
    veils = {1: np.zeros_like(luma), -1: np.zeros_like(luma)}
    black, white = extremes(frame)
    count = 0
    for path in paths:
        rows, columns = straightened(path, strips, luma.shape)
        opacity = opacities(luma[rows[:, None], columns], white if path.polarity > 0 else black)
        if opacity is None:
            continue
        count += 1
        veil = veils[path.polarity]
        veil[rows[:, None], columns] = np.maximum(veil[rows[:, None], columns], opacity)
    return Veil(veils[1], veils[-1], count)


def straightened(
    path: Path, strips: int, shape: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows (n,) and columns (n, 2 * SIDE + 1) around a line, one strip more at its ends."""
    height, width = shape
    deep = height / strips
    first = max(0, round((path.first - 1) * deep))
    rows = np.arange(first, min(height, round((path.first + len(path.columns) + 1) * deep)))
    middle = np.interp(rows, (path.strips + 0.5) * deep - 0.5, path.columns)
    columns = np.rint(middle).astype(np.int64)[:, None] + np.arange(-SIDE, SIDE + 1)
    return rows, np.clip(columns, 0, width - 1)


def opacities(seen: Array, colour: float) -> Array | None:
    """Opacity at every sample of a straightened line (rows, 2 * SIDE + 1), 0 where there is none.

    None where the line has no edges within ``WIDEST`` samples of its middle, so that it is none.
    """
    profile, half = shape_of(seen, colour)
    if half >= WIDEST and max(profile[SIDE - half], profile[SIDE + half]) > BLUNT:
        return None
    core = slice(SIDE - half, SIDE + half + 1)
    beneath = under(seen, half)
    room = np.float32(colour) - beneath[:, core]
    weights = profile[core]
    fit = (((seen - beneath)[:, core] * np.sign(room)) @ weights) / np.maximum(
        np.abs(room) @ (weights**2), 1e-6
    )
    usable = np.abs(room).mean(1) > CLEAR
    along = running(np.where(usable, fit, np.nan))
    along = np.clip(along * (1 - np.minimum(1, (THIN / np.maximum(along, 1e-6)) ** 2)), 0, 1)
    made = np.zeros(seen.shape, np.float32)
    made[:, core] = along[:, None] * weights
    return made


def shape_of(seen: Array, colour: float) -> tuple[Array, int]:
    """A line's profile, 1 at its peak, and how many samples it has on each side of the middle."""
    beneath = under(seen, WIDEST)
    mean = np.median(np.abs(seen - beneath) * np.sign((seen - beneath) * (colour - beneath)), axis=0)
    mean = np.maximum(mean, 0)
    peak = float(mean[SIDE - 1 : SIDE + 2].max())
    if peak <= 0:
        return np.zeros(2 * SIDE + 1, np.float32), 1
    half = 1
    while half < WIDEST and max(mean[SIDE - half - 1], mean[SIDE + half + 1]) > FAINT * peak:
        half += 1
    profile = np.minimum(mean / np.float32(peak), 1)
    profile[: SIDE - half] = profile[SIDE + half + 1 :] = 0
    return profile.astype(np.float32), half


def under(seen: Array, half: int) -> Array:
    """What lies beneath a line, as the samples beside it on both sides have it, smoothed along it."""
    cv, edge = opencv(), SIDE - half
    left = np.median(seen[:, max(0, edge - BESIDE) : edge], axis=1)
    right = np.median(seen[:, SIDE + half + 1 : SIDE + half + 1 + BESIDE], axis=1)
    both = np.ascontiguousarray(np.stack([left, right], 1), np.float32)
    both = cv.blur(both, (1, 3), borderType=cv.BORDER_REPLICATE)
    share = np.clip((np.arange(2 * SIDE + 1) - edge + 1) / (2 * half + 2), 0, 1).astype(np.float32)
    return np.asarray(both[:, :1] + share * (both[:, 1:] - both[:, :1]), np.float32)


def running(values: NDArray[np.floating]) -> Array:
    """Medians over the rows around each; rows that are not known (NaN) do not count."""
    count = len(values)
    at = np.arange(0, count + EVERY - 1, EVERY).clip(max=count - 1)
    knots = np.array([_median(values[max(0, y - HALF) : y + HALF + 1]) for y in at])
    return np.interp(np.arange(count), at, knots).astype(np.float32)


def _median(values: NDArray[np.floating]) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else 0.0


def _at_size(veil: Array, shape: tuple[int, ...]) -> Array:
    if veil.shape == shape:
        return veil
    cv = opencv()
    made: Array = cv.resize(veil, (shape[1], shape[0]), interpolation=cv.INTER_AREA)
    return made


def _unveiled(
    plane: Plane, veils: tuple[Array, Array], colours: tuple[float, float], index: int, number: int
) -> Plane:
    made = plane.copy()
    for veil, colour in zip(veils, colours, strict=True):
        inside = (veil > 0) & (veil <= DEEP)
        share = veil[inside]
        made[inside] = (made[inside] - share * np.float32(colour)) / (1 - share)
    deep = ((veils[0] > DEEP) | (veils[1] > DEEP)).astype(np.uint8)
    touched = (veils[0] > 0) | (veils[1] > 0)
    hidden = opencv().dilate(deep, np.ones((3, 5), np.uint8)) & touched.view(np.uint8)
    if hidden.any():
        down, across = (np.flatnonzero(hidden.any(k)) for k in (1, 0))
        part = slice(int(down[0]), int(down[-1]) + 1), slice(int(across[0]), int(across[-1]) + 1)
        fresh = grown(made, hidden, *part, size=0.8, index=index, plane_number=number)
        made[part] = np.where(hidden[part] > 0, fresh, made[part])
    return made
