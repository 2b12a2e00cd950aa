"""How the light of a frame differs from that of the frame before, along the motion between them.

The motion is dense inverse search (Kroeger et al., ECCV 2016) between pictures of a few hundred samples
across whose brightness and contrast are levelled locally, so that flicker cannot bias it. Samples that follow
the motion give a map of codes for each plane, and what luma's map leaves gives a field of gains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.nodes.align import lattice, search
from filmgrain_codec.nodes.flicker.correction import COLUMNS, LIFT, ROWS
from filmgrain_codec.nodes.opencv import opencv

Array = NDArray[np.float32]
Codes = NDArray[np.uint8]
NODES = 33
"""Points of a map: codes k / 32 of full scale."""
LARGEST = 140_000
"""Samples of a proxy at most."""
_BLUR, _LEVEL, _FLOOR = 0.8, 9.0, 0.02
_DIFFERENT = 18.0
_FAR_CODE, _FAR_GAIN = 0.08, 0.25
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Pair:
    """``maps`` (planes, NODES): by how much the code grew from the frame before to this one, for the codes
    midway; ``counts`` (planes, NODES): share of the samples that say so; ``gains`` (DEPTHS, ROWS, COLUMNS):
    natural logarithms of what luma's map leaves, ``weights``: share of each cell's samples that say so.
    """

    maps: Array
    counts: Array
    gains: Array
    weights: Array

    @property
    def trust(self) -> float:
        """Share of the samples that follow the motion; under 0.12 the frames are of different shots."""
        return float(self.counts[0].sum())


@dataclass(frozen=True, slots=True)
class Proxy:
    """A frame made small: luma and the other planes at one size, and luma with its light levelled (8 bit)."""

    luma: Plane
    others: tuple[Plane, ...]
    level: Codes

    @classmethod
    def of(cls, frame: Frame) -> Proxy:
        size = _size(frame.planes[0].shape)
        small = [_small(p, size) for p in frame.planes]
        if frame.fmt.family == "rgb":
            luma = (small[0] + small[1] + small[2]) / np.float32(3)
            return cls(luma, tuple(small), _levelled(luma))
        return cls(small[0], tuple(small[1:]), _levelled(small[0]))


def compared(before: Proxy, frame: Proxy) -> Pair:
    """The light of ``frame`` against that of ``before``."""
    cv, here = opencv(), frame.luma
    flow = search("fast").calc(frame.level, before.level, None)
    at = flow + lattice(*here.shape)

    def drawn(plane: NDArray[Any]) -> NDArray[Any]:
        made: NDArray[Any] = cv.remap(plane, at, None, cv.INTER_LINEAR, borderMode=cv.BORDER_REPLICATE)
        return made

    luma = drawn(before.luma)
    weight = _weight(frame.level, drawn(before.level), at)
    sure = weight * _unclipped(here) * _unclipped(luma)
    seen = [(here, luma, sure)] if len(frame.others) < 3 else []
    seen += [(p, drawn(q), weight) for p, q in zip(frame.others, before.others, strict=True)]
    found = [_mapped(*three) for three in seen]
    maps, counts = (np.stack(part) for part in zip(*found, strict=True))
    own = maps[0] if len(frame.others) < 3 else _mapped(here, luma, sure)[0]
    left = np.log((here + LIFT) / (luma + LIFT)) - _explained(here, luma, own)
    gains, weights = _field(left, here, sure)
    return Pair(maps, counts, gains, weights)


def _size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Columns and rows of the proxy: halved as often as needed, then to whole fours, at least 32."""
    halvings = 1
    while (shape[0] >> halvings) * (shape[1] >> halvings) > LARGEST:
        halvings += 1
    rows, columns = (max(32, (n >> halvings) // 4 * 4) for n in shape)
    return columns, rows


def _small(plane: Plane, size: tuple[int, int]) -> Plane:
    cv = opencv()
    shrinks = plane.shape[1] >= size[0] and plane.shape[0] >= size[1]
    small = cv.resize(plane, size, interpolation=cv.INTER_AREA if shrinks else cv.INTER_LINEAR)
    made: Plane = cv.GaussianBlur(small, (0, 0), _BLUR)
    return np.clip(made, 0, 1)


def _levelled(luma: Plane) -> Codes:
    """Luma less its local mean, divided by its local deviation, as 8-bit codes about 128."""
    cv = opencv()
    detail = luma - cv.GaussianBlur(luma, (0, 0), _LEVEL)
    spread = cv.sqrt(cv.GaussianBlur(detail * detail, (0, 0), _LEVEL) + np.float32(_FLOOR**2))
    made: Codes = np.clip(detail / spread * 42 + 128, 0, 255).astype(np.uint8)
    return made


def _weight(level: Codes, drawn: Codes, at: Array) -> Array:
    """How sure it is that a sample was found (0 to 1): it lies inside, and what is around it looks alike."""
    cv, (rows, columns) = opencv(), level.shape
    error = cv.GaussianBlur(cv.absdiff(level, drawn).astype(np.float32), (0, 0), 1.5)
    x, y = at[..., 0], at[..., 1]
    inside = (x >= 0) & (x <= columns - 1) & (y >= 0) & (y <= rows - 1)
    made: Array = inside * cv.exp(-np.square(error / np.float32(_DIFFERENT)))
    return made


def _unclipped(luma: Plane) -> NDArray[np.bool_]:
    return (luma > 0.02) & (luma < 0.98)


def _mapped(plane: Plane, before: Plane, weight: Array) -> tuple[Array, Array]:
    """Growth of the code at every node, and the share of samples behind it."""
    growth, middle = (plane - before).ravel(), ((plane + before) / 2).ravel()
    weight = weight.ravel()
    place = middle * (NODES - 1)
    low = np.minimum(place.astype(np.int32), NODES - 2)
    share = place - low
    found = np.full(NODES, _median(growth, weight), np.float64)
    far = 4 * _FAR_CODE
    for _ in range(_ROUNDS):
        off = growth - (found[low] * (1 - share) + found[low + 1] * share)
        kept = weight * np.square(np.maximum(0, 1 - np.square(off / far)))
        count = _counted(low, share, kept)
        total = _counted(low, share, kept * growth)
        found = _filled(total, count)
        far = max(far / 2, _FAR_CODE)
    return found.astype(np.float32), (count / growth.size).astype(np.float32)


def _counted(low: NDArray[np.int32], share: Array, value: NDArray[Any]) -> NDArray[np.float64]:
    """Values shared out between the two nodes each lies between."""
    below = np.bincount(low, value * (1 - share), NODES)
    return np.asarray(below + np.bincount(low + 1, value * share, NODES))


def _filled(total: NDArray[np.float64], count: NDArray[np.float64]) -> NDArray[np.float64]:
    """Total by count; nodes with few samples take after those around them."""
    if not count.any():
        return np.zeros(NODES)
    apart = np.abs(np.subtract.outer(np.arange(NODES), np.arange(NODES)))
    near = np.exp(-apart / 1.0)
    wide = np.exp(-apart / 4.0) * 1e-3
    kernel = np.where(apart == 0, 1.0, 0.05 * near + wide) + 1e-6
    return np.asarray((kernel @ total) / (kernel @ count))


def _median(growth: Array, weight: Array) -> float:
    sure = weight > 0.3
    return float(np.median(growth[sure])) if sure.any() else 0.0


def _explained(here: Plane, before: Plane, growth: Array) -> Array:
    """What luma's map says of each sample's gain, as a natural logarithm."""
    middle = (here + before) / 2
    half = np.interp(middle, np.linspace(0, 1, NODES), growth / 2).astype(np.float32)
    return np.log(np.maximum(middle + half + LIFT, 1e-3) / np.maximum(middle - half + LIFT, 1e-3))


def _field(left: Array, luma: Plane, weight: Array) -> tuple[Array, Array]:
    """Gains and weights of the cells (Tukey's biweight, reweighted), unsure cells after their neighbours."""
    cv = opencv()
    bright = np.clip(luma * np.float32(2) - np.float32(0.5), 0, 1)
    gains, weights = [], []
    for share in (1 - bright, bright):
        part, up = weight * share, np.zeros_like(left)
        for _ in range(_ROUNDS):
            kept = part * np.square(np.maximum(0, 1 - np.square((left - up) / _FAR_GAIN)))
            count, total = _cells(kept), _cells(kept * left)
            cell = total / (count + np.float32(2e-3))
            up = cv.resize(cell, left.shape[::-1], interpolation=cv.INTER_LINEAR)
        gains.append(total)
        weights.append(count)
    return _joined(np.stack(gains), np.stack(weights))


def _cells(samples: Array) -> Array:
    cv = opencv()
    small = cv.resize(samples.astype(np.float32), (COLUMNS, ROWS), interpolation=cv.INTER_AREA)
    made: Array = cv.GaussianBlur(small, (0, 0), 0.7)
    return made


def _joined(total: Array, count: Array) -> tuple[Array, Array]:
    """Cells with the other depth's say (0.4), and with wider surroundings where there is little."""
    cv = opencv()
    both = [a + np.float32(0.4) * a[::-1] for a in (total, count)]
    wide = [np.stack([cv.GaussianBlur(layer, (0, 0), 2.5) for layer in a]) for a in both]
    weak = np.float32(0.05)
    gains = (both[0] + weak * wide[0]) / (both[1] + weak * wide[1] + np.float32(2e-3))
    return gains, count
