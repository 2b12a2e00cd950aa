"""Damage found on single pictures and on clips: ``python -m benchmarks damage_pairs [--sheet DIR]``.

Real pairs: patches of film scans with dust and scratches beside the same retouched by hand (third-party,
measured only). Damaged is where the two differ by more than ten codes of 8 bit, in pieces of three samples
and more. Thresholds are those of the filter where it has any; a best threshold is chosen on one half of the
scans and measured on the other, both ways round. Clips: held-out clips with held-out grain, damaged by
``train/damage``. Guards: the same clips clean, and with stars, snow, rain and the like.

precision, recall, f1, iou   samples of all pictures, right where damage is within ``TOLERANCE`` samples
precision_at_recall_0.6      at the threshold that finds six tenths
mean, pooled                 PSNR after the fill: mean over pictures, and of the mean squared error
worse                        share of pictures that the repair made worse (by more than 0.05 dB)
mse, exact ...               the same measures sample by sample, as the SegNet paper has them

What that paper says of itself (Strubel et al., QCAV 2019) is on other patches of the same kind: an MSE of
338.92.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import material
from benchmarks.report import save, table
from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat
from filmgrain_codec.infer import store, tiling
from filmgrain_codec.infer.session import session
from filmgrain_codec.nodes.repair.aligned import Aligned, net_input
from filmgrain_codec.nodes.repair.detect import Suspects
from filmgrain_codec.nodes.repair.dust import Dust
from filmgrain_codec.nodes.repair.fill import filled, widened
from filmgrain_codec.nodes.repair.specks import painted, specks
from filmgrain_codec.train.damage.clip import LABEL, Damage
from filmgrain_codec.train.repair_guard import GUARDS

Map = NDArray[np.float32]
Mask = NDArray[np.uint8]
TOLERANCE, SMALLEST = 1, 3
RECALL = 0.6
SURE, FAINT = 0.5, 0.25
"""Of the mask: what makes a speck, and what hangs together with it."""
COLUMNS = ("what", "threshold", "precision", "recall", "f1", "iou", "precision_at_recall_0.6", "mean",
           "pooled", "worse")  # fmt: skip
STEPS = np.linspace(0.02, 0.99, 98)
FRAMES, SIZE = 10, (640, 448)


@dataclass(frozen=True)
class Case:
    """One picture: what is to be repaired, what belongs there, where it is damaged, its group of scans."""

    name: str
    given: Map
    clean: Map
    damaged: Mask
    half: int = 0


def pairs() -> list[Case]:
    """The real pairs; scans, not patches, are dealt to the two halves."""
    folder = material.data() / "damage_pairs"
    names = sorted(p.name for p in (folder / "damaged").glob("*.png"))
    scans = sorted({scan(name) for name in names})
    made = []
    for name in names:
        given, clean = (
            cv2.imread(str(folder / part / name), cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255
            for part in ("damaged", "gt")
        )
        differs = (np.abs(given - clean) > LABEL).astype(np.uint8)
        made.append(Case(name, given, clean, cleared(differs), scans.index(scan(name)) % 2))
    return made


def scan(name: str) -> str:
    """The scan a patch was cut from: its name before the tile's place (one digit, dash, number)."""
    return re.sub(r"\d-\d+\.png$", "", name)


def cleared(mask: Mask) -> Mask:
    """A mask without pieces of fewer than ``SMALLEST`` samples."""
    return painted(specks(Suspects(mask, mask), 0, SMALLEST), mask.shape)


# detectors: maps in 0..1 ---------------------------------------------------------------------


def net(model: str) -> Callable[[Aligned | None, Map], Map]:
    """What the mask net says of a picture, with its neighbours or without (None)."""
    part = store.resolve(model, "repair").part("luma")
    loaded = session(part)

    def ask(aligned: Aligned | None, here: Map) -> Map:
        given = {"given": net_input(aligned, here)}
        answer = tiling.run(loaded, given, halo=part.halo, multiple=part.multiple)
        return np.ascontiguousarray(answer[0, 0])

    return ask


def morphology(here: Map) -> Map:
    """Without a net: what opening or closing takes off, over what it takes off nearby; 0..1."""
    codes, found = np.rint(here * 255).astype(np.uint8), np.zeros(here.shape, np.float32)
    for side in (5, 9, 15):
        shape = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        for way in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT):
            off = cv2.morphologyEx(codes, way, shape).astype(np.float32)
            usual = cv2.blur(off, (65, 65)) + 1.5 * np.sqrt(cv2.blur(off**2, (65, 65)))
            found = np.maximum(found, off / (usual + 2))
    return (found / (found + 3)).astype(np.float32)


def masked(score: Map, sure: float, faint: float | None = None) -> Mask:
    """Hysteresis: pieces of ``faint`` samples that hold a ``sure`` one."""
    low = sure / 2 if faint is None else faint
    found = Suspects((score > sure).astype(np.uint8), (score > low).astype(np.uint8))
    return painted(specks(found, 0, SMALLEST), score.shape)


# figures --------------------------------------------------------------------------------------


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
    fmt = FrameFormat(case.given.shape[1], case.given.shape[0], "gray", 0, 0, 8, ColorInfo(range=2))
    frame = Frame((case.given,), fmt, 0, 0, Fraction(1, 24))
    plane = filled(frame, Aligned([frame] * 3), widened(mask), 0.8).planes[0]
    return (np.rint(plane.clip(0, 1) * 255) / 255).astype(np.float32)


def telea(case: Case, mask: Mask) -> Map:
    """A still filled by Telea's inpainting (2004)."""
    codes = np.rint(case.given * 255).astype(np.uint8)
    return cv2.inpaint(codes, widened(mask, 1), 3, cv2.INPAINT_TELEA).astype(np.float32) / 255


def quality(
    cases: Sequence[Case], masks: Sequence[Mask], fill: Callable[[Case, Mask], Map]
) -> dict[str, float]:
    made = [fill(c, m) if m.any() else c.given for c, m in zip(cases, masks, strict=True)]
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


def row(what: str, cases: Sequence[Case], masks: Sequence[Mask], **more: Any) -> dict[str, Any]:
    """Everything about one way of finding damage on the real pairs."""
    pairs_of = list(zip(masks, cases, strict=True))
    exact = scores(np.asarray(sum(counts(m, c, 0) for m, c in pairs_of)))
    return {
        "what": what,
        **more,
        **scores(np.asarray(sum(counts(m, c) for m, c in pairs_of))),
        **quality(cases, masks, repaired),
        **{f"exact_{k}": v for k, v in exact.items()},
        **{f"telea_{k}": v for k, v in quality(cases, masks, telea).items()},
    }


# stills ---------------------------------------------------------------------------------------


def stills(ask: Callable[[Aligned | None, Map], Map]) -> list[dict[str, Any]]:
    """Rows of the real pairs: nothing done, the classical way, the net, the true mask."""
    cases = pairs()
    nothing = [np.zeros_like(c.damaged) for c in cases]
    rows = [row("pairs, nothing done", cases, nothing)]
    for what, maps in (
        ("morphology", [morphology(c.given) for c in cases]),
        ("net", [ask(None, c.given) for c in cases]),
    ):
        reached = at_recall(curve(maps, cases))
        crossed, used = across(maps, cases)
        extra = {"precision_at_recall_0.6": reached}
        rows.append(
            row(f"pairs, {what}, threshold of the other half", cases, crossed, threshold=used, **extra)
        )
        if what == "net":
            fixed = [masked(m, SURE, FAINT) for m in maps]
            rows.append(row("pairs, net, threshold of the filter", cases, fixed, threshold=SURE, **extra))
    rows.append(row("pairs, true mask", cases, [c.damaged for c in cases]))
    return rows


def across(maps: Sequence[Map], cases: Sequence[Case]) -> tuple[list[Mask], float]:
    """Masks by the threshold that is best on the other half of the scans, and the two thresholds' mean."""
    chosen = []
    for half in (0, 1):
        other = [(m, c) for m, c in zip(maps, cases, strict=True) if c.half != half]
        chosen.append(best(curve(*map(list, zip(*other, strict=True)))))  # type: ignore[arg-type]
    return [masked(m, chosen[c.half]) for m, c in zip(maps, cases, strict=True)], float(np.mean(chosen))


# clips ----------------------------------------------------------------------------------------


def scenes(gauge: str, severity: float) -> Iterator[tuple[list[Frame], list[Case]]]:
    """Held-out clips with held-out grain, damaged."""
    for number, name in enumerate(material.clips()):
        frames = list(
            material.grained(
                material.clip(name, FRAMES, size=SIZE), material.Grain("boolean", 0.02 + 0.01 * number)
            )
        )
        damage = Damage(frames[0].fmt, gauge, severity, seed=900 + number, rare=0)
        pairs_made = [damage.apply(f) for f in frames]
        yield (
            [f for f, _ in pairs_made],
            [
                Case(name, made.planes[0], clean.planes[0], mask.astype(np.uint8))
                for clean, (made, mask) in zip(frames, pairs_made, strict=True)
            ],
        )


def clips(ask: Callable[[Aligned | None, Map], Map]) -> list[dict[str, Any]]:
    """Rows of damaged clips: the rank test, the net with neighbours, the net without."""
    rows = []
    for gauge, severity in (("35mm", 0.3), ("16mm", 0.3)):
        cases: list[Case] = []
        found: dict[str, list[Any]] = {"rank test": [], "net": [], "net as on stills": []}
        for frames, truth in scenes(gauge, severity):
            dust = Dust()
            dust.configure(frames[0].fmt)
            for n in range(2, len(frames) - 2):
                window = frames[n - 2 : n + 3]
                aligned = Aligned(window[1:4])
                cases.append(truth[n])
                found["rank test"].append(dust.found(window, aligned, n).mask)
                found["net"].append(ask(aligned, frames[n].planes[0]))
                found["net as on stills"].append(ask(None, frames[n].planes[0]))
        for what, maps in found.items():
            extra: dict[str, Any] = {}
            masks = maps
            if what != "rank test":
                extra = {
                    "threshold": SURE,
                    "precision_at_recall_0.6": at_recall(curve(maps[::3], cases[::3])),
                }
                masks = [masked(m, SURE, FAINT) for m in maps]
            total = sum(counts(m, c) for m, c in zip(masks, cases, strict=True))
            rows.append({"what": f"clips, {gauge}, {what}", **extra, **scores(np.asarray(total))})
    return rows


def guards(ask: Callable[[Aligned | None, Map], Map]) -> list[dict[str, Any]]:
    """Share of the samples of clean clips that is flagged, by guard scene; with neighbours and without."""
    rows = []
    for name in ("nothing", *GUARDS):
        shares: dict[str, list[float]] = {"moving": [], "still": []}
        for number, clip in enumerate(material.clips()):
            clean = material.clip(clip, 3, size=SIZE)
            lumas = np.stack([f.planes[0] for f in clean])
            if name != "nothing":
                GUARDS[name](lumas, np.random.default_rng([7, number]))
            shown = [
                replace(f, planes=(luma, *f.planes[1:]))
                for f, luma in zip(clean, lumas.clip(0, 1), strict=True)
            ]
            grainy = list(material.grained(shown, material.Grain("boolean", 0.02)))
            here = grainy[1].planes[0]
            for way, aligned in (("moving", Aligned(grainy)), ("still", None)):
                shares[way].append(float(masked(ask(aligned, here), SURE, FAINT).mean()))
        rows.append({"what": f"guard, {name}", **{k: float(np.mean(v)) for k, v in shares.items()}})
    return rows


def sheet(folder: Path, ask: Callable[[Aligned | None, Map], Map]) -> None:
    """Pictures of the pairs: damaged, retouched, repaired, true mask, mask found."""
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(found := pairs()), 8):
        columns = []
        for case in found[start : start + 8]:
            mask = masked(ask(None, case.given), SURE, FAINT)
            planes = (case.given, case.clean, repaired(case, mask), case.damaged, mask)
            columns.append(np.vstack([np.rint(p * 255).astype(np.uint8) for p in planes]))
        cv2.imwrite(str(folder / f"pairs-{start:02d}.png"), np.hstack(columns))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks damage_pairs", description=__doc__)
    parser.add_argument("--model", default="fast", help="id of the mask net, or alias of its tier")
    parser.add_argument("--out", type=Path, help="folder of the results (default: benchmarks/results)")
    parser.add_argument("--sheet", type=Path, metavar="DIR", help="only write pictures of the pairs there")
    given = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    ask = net(given.model)
    if given.sheet:
        sheet(given.sheet, ask)
        return
    rows = stills(ask) + clips(ask)
    print(table(rows, COLUMNS))
    guarded = guards(ask)
    print(table(guarded, ("what", "moving", "still")))
    model = store.resolve(given.model, "repair").id
    print(save("damage_pairs", rows, given.out, guards=guarded, model=model, tolerance=TOLERANCE))
