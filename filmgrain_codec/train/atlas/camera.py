"""The camera's own motion, from flow: where the atlas begins, so that the net learns what is left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.nodes.flow import Flow, lattice
from filmgrain_codec.train.atlas.settings import SCALE

Array = NDArray[np.float32]
Matrix = NDArray[np.float64]
EVERY, ROUNDS = 2, 8
NEAREST = 0.3
"""Samples that a point may always be off before it counts less."""
WIDEST = 6.0
"""The atlas covers at most so many pictures each way; what the camera leaves further behind lies outside."""


def places(ahead: Flow, sure: Array) -> tuple[Array, float]:
    """(frames, 2, 3): a point (x, y, 1) of each frame to its place in the atlas; and the length of a sample
    there. ``ahead`` (frames, rows, columns, 2) and ``sure`` (frames, rows, columns) as in ``Footage``.
    """
    rows, columns = ahead.shape[1:3]
    chained = chain([step(f, s) for f, s in zip(ahead[:-1], sure[:-1], strict=True)])
    corners = np.array([(x, y, 1.0) for x in (0, columns - 1) for y in (0, rows - 1)])
    seen = chained[:, :2] @ corners.T
    low, high = seen.min((0, 2)), seen.max((0, 2))
    half = min(float((high - low).max()) / 2, WIDEST * max(rows, columns) / 2)
    unit = SCALE / max(half, 1.0)
    made = chained[:, :2] * unit
    made[:, :, 2] -= (low + high) / 2 * unit
    return made.astype(np.float32), unit


def step(flow: Flow, sure: Array) -> Matrix:
    """The similarity (3, 3) that takes a frame's points to the next frame, by most of what moves."""
    at = lattice(*flow.shape[:2])[::EVERY, ::EVERY].reshape(-1, 2).astype(float)
    moved = at + flow[::EVERY, ::EVERY].reshape(-1, 2).astype(float)
    trusted = sure[::EVERY, ::EVERY].ravel().astype(float) + 1e-3
    weight, found = trusted, np.eye(3)
    for _ in range(ROUNDS):
        found = similarity(at, moved, weight)
        missed = np.hypot(*(at @ found[:2, :2].T + found[:2, 2] - moved).T)
        limit = max(NEAREST, 3 * float(np.median(missed)))
        weight = trusted * np.clip(1 - (missed / limit) ** 2, 1e-3, 1) ** 2
    return found


def similarity(source: Matrix, target: Matrix, weight: Matrix) -> Matrix:
    """Turn, scale and shift (3, 3) with the least weighted squares; none if that is no camera's."""
    total = weight.sum()
    here, there = (weight @ p / total for p in (source, target))
    a, b = source - here, target - there
    power = (weight[:, None] * a * a).sum() + 1e-9
    along = (weight[:, None] * a * b).sum() / power
    turn = (weight * (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])).sum() / power
    made = np.eye(3)
    if not 0.5 < np.hypot(along, turn) < 2:
        return made
    made[:2, :2] = [[along, -turn], [turn, along]]
    made[:2, 2] = there - made[:2, :2] @ here
    return made


def chain(steps: list[Matrix]) -> Matrix:
    """Each frame's points to those of the middle frame (frames, 3, 3)."""
    middle = (len(steps) + 1) // 2
    made = [np.eye(3)] * (len(steps) + 1)
    for t in range(middle, len(steps)):
        made[t + 1] = made[t] @ np.linalg.inv(steps[t])
    for t in reversed(range(middle)):
        made[t] = made[t + 1] @ steps[t]
    return np.stack(made)
