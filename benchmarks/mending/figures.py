"""Figures of one clip and method: where damage was found, and what became of the picture. All of luma."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.mending.scenes import PROTOCOL, SMOOTH, Case
from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.nodes.opencv import opencv

INNER = slice(1, -1)
"""The first and last frame have one neighbour; nothing is asked of them."""


def scores(case: Case, found: Sequence[Plane]) -> dict[str, float]:
    """Precision, recall and F1 of masks (as wide as they are found), one sample off allowed."""
    assert case.masks is not None
    hit = false = missed = 0
    for mask, there in zip(case.masks[INNER], found[INNER], strict=True):
        truth, here = mask > 0, there > 0
        hit += int((here & near(truth)).sum())
        false += int((here & ~near(truth)).sum())
        missed += int((truth & ~near(here)).sum())
    return {"hit": hit, "false": false, "missed": missed, **rates(hit, false, missed)}


def rates(hit: float, false: float, missed: float) -> dict[str, float]:
    precision, recall = hit / max(hit + false, 1), hit / max(hit + missed, 1)
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / max(precision + recall, 1e-9),
    }


def near(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    made = opencv().dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    return np.asarray(made > 0)


def picture(case: Case, made: Sequence[Frame]) -> dict[str, float]:
    """``psnr_in``, ``psnr``: mean over the frames that are damaged (of the protocol over all), dB;
    ``grain``: power of fine grain in what was damaged and changed, over the clean clip's there (squares of
    medians); of smooth pictures, where what is fine is grain."""
    assert case.clean is not None
    assert case.masks is not None
    before, after = [], []
    ours: list[Plane] = []
    true: list[Plane] = []
    for n in range(1, len(made) - 1):
        given, new, clean, mask = case.given[n], made[n], case.clean[n], case.masks[n]
        if not mask.any() and case.group != PROTOCOL:
            continue
        truth = clean.planes[0]
        before.append(psnr(given.planes[0], truth))
        after.append(psnr(new.planes[0], truth))
        if case.group == SMOOTH:
            assert case.bare is not None
            filled = (mask > 0) & (new.planes[0] != given.planes[0])
            ours.append(fine(new.planes[0] - case.bare[n])[filled])
            true.append(fine(truth - case.bare[n])[filled])
    mean = {"psnr_in": float(np.mean(before)), "psnr": float(np.mean(after))} if before else {}
    if not ours:
        return mean
    power, usual = (float(np.median(np.abs(np.concatenate(each)))) ** 2 for each in (ours, true))
    return {**mean, "grain": power / usual} if usual else mean


def outside(case: Case, made: Sequence[Frame], masks: Sequence[Plane]) -> float:
    """Largest change of a sample that is not in the mask shown, of full scale."""
    changes = [
        float(np.abs(new.planes[0] - given.planes[0])[~np.asarray(mask, bool)].max(initial=0))
        for given, new, mask in zip(case.given, made, masks, strict=True)
    ]
    return max(changes)


def fine(plane: Plane) -> Plane:
    return np.asarray(plane - opencv().GaussianBlur(plane, (0, 0), 1.5))


def psnr(made: Plane, clean: Plane) -> float:
    error = float(np.square(made - clean, dtype=np.float64).mean())
    return min(99.0, -10 * float(np.log10(max(error, 1e-12))))


def flagged(frames: Sequence[Frame], prop: str) -> float:
    """Mean of a property over the frames that have two neighbours."""
    return float(np.mean([f.props[prop] for f in frames[INNER]]))


def means(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means of a group's rows for each method; rates of the sums."""
    found = []
    for group, method in dict.fromkeys((r["group"], r["method"]) for r in rows):
        here = [r for r in rows if (r["group"], r["method"]) == (group, method)]
        keys = [k for k in here[0] if k not in ("group", "clip", "method")]
        known = {k: float(np.mean([h[k] for h in here if k in h])) for k in keys}
        if "hit" in known:
            known |= rates(*(sum(h[k] for h in here) for k in ("hit", "false", "missed")))
        if "outside" in known:
            known["outside"] = max(h["outside"] for h in here)
        found.append({"group": group, "method": method, "clips": len(here), **known})
    return found
