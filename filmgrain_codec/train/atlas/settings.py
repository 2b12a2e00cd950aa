"""How large the nets of an atlas are, how long they learn, and what they are told to get right."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST, OVERLAP = 200, 40
"""Frames of a window at most, and frames that two windows of a shot share at least."""
SCALE = 0.8
"""The atlas is drawn at -SCALE to SCALE."""


@dataclass(frozen=True, slots=True)
class Net:
    """A stack of linear layers with ReLU between them."""

    layers: int
    width: int


@dataclass(frozen=True, slots=True)
class Settings:
    """``columns``: width of the small pictures that are fitted; ``steps`` of ``samples`` points each for a
    window of 200 frames (shorter ones take fewer, never below ``least``); ``decay``: whether the learning
    rate falls as a cosine; ``both``: whether flow is followed both ways at every point or either way;
    ``far``: columns between points whose distance is held while the global rigidity counts, which is the
    first half.
    """

    columns: int
    steps: int
    least: int
    samples: int
    rate: float
    decay: bool
    mapping: Net
    atlas: Net
    frequencies: int
    both: bool
    far: int
    rgb: float = 5000.0
    gradient: float = 1000.0
    flow: float = 500.0
    rigidity: float = 1.0
    global_rigidity: float = 5.0


QUALITIES = {
    "quick": Settings(96, 8000, 3000, 1024, 2e-3, True, Net(4, 64), Net(4, 96), 7, False, 12),
    "full": Settings(192, 10_001, 10_001, 10_000, 1e-4, False, Net(6, 256), Net(8, 256), 10, True, 25),
}
"""``full`` has the published sizes, weights, rate and number of steps."""
