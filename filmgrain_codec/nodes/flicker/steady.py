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
TREND = 1.0, 3.0
"""Frames whose trend differs by so many deviations of the steps between frames count little: the first where
light comes, goes or moves once, the second where it sways or keeps its place."""
SWAYING = 2.0, 2.6
"""Way of the trend, up and down, over its range, from which it begins to sway, and from which it does: light
that moves once has 1, light that comes and goes again 2."""
MOVED = 1.0, 2.0
"""Range of the trend, in deviations of the steps, up to which light keeps its place, and from which not."""
STRONG = 5.0
"""The same as ``TREND``, in strong mode."""
SMOOTH, ALIKE, REACH = 2.0, 6.5, 5
"""Frames (standard deviation) over which neighbours agree on the light they should have, if their trends
differ by no more than so many deviations of the steps; frames on each side that are asked."""
SLOW = 3.0
"""Frames (standard deviation) over which a trend is smoothed before its way is measured."""
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
POOLED = 2.5
"""Cells over which that is judged together (standard deviation)."""


def medians(path: Array, reach: int = 2) -> Array:
    """Medians over five neighbours in time; the first and last are repeated."""
    padded = np.pad(path, [(reach, reach)] + [(0, 0)] * (path.ndim - 1), "edge")
    return np.asarray(np.median([padded[k : k + len(path)] for k in range(2 * reach + 1)], axis=0))


def step_size(path: Array) -> Array:
    """Robust deviation of the steps from frame to frame."""
    return np.asarray(1.4826 * np.median(np.abs(np.diff(path, axis=0)), axis=0))


def shares(path: Array, time: Array, middle: int, radius: int, strong: bool = False) -> Array:
    """How much each frame says about the light that the middle one should have; sums to 1 over time.

    ``path`` (frames, ...), ``time`` (frames,): when each frame is, in frames.
    A frame should have the mean light of those near it in time and in trend. The middle one gets the mean of
    what it and the frames around it should have: trends are medians of a few frames that flicker, and what
    follows them closely would jump from frame to frame as they do.
    """
    trend, step = medians(path), np.maximum(step_size(path), LEAST_STEP)
    bound = step * (STRONG if strong else tolerance(trend, step))
    astray = np.clip((path - trend) / (ASTRAY * np.maximum(step, deviation(path))), -1, 1)
    counted = (1 - astray**2) ** 2 + 1e-9
    around = range(max(0, middle - REACH), min(len(path), middle + REACH + 1))
    each = np.stack([counted * _alike(trend, time, k, bound, radius / WIDTH) for k in around])
    says = _alike(trend, time, middle, ALIKE * step, SMOOTH)[around.start : around.stop]
    return np.asarray(((says / says.sum(0))[:, None] * each / each.sum(1, keepdims=True)).sum(0))


def _alike(trend: Array, time: Array, k: int, bound: Array, reach: float) -> Array:
    """Weight of each frame by its distance from frame ``k`` in time and in trend."""
    apart = (time - time[k]).reshape(-1, *[1] * (trend.ndim - 1))
    return np.asarray(np.exp(-0.5 * (((trend - trend[k]) / bound) ** 2 + (apart / reach) ** 2)) + 1e-9)


def tolerance(trend: Array, step: Array) -> Array:
    """By how many deviations of the steps frames of like light may differ in trend."""
    time = np.arange(len(trend))
    kernel = np.exp(-0.5 * (np.subtract.outer(time, time) / SLOW) ** 2)
    slow = np.tensordot(kernel / kernel.sum(1, keepdims=True), trend, 1)
    size = np.ptp(slow, axis=0)
    sways = ramp(np.abs(np.diff(slow, axis=0)).sum(0) / (size + 1e-9), *SWAYING)
    stays = 1 - ramp(size / step, *MOVED)
    return np.asarray(TREND[0] + (TREND[1] - TREND[0]) * np.maximum(sways, stays))


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
    """1 for differences of the size of the path's flicker, 0 for those that stand out of it.

    Cells are judged with their neighbours: one left alone among others that are not would show as a patch.
    """
    far, usual = np.abs(difference), deviation(path)
    if path.ndim == 3:
        far, usual = _pooled(far), _pooled(usual)
    return 1 - ramp(far / (usual + 1e-6), *FLASH)


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
