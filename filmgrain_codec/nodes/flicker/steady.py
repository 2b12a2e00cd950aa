"""What in the light of a window of frames is flicker of its middle frame, and what is real.

Paths are codes over time: what a code of the middle frame would be in each frame of the window. Flicker goes
up and down from frame to frame; light that rises, falls or jumps and stays is real, and so is a flash that
stands out from the flicker around it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.nodes.opencv import opencv

Array = NDArray[np.float64]
LEAST_FRAMES = 5
"""Fewer frames do not show whether light goes up and down."""
WIDTH = 1.0
"""Radii over the standard deviation of the weights in time."""
TREND = 2.0
"""Frames whose trend differs by so many deviations of the steps between frames count little."""
STRONG = 2.5
"""Times as far off, in strong mode."""
LEAST_STEP = 0.01
"""The least such deviation, in codes of full scale."""
ASTRAY = 5.0
"""Frames so many deviations off the trend do not count."""
FLASH = 5.0, 8.0
"""Deviations of flicker up to which a difference is taken out, and from which it is left alone."""
LASTING = 0.5, 0.75
"""Correlation of successive steps up to which light counts as flicker, and from which as real."""
BURST = 0.7, 1.5
"""Skewness of the steps up to which light counts as flicker, and from which as bursts that fade."""
RARE = 3.0
"""Steps so many deviations off are cut to that."""
POOLED = 1.5
"""Cells over which that is judged together (standard deviation)."""


def nearness(apart: Array, radius: int) -> Array:
    """Weight of each frame by its distance from the middle one."""
    return np.asarray(np.exp(-0.5 * (WIDTH * apart / radius) ** 2))


def medians(path: Array, reach: int = 2) -> Array:
    """Medians over five neighbours in time; the first and last are repeated."""
    padded = np.pad(path, [(reach, reach)] + [(0, 0)] * (path.ndim - 1), "edge")
    return np.asarray(np.median([padded[k : k + len(path)] for k in range(2 * reach + 1)], axis=0))


def step_size(path: Array) -> Array:
    """Robust deviation of the steps from frame to frame."""
    return np.asarray(1.4826 * np.median(np.abs(np.diff(path, axis=0)), axis=0))


def shares(path: Array, near: Array, middle: int, strong: bool = False) -> Array:
    """How much each frame says about the light that the middle one should have; sums to 1 over time."""
    trend, step = medians(path), np.maximum(step_size(path), LEAST_STEP)
    gone = (trend - trend[middle]) / ((STRONG if strong else 1) * TREND * step)
    astray = np.clip((path - trend) / (ASTRAY * np.maximum(step, deviation(path))), -1, 1)
    weights = near.reshape(-1, *[1] * (path.ndim - 1)) * np.exp(-0.5 * gone**2) * (1 - astray**2) ** 2
    weights += 1e-9 * near.reshape(-1, *[1] * (path.ndim - 1))
    return np.asarray(weights / weights.sum(0))


def unlike_light(path: Array) -> Array:
    """1 to 0: whether the path (frames,) or (frames, rows, columns) goes up and down, or keeps on going."""
    steps = _steps(path)
    lasting, square = _together(steps[1:] * steps[:-1]), _together(steps**2)
    return 1 - ramp(lasting / (square + 1e-12), *LASTING)


def unlike_bursts(path: Array) -> Array:
    """1 to 0: whether a path rises as fast as it falls, or flares up and fades as fire and rockets do.

    What of the largest step stays to the end of the path does not count: a lamp is switched on once.
    """
    steps = np.diff(path, axis=0)
    largest = np.abs(steps).argmax(0)[None]
    stayed = np.take_along_axis(_jumps(path), largest, 0) / (np.take_along_axis(steps, largest, 0) + 1e-12)
    left = (1 - np.clip(stayed, 0, 1)) * np.take_along_axis(steps, largest, 0)
    np.put_along_axis(steps, largest, left, 0)
    steps -= steps.mean(0)
    return 1 - ramp(_together(steps**3) / (_together(steps**2) + 1e-12) ** 1.5, *BURST)


def _jumps(path: Array) -> Array:
    """Mean from each frame but the first on, less the mean before it."""
    count = np.arange(1, len(path)).reshape(-1, *[1] * (path.ndim - 1))
    before = np.cumsum(path, 0)[:-1]
    return np.asarray((path.sum(0) - before) / (len(path) - count) - before / count)


def _steps(path: Array) -> Array:
    """Steps from frame to frame; those far off are cut to size, being rare events in what may be flicker."""
    steps = np.diff(path, axis=0)
    steps = steps - np.median(steps, axis=0)
    largest = RARE * 1.4826 * np.median(np.abs(steps), axis=0) + 1e-6
    return np.clip(steps, -largest, largest)


def _together(values: Array) -> Array:
    """Mean over time, and of cells over their neighbours."""
    mean = values.mean(0)
    return _pooled(mean) if values.ndim == 3 else mean


def unlike_flash(difference: Array, path: Array) -> Array:
    """1 for differences of the size of the path's flicker, 0 for those that stand out of it."""
    return 1 - ramp(np.abs(difference) / (deviation(path) + 1e-6), *FLASH)


def deviation(path: Array) -> Array:
    """Robust deviation of a path (frames, ...) from a straight line."""
    time = np.arange(len(path)) - (len(path) - 1) / 2
    slope = np.tensordot(time, path, 1) / (time**2).sum()
    level = path - time.reshape(-1, *[1] * (path.ndim - 1)) * slope
    level = level - np.median(level, axis=0)
    return np.asarray(1.4826 * np.median(np.abs(level), axis=0))


def ramp(value: Array, low: float, high: float) -> Array:
    """0 up to ``low``, 1 from ``high`` on."""
    return np.asarray(np.clip((value - low) / (high - low), 0, 1))


def _pooled(cells: Array) -> Array:
    made: Array = opencv().GaussianBlur(cells, (0, 0), POOLED)
    return made
