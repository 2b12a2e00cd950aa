"""Damage found on single pictures and on clips: ``python -m benchmarks damage_pairs [--sheet DIR]``.

Real pairs: patches of film scans with dust and scratches beside the same retouched by hand (third-party,
measured only). Damaged is where the two differ by more than ten codes of 8 bit, in pieces of three samples
and more. The threshold is the filter's or the best of
one half of the scans, measured on the other, both ways round. Clips: held-out clips with held-out grain,
damaged by ``train/damage``; gentle motion is panned stills. Guards: the clips clean, and with stars, snow,
rain and the like.

precision, recall, f1, iou   samples of all pictures, right where damage is within ``TOLERANCE`` samples
precision_at_recall_0.6      at the threshold that finds six tenths
mean, pooled                 PSNR after the fill: mean over pictures, and of the mean squared error
worse                        share of pictures that the repair made worse (by more than 0.05 dB)
mse, exact ...               the same measures sample by sample, as the SegNet paper (Strubel et al.,
                             QCAV 2019) has them

recall_evident               of the pieces whose change has one sign and that stand out from what is around:
                             half of the rest is grain that the retoucher's brush replaced
recall_as_published          TP / (TN + FN), which that paper prints for recall
pieces changed one way       what finds every piece of dirt, and no grain that was replaced, has of all this

``--calibrate`` prints precision and recall of the net on held-out training photographs instead, which is what
the filter's thresholds are chosen by.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.damage import calibration
from benchmarks.damage.cases import Case, Map, Mask, guarded, one_way, pairs, scenes
from benchmarks.damage.figures import (
    TOLERANCE,
    at_recall,
    best,
    counts,
    curve,
    quality,
    repaired,
    row,
    scores,
    whole,
)
from benchmarks.damage.finders import Ask, masked, morphology, net
from benchmarks.report import save, table
from filmgrain_codec.nodes.repair.aligned import Aligned
from filmgrain_codec.nodes.repair.around import Around
from filmgrain_codec.nodes.repair.dust import Dust
from filmgrain_codec.nodes.repair.net import STILL_SURE, SURE, MaskNet
from filmgrain_codec.train.repair_guard import GUARDS

PUBLISHED = {"what": "SegNet, as published, on 50 other patches", "mse": 338.92, "pooled": 22.83}
"""Strubel, Blanchon, Fofi (QCAV 2019); its precision, recall and F1 could not be verified. The PSNR is of the
mean MSE."""
CROWDS, SURES, WORSE = (2.0, 5.0, 10.0, 20.0), (0.4, 0.5, 0.6, 0.7, 0.8), 0.05
PRECISE = 0.9
COLUMNS = ("what", "threshold", "precision", "recall", "f1", "iou", "recall_evident",
           "precision_at_recall_0.6", "mean", "pooled", "worse")  # fmt: skip


def stills(model: str, ask: Ask) -> list[dict[str, Any]]:
    """Rows of the real pairs: nothing done, the classical way, the net, the true mask."""
    cases = pairs()
    nothing = [np.zeros_like(c.damaged) for c in cases]
    rows = [PUBLISHED, row("pairs, nothing done", cases, nothing)]
    rows += [
        whole(f"pairs, median of {side} x {side}", cases, [smoothed(c.given, side) for c in cases])
        for side in (3, 5)
    ]
    for what, maps in (
        ("morphology", [morphology(c.given) for c in cases]),
        ("net", [ask(None, c.given) for c in cases]),
    ):
        extra = {"precision_at_recall_0.6": at_recall(curve(maps, cases))}
        crossed, used = across(maps, cases)
        rows.append(
            row(f"pairs, {what}, threshold of the other half", cases, crossed, threshold=used, **extra)
        )
        if what == "net":
            fixed = [masked(m, STILL_SURE) for m in maps]
            rows.append(
                row("pairs, net, threshold of the filter", cases, fixed, threshold=STILL_SURE, **extra)
            )
            masks, chosen = best_repair(model, cases)
            rows.append(
                row("pairs, net, weight and threshold of the other half", cases, masks, chosen=chosen)
            )
    rows.append(row("pairs, pieces changed one way", cases, [one_way(c) for c in cases]))
    rows.append(row("pairs, true mask", cases, [c.damaged for c in cases]))
    return rows


def smoothed(given: Map, side: int) -> Map:
    """The median of the surroundings of every sample."""
    return (cv2.medianBlur(np.rint(given * 255).astype(np.uint8), side) / 255).astype(np.float32)


def across(maps: Sequence[Map], cases: Sequence[Case]) -> tuple[list[Mask], float]:
    """Masks by the threshold that is best on the other half of the scans, and the two thresholds' mean."""
    chosen = []
    for half in (0, 1):
        other = [(m, c) for m, c in zip(maps, cases, strict=True) if c.half != half]
        chosen.append(best(curve(*map(list, zip(*other, strict=True)))))  # type: ignore[arg-type]
    return [masked(m, chosen[c.half]) for m, c in zip(maps, cases, strict=True)], float(np.mean(chosen))


def best_repair(model: str, cases: Sequence[Case]) -> tuple[list[Mask], list[tuple[float, float]]]:
    """Masks by the weight of crowds and the threshold that repair the other half of the scans best, and
    those (for either half): by mean PSNR where at most ``WORSE`` of the pictures get worse."""
    found = {}
    for crowd in CROWDS:
        ask = net(model, crowd)
        maps = [ask(None, c.given) for c in cases]
        found |= {(crowd, sure): [masked(m, sure) for m in maps] for sure in SURES}
    chosen = []
    for half in (0, 1):
        other = [k for k, c in enumerate(cases) if c.half != half]
        rated = {
            key: quality([cases[k] for k in other], [masks[k] for k in other], repaired)
            for key, masks in found.items()
        }
        fair = [key for key, rate in rated.items() if rate["worse"] <= WORSE]
        chosen.append(max(fair, key=lambda key: rated[key]["mean"]))
    return [found[chosen[c.half]][k] for k, c in enumerate(cases)], chosen


def clips(ask: Ask) -> list[dict[str, Any]]:
    """Rows of damaged clips: the rank test, the net with neighbours, either of them, the net without."""
    rows = []
    for motion in ("gentle", "real"):
        for gauge in ("35mm", "16mm"):
            cases, found = [], {k: [] for k in ("rank test", "net", "net or rank test", "net as on stills")}
            for scene in scenes(motion, gauge):
                dust = Dust()
                dust.configure(scene.frames[0].fmt)
                for n in range(2, len(scene.frames) - 2, 2):
                    window = scene.frames[n - 2 : n + 3]
                    aligned, here = Aligned(window[1:4]), window[2].planes[0]
                    cases.append(scene.cases[n])
                    ranked, said = dust.found(Around.of(window, aligned), aligned, n).mask, ask(aligned, here)
                    found["rank test"].append(ranked)
                    found["net"].append(said)
                    found["net or rank test"].append(ranked | masked(said, SURE))
                    found["net as on stills"].append(ask(None, here))
            rows += [
                of_clips(f"{motion} motion, {gauge}, {what}", maps, cases) for what, maps in found.items()
            ]
    return rows


def of_clips(what: str, maps: Sequence[Map | Mask], cases: Sequence[Case]) -> dict[str, Any]:
    """One row; masks as they are, maps at their threshold."""
    extra: dict[str, Any] = {}
    masks = list(maps)
    if maps[0].dtype != np.uint8:
        sure = STILL_SURE if what.endswith("stills") else SURE
        extra = {"threshold": sure, "precision_at_recall_0.6": at_recall(curve(maps, cases))}
        masks = [masked(m, sure) for m in maps]
    total = np.asarray(sum(counts(m, c) for m, c in zip(masks, cases, strict=True)))
    return {"what": what, **extra, **scores(total)}


def guards(ask: Ask) -> list[dict[str, Any]]:
    """Share of the samples of clean clips that is flagged, by guard scene; with neighbours and without."""
    rows = []
    for name in ("nothing", *GUARDS):
        shares: dict[str, list[float]] = {"moving": [], "still": []}
        for frames in guarded(name):
            here = frames[1].planes[0]
            shares["moving"].append(float(masked(ask(Aligned(frames), here), SURE).mean()))
            shares["still"].append(float(masked(ask(None, here), STILL_SURE).mean()))
        rows.append({"what": f"guard, {name}", **{k: float(np.mean(v)) for k, v in shares.items()}})
    return rows


def sheet(folder: Path, ask: Ask) -> None:
    """Pictures of the pairs: damaged, retouched, repaired, true mask, mask found."""
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(found := pairs()), 8):
        columns = []
        for case in found[start : start + 8]:
            mask = masked(ask(None, case.given), STILL_SURE)
            planes = (case.given, case.clean, repaired(case, mask), case.damaged, mask)
            columns.append(np.vstack([np.rint(p * 255).astype(np.uint8) for p in planes]))
        cv2.imwrite(str(folder / f"pairs-{start:02d}.png"), np.hstack(columns))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks damage_pairs", description=__doc__)
    parser.add_argument("--model", default="fast", help="id of the mask net, or alias of its tier")
    parser.add_argument("--out", type=Path, help="folder of the results (default: benchmarks/results)")
    parser.add_argument("--calibrate", type=Path, metavar="DATA", help="only print thresholds' precision")
    parser.add_argument("--sheet", type=Path, metavar="DIR", help="only write pictures of the pairs there")
    given = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    ask = net(given.model)
    if given.sheet:
        sheet(given.sheet, ask)
        return
    if given.calibrate:
        found = calibration.rows(given.model, given.calibrate)
        print(table(found, ("what", "threshold", "precision", "recall", "f1")))
        print(table(calibration.best(found, PRECISE), ("what", "threshold", "precision", "recall", "f1")))
        return
    rows = stills(given.model, ask) + clips(ask)
    print(table(rows, COLUMNS))
    guarded = guards(ask)
    print(table(guarded, ("what", "moving", "still")))
    named = MaskNet(given.model)
    nets = {"model": named.model.id, "still_model": named.still_model.id}
    print(save("damage_pairs", rows, given.out, guards=guarded, tolerance=TOLERANCE, **nets))
