"""Detectors of the literature, each at the one threshold that is best over all clips, beside ours.

SDIa, SDIp (spike detection), ROD (rank order) and sROD, Kokaram, "Motion Picture Restoration" (1998), and
sROD where the neighbours agree. Neighbours are drawn along dense inverse search between 5x5 medians. What
they find is filled by the median of both neighbours and of the frame clipped to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.mending import figures
from benchmarks.mending.scenes import Case
from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.nodes.flow import codes, lattice
from filmgrain_codec.nodes.opencv import opencv

Found = NDArray[np.bool_]
THRESHOLDS = (8, 12, 16, 20, 26, 32, 40)
"""Codes of 8 bits."""
ROD_STEPS = (1.0, 1.5, 2.0)
SMALLEST, GROWN, FEATHER, BOX = 3, 5, 0.8, 5
AGREE_LEAST, AGREE_SHARE = 8 / 255, 0.25
MEDIUM = 2
"""OpenCV's preset of the search."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A frame and its neighbours drawn onto it."""

    here: Plane
    before: Plane
    after: Plane


def rows(cases: Sequence[Case]) -> Iterator[dict[str, Any]]:
    """Rows of every detector at its best threshold, and of the true mask with the neighbours' mean."""
    seen = [drawn(case) for case in cases]
    tried: dict[str, dict[int, list[dict[str, Any]]]] = {}
    for case, views in zip(cases, seen, strict=True):
        for threshold in THRESHOLDS:
            found = [detected(view, threshold / 255) for view in views]
            for name in found[0]:
                row = judged(case, views, [each[name] for each in found])
                tried.setdefault(name, {}).setdefault(threshold, []).append(row | {"threshold": threshold})
    for name, by in tried.items():
        yield from ({**row, "method": name} for row in max(by.values(), key=pooled))
    for case, views in zip(cases, seen, strict=True):
        yield {"group": case.group, "clip": case.name, "method": "true mask, mean", **with_truth(case, views)}


def pooled(of: Sequence[Mapping[str, Any]]) -> float:
    """F1 of several clips together."""
    return figures.rates(*(sum(row[k] for row in of) for k in ("hit", "false", "missed")))["f1"]


def judged(case: Case, views: Sequence[Seen], masks: Sequence[Found]) -> dict[str, Any]:
    scores = figures.scores(case, [m.astype(np.float32) for m in masks])
    made = [with_luma(f, repaired(v, m)) for f, v, m in zip(case.given, views, masks, strict=True)]
    return {"group": case.group, "clip": case.name, **scores, **figures.picture(case, made)}


def with_truth(case: Case, views: Sequence[Seen]) -> dict[str, float]:
    """What the neighbours' mean makes of the true mask."""
    assert case.masks is not None
    made = []
    for frame, view, mask in zip(case.given, views, case.masks, strict=True):
        share = feathered(mask > 0, 3)
        made.append(with_luma(frame, view.here + share * ((view.before + view.after) / 2 - view.here)))
    return figures.picture(case, made)


def with_luma(frame: Frame, luma: Plane) -> Frame:
    return frame.with_planes((luma.astype(np.float32), *frame.planes[1:]))


def drawn(case: Case) -> list[Seen]:
    """Every frame with its neighbours; at the ends the frame itself stands for the one that is missing."""
    cv = opencv()
    lumas = [f.planes[0] for f in case.given]
    calm = [cv.medianBlur(codes(p, 0), BOX) for p in lumas]
    last = len(lumas) - 1
    search = cv.DISOpticalFlow_create(MEDIUM)

    def shown(n: int, k: int) -> Plane:
        at = lattice(*lumas[n].shape) + search.calc(calm[n], calm[k], None)
        return np.asarray(cv.remap(lumas[k], at, None, cv.INTER_CUBIC, borderMode=cv.BORDER_REPLICATE))

    return [Seen(p, shown(n, max(0, n - 1)), shown(n, min(last, n + 1))) for n, p in enumerate(lumas)]


def detected(view: Seen, threshold: float) -> dict[str, Found]:
    """Masks of all detectors at a threshold (of full scale)."""
    cv, here = opencv(), view.here
    ranks = np.sort(np.concatenate([column(view.before), column(view.after)]), 0)
    one, other = here - view.before, here - view.after
    same, least = one * other > 0, np.minimum(np.abs(one), np.abs(other))
    above = here > (ranks[2] + ranks[3]) / 2
    ways = [np.where(above, here - ranks[5 - k], ranks[k] - here) for k in range(3)]
    rod = np.any([w > s * threshold for w, s in zip(ways, ROD_STEPS, strict=True)], 0)
    spike = np.maximum(here - ranks[5], ranks[0] - here) > threshold
    away = np.abs(here - (view.before + view.after) / 2)
    agree = cv.blur(np.abs(view.before - view.after), (BOX, BOX)) < np.maximum(
        AGREE_LEAST, AGREE_SHARE * away
    )
    masks = {
        "SDIa": least > threshold,
        "SDIp": (least > threshold) & same,
        "ROD": rod & same,
        "sROD": spike,
        "sROD, agreeing": spike & agree,
    }
    return {name: without_small(mask) for name, mask in masks.items()}


def column(plane: Plane) -> NDArray[np.float32]:
    """Every sample with the ones above and below (3, rows, columns)."""
    padded = np.pad(plane, ((1, 1), (0, 0)), "edge")
    return np.stack([padded[:-2], plane, padded[2:]])


def without_small(mask: Found) -> Found:
    cv = opencv()
    _, labels, facts, _ = cv.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    keep = facts[:, cv.CC_STAT_AREA] >= SMALLEST
    keep[0] = False
    return np.asarray(keep[labels])


def repaired(view: Seen, mask: Found) -> Plane:
    low, high = np.minimum(view.before, view.after), np.maximum(view.before, view.after)
    fresh = np.clip(view.here, low, high)
    return np.asarray(view.here + feathered(mask, GROWN) * (fresh - view.here))


def feathered(mask: Found, grown: int) -> Plane:
    """A mask grown by a square of so many samples, with a soft edge."""
    cv = opencv()
    wide = cv.dilate(mask.astype(np.uint8), np.ones((grown, grown), np.uint8))
    return np.asarray(cv.GaussianBlur(wide.astype(np.float32), (0, 0), FEATHER))
