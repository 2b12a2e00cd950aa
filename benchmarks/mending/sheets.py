"""Contact sheets: the frame, what is found, what comes out, and the difference four times."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.mending.methods import Ours
from benchmarks.mending.scenes import Case
from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.opencv import opencv

SHOWN = 3


def draw(case: Case, method: Ours, folder: Path) -> None:
    """One sheet of the frames in which most was found."""
    folder.mkdir(parents=True, exist_ok=True)
    made, masks = method.frames(case), method.masks(case)
    most = np.argsort([-np.mean(m) for m in masks])[:SHOWN]
    rows = [row(case.given[n].planes[0], masks[n], made[n].planes[0]) for n in most]
    name = f"{case.name} {method.name}".lower().replace(" ", "-").replace(",", "").replace(":", "-")
    opencv().imwrite(str(folder / f"{name}.png"), np.vstack(rows))


def row(before: Plane, mask: Plane, after: Plane) -> np.ndarray:
    """Four pictures side by side."""
    marked = codes(before)
    marked[np.asarray(mask, bool)] = (0, 0, 255)
    change = codes(0.5 + 4 * (after - before))
    return np.hstack([codes(before), marked, codes(after), change])


def codes(plane: Plane) -> np.ndarray:
    """Grey as 8-bit BGR."""
    return np.repeat((np.clip(plane, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)
