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
from filmgrain_codec.nodes.flicker.correction import COLUMNS, DEPTHS, LIFT, ROWS
from filmgrain_codec.nodes.opencv import opencv

Array = NDArray[np.float32]
Codes = NDArray[np.uint8]
NODES = 33
"""Points of a map: codes k / 32 of full scale."""
LARGEST = 140_000
"""Samples of a proxy at most."""
_BLUR, _LEVEL, _FLOOR = 0.8, 9.0, 0.02
_DIFFERENT = 30.0
_FAR_GAIN = 0.25
_ROUNDS = 4
Map = tuple[Array, Array]
Field = tuple[Array, Array]


@dataclass(frozen=True, slots=True)
class Pair:
    """``maps`` (luma and other planes, of RGB luma and three planes; NODES): by how much the code grew from
    the frame before to this one, for the codes midway; ``counts`` (likewise): share of the samples that say
    so; ``gains`` (DEPTHS, ROWS, COLUMNS):
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
    offsets: tuple[float, ...]
    level: Codes

    @classmethod
    def of(cls, frame: Frame) -> Proxy:
        size = _size(frame.planes[0].shape)
        small = [_small(p, size) for p in frame.planes]
        if frame.fmt.family == "rgb":
            luma = (small[0] + small[1] + small[2]) / np.float32(3)
            return cls(luma, tuple(small), (LIFT,) * 3, _levelled(luma))
        return cls(small[0], tuple(small[1:]), (-0.5,) * (len(small) - 1), _levelled(small[0]))


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
    own, field, gain = _parted(here, luma, sure)
    found = [own] + [
        _mapped(_ungained(p, gain, o), drawn(q), weight)
        for p, q, o in zip(frame.others, before.others, frame.offsets, strict=True)
    ]
    maps, counts = (np.stack(part) for part in zip(*found, strict=True))
    return Pair(maps, counts, *field)


def _parted(here: Plane, before: Plane, weight: Array) -> tuple[Map, Field, Array]:
    """Luma's map, and the field of what it leaves; and the field at every sample.

    Each is found from what the other leaves, in turns, or the map would take for tone what is light on the
    places where that tone is seen (backfitting: Hastie and Tibshirani, 1990); Tukey's biweight.
    """
    gain, gains, kept = np.zeros_like(here), np.zeros((DEPTHS, ROWS, COLUMNS), np.float32), weight
    bright = np.clip(here * np.float32(DEPTHS) - np.float32(0.5), 0, DEPTHS - 1)
    shares = [np.maximum(0, 1 - np.abs(bright - k)) for k in range(DEPTHS)]
    for _ in range(_ROUNDS):
        own = _mapped(_ungained(here, gain, LIFT), before, kept)
        left = np.log((here + LIFT) / (_grown(before, own[0]) + LIFT))
        more, counts = _field(left - gain, [kept * share for share in shares])
        gains = gains + more
        gain = _spread(gains, shares, here.shape)
        kept = weight * np.square(np.maximum(0, 1 - np.square((left - gain) / _FAR_GAIN)))
    return own, (gains, counts), gain


def _ungained(plane: Plane, gain: Array, offset: float) -> Plane:
    return (plane + offset) * np.exp(-gain) - offset


def _grown(before: Plane, growth: Array) -> Plane:
    """What the map makes of codes of the frame before."""
    middle = np.linspace(0, 1, NODES)
    low = np.maximum.accumulate(middle - growth / 2)
    fine = np.interp(np.linspace(0, 1, 1025), low, growth).astype(np.float32)
    return np.maximum(before + fine[(before * np.float32(1024) + np.float32(0.5)).astype(np.int32)], 0)


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


def _mapped(plane: Plane, before: Plane, weight: Array) -> Map:
    """Growth of the code at every node, and the share of samples behind it."""
    growth, middle = (plane - before).ravel(), ((plane + before) / 2).ravel()
    place = np.clip(middle, 0, 1) * np.float32(NODES - 1)
    low = np.minimum(place.astype(np.int32), NODES - 2)
    share = place - low
    count = _counted(low, share, weight.ravel())
    total = _counted(low, share, weight.ravel() * growth)
    return _filled(total, count).astype(np.float32), (count / growth.size).astype(np.float32)


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


def _field(left: Array, weights: list[Array]) -> Field:
    """Gains and weights of the cells; unsure cells after the other depths and those around them."""
    counts = np.stack([_cells(w) for w in weights])
    totals = np.stack([_cells(w * left) for w in weights])
    return _shared(totals) / (_shared(counts) + np.float32(2e-3)), counts


def _shared(cells: Array) -> Array:
    """Cells with the say of other depths, and a little of wider surroundings."""
    cv = opencv()
    flat = cells.sum(0)
    mixed = np.stack([c + np.float32(0.4) * (flat - c) for c in cells])
    wide = np.stack([cv.GaussianBlur(layer, (0, 0), 2.5) for layer in mixed])
    return mixed + np.float32(0.05) * wide + np.float32(0.01) * flat


def _spread(gains: Array, shares: list[Array], shape: tuple[int, ...]) -> Array:
    """The field at every sample."""
    cv, size = opencv(), (shape[1], shape[0])
    layers = [
        cv.resize(g, size, interpolation=cv.INTER_LINEAR) * s for g, s in zip(gains, shares, strict=True)
    ]
    return np.asarray(sum(layers[1:], layers[0]))


def _cells(samples: Array) -> Array:
    cv = opencv()
    small = cv.resize(samples.astype(np.float32), (COLUMNS, ROWS), interpolation=cv.INTER_AREA)
    made: Array = cv.GaussianBlur(small, (0, 0), 1.0)
    return made
