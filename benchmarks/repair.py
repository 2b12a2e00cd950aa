"""Repair of dust and scratches: ``python -m benchmarks repair [--quick] [--sheets DIR] [--speed]``.

Clean clips (moving crops of stills with grain, clips with real motion) get damage after measured statistics:
'specks' come and go, their shapes are from scans; 'everything' has lines and dirt of the gate too, drawn;
'smooth' are specks on pictures without detail, where the grain of fills can be measured. Guards are stars,
snow, lamps, small fast things, sparks, rain and text; nothing there is damaged. Old films are deflickered.
All figures are of luma, without the first and last frame of a clip.

precision, recall, f1   of the samples found, one sample off allowed
psnr_in, psnr           dB to the clean clip, before and after, mean over frames that are damaged
outside                 largest change outside of the mask, of full scale
grain                   power of fine grain in fills, over the clean clip's
flagged                 share of samples taken for damage, in per cent

'oracle' is our fill with the true mask; 'oracle, mean' the neighbours' mean, which has half of the grain;
'median' a median of three along the motion over the whole picture. SpotLess and DeScratch are run where their
VapourSynth wheels are installed.

The rules of dust were tuned while these figures were watched. ``--draw fresh`` measures specks, guards and
clean clips on others: crops of other stills on other ways, other frames of the clips, other damage. What they
get wrong there was then looked at; ``--draw judge`` takes others again, of which only figures were seen.

``--draw protocol`` is the published protocol that the targets were set on (``mending.protocol``): gentle pans
with specks, beside the detectors of the literature, each at the one threshold that is best on these clips.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import speed
from benchmarks.mending import classical, figures, lines, methods, peers, protocol, scenes, sheets
from benchmarks.mending.scenes import Case
from benchmarks.report import amend, circumstances, save, table
from filmgrain_codec.errors import ModelError
from filmgrain_codec.infer import store
from filmgrain_codec.nodes.repair.dust import SHARE_PROP
from filmgrain_codec.train.damage.clip import Damage

COLUMNS = ("group", "method", "clips", "f1", "precision", "recall", "psnr_in", "psnr", "outside", "grain",
           "flagged", "threshold")  # fmt: skip
DRAWS = {draw.name: draw for draw in (scenes.USUAL, scenes.FRESH, scenes.JUDGE)}
QUICK = 2
FILMS, SPEED_FRAMES = 40, 48
SPEEDS = ("dust", "dust:detector=net", "dust:passes=2", "dust:detector=net,passes=2", "scratches")
DIRTY = "dust, dirty film"


def detectors() -> list[methods.Ours]:
    """Ranks, and the net where one is installed; in one pass and in two."""
    known = ["rank", "net"]
    try:
        store.resolve("fast", "repair")
    except ModelError:
        print("no mask net is installed: ranks only", file=sys.stderr)
        known = ["rank"]
    return [methods.dust(name, passes=passes) for passes in (1, 2) for name in known]


def repaired(case: Case, tried: Sequence[methods.Ours]) -> Iterator[dict[str, Any]]:
    """Rows of a clip whose damage is known."""
    name = {"group": case.group, "clip": case.name}
    for method in tried:
        made, wide = method.frames(case), method.masks(case)
        found = [methods.narrowed(mask) for mask in wide]
        known = figures.scores(case, found) | figures.picture(case, made)
        yield {**name, "method": method.name, **known, "outside": figures.outside(case, made, wide)}
    for word, work in (
        ("oracle", methods.oracle),
        ("oracle, mean", methods.oracle_mean),
        ("median", methods.median),
        ("SpotLess (VapourSynth)", lambda case: peers.spotless(case.given)),
    ):
        if (made := work(case)) is not None:
            yield {**name, "method": word, **figures.picture(case, made)}


def seen(case: Case, tried: Sequence[methods.Ours]) -> Iterator[dict[str, Any]]:
    """Rows of a clip that has no known damage: how much is flagged."""
    for method in tried:
        share = 100 * figures.flagged(method.frames(case), SHARE_PROP)
        yield {"group": case.group, "clip": case.name, "method": method.name, "flagged": share}


def published(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows of the published protocol."""
    cases = list(protocol.cases(QUICK if options.quick else None))
    rows = list(classical.rows(cases))
    for case in cases:
        rows += repaired(case, detectors())
    return rows


def measured(options: argparse.Namespace) -> list[dict[str, Any]]:
    if options.draw == scenes.PROTOCOL:
        return published(options)
    rows: list[dict[str, Any]] = []
    usual = detectors()
    plain = [methods.dust(m.detector, "max_coverage=1", m.passes) for m in usual]
    draw = DRAWS[options.draw]
    usual_draw = draw is scenes.USUAL
    for case in scenes.synthetic(QUICK if options.quick else None, draw):
        began = time.monotonic()
        rows += repaired(case, usual)
        print(f"{case.group}: {case.name}, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    films = scenes.old_films(FILMS) if usual_draw and not options.quick else ()
    for case in [*scenes.guards(draw), *scenes.clean(draw), *films]:
        rows += seen(case, plain)
        if options.sheets and case.group == "old films":
            sheets.draw(case, plain[0], options.sheets)
    if usual_draw:
        rows += [*lines.rows(options.sheets), *(() if options.quick else lines.film_rows(options.sheets))]
    return rows


def speeds() -> dict[str, dict[str, float]]:
    """Frames of 1080p a second, which a busy machine lowers, and seconds of processor time for one."""
    texts = SPEEDS if any(m.detector == "net" for m in detectors()) else [t for t in SPEEDS if "net" not in t]
    runs = {text: speed.filtered(text, SPEED_FRAMES) for text in texts}
    runs[DIRTY] = speed.filtered("dust", SPEED_FRAMES, Damage(speed.FORMAT, "16mm", scenes.SEVERITY, seed=1))
    return {
        "fps_1080p": {name: speed.frames_per_second(each) for name, each in runs.items()},
        "processor_1080p": {
            name: round(median(r.cpu / r.frames for r in each), 4) for name, each in runs.items()
        },
    }


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks repair", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="two crops, no old films")
    add("--draw", choices=[*DRAWS, scenes.PROTOCOL], default="usual", help="which clips and damage")
    add(
        "--speed",
        action="store_true",
        help="time filters at 1080p too, as the usual draw does (idle machine)",
    )
    add("--speed-only", action="store_true", help="only that, into the results that are there")
    add("--sheets", type=Path, metavar="DIR", help="draw contact sheets as PNG")
    add("--out", type=Path, help="folder of the results (benchmarks/results)")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    if options.speed_only:
        amend("repair", options.out, lambda _: speeds())
        return 0
    commit = circumstances()["commit"]
    rows = measured(options)
    averages = figures.means(rows)
    print(table(averages, COLUMNS))
    if options.draw == scenes.USUAL.name:
        print("\n" + table([a for a in averages if a["group"].startswith("scratches")], lines.COLUMNS))
    name = "repair" if options.draw == scenes.USUAL.name else f"repair_{options.draw}"
    save(name, rows, options.out, commit=commit, means=averages)
    if options.speed or (options.draw == scenes.USUAL.name and not options.quick):
        save(name, rows, options.out, commit=commit, means=averages, **speeds())
    return 0
