"""Figures of masks and repairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.damage.cases import Case, Map, Mask
from benchmarks.damage.finders import alone, masked
from filmgrain_codec.nodes.repair.around import Around
from filmgrain_codec.nodes.repair.fill import filled, widened
from filmgrain_codec.train.damage.clip import LABEL

TOLERANCE, RECALL = 1, 0.6
STEPS = np.linspace(0.04, 0.96, 24)


def counts(mask: Mask, case: Case, tolerance: int = TOLERANCE) -> NDArray[np.float64]:
    """Flagged and right, flagged, found, damaged; samples of one picture."""
    near = (lambda m: widened(m, tolerance)) if tolerance else (lambda m: m)
    right, found = mask & near(case.damaged), case.damaged & near(mask)
    return np.array([right.sum(), mask.sum(), found.sum(), case.damaged.sum()], float)


def scores(total: NDArray[np.float64]) -> dict[str, float]:
    right, flagged, found, there = total
    precision, recall = right / max(flagged, 1), found / max(there, 1)
    both = precision * recall / max(precision + recall - precision * recall, 1e-9)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    return {"precision": precision, "recall": recall, "f1": f1, "iou": both}


def curve(maps: Sequence[Map], cases: Sequence[Case]) -> list[dict[str, float]]:
    """Scores over all thresholds."""
    rows = []
    for step in STEPS:
        total = sum(counts(masked(m, float(step)), c) for m, c in zip(maps, cases, strict=True))
        rows.append({"threshold": float(step), **scores(np.asarray(total))})
    return rows


def at_recall(rows: Sequence[dict[str, float]]) -> float | None:
    """Precision where ``RECALL`` is reached at the highest threshold; None where it never is."""
    reached = [r["precision"] for r in rows if r["recall"] >= RECALL]
    return reached[-1] if reached else None


def best(rows: Sequence[dict[str, float]]) -> float:
    return max(rows, key=lambda r: r["f1"])["threshold"]


def repaired(case: Case, mask: Mask) -> Map:
    """A still filled by the filter's own fill; rounded to 8 bit."""
    plane = filled(Around(alone(case.given).frames), widened(mask), 0.8).planes[0]
    return (np.rint(plane.clip(0, 1) * 255) / 255).astype(np.float32)


def telea(case: Case, mask: Mask) -> Map:
    """A still filled by Telea's inpainting (2004)."""
    codes = np.rint(case.given * 255).astype(np.uint8)
    return cv2.inpaint(codes, widened(mask, 1), 3, cv2.INPAINT_TELEA).astype(np.float32) / 255


def quality(
    cases: Sequence[Case], masks: Sequence[Mask], fill: Callable[[Case, Mask], Map]
) -> dict[str, float]:
    return error_of(cases, [fill(c, m) if m.any() else c.given for c, m in zip(cases, masks, strict=True)])


def error_of(cases: Sequence[Case], made: Sequence[Map]) -> dict[str, float]:
    """What is left of the error: mean and pooled PSNR, share of pictures made worse, MSE of 8-bit codes."""
    after = np.array([mse(a, c.clean) for a, c in zip(made, cases, strict=True)])
    before = np.array([mse(c.given, c.clean) for c in cases])
    return {
        "mean": float(psnr(after).mean()),
        "pooled": float(psnr(after.mean())),
        "worse": float((psnr(after) < psnr(before) - 0.05).mean()),
        "mse": float(after.mean() * 255**2),
    }


def mse(a: Map, b: Map) -> float:
    return float(((a - b).astype(np.float64) ** 2).mean())


def psnr(error: Any) -> Any:
    return -10 * np.log10(np.maximum(error, 1e-7))


def whole(what: str, cases: Sequence[Case], made: Sequence[Map]) -> dict[str, Any]:
    """Everything about a filter that makes the whole picture anew; found is what it changed visibly."""
    masks = [(np.abs(m - c.given) > LABEL).astype(np.uint8) for m, c in zip(made, cases, strict=True)]
    marked = scores(np.asarray(sum(counts(m, c) for m, c in zip(masks, cases, strict=True))))
    return {
        "what": what,
        **marked,
        **standing_out(cases, masks),
        **error_of(cases, made),
        **exact(cases, masks),
    }


def exact(cases: Sequence[Case], masks: Sequence[Mask]) -> dict[str, float]:
    """Scores sample by sample, and the recall that the SegNet paper prints: TP / (TN + FN)."""
    found = scores(np.asarray(sum(counts(m, c, 0) for m, c in zip(masks, cases, strict=True))))
    right, silent = (
        sum(float(part(m, c.damaged).sum()) for m, c in zip(masks, cases, strict=True))
        for part in (np.logical_and, lambda m, d: m == 0)
    )
    return {**{f"exact_{k}": v for k, v in found.items()}, "recall_as_published": right / max(silent, 1)}


def standing_out(cases: Sequence[Case], masks: Sequence[Mask]) -> dict[str, float]:
    """Recall of the evident pieces."""
    known = [(widened(m, TOLERANCE), c.evident) for m, c in zip(masks, cases, strict=True)]
    found, there = (
        sum(float(np.count_nonzero(e & m if both else e)) for m, e in known if e is not None)
        for both in (True, False)
    )
    return {"recall_evident": found / there} if there else {}


def row(what: str, cases: Sequence[Case], masks: Sequence[Mask], **more: Any) -> dict[str, Any]:
    """Everything about one way of finding damage on the real pairs."""
    pairs_of = list(zip(masks, cases, strict=True))
    return {
        "what": what,
        **more,
        **standing_out(cases, masks),
        **scores(np.asarray(sum(counts(m, c) for m, c in pairs_of))),
        **quality(cases, masks, repaired),
        **exact(cases, masks),
        **{f"telea_{k}": v for k, v in quality(cases, masks, telea).items()},
    }
