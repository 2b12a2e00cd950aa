"""Paths of scratches through the strips of a frame, and whether they are scratches or things of the scene.

Ridges are joined from strip to strip by dynamic programming: what is one deviation a sample is many along
the line. A scratch runs with the film: it stays near its place on the frame while the scene moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.nodes.repair.lines import CELLS, Lines

Array = NDArray[np.float32]
LEAN = 2
"""Samples that a line moves sideways from one strip to the next at most: 1.8 degrees."""
COST, HIGHEST, BEYOND = 1.0, 8.0, 0.05
"""Deviations that a strip must have to lengthen a path; from which on they count for but this share."""
CERTAIN, SURE = 13.0, 20.0
"""Deviations of a path, its mean times the root of its strips; and of a short one. Scene lines come to 17."""
SHORTEST, SHORT = 0.25, 0.5
"""Share of the height that a path has, and up to which it is short."""
DRIFT, FURTHEST = 3, 8
"""Samples that a scratch wanders from frame to frame, and at most."""
SEEN, OFTEN = 0.6, 0.75
"""It is seen in another frame where that has such a share of its strength, and must be in such a share."""
BESIDE = (np.array([-2, -1]), np.array([1, 2]))
"""Cells to its left and to its right whose motion is the scene's: in a line's own the line holds it."""
ALIKE = 0.3
"""The scene moves past a line where it moves one way on both sides, on neither by less than this share."""
MOVED, FURTHEST_SCENE = 3.0, 64
"""Samples by which the scene must have moved past a strip to tell whether the line is of it; and at most."""
PAST, TELLING, MOSTLY = 0.5, 3, 0.7
"""A frame tells where the scene has moved past such a share of the line's strips; so many frames must, and
such a share of them say that it is on the film."""
STEADY, EVEN = 2.0, 0.85
"""Half of a path's strips are stronger than this, and such a share have its polarity."""
STRONG, WHOLE = 24.0, 0.95
"""Certainty and share of the height of lines that are taken for scratches where nothing moves, if asked."""
MOST = 12
EDGE = 0.03
"""Share of the width beside the picture's edges where gates and masks leave lines."""


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """A line in one frame: ``first`` strip, column in each strip from there on, and polarity (1 bright).

    ``part``: the strips that are asked about, None for all.
    """

    first: int
    columns: NDArray[np.int64]
    polarity: int
    strength: float
    part: NDArray[np.bool_] | None = None

    @property
    def strips(self) -> NDArray[np.int64]:
        return np.arange(self.first, self.first + len(self.columns))


def scratches(lines: Sequence[Lines], middle: int, still: bool = False) -> list[Path]:
    """The scratches of frame ``middle`` of successive frames of one shot; ``still``: see ``is_scratch``."""
    found = [p for sign in (1, -1) for p in candidates(lines[middle].ridges, sign)]
    return [p for p in found if is_scratch(p, lines, middle, still)]


def candidates(ridges: Array, polarity: int) -> Iterator[Path]:
    """Paths of one polarity that are certain and long enough, strongest first, none twice."""
    left = ridges * polarity
    left = np.minimum(left, HIGHEST + BEYOND * (left - HIGHEST))
    edge = max(12, int(EDGE * left.shape[1]))
    left[:, :edge] = left[:, -edge:] = 0
    for _ in range(MOST):
        path = strongest(left, polarity)
        if path is None:
            return
        if steady(path, ridges):
            yield path
        for strip, column in zip(path.strips, path.columns, strict=True):
            left[strip, max(0, column - 6) : column + 7] = 0


def steady(path: Path, ridges: Array) -> bool:
    """Whether a path is a line nearly everywhere, not a chain of a few spots."""
    own = ridges[path.strips, path.columns] * path.polarity
    needed = SURE if len(own) <= SHORT * len(ridges) else CERTAIN
    even = float(np.median(own)) >= STEADY and float((own > 0).mean()) >= EVEN
    return even and path.strength >= needed


def strongest(strengths: Array, polarity: int) -> Path | None:
    """The best path of all that is long enough; ``strengths`` (strips, columns) in deviations."""
    count, width = strengths.shape
    least = max(2, int(np.ceil(SHORTEST * count)))
    gain = np.zeros((count, width), np.float32)
    steps = np.zeros((count, width), np.int64)
    length = np.ones((count, width), np.int64)
    for k in range(count):
        gain[k] = strengths[k] - COST
        if k:
            before, steps[k] = _best_before(gain[k - 1])
            longer = before > 0
            gain[k] += np.where(longer, before, 0)
            came = np.clip(np.arange(width) + steps[k], 0, width - 1)
            length[k] = np.where(longer, length[k - 1][came] + 1, 1)
    certain = (gain + COST * length) / np.sqrt(length)
    certain[length < least] = 0
    end = np.unravel_index(int(certain.argmax()), certain.shape)
    if certain[end] < CERTAIN:
        return None
    columns, column = [], int(end[1])
    for k in range(int(end[0]), int(end[0] - length[end]), -1):
        columns.append(column)
        column = int(np.clip(column + steps[k, column], 0, width - 1))
    run = np.array(columns[::-1])
    return Path(int(end[0]) - len(run) + 1, run, polarity, float(certain[end]))


def _best_before(gain: Array) -> tuple[Array, NDArray[np.int64]]:
    """The most that lies within ``LEAN`` columns of each, and where."""
    reach = np.arange(-LEAN, LEAN + 1)
    padded = np.pad(gain, LEAN, constant_values=-np.inf)
    near = np.stack([padded[LEAN + d : LEAN + d + len(gain)] for d in reach])
    best = near.argmax(0)
    return near.max(0), reach[best]


def is_scratch(path: Path, lines: Sequence[Lines], middle: int, still: bool) -> bool:
    """Whether a path is seen near its place in most other frames, and there alone where the scene has moved.

    Asked of the strips alone in which the scene has moved past it: a post that somebody walks by is as much
    at rest as a scratch, but is hidden by them. Where too few frames have enough such strips there is no
    telling: the line stays, or is a scratch if ``still`` says that strong lines over the whole height are.
    """
    own = along(path, lines[middle].ridges, range(1))
    others = [k for k in range(len(lines)) if k != middle]
    near = [k for k in others if _near(path, lines[k], reach(k, middle)) >= SEEN * own]
    if len(near) < max(1, OFTEN * len(others)):
        return False
    said = [told for k in others if (told := on_the_film(path, lines, middle, k)) is not None]
    if len(said) < TELLING:
        return still and path.strength >= STRONG and len(path.columns) >= WHOLE * len(lines[middle].ridges)
    return sum(said) >= MOSTLY * len(said)


def on_the_film(path: Path, lines: Sequence[Lines], middle: int, other: int) -> bool | None:
    """Whether frame ``other`` has a path near its place and not where the scene has gone; None where that has
    not moved past enough of it."""
    shifts = scene_shifts(path, lines, middle, other)
    past = (abs(shifts) >= MOVED) & (abs(shifts) <= FURTHEST_SCENE)
    if past.mean() < PAST:
        return None
    part = Path(path.first, path.columns, path.polarity, path.strength, past)
    own, by = along(part, lines[middle].ridges, range(1)), reach(other, middle)
    if _near(part, lines[other], by) < SEEN * own:
        return False
    return along(part, lines[other].ridges, range(-1, 2), shifts) < SEEN * own


def reach(other: int, middle: int) -> int:
    """Samples that a scratch may have wandered to another frame."""
    return min(FURTHEST, DRIFT * abs(other - middle))


def _near(path: Path, lines: Lines, reach: int) -> float:
    """Most strength within ``reach`` samples."""
    return along(path, lines.ridges, range(-reach, reach + 1))


def along(path: Path, ridges: Array, steps: range, shifts: Array | None = None) -> float:
    """Usual strength (the median) along a path moved sideways, by the one of some steps where it is most.

    ``shifts``: by how much more, strip by strip.
    """
    columns = path.columns if shifts is None else path.columns + np.rint(shifts).astype(np.int64)
    columns = np.clip(columns[:, None] + np.array(steps), 0, ridges.shape[1] - 1)
    found = ridges[path.strips[:, None], columns] * path.polarity
    return float(np.median(found if path.part is None else found[path.part], axis=0).max())


def scene_shifts(path: Path, lines: Sequence[Lines], middle: int, other: int) -> Array:
    """Samples that the scene around each strip of a path lies further right in frame ``other``."""
    low, high = sorted((middle, other))
    total = np.zeros(len(path.columns), np.float32)
    for k in range(low + 1, high + 1):
        motion = lines[k].motion
        if motion is not None:
            total += _passed(path, motion, lines[middle].ridges.shape[1])
    return total if other > middle else -total


def _passed(path: Path, motion: Array, width: int) -> Array:
    """How far the scene moved past each strip in a frame: the mean of what it did on either side, where those
    are alike. What moves on one side alone passes nothing.
    """
    at = (path.columns * CELLS // width)[:, None]
    left, right = (
        np.median(motion[path.strips[:, None], np.clip(at + side, 0, CELLS - 1)], axis=1) for side in BESIDE
    )
    less, more = np.minimum(abs(left), abs(right)), np.maximum(abs(left), abs(right))
    alike = (left * right > 0) & (less >= ALIKE * more)
    return np.asarray(np.where(alike, (left + right) / 2, 0), np.float32)
