"""What of a gain is slow, and so is light, not flicker."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
SIGMA, REACH = 10.0, 20
"""Frames: of the Gaussian, and how far it goes."""
APART = 2.0
"""Times the usual step: light that differs by so much from now is another light."""
FLASH = 6.0
"""Times the usual step from the trend at which light begins to be no flicker; from half as much more it is
left alone."""
QUIET = 0.015
"""The usual step at least, as a logarithm."""
MEDIAN = 2
"""Frames on each side of the median in which flicker cancels and light does not."""


def slow(gains: Array, sure: Array) -> Array:
    """The local trend of each logarithm of gain (frames, ...), over frames near by with about the same light.

    Flicker alternates and leaves the median of five frames where it is; a fade, a lamp or an explosion does
    not, and stays. So does a flash, which goes further than flicker does. Gains are averaged, not their
    logarithms, so that the mean light stays. ``sure`` (frames, ...): how much each gain counts.
    """
    frames = len(gains)
    flat = gains.reshape(frames, -1)
    light, usual = calmed(flat), step(flat)
    counts = sure.reshape(flat.shape) * (1 - flash(flat - light, usual)) + np.float32(1e-6)
    limit = np.float32(APART) * usual
    lights, total, weight = np.exp(flat), np.zeros_like(flat), np.zeros_like(flat)
    for k in range(-REACH, REACH + 1):
        near = np.arange(max(0, -k), min(frames, frames - k))
        there = near + k
        share = counts[there] * np.exp(-(((light[there] - light[near]) / limit) ** 2) / 2)
        share *= np.float32(np.exp(-(k * k) / (2 * SIGMA**2)))
        total[near] += share * lights[there]
        weight[near] += share
    trend = np.log(total / weight)
    return np.asarray(trend + flash(flat - trend, usual) * (flat - trend), np.float32).reshape(gains.shape)


def step(gains: Array) -> Array:
    """The usual difference between two frames that follow each other (...)."""
    apart = np.abs(np.diff(gains, axis=0)) if len(gains) > 1 else np.zeros_like(gains)
    return np.maximum(1.4826 * np.median(apart, axis=0), QUIET).astype(np.float32)


def flash(apart: Array, usual: Array) -> Array:
    """0 for what may be flicker, 1 for what goes too far."""
    return np.clip((np.abs(apart) / usual - FLASH) / (FLASH / 2), 0, 1)


def calmed(gains: Array) -> Array:
    """Medians over five frames (frames, ...), fewer at the ends."""
    frames = len(gains)
    spans = (slice(max(0, t - MEDIAN), t + MEDIAN + 1) for t in range(frames))
    return np.stack([np.median(gains[span], axis=0) for span in spans]).astype(np.float32)
