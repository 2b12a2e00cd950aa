"""Grain removal beside every alternative: ``python -m benchmarks removal [--quick] [--dfg FILE] ...``.

Held-out clips with real motion, 10-bit 4:2:0, are grained by the family that no model is trained on
(Boolean) and by two-Gaussian spectra, and every method gets the same frames. Scored is the middle frame of
an excerpt of nine, against the clean frame; temporal methods see all they want around it. Ours are
told level, curve, size and chroma of the grain, or nothing (blind); BM3D is told the true sigma of the
frame, and once also the true spectrum; the others have the settings that are best for this grain on the
other clips (see ``peers/tuned.py``).

luma, chroma   PSNR in dB (chroma: mean of both planes); the others' pictures are rounded to 10 bits too
ssim, ms_ssim, vmaf   of luma, by libvmaf
removed_flat, slope_flat   on blocks flat in the clean frame: deviation of what was removed over that of
    the grain, and <removed, grain> / <grain, grain>; clips without such blocks are left out
removed, slope, bound   the same over the whole frame, and the ratio an ideal remover of that error has
leakage        correlation of what was removed with clean minus Gaussian(1 px) of clean
flicker        change from frame to frame where the clean picture hardly changes, over that of the clean
kmac, fps      of nets: thousand multiply-accumulates per luma sample with chroma, frames a second here

What peers make is kept in a cache folder (``--cache``), so that another run for a new model is quick.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import material, speed
from benchmarks.peers import ffmpeg, svt, tuned, vapour
from benchmarks.peers.bm3d import Bm3d
from benchmarks.peers.case import FAMILIES, LEVELS, MIDDLE, SIZES, Case, case
from benchmarks.peers.figures import Figures, figures, mean
from benchmarks.peers.nets import DeepFilmGrain, Ours, denoised, installed, steps
from benchmarks.peers.peer import Noisy, Peer
from benchmarks.peers.sheets import draw
from benchmarks.peers.targets import targets
from benchmarks.report import save, table
from filmgrain_codec.errors import ModelError
from filmgrain_codec.grain.removal_metrics import psnr
from filmgrain_codec.infer import backend, store
from filmgrain_codec.nodes.denoise import Denoise

CACHE = Path(tempfile.gettempdir()) / "fgcodec-removal"
QUIET_LEVELS = (0.001, 0.002, 0.003)
SPEED_FRAMES = 120
COLUMNS = (
    "method", "luma", "chroma", "ssim", "ms_ssim", "vmaf", "removed_flat", "slope_flat", "removed", "slope",
    "bound", "leakage", "flicker", "kmac", "fps",
)  # fmt: skip
TUNABLE: tuple[tuned.Tunable, ...] = (
    ffmpeg.Nlmeans(), ffmpeg.Fftdnoiz(), ffmpeg.FfmpegBm3d(), vapour.Dfttest(), vapour.NlmIspc(),
    vapour.Degrain(), svt.SvtAv1(),
)  # fmt: skip
NEEDS = {"bm3d": "BM3D", "dfttest2": "dfttest2", "vapoursynth": "nlm-ispc and mvtools"}


def peers(dfg: Path | None, only: Sequence[str] | None, best: bool = False) -> list[Peer]:
    """The input, the peers and ours; ``only``: those whose name contains one of these words."""
    found: list[Peer] = [Noisy(), Bm3d(spectrum=True), Bm3d()]
    found += [tuned.Tuned(peer) for peer in TUNABLE]
    if best:
        found += [tuned.Tuned(peer, oracle=True) for peer in TUNABLE]
    if dfg:
        found.append(DeepFilmGrain(dfg))
    found += list(installed())
    if only is None:
        return found
    return [p for p in found if any(word.lower() in p.name.lower() for word in (*only, Noisy().name))]


def measure(methods: Sequence[Peer], grains: Sequence[tuple[str, float, float]], options: Any) -> list[dict]:
    """One row per method and grain (family, size, level): means over the clips."""
    rows: list[dict[str, Any]] = []
    for family, size, level in grains:
        each: dict[str, list[Figures]] = {}
        for clip in options.clips:
            here = case(options.cache, clip, family, size, level)
            for peer in methods:
                each.setdefault(peer.name, []).append(figures(peer, here, options.cache))
        block = [row(peer, each[peer.name], family, size, level) for peer in methods]
        print(f"\n{family} grain, size {size:g}, level {level:g}\n{table(block, COLUMNS)}", flush=True)
        rows += block
    return rows


def row(peer: Peer, each: Sequence[Figures], family: str, size: float, level: float) -> dict[str, Any]:
    """Means over clips of one method, rounded for people."""
    found = mean(each)
    seconds = found.pop("seconds")
    kmac = getattr(peer, "kmac", None)
    shown = {
        k: None if v is None else round(v, 3 if k in ("luma", "chroma", "vmaf") else 4)
        for k, v in found.items()
    }
    head = {"method": peer.name, "family": family, "size": size, "level": level}
    cost = {} if kmac is None else {"kmac": round(kmac, 2), "fps": round(1 / (seconds or 1), 2)}
    return head | shown | cost


def quiet(options: Any) -> list[dict[str, Any]]:
    """Change of luma PSNR at levels that count as no grain; the worst clip of each."""
    rows = []
    for level, model in product(QUIET_LEVELS, {o.model.id: o for o in installed()}.values()):
        here = [case(options.cache, clip, "boolean", 0.8, level) for clip in options.clips]
        for mode in ("told", "stated", "blind"):
            change = min(round(change_in(model, mode, each), 4) for each in here)
            rows.append({"method": f"{model.model.id}, {mode}", "level": level, "change": change})
    print("\nno grain\n" + table(rows, ("method", "level", "change")), flush=True)
    return rows


def change_in(model: Ours, mode: str, here: Case) -> float:
    """dB gained (or lost, below 0) on the middle frame. 'stated': only the level is told, as a user would."""
    grain = {"told": here.segment, "stated": here.level, "blind": None}[mode]
    node = Denoise(grain, model.model.id, threads=2)
    made = denoised(here.grainy, node, (MIDDLE,))[MIDDLE][0]
    clean, noisy = here.clean[MIDDLE].planes[0], here.grainy[MIDDLE].planes[0]
    return psnr(made, clean) - psnr(noisy, clean)


def speeds(models: Sequence[str]) -> dict[str, float]:
    """Frames a second of ``fgcodec filter IN -`` at 1080p 10 bit to nowhere, median of three runs."""
    chains = {model: f"denoise:model={model},level={speed.LEVEL}" for model in models}
    return {m: speed.frames_per_second(speed.filtered(text, SPEED_FRAMES)) for m, text in chains.items()}


def tiers() -> dict[str, tuple[str, float]]:
    """The model that each tier's name stands for, where it has one of its own, and its cost."""
    found = {}
    for tier in store.TIERS:
        try:
            model = store.resolve(tier)
        except ModelError:
            continue
        if model.tier == tier:
            found[tier] = (model.id, Ours(model).kmac)
    return found


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks removal", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--levels", type=float, nargs="+", default=LEVELS)
    add("--sizes", type=float, nargs="+", default=SIZES)
    add("--families", nargs="+", choices=FAMILIES, default=FAMILIES)
    add("--clips", nargs="+", help="clips by name (all)")
    add("--peers", nargs="+", metavar="WORD", help="only methods whose names contain one of these words")
    add("--dfg", type=Path, metavar="FILE", help="a DeepFilmGrain net as ONNX, to stand beside the others")
    add("--dfg-steps", type=int, help="steps it was trained for, where the file does not say")
    add("--quick", action="store_true", help="one level, one size, one family")
    add("--speed", action="store_true", help="time the filter command at 1080p too (idle machine)")
    add("--best-settings", action="store_true", help="peers also with what is best for the very clip")
    add("--tune", action="store_true", help="set the peers' knobs anew first (half an hour)")
    add("--sheets", type=Path, metavar="DIR", help="draw what every method leaves, enlarged, as PNG")
    add("--cache", type=Path, default=CACHE, help=f"where peers' pictures are kept ({CACHE})")
    add("--out", type=Path, help="folder of the results (benchmarks/results)")
    options = parser.parse_args(given)
    options.clips = options.clips or material.clips()
    if options.quick:
        options.levels, options.sizes, options.families = (0.05,), (0.8,), ("boolean",)
    return options


def missing() -> Iterator[str]:
    for module, peer in NEEDS.items():
        if find_spec(module) is None:
            yield f"{peer} needs the package {module}"


def main(given: list[str] | None = None) -> int:
    options = arguments(given)
    lacking = list(missing())
    if lacking and options.peers is None:
        print(f"removal: {'; '.join(lacking)}: install the group 'bench', or name --peers.", file=sys.stderr)
        return 2
    if options.tune:
        tuned.tune(TUNABLE, options.cache)
    methods = peers(options.dfg, options.peers, options.best_settings)
    grains = list(product(options.families, options.sizes, options.levels))
    rows = measure(methods, grains, options)
    still = quiet(options)
    models = tiers()
    fps = speeds([model for model, _ in models.values()]) if options.speed else {}
    trained = {p.name: options.dfg_steps or steps(p.file) for p in methods if isinstance(p, DeepFilmGrain)}
    summary = targets(rows, models, still, fps, trained)
    print("\n" + table(summary, ("model", "target", "wanted", "measured", "passed")))
    overview = averages(rows)
    print("\nmeans over the levels\n" + table(overview, ("family", "size", *COLUMNS)))
    settings = {p.name: p.settings(example(options)) for p in methods}
    extra = {
        "backend": backend.chosen(),
        "targets": summary,
        "means": overview,
        "no_grain": still,
        "fps_1080p": fps,
        "settings": settings,
    }
    save("removal", rows, options.out, clips=options.clips, **extra)
    if options.sheets:
        draw(methods, options.cache, options.sheets)
    return 0


def example(options: Any) -> Case:
    """A case to show settings for: what varies with level and size stands in ``peers/tuned.json``."""
    return case(options.cache, options.clips[0], options.families[0], options.sizes[0], options.levels[0])


def averages(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each method's means over the levels, by family and size."""
    groups: dict[tuple[str, float, str], list[dict[str, Any]]] = {}
    for each in rows:
        groups.setdefault((each["family"], each["size"], each["method"]), []).append(each)
    out = []
    for (family, size, method), members in groups.items():
        figures_of = {
            name: round(float(np.mean(known)), 4)
            for name in COLUMNS[1:]
            if (known := [m[name] for m in members if m.get(name) is not None])
        }
        out.append({"family": family, "size": size, "method": method, **figures_of})
    return out
