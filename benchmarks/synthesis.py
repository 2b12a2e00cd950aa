"""Grain synthesis beside every alternative: ``python -m benchmarks synthesis [--quick] [--sheets DIR] ...``.

Real grain is added to two held-out photographs and a moving clip: of the family that no net is trained on
(Boolean), and of film stocks that no net has seen. Every method is to put the like onto the clean frames;
what it added is compared with what was there, over all frames of all three. Ours are told what an ideal
estimator would say, or what ours makes of the grainy frames (estimated), or that, corrected until the result
measures the same (refined). The others get their best settings; the AV1 encoders fit the grainy frames
themselves.

curve, curve_worst   ln of strength over luma: mean by occupancy, and worst bin
psd_db, psd_worst_db luma spectrum: RMS over .02 to .5 cycles per sample, and largest
psd_chroma_db        the same of the worse chroma plane
acf                  L2 of the 7 x 7 autocorrelation
channels             largest difference of the correlations between planes
skew, kurtosis       of grain over strength, worst third of luma
kld, jsd, nss        divergences of half sets: grain given luma, and neighbours' products (JSD-NSS)
c2st                 share of 64 x 64 patches that a net taught on the other half tells from real; where
                     the film's scans went through JPEG ours do first (c2st_as_made: without)
temporal, periodic   largest correlation from frame to frame at up to 3 samples, and at multiples of 16
temporal_still       the first on the two photographs alone
shift                brightness moved, in 8-bit codes, by luma bin
effective            independent samples that the real set is worth

``floor`` holds each figure between the two halves of the real set, ``passed`` which targets are met. Below
0.5 M effective samples the half sets must come within 1.5 times the floor instead. LPIPS and DISTS are left
out: they need weights that are not here. Figures are kept in a cache folder (``--cache``), so that another
run for a new model is quick.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.peers.targets import Target
from benchmarks.report import save, table
from benchmarks.synthesizers import av1, cases, dfg, ffmpeg, gaussian, ours, sheets
from benchmarks.synthesizers.figures import FOOLED, Real, figures, judges, real, witness
from benchmarks.synthesizers.synthesizer import Synthesizer
from filmgrain_codec.grain import realism
from filmgrain_codec.infer import backend

CACHE = Path(tempfile.gettempdir()) / "fgcodec-synthesis"
COLUMNS = ("method", "curve", "curve_worst", "psd_db", "psd_worst_db", "acf", "skew", "kurtosis", "kld",
           "nss", "channels", "psd_chroma_db", "temporal", "periodic", "shift", "c2st", "met")  # fmt: skip
FROM_HALVES = ("kld", "jsd", "nss")
JUDGED_LEVEL = 0.05
STOCKS = tuple(cases.STOCKS)[:3]
FLOOR = "(floor)"


def synthesizers(net: Path | None, only: Sequence[str] | None) -> list[Synthesizer]:
    """Ours and the others; ``only``: those whose names contain one of these words."""
    found: list[Synthesizer] = [
        *ours.installed(),
        gaussian.Gaussian(),
        ffmpeg.FfmpegNoise(),
        ffmpeg.FROZEN,
        *av1.available(),
    ]
    if find_spec("vapoursynth"):
        from benchmarks.synthesizers.vsnoise import VsNoise

        found.append(VsNoise())
    if net:
        found.append(dfg.DeepFilmGrain(net))
    return [s for s in found if only is None or any(word.lower() in s.name.lower() for word in only)]


def grains(options: Any) -> Iterator[tuple[dict[str, Any], Real, bool]]:
    """Each grain: what to call it, its real set, and whether the two-sample test judges it."""
    for size, level in product(options.sizes, options.levels):
        group = cases.boolean(options.cache, size, level)
        head = {"grain": "boolean", "size": size, "level": level}
        yield head, real(group), options.judge_all or level == JUDGED_LEVEL
    for stock in options.stocks:
        group = cases.scanned(options.cache, stock)
        head = {"grain": f"scan {stock}", "size": round(group[0].size, 3), "level": group[0].level}
        yield head, real(group, cases.worth(stock), cases.pieces(stock), cases.codes(stock)), True


def measure(
    methods: Sequence[Synthesizer], options: Any
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows by method and grain, and what each grain's real set is."""
    rows, sets = [], []
    for head, to, judge in grains(options):
        seen = witness(to, options.cache) if judge and judges() else None
        sets.append({**head, "effective": round(to.effective), "white_noise_c2st": rounded(seen)})
        block = []
        for method in methods:
            found = figures(method, to, options.cache, judge)
            block.append(row(method.name, head, found, seen))
        print(f"\n{title(sets[-1])}\n{table([floor_row(block[0]), *block], COLUMNS)}", flush=True)
        rows += block
    return rows, sets


def row(
    method: str, head: dict[str, Any], found: dict[str, Any], seen: dict[str, Any] | None
) -> dict[str, Any]:
    """One method on one grain, rounded for people."""
    values = {k: found["half" if k in FROM_HALVES else "whole"][k] for k in found["whole"]}
    verdict = found.get("c2st")
    judged = (
        {}
        if verdict is None
        else {
            "c2st": verdict["accuracy"],
            "c2st_interval": [verdict["low"], verdict["high"]],
            "c2st_too_weak": bool(seen and seen["too_weak"]),
        }
    )
    if "c2st_as_made" in found:
        judged["c2st_as_made"] = found["c2st_as_made"]["accuracy"]
    passed = found["passed"]
    return {
        "method": method, **head, **rounded(values | judged), "met": f"{sum(passed.values())}/{len(passed)}",
        "passed": passed, "floor": rounded(found["floor"]), "half": rounded(found["half"]),
    }  # fmt: skip


def floor_row(of: dict[str, Any]) -> dict[str, Any]:
    return {"method": FLOOR, **of["floor"]}


def title(about: dict[str, Any]) -> str:
    seen = about["white_noise_c2st"]
    judge = "not judged" if seen is None else f"white noise told apart {seen['accuracy']:.3f}"
    return (
        f"{about['grain']}, size {about['size']:g}, level {about['level']:g}: "
        f"{about['effective']} effective samples, {judge}"
    )


def rounded(values: Any) -> Any:
    if isinstance(values, dict):
        return {k: rounded(v) for k, v in values.items()}
    if isinstance(values, list):
        return [rounded(v) for v in values]
    return round(values, 5) if isinstance(values, float) else values


def targets(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every target for each of ours: the figure farthest off, and whether all grains meet it."""
    found = []
    wanted = {k: f"<= {v:g}" for k, v in realism.TARGETS.items()}
    wanted |= {k: f"<= {v:g} x floor" for k, v in realism.OVER_FLOOR.items()} | {"c2st": f"<= {FOOLED:g}"}
    for method, (name, most) in product(dict.fromkeys(r["method"] for r in rows), wanted.items()):
        mine = [r for r in rows if r["method"] == method and name in r["passed"]]
        if mine:
            worst = max(mine, key=lambda r: (not r["passed"][name], over(r, name)))
            met = [r["passed"][name] for r in mine]
            where = (
                f"{name}, worst of {len(mine)} grains ({worst['grain']} {worst['size']:g} {worst['level']:g})"
            )
            found.append(
                Target(method, f"{where}; {sum(met)} met", most, float(f"{worst[name]:.3g}"), all(met))
            )
    return [asdict(t) for t in found]


def over(row: dict[str, Any], name: str) -> float:
    """A figure, over its floor where the target counts floors."""
    value = float(row[name])
    return value / max(row["floor"][name], 1e-12) if name in realism.OVER_FLOOR else value


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks synthesis", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--levels", type=float, nargs="*", default=cases.LEVELS)
    add("--sizes", type=float, nargs="*", default=cases.SIZES)
    add("--stocks", nargs="*", choices=tuple(cases.STOCKS), default=STOCKS)
    add("--methods", nargs="+", metavar="WORD", help="only methods whose names contain one of these words")
    add(
        "--dfg",
        type=Path,
        metavar="FILE",
        help="DeepFilmGrain's generator as ONNX, to stand beside the others",
    )
    add("--quick", action="store_true", help="one size, one level, one stock")
    add("--judge-all", action="store_true", help="two-sample test at every level, not at 0.05 alone")
    add(
        "--sheets", type=Path, metavar="DIR", help="draw contact sheets at 200 %% and temporal strips, as PNG"
    )
    add("--cache", type=Path, default=CACHE, help=f"where grained frames and figures are kept ({CACHE})")
    add("--out", type=Path, help="folder of the results (benchmarks/results)")
    options = parser.parse_args(given)
    if options.quick:
        options.levels, options.sizes, options.stocks = (0.05,), (0.8,), ("kodak_tmax3200",)
    return options


def lacking() -> list[str]:
    """What cannot run here, and why."""
    found = []
    if not judges():
        found.append("the two-sample test needs torch (install the extra 'train')")
    if not find_spec("vapoursynth"):
        found.append("vs-noise needs the group 'bench'")
    if len(av1.available()) < 3:
        found.append("AV1 grain by aomenc needs the command aomenc (Debian: aom-tools)")
    return found


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    for line in lacking():
        print(f"synthesis: {line}; going on without.", file=sys.stderr)
    methods = synthesizers(options.dfg, options.methods)
    rows, sets = measure(methods, options)
    summary = targets(rows)
    mine = [t for t in summary if any(t["model"] == o.name for o in ours.installed())]
    print("\n" + table(mine, ("model", "target", "wanted", "measured", "passed")))
    example = cases.boolean(options.cache, cases.SIZES[0], JUDGED_LEVEL)[0]
    settings = {s.name: s.settings(example) for s in methods}
    extra = {
        "backend": backend.chosen(),
        "targets": summary,
        "real": sets,
        "settings": settings,
        "without": lacking(),
    }
    print(save("synthesis", rows, options.out, **extra))
    if options.sheets:
        sheets.draw(methods, options.cache, options.sheets)
    return 0
