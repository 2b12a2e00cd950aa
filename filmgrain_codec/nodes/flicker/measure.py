"""How much a shot flickers, told from the notes of its frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.nodes.flicker.correction import LIFT
from filmgrain_codec.nodes.flicker.light import Light
from filmgrain_codec.nodes.flicker.pair import FOLLOWED, NODES, Pair
from filmgrain_codec.nodes.opencv import opencv

Array = NDArray[np.float64]
PARTS = 6, 8
"""Rows and columns of the parts that are looked at besides the whole."""
CODES = 255.0
STEADY, FLICKERING = 0.2, 0.45
"""Index up to which a shot is steady, and from which it flickers."""
UNFOLLOWED = 18.0, 40.0
"""By how much these two rise where trust falls by 1 below ``FOLLOWED``: motion that was not followed looks
like flicker. Clean clips, played fast or shaken, with a trust of 0.55 to 0.8, have an index of up to 3."""
SAME_GRAIN, SAME_CODE, SAME_GAIN = 0.4, 1 / 255, 0.05
"""A frame that repeats the one before differs by less than so much of the usual grain, by at most so much in
code (of full scale) and in logarithmic gain. Repeats in old films have 0.05 to 0.4 of it, others from 0.5."""
_OF_NORMAL = 0.6745 * 6**0.5


@dataclass(frozen=True, slots=True)
class Index:
    """Flicker in 8-bit codes of luma: the standard deviation of light that is independent in each frame.

    ``whole``: of the picture's mean; ``parts``: of the means of 6 x 8 parts, whole and local flicker
    together; ``noise``: what grain alone adds to ``parts``; ``trust``: share of the samples that follow the
    motion (median over time). Motion and new content do not enter: light is
    compared along the motion (the index of published tables, taken of blocks that stand still, is higher).
    """

    whole: float
    parts: float
    noise: float
    trust: float

    @property
    def value(self) -> float:
        """``parts`` without what grain explains."""
        return float(np.sqrt(max(self.parts**2 - self.noise**2, 0.0)))

    @property
    def flickers(self) -> float:
        """0 for a steady shot to 1 for one that flickers."""
        lost = max(0.0, FOLLOWED - self.trust)
        low, high = (code + more * lost for code, more in zip((STEADY, FLICKERING), UNFOLLOWED, strict=True))
        return float(np.clip((self.value - low) / (high - low), 0, 1))


def index(lights: Sequence[Light]) -> Index:
    """Index of successive frames of a shot; of fewer than three it is 0. Pairs of two shots do not count, nor
    do frames that repeat the one before.
    """
    pairs = [(light, light.pair) for light in lights if light.pair is not None and light.pair.trust]
    pairs = distinct(pairs)
    if len(pairs) < 2:
        return Index(0.0, 0.0, 0.0, 0.0)
    parts = np.stack([_growth(light, pair) for light, pair in pairs])
    bright = np.mean([light.tones[0].mean() + LIFT for light, _ in pairs])
    noise, trust = np.median([(pair.noise, pair.trust) for _, pair in pairs], axis=0).tolist()
    return Index(_index(parts.mean((1, 2))), _index(parts), CODES * float(bright) * noise, trust)


def distinct(pairs: Sequence[tuple[Light, Pair]]) -> list[tuple[Light, Pair]]:
    """The pairs of which the second frame is not the first once more.

    Film of 16 frames a second in video of 24 has every other one twice, between which nothing flickers: that
    is no sign of a steady film. They are told by their grain, which is the same, and their light.
    """
    usual = np.median([pair.noise for _, pair in pairs]) if pairs else 0.0
    return [(light, pair) for light, pair in pairs if not _repeats(pair, float(usual))]


def _repeats(pair: Pair, usual: float) -> bool:
    still = np.abs(pair.maps).max() <= SAME_CODE and np.abs(pair.gains).max() <= SAME_GAIN
    return bool(still and pair.noise < SAME_GRAIN * usual)


def _growth(light: Light, pair: Pair) -> Array:
    """Growth of mean luma from the frame before, in every part; in codes of full scale."""
    grown = float(np.interp(light.tones[0], np.linspace(0, 1, NODES), pair.maps[0]).mean())
    gains = opencv().resize(pair.gains.mean(0), PARTS[::-1], interpolation=opencv().INTER_AREA)
    return np.asarray(grown + (float(light.tones[0].mean()) + LIFT) * gains, np.float64)


def _index(steps: Array) -> float:
    """Of growth from frame to frame (frames, ...)."""
    return CODES * float(np.median(np.abs(np.diff(steps, axis=0)))) / _OF_NORMAL
