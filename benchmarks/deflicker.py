"""Deflicker beside every alternative: ``python -m benchmarks deflicker [--quick] [--peers WORD] ...``.

Clean clips (moving crops of stills with grain, clips with real motion) get synthetic flicker, and every
method the same frames; old films that flicker are taken as they are. Guards are clips whose light changes for
good reasons, and clips at the edge of what a clip is; 'events' are such light with mild flicker on top.
All figures are of luma, in 8-bit codes unless said otherwise. 'ideal' is the true flicker averaged over time
(Gaussian, sigma 10 frames): what is left in it no filter of such reach can tell from light.

psnr, chroma   dB to the clean clip, over all frames
e_warp, floor  mean L1 difference to the motion-compensated previous frame; the same of the clean clip
fi, fi8        flicker index of the whole frame's light, and of 8 x 8 parts
slow           mean |difference| of seven-frame means of light to the clean clip, else to the input
slow_in        the same, always to the input (the prototype's definition; the clean clip itself is far
               from the input, so this says something of old films and guards only)
slow_known     the same to the ideal: what was done to slow light beyond what nobody can know
gradient, grain   energy of gradients, and level of the grain in calm blocks, over the clean clip's
kept           share of the clean clip's changes of light that is left
change, worst  mean |difference| to the input, of all frames and of the frame that changed most

Figures of other programs are kept in a cache folder (``--cache``), so that another run of ours is quick.
Absolute speed depends on the machine: ``--speed`` times ``fgcodec filter`` at 1080p, ``--speed-only`` does
so later, when it is idle.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from benchmarks import speed
from benchmarks.flicker import measure, methods, recipe, scenes, sheets
from benchmarks.flicker.groups import GROUPS, OLD, cases
from benchmarks.flicker.measure import means, rounded
from benchmarks.flicker.methods import Method
from benchmarks.flicker.targets import targets, with_speed
from benchmarks.report import amend, circumstances, save, table

COLUMNS = (
    "method", "psnr", "chroma", "e_warp", "floor", "fi", "fi8", "slow", "slow_in", "slow_known", "gradient",
    "grain", "kept", "change", "worst",
)  # fmt: skip
OURS = (methods.AUTO, methods.SAFE, methods.STRONG)
KEPT = ("input", "atlas", *(m.name for m in OURS))
"""Methods whose figures are kept for every clip; of the others only the means are."""
FRAMES = 60
CACHE = Path(tempfile.gettempdir()) / "fgcodec-deflicker"
SPEED_FRAMES = 48
TIMED = methods.SAFE.text
"""The clip that is timed is steady: auto would leave it alone and do half the work."""


def chosen(only: Sequence[str] | None, atlas: bool) -> list[Method]:
    """The input, peers and ours; ``only``: those whose name contains one of these words."""
    found: list[Method] = [methods.Input(), *methods.ffmpeg()]
    found += [*methods.smoothers(), *OURS]
    if atlas:
        found.append(methods.Atlas())
    if only is None:
        return found
    return [m for m in found if any(w.lower() in m.name.lower() for w in (*only, "input"))]


def measured(options: Any, tried: Sequence[Method]) -> list[dict[str, Any]]:
    """One row per case and method."""
    found: list[dict[str, Any]] = []
    for group, case in cases(tuple(options.groups), options.crops, options.frames):
        began = time.monotonic()
        here = [m for m in tried if m.groups is None or group in m.groups]
        found += measure.rows(group, case, here, options.cache)
        print(f"{group}: {case.clip.name}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        if options.sheets and (group, case.clip.name) in sheets.SHOWN:
            sheets.draw(group, case, options.sheets)
    return found


def unchanged() -> bool:
    """Whether strength 0 leaves flickering frames as they are, bit for bit."""
    clip = next(scenes.moving_crops(1, 12))
    given = tuple(recipe.flickered(clip.frames, recipe.BOTH, 0))
    made = methods.OFF.apply(given)
    return all(np.array_equal(a.planes[0], b.planes[0]) for a, b in zip(given, made, strict=True))


def speeds() -> dict[str, float]:
    """Frames a second, and the processor's seconds a frame, which hardly depend on the machine's load."""
    runs = speed.filtered(TIMED, SPEED_FRAMES)
    taken = mean(r.cpu / r.frames for r in runs)
    return {"fps_1080p": speed.frames_per_second(runs), "processor_1080p": round(taken, 4)}


def timed(found: dict[str, Any]) -> dict[str, Any]:
    """What changes in the results once the filter is timed on a machine that is not busy."""
    took = speeds()
    return took | {"targets": with_speed(found["targets"], took["fps_1080p"])}


def show(averages: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]]) -> None:
    """Tables of the groups, and of the clips of those that are judged by their worst."""
    for group in dict.fromkeys(a["group"] for a in averages):
        here = [rounded(a) for a in averages if a["group"] == group]
        print(f"\n{group}, means of {here[0]['clips']} clips\n{table(here, known(here))}", flush=True)
    singles = [rounded(r) for r in rows if r["group"] in ("guards", OLD) and r["method"] in KEPT]
    if singles:
        print("\n" + table(singles, ("group", "clip", *known(singles))))


def known(here: Sequence[dict[str, Any]]) -> list[str]:
    """Columns that any of the rows has."""
    return [c for c in COLUMNS if any(c in h for h in here)]


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks deflicker",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--groups", nargs="+", choices=GROUPS, default=GROUPS)
    add("--peers", nargs="+", metavar="WORD", help="only methods whose names contain one of these words")
    add("--crops", type=int, help="how many moving crops (all six)")
    add("--frames", type=int, default=FRAMES, help=f"most frames of an old film ({FRAMES})")
    add("--quick", action="store_true", help="two crops, the first groups, the main methods")
    add("--atlas", action="store_true", help="atlas mode too (needs torch; minutes a clip)")
    add("--speed", action="store_true", help="time the filter command at 1080p too (idle machine)")
    add("--speed-only", action="store_true", help="only that, into the results that are there")
    add("--sheets", type=Path, metavar="DIR", help="draw contact sheets as PNG")
    add("--cache", type=Path, default=CACHE, help=f"where figures of other programs are kept ({CACHE})")
    add("--out", type=Path, help="folder of the results (benchmarks/results)")
    options = parser.parse_args(given)
    if options.quick:
        options.crops, options.groups = 2, ("both", "global", "clean", "guards")
        options.peers = options.peers or ["am 25", methods.AUTO.name]
    return options


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    if options.speed_only:
        amend("deflicker", options.out, timed)
        return 0
    commit = circumstances()["commit"]  # the code that runs, whatever is committed meanwhile
    tried = chosen(options.peers, options.atlas)
    rows = measured(options, tried)
    averages = means(rows)
    show(averages, rows)
    took = speeds() if options.speed else {}
    same, tried_names = unchanged(), {r["method"] for r in rows}
    judged = [m.name for m in OURS if m.name in tried_names]
    summary = [
        {"mode": m, **t} for m in judged for t in targets(rows, averages, m, took.get("fps_1080p"), same)
    ]
    print("\n" + table(summary, ("mode", "target", "wanted", "measured", "passed", "ideal")))
    singles = [rounded(r) for r in rows if r["method"] in KEPT]
    extra = {"targets": summary, "means": [rounded(a) for a in averages], **took}
    save("deflicker", singles, options.out, commit=commit, **extra)
    return 0
