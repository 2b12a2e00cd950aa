"""What deflicker does to one frame: a tone curve for each plane and a small field of gains.

Everything that measures flicker ends in a ``Correction``; nothing else touches a sample. So neither the
windowed filter nor the atlas can paint structure into a picture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.stripes import stripes

Array = NDArray[np.float32]
KNOTS = 257
"""Points of a curve: codes k / 256 of full scale."""
DEPTHS, ROWS, COLUMNS = 2, 30, 40
"""Cells of the field: dark and bright, down, across. Old film flickers in small parts: of the change along
the motion of six old films, 24 x 32 leave 0.756 and these 0.749."""
LIFT = 0.02
"""Added before a gain and taken off after it, of full scale: black stays black."""
TABLE = 4096


@dataclass(frozen=True, slots=True)
class Correction:
    """``curves`` (planes, KNOTS): where each code of a plane goes, applied first; ``field`` (DEPTHS, ROWS,
    COLUMNS): natural logarithms of the gain that luma and chroma (about their middle) are then divided by,
    at luma 1/4 and 3/4 of full scale; RGB planes all get luma's.
    """

    curves: Array
    field: Array

    @classmethod
    def none(cls, planes: int) -> Correction:
        """Leaves a frame as it is."""
        return cls(np.tile(knots(), (planes, 1)), np.zeros((DEPTHS, ROWS, COLUMNS), np.float32))

    def scaled(self, strength: float) -> Correction:
        """Between nothing (0) and all of it (1)."""
        curves = knots() + np.float32(strength) * (self.curves - knots())
        return replace(self, curves=curves, field=np.float32(strength) * self.field)

    @property
    def empty(self) -> bool:
        """Whether a frame would come out as it went in."""
        return not self.field.any() and bool((self.curves == knots()).all())


def knots() -> Array:
    """The codes that curves are given at."""
    return np.linspace(0.0, 1.0, KNOTS, dtype=np.float32)


def corrected(frame: Frame, correction: Correction) -> Frame:
    """The frame with a correction applied; the very same planes where there is nothing to do."""
    if correction.empty:
        return frame
    toned = [_toned(p, c) for p, c in zip(frame.planes, correction.curves, strict=True)]
    if not correction.field.any():
        return frame.with_planes(tuple(toned))
    rgb = frame.fmt.family == "rgb"
    luma = (toned[0] + toned[1] + toned[2]) / np.float32(3) if rgb else toned[0]
    middle = np.float32(((frame.fmt.peak + 1) >> 1) / frame.fmt.peak)
    offsets = [np.float32(LIFT) if rgb or k == 0 else -middle for k in range(len(toned))]
    return frame.with_planes(
        tuple(_divided(p, luma, correction.field, o) for p, o in zip(toned, offsets, strict=True))
    )


def _toned(plane: Plane, curve: Array) -> Plane:
    """A plane through a curve; codes outside 0 to 1 keep their distance to the curve's ends."""
    if (curve == knots()).all():
        return plane
    steps = np.interp(np.linspace(0, 1, TABLE + 1), knots(), curve - knots()).astype(np.float32)
    rises = np.append(np.diff(steps), np.float32(0))
    made = np.empty_like(plane)
    for rows in stripes(plane.shape[0]):
        part = plane[rows]
        place = np.clip(part * np.float32(TABLE), 0, TABLE)
        low = place.astype(np.int32)
        made[rows] = part + steps[low] + (place - low) * rises[low]
    return made


def _divided(plane: Plane, luma: Plane, field: Array, offset: np.float32) -> Plane:
    """(plane + offset) / gain - offset, the gain read off the field at every sample's place and luma."""
    cv, made = opencv(), np.empty_like(plane)
    size = plane.shape[1], plane.shape[0]
    seen = luma if luma.shape == plane.shape else cv.resize(luma, size, interpolation=cv.INTER_AREA)
    for rows, (dark, bright) in _stretched(field, plane.shape):
        share = np.clip(seen[rows] * np.float32(2) - np.float32(0.5), 0, 1)
        gain = cv.exp(-(dark + share * (bright - dark)))
        made[rows] = (plane[rows] + offset) * gain - offset
    return made


def _stretched(field: Array, shape: tuple[int, ...]) -> Iterator[tuple[slice, list[Array]]]:
    """The layers of the field over a plane of ``shape``, smoothly, a stripe of rows at a time."""
    height, width = shape
    across = [_line(layer, width) for layer in field]
    for rows in stripes(height):
        at = (np.arange(rows.start, rows.stop) + 0.5) * field.shape[1] / height - 0.5
        low = np.clip(np.floor(at), 0, field.shape[1] - 2).astype(int)
        share = np.clip(at - low, 0, 1).astype(np.float32)[:, None]
        yield rows, [layer[low] * (1 - share) + layer[low + 1] * share for layer in across]


def _line(layer: Array, width: int) -> Array:
    """A layer stretched across (rows of the field, width)."""
    cv = opencv()
    made: Array = cv.resize(layer, (width, layer.shape[0]), interpolation=cv.INTER_LINEAR)
    return made
