"""How the light of a frame differs from that of the frame before, along the motion between them.

Samples that follow the motion give a map of codes for each plane, and what luma's map leaves gives a field of
gains. Each is found from what the other leaves, in turns, or the map would take for tone what is light on the
places where that tone is seen (backfitting: Hastie and Tibshirani, 1990). What the field's smoothing leaves
is smoothed in the next turn (twicing: Tukey, 1977), and samples that stay off count less (his biweight).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.flicker.correction import COLUMNS, DEPTHS, LIFT, ROWS
from filmgrain_codec.nodes.flicker.proxy import Motion, Proxy
from filmgrain_codec.nodes.opencv import opencv

Array = NDArray[np.float32]
Wide = NDArray[np.float64]
NODES = 33
"""Points of a map: codes k / 32 of full scale."""
TRUSTED = 0.42, 0.5
"""Where so small a share of the samples follows the motion, frames say nothing of their light; all from the
second on. Between pictures of a wildly shaken camera 0.2 to 0.7 follow, of old film 0.6 to 0.97."""
FOLLOWED = 0.82
"""The share under which what frames say of their light has to be doubted."""
TRUSTED_CELL = 0.3, 0.65
TURNS = 6
"""Six find local flicker better than four (0.3 dB), and that of the whole hardly worse (0.1 dB)."""
_FAR = 0.25
_LEAST_USABLE = 0.02
_LIKE = 18.0
"""Samples of a proxy that have a grain's value in common (found with grain of the size of a sample)."""
_COUNTED = 0.25
_CELL_BLUR, _WIDE = 1.0, 2.0
"""Cells (standard deviation) over which a cell is taken, and over which detail is told from what is wide."""


@dataclass(frozen=True, slots=True)
class Pair:
    """``maps`` (luma and the other planes, of RGB luma and three planes; NODES): by how much the code grew
    from the frame before to this one, for the codes midway; ``gains`` (DEPTHS, ROWS, COLUMNS): natural
    logarithms of what luma's map leaves; ``trust``: share of the samples, but for clipped ones, that follow
    the motion, 0 where there are next to none; ``noise``: standard deviation that the grain of a frame gives
    to the mean logarithm of 1/48 of its samples.
    """

    maps: Array
    gains: Array
    trust: float
    noise: float


def compared(before: Proxy, frame: Proxy) -> Pair:
    """The light of ``frame`` against that of ``before``."""
    motion = Motion.between(before, frame)
    here, luma = motion.drawn(frame.luma, before.luma)
    usable = np.minimum(*motion.drawn(frame.usable, before.usable)) > np.float32(0.99)
    own, gains, gain, kept, spread = _parted(here, luma, motion.sure * usable)
    maps = [own]
    for plane, other, offset in zip(frame.others, before.others, frame.offsets, strict=True):
        seen, drawn = motion.drawn(plane, other)
        maps.append(_mapped(_ungained(seen, gain, offset), drawn, motion.sure))
    share = float(usable.mean())
    trust = float(kept.mean()) / share if share > _LEAST_USABLE else 0.0
    sure = np.float32(_ramp(trust, *TRUSTED))
    noise = _noise(spread, frame.luma.size)
    return Pair(sure * np.stack(maps), sure * _trusted(gains, kept, usable), trust, noise)


def _noise(spread: float, samples: int) -> float:
    """Of the mean of a part, from that of differences of two samples."""
    return spread * float(np.sqrt(_LIKE * 48 / samples / 2))


def _parted(here: Plane, before: Plane, weight: Array) -> tuple[Array, Array, Array, Array, float]:
    """Luma's map; the gains, and the gain at every sample; the samples kept; how far they are off."""
    gain, gains, kept = np.zeros_like(here), np.zeros((DEPTHS, ROWS, COLUMNS), np.float32), weight
    bright = np.clip(here * np.float32(DEPTHS) - np.float32(0.5), 0, DEPTHS - 1)
    shares = [np.maximum(0, 1 - np.abs(bright - k)) for k in range(DEPTHS)]
    for _ in range(TURNS):
        own = _mapped(_ungained(here, gain, LIFT), before, kept)
        left = np.log((here + LIFT) / (_grown(before, own) + LIFT))
        gains = gains + _gains(left - gain, [kept * share for share in shares])
        gain = _spread(gains, shares, here.shape)
        off = np.square(left - gain)
        kept = weight * np.square(np.maximum(0, 1 - off / np.float32(_FAR**2)))
    gains = _seen(gains, [kept * share for share in shares], _usual(off, kept))
    return own, gains, gain, kept, float(np.sqrt((kept * off).sum() / (kept.sum() + 1e-6)))


def _usual(off: Array, kept: Array) -> float:
    """Deviation of grain, told from the median of squares: edges that the motion misses are no grain, and in
    old film give most of the mean.
    """
    every = off[kept > _COUNTED][::5]
    return 1.4826 * float(np.sqrt(np.median(every))) if every.size else 0.0


def _seen(gains: Array, weights: list[Array], spread: float) -> Array:
    """Gains whose detail is kept as far as it stands out of what grain gives to a cell (Wiener's filter).

    Not told from one cell but from those around; what is wider than ``_WIDE`` cells stays.
    """
    cv, cell = opencv(), weights[0].size / (ROWS * COLUMNS)
    samples = _shared(np.stack([_cells(w) for w in weights])) * (cell * 4 * np.pi * _CELL_BLUR**2)
    grain = np.minimum(_LIKE * spread**2 / (samples + 1e-3), 1).astype(np.float32)
    wide = np.stack([cv.GaussianBlur(layer, (0, 0), _WIDE) for layer in gains])
    detail = gains - wide
    signal = 1 - _around(grain) / (_around(np.square(detail)) + np.float32(1e-9))
    return np.asarray(wide + np.clip(signal, 0, 1) * detail, np.float32)


def _ungained(plane: Plane, gain: Array, offset: float) -> Plane:
    made: Plane = (plane + np.float32(offset)) * opencv().exp(-gain) - np.float32(offset)
    return made


def _grown(before: Plane, growth: Array) -> Plane:
    """What the map makes of codes of the frame before."""
    low = np.maximum.accumulate(np.linspace(0, 1, NODES) - growth / 2)
    fine = np.interp(np.linspace(0, 1, 1025), low, growth).astype(np.float32)
    grown = before + fine[(before * np.float32(1024) + np.float32(0.5)).astype(np.int32)]
    return np.asarray(np.maximum(grown, 0))


def _mapped(plane: Plane, before: Plane, weight: Array) -> Array:
    """Growth of the code at every node."""
    growth, middle = (plane - before).ravel(), ((plane + before) / 2).ravel()
    place = np.clip(middle, 0, 1) * np.float32(NODES - 1)
    low = np.minimum(place.astype(np.int32), NODES - 2)
    upper = (place - low) * weight.ravel()
    lower = weight.ravel() - upper
    count, total = (_counted(low, lower * v, upper * v) for v in (np.float32(1), growth))
    return _filled(total, count).astype(np.float32)


def _counted(low: NDArray[np.int32], lower: Array, upper: Array) -> Wide:
    """What samples give to the two nodes that each lies between."""
    return np.asarray(np.bincount(low, lower, NODES) + np.bincount(low + 1, upper, NODES))


def _filled(total: Wide, count: Wide) -> Wide:
    """Total by count; nodes with few samples take after those around them, and after the line through all."""
    if not count.any():
        return np.zeros(NODES)
    codes, apart = np.linspace(-1, 1, NODES), np.abs(np.subtract.outer(np.arange(NODES), np.arange(NODES)))
    moments = np.array([[(count * codes**k).sum() for k in (n, n + 1)] for n in (0, 1)])
    moments += np.diag([1e-9, 1e-3 * count.sum()])
    line = np.polynomial.Polynomial(np.linalg.solve(moments, [total.sum(), (total * codes).sum()]))(codes)
    kernel = (apart == 0) + 0.05 * np.exp(-apart) + 1e-3 * np.exp(-apart / 4) + 1e-6
    return np.asarray(line + (kernel @ (total - count * line)) / (kernel @ count + 1e-4 * count.sum()))


def _gains(left: Array, weights: list[Array]) -> Array:
    """Means of what is left in the cells."""
    counts = np.stack([_cells(w) for w in weights])
    totals = np.stack([_cells(w * left) for w in weights])
    return np.asarray(_shared(totals) / (_shared(counts) + np.float32(2e-3)))


def _shared(cells: Array) -> Array:
    """Cells with the say of the other depth, and a little of wider surroundings."""
    flat = cells.sum(0)
    mixed = np.stack([layer + np.float32(0.4) * (flat - layer) for layer in cells])
    return np.asarray(mixed + np.float32(0.05) * _around(mixed) + np.float32(0.01) * flat)


def _around(cells: Array) -> Array:
    cv = opencv()
    return np.stack([cv.GaussianBlur(layer, (0, 0), 2.5) for layer in cells])


def _cells(samples: Array) -> Array:
    cv = opencv()
    small = cv.resize(samples, (COLUMNS, ROWS), interpolation=cv.INTER_AREA)
    return np.asarray(cv.GaussianBlur(small, (0, 0), _CELL_BLUR))


def _spread(gains: Array, shares: list[Array], shape: tuple[int, ...]) -> Array:
    """The gain at every sample."""
    cv, size = opencv(), (shape[1], shape[0])
    wide = [cv.resize(layer, size, interpolation=cv.INTER_LINEAR) for layer in gains]
    return np.asarray(sum(w * s for w, s in zip(wide, shares, strict=True)))


def _trusted(gains: Array, kept: Array, usable: NDArray[np.bool_]) -> Array:
    """Gains of cells where enough follows the motion; others after those around them, or none."""
    share = _cells(kept) / (_cells(usable.astype(np.float32)) + np.float32(0.02))
    sure = np.broadcast_to(_ramp(share, *TRUSTED_CELL), gains.shape) + np.float32(1e-3)
    total, count = (own + np.float32(0.03) * _around(own) for own in (sure * gains, sure))
    return np.asarray(total / (count + np.float32(3e-3)), np.float32)


def _ramp(value: Array | float, low: float, high: float) -> Array:
    """0 up to ``low``, 1 from ``high`` on."""
    return np.asarray(np.clip((value - low) / (high - low), 0, 1), np.float32)
