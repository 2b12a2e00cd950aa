"""The model card, generated from the run: data and licences, recipe, curves, figures, limits."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filmgrain_codec.train import noise, samples
from filmgrain_codec.train.material import HELD_OUT_CLIPS, HELD_OUT_DIGIT

PARTS = ("luma", "chroma")
CURVE_ROWS = 8
FIGURES = (
    "luma_noisy", "luma_known", "luma_blind", "chroma_noisy", "chroma_known", "chroma_blind",
    "removed_known", "removed_blind",
)  # fmt: skip
CURVE = ("step", "seconds", "train_loss", "held_out_loss", "gain_db", "blind_gain_db")

PURPOSE = """\
Removes film grain, tier *{tier}*. Two U-Nets, one for luma and one for chroma, on native planes (gray,
4:2:0, 4:2:2, 4:4:4): three frames in, the middle frame out. One set of weights serves both ways: told
the grain (sigma at every sample, size) or blind (zeros). Licence of the weights: {license}."""

MEASURED = """\
PSNR in dB against the clean frame, mean over the held-out clips, two frames each; 10-bit 4:2:0,
grain fresh on every frame. *known* is told level, curve and size; *blind* is told nothing. *removed*:
standard deviation of what was taken off luma over that of the grain, 1 is ideal. The Boolean family was
not trained on. The clips have noise of their own (about 0.0025 of full scale and more), which bounds
the figures at the lowest level."""

RECIPE = """\
Still photographs under simulated camera moves with moving objects, and short real clips ({clips:.0%} of
the luma samples). Grain: two-Gaussian spectra of size {sizes[0]} to {sizes[1]}, anisotropy up to 15 %,
a second lobe in 30 %; level log-uniform {levels[0]} to {levels[1]}; strength curves Boolean-shaped,
shadow-heavy, flat and random; some skew; chroma 0.3 to 1.2 of luma with random correlations; 8 and 10
bit; {grainless:.0%} without grain. The sigma told is wrong by 9 % (standard deviation); {blind:.0%} of
the samples are blind. Loss: Charbonnier of error over level plus a tenth of its gradient's. AdamW,
cosine over the wall-clock budget, bfloat16 arithmetic, averaged weights. `fgcodec train removal --data
DIR --out DIR`, then `fgcodec train export`."""

LIMITS = """\
- A small net: motion beyond a few samples per frame is not followed; there it works on one frame.
- Trained on simulated grain: scans sharpened, scaled or compressed after the grain are out of its range.
- Strongly non-Gaussian grain, grain coarser than a size of about 2 and levels above 0.12 were not trained.
- Blind removal judges the level from the picture. It removes less than told removal, and at levels of
  about 0.01 it takes fine moving texture for grain: see where the figures above fall below noisy.
- Scratches, dust and flicker are left in."""


def write(
    path: Path,
    entry: dict[str, Any],
    run: Path,
    data: Path | None,
    metrics: Path | None,
    notes: Sequence[str] = (),
) -> None:
    """Write the card of one manifest entry.

    ``data`` names the sources, ``metrics`` the figures, ``notes`` further limits of this model.
    """
    facts = {name: json.loads((run / name / "run.json").read_text()) for name in PARTS}
    sections = [
        f"# {entry['id']}",
        PURPOSE.format(**entry),
        "## Files\n\n" + files(entry),
        "## Held-out figures\n\n" + figures(metrics),
        "## Training\n\n" + recipe(facts),
        "## Learning curves\n\n" + "\n\n".join(curve(run / name, name) for name in PARTS),
        "## Data and licences\n\n" + sources(facts, data),
        "## Limits\n\n" + "\n".join([LIMITS, *(f"- {note}" for note in notes)]),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(sections) + "\n")


def table(head: tuple[str, ...], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def files(entry: dict[str, Any]) -> str:
    head = ("part", "file", "sha256", "bytes", "kMAC per sample")
    rows = [
        [p["name"], p["file"], f"`{p['sha256'][:16]}`", str(p["size"]), f"{p['kmac']:.2f}"]
        for p in entry["part"]
    ]
    return table(head, rows) + f"\n\nONNX opset {entry['opset']}; sides are multiples of 8 (the node pads)."


def figures(metrics: Path | None) -> str:
    """The table of what ``train.evaluate`` wrote."""
    if metrics is None:
        return "Not measured yet."
    head = ("grain", "size", "level", *(name.replace("_", " ") for name in FIGURES))
    rows = [
        [row["family"], str(row["size"]), str(row["level"]), *(f"{row[name]:.2f}" for name in FIGURES)]
        for row in json.loads(metrics.read_text())
    ]
    return f"{MEASURED}\n\n{table(head, rows)}"


def recipe(facts: dict[str, dict[str, Any]]) -> str:
    parts = [
        f"- {name}: widths {f['shape']['widths']}, {ran(f)}, torch {f['torch']}"
        + (
            f"; begun with the weights of an earlier run: {ran(f['started_from'])}"
            if f.get("started_from")
            else ""
        )
        for name, f in facts.items()
    ]
    text = RECIPE.format(
        clips=samples.CLIP_SHARE,
        sizes=noise.SIZES,
        levels=noise.LEVELS,
        grainless=samples.GRAINLESS_SHARE,
        blind=samples.BLIND_SHARE,
    )
    return "\n".join(parts) + "\n\n" + text


def ran(facts: dict[str, Any]) -> str:
    minutes = facts["budget_seconds"] / 60
    return f"seed {facts['seed']}, {minutes:.0f} minutes on a CPU, commit `{facts['commit'][:12]}`"


def curve(folder: Path, name: str) -> str:
    """The learning curve, thinned to a few rows that end with the last."""
    with (folder / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    step = max(1, -(-len(rows) // CURVE_ROWS))
    shown = rows[::-1][::step][::-1]
    head = tuple(c.replace("_", " ") for c in CURVE)
    return f"{name}, on held-out photographs:\n\n" + table(head, [[r[c] for c in CURVE] for r in shown])


def sources(facts: dict[str, dict[str, Any]], data: Path | None) -> str:
    """Sources by licence, those under CC-BY named one by one."""
    used = sorted({file for f in facts.values() for file in f["trained_on"]})
    text = (
        f"{len(used)} files: crops of photographs, and short clips. Held out by photograph: those whose "
        f"number ends in {HELD_OUT_DIGIT}, and of the clips {', '.join(HELD_OUT_CLIPS)}."
    )
    if data is None or not (data / "PROVENANCE.csv").exists():
        return text
    with (data / "PROVENANCE.csv").open() as file:
        rows = {r["file"]: r for r in csv.DictReader(file)}
    found = {(rows[u]["licence"], rows[u]["source_repo"], rows[u]["source_path"]) for u in used if u in rows}
    counts = {licence: sum(f[0] == licence for f in found) for licence, _, _ in sorted(found)}
    counted = "\n".join(f"- {licence}: {count}" for licence, count in counts.items())
    credit = "\n".join(f"- {path} ({repo}), {kind}" for kind, repo, path in sorted(found) if "BY" in kind)
    return f"{text}\n\nPictures and clips by licence:\n\n{counted}\n\nAttribution (CC-BY):\n\n{credit}"
