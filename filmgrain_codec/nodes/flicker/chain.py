"""The light of a window's frames seen from its middle one: pairs of frames chained along time.

What a code of the middle frame would be in another frame follows from the maps between neighbours, one after
the other, and so do the gains of the field; motion and new content do not enter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.nodes.flicker.correction import COLUMNS, DEPTHS, ROWS, knots
from filmgrain_codec.nodes.flicker.light import Light
from filmgrain_codec.nodes.flicker.pair import NODES

Array = NDArray[np.float64]
LEAST_TRUST = 0.12
"""Pairs of which a smaller share follows the motion are cuts."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Frames around the middle one that hang together with it, first to last.

    ``apart`` (frames,): their distance from the middle one, 0 being itself; ``codes`` (planes, frames,
    KNOTS): what each code of the middle frame would be in them; ``gains`` (frames, DEPTHS, ROWS, COLUMNS):
    natural logarithms of their light against the middle frame's, beyond what the codes say; ``level``
    (frames,): mean growth of luma's code.
    """

    apart: Array
    codes: Array
    gains: Array
    level: Array

    @classmethod
    def of(cls, lights: Sequence[Light], middle: int) -> Chain:
        """``lights``: notes of successive frames of a shot."""
        first, last = linked(lights, middle)
        kept, middle = lights[first : last + 1], middle - first
        planes = len(kept[0].tones)
        codes = np.stack([_codes(kept, middle, p) for p in range(planes)])
        tones = kept[middle].tones
        level = np.array([np.interp(tones[0], knots(), c - knots()).mean() for c in codes[0]])
        apart = np.arange(len(kept), dtype=np.float64) - middle
        return cls(apart, codes, _gains(kept, middle), level)


def linked(lights: Sequence[Light], middle: int) -> tuple[int, int]:
    """First and last of the frames that no cut parts from the middle one."""
    first = last = middle
    while first > 0 and _follows(lights[first]):
        first -= 1
    while last + 1 < len(lights) and _follows(lights[last + 1]):
        last += 1
    return first, last


def _follows(light: Light) -> bool:
    return light.pair is not None and light.pair.trust >= LEAST_TRUST


def _codes(lights: Sequence[Light], middle: int, plane: int) -> Array:
    """Codes (frames, KNOTS) that those of the middle frame would be in each frame."""
    made = np.empty((len(lights), len(knots())))
    made[middle] = knots()
    for k in range(middle + 1, len(lights)):
        low, _, growth = _ends(lights[k], plane)
        made[k] = made[k - 1] + np.interp(made[k - 1], low, growth)
    for k in range(middle, 0, -1):
        _, high, growth = _ends(lights[k], plane)
        made[k - 1] = made[k] - np.interp(made[k], high, growth)
    return made


def _ends(light: Light, plane: int) -> tuple[Array, Array, Array]:
    """Codes before and after, and what lies between them, at every node."""
    assert light.pair is not None
    growth = light.pair.maps[plane].astype(np.float64)
    middle = np.linspace(0, 1, NODES)
    low, high = (np.maximum.accumulate(middle + side * growth) for side in (-0.5, 0.5))
    return low, high, growth


def _gains(lights: Sequence[Light], middle: int) -> Array:
    none = np.zeros((DEPTHS, ROWS, COLUMNS), np.float32)
    steps = np.stack([none if light.pair is None else light.pair.gains for light in lights])
    path = np.cumsum(steps.astype(np.float64), axis=0)
    return np.asarray(path - path[middle])
