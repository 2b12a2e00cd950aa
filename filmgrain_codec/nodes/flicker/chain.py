"""The light of a window's frames seen from its middle one: pairs of frames chained along time.

What a code of the middle frame would be in another frame follows from the maps and gains between neighbours,
one after the other; motion and new content do not enter. Codes are walked along, not gains summed up: what a
map does depends on the code, which the light of the place has changed before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.nodes.flicker.correction import COLUMNS, LIFT, ROWS, knots
from filmgrain_codec.nodes.flicker.light import Light
from filmgrain_codec.nodes.flicker.pair import FOLLOWED, NODES, Pair

Array = NDArray[np.float64]
LEVELS = 8
"""Codes that are walked in every cell: those in the middle of equal parts of full scale."""
LEAST_TRUST = 0.15
"""Pairs of which a smaller share follows the motion are cuts."""
DOUBT = 20.0
"""Frames by which a pair counts as longer where its trust is 1 below ``FOLLOWED``."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Frames around the middle one that hang together with it, first to last.

    ``middle``: its place among them; ``time`` (frames,): when they are, in frames, those further apart that
    hardly follow each other's motion, for errors add up along the chain; ``codes`` (planes, frames, KNOTS):
    what each code of the middle frame would be in them, by the maps alone; ``cells`` (frames, LEVELS, ROWS,
    COLUMNS): the same of luma in every cell, with the gains; ``level`` (frames,): mean of what luma's codes
    become.
    """

    middle: int
    time: Array
    codes: Array
    cells: Array
    level: Array

    @classmethod
    def of(cls, lights: Sequence[Light], middle: int) -> Chain:
        """``lights``: notes of successive frames of a shot."""
        first, last = linked(lights, middle)
        pairs = [light.pair for light in lights[first : last + 1]]
        middle -= first
        tones = lights[first + middle].tones
        every = knots().astype(np.float64)
        codes = np.stack([_walked(pairs, middle, plane, every) for plane in range(len(tones))])
        start = np.broadcast_to(levels()[:, None, None], (LEVELS, ROWS, COLUMNS))
        cells = _walked(pairs, middle, 0, start, gained=True)
        level = np.array([np.interp(tones[0], knots(), c).mean() for c in codes[0]])
        return cls(middle, _times(pairs), codes, cells, level)


def levels() -> Array:
    """The codes that are walked in every cell."""
    return (np.arange(LEVELS) + 0.5) / LEVELS


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


def _times(pairs: Sequence[Pair | None]) -> Array:
    """When frames are: 0 the first, and the others by how well the pairs between follow the motion."""
    lost = [max(0.0, FOLLOWED - pair.trust) for pair in pairs[1:] if pair is not None]
    return np.cumsum([0.0, *(1 + DOUBT * share for share in lost)])


def _walked(
    pairs: Sequence[Pair | None], middle: int, plane: int, start: Array, *, gained: bool = False
) -> Array:
    """What codes of the middle frame would be in each frame (frames, and the shape of ``start``)."""
    made = np.empty((len(pairs), *start.shape))
    made[middle] = start
    for k in range(middle + 1, len(pairs)):
        low, _, growth = _ends(pairs[k], plane)
        made[k] = made[k - 1] + _read(made[k - 1], low, growth)
        if gained:
            made[k] = (made[k] + LIFT) * np.exp(_gain(pairs[k], made[k])) - LIFT
    for k in range(middle, 0, -1):
        _, high, growth = _ends(pairs[k], plane)
        seen = made[k]
        if gained:
            seen = (seen + LIFT) * np.exp(-_gain(pairs[k], seen)) - LIFT
        made[k - 1] = seen - _read(seen, high, growth)
    return made


def _read(codes: Array, places: Array, growth: Array) -> Array:
    return np.asarray(np.interp(codes.ravel(), places, growth)).reshape(codes.shape)


def _gain(pair: Pair | None, codes: Array) -> Array:
    """The field's logarithmic gain (LEVELS, ROWS, COLUMNS) at codes of luma."""
    assert pair is not None
    dark, bright = pair.gains.astype(np.float64)
    return np.asarray(dark + np.clip(2 * codes - 0.5, 0, 1) * (bright - dark))


def _ends(pair: Pair | None, plane: int) -> tuple[Array, Array, Array]:
    """Codes before and after, and what lies between them, at every node."""
    assert pair is not None
    growth = pair.maps[plane].astype(np.float64)
    middle = np.linspace(0, 1, NODES)
    low, high = (np.maximum.accumulate(middle + side * growth) for side in (-0.5, 0.5))
    return low, high, growth
