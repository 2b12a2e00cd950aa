"""The model card, generated from the run: data and licences, recipe, curves, figures, limits."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filmgrain_codec.train import pool, samples
from filmgrain_codec.train.material import HELD_OUT_CLIPS, HELD_OUT_DIGIT

PARTS = ("luma", "chroma")
CURVE_ROWS = 8
FIGURES = (
    "luma_noisy", "luma_known", "luma_blind", "chroma_noisy", "chroma_known", "chroma_blind",
    "removed_known", "removed_blind",
)  # fmt: skip
CURVE = ("step", "seconds", "train_loss", "held_out_loss", "gain_db", "rough_gain_db")

PURPOSE = """\
Removes film grain, tier *{tier}*. Two U-Nets, one for luma and one for chroma, on native planes (gray,
4:2:0, 4:2:2, 4:4:4): five frames in, neighbours motion-compensated (search: *{motion}*), the middle frame
out. The nets are told the grain (sigma at every sample, size); blind removal judges sigma from each
window first. Licence of the weights: {license}."""

MEASURED = """\
PSNR in dB against the clean frame, mean over the held-out clips, two frames each; 10-bit 4:2:0,
grain fresh on every frame. *known* is told level, curve and size; *blind* is told nothing. *removed*:
standard deviation of what was taken off luma over that of the grain, 1 is ideal. The Boolean family was
not trained on. The clips have noise of their own (about 0.0025 of full scale and more), which bounds
the figures at the lowest level."""

RECIPE = """\
{count} windows of five frames: still photographs under simulated camera moves with ripples and moving
objects, and short real clips ({clips:.0%}); neighbours drawn onto the centre by the product's own motion
search. Grain families in equal parts: {families} ({looks} looks each), some resized, averaged or passed
through 8 bit after graining; level log-uniform {levels[0]} to {levels[1]}; 4:2:0, 4:2:2 and 4:4:4, 8 and 10
bit; {grainless:.0%} without grain. The level told is wrong by {error:.0%}, for {share:.0%} of the samples by
{rough:.0%} (standard deviations). Loss: Charbonnier of error over level, a tenth of its gradient's, and the
local correlation of what was removed with the picture's detail. AdamW, cosine over the wall-clock budget,
bfloat16 arithmetic, averaged weights. `fgcodec train removal --data DIR --out DIR --tier {tier}`, then
`fgcodec train export`."""

LIMITS = """\
- Trained on simulated grain: scans sharpened, scaled or compressed after the grain are out of its range.
- Strongly non-Gaussian grain, grain coarser than a size of about 2 and levels above 0.12 were not trained.
- Blind removal judges the level from one window: where everything is textured and moves fast it judges
  too high.
- Scratches, dust and flicker are left in."""


def write(
    path: Path,
    entry: dict[str, Any],
    run: Path,
    data: Path | None,
    metrics: Path | None,
    notes: Sequence[str] = (),
) -> None:
    """Write the card of a removal model.

    ``data`` names the sources, ``metrics`` the figures, ``notes`` further limits of this model.
    """
    facts = {name: json.loads((run / name / "run.json").read_text()) for name in PARTS}
    compose(
        path,
        entry,
        purpose=PURPOSE.format(**entry),
        figures=figures(metrics),
        recipe=recipe(facts),
        curves="\n\n".join(curve(run / name, CURVE, f"{name}, on held-out photographs:") for name in PARTS),
        origins=sources(facts, data),
        limits=LIMITS,
        notes=notes,
    )


def compose(
    path: Path,
    entry: dict[str, Any],
    *,
    purpose: str,
    figures: str,
    recipe: str,
    curves: str,
    origins: str,
    limits: str,
    notes: Sequence[str] = (),
) -> None:
    """Write a card; all texts are Markdown without headings, ``notes`` further limits."""
    sections = [
        f"# {entry['id']}",
        purpose,
        "## Files\n\n" + files(entry),
        "## Held-out figures\n\n" + figures,
        "## Training\n\n" + recipe,
        "## Learning curves\n\n" + curves,
        "## Data and licences\n\n" + origins,
        "## Limits\n\n" + "\n".join([limits, *(f"- {note}" for note in notes)]),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(sections) + "\n")


def table(head: tuple[str, ...], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def files(entry: dict[str, Any]) -> str:
    head = ("part", "file", "sha256", "bytes", "sides multiples of", "kMAC per sample")
    rows = [
        [
            p["name"],
            p["file"],
            f"`{p['sha256'][:16]}`",
            str(p["size"]),
            str(p["multiple"]),
            f"{p['kmac']:.2f}",
        ]
        for p in entry["part"]
    ]
    return table(head, rows) + f"\n\nONNX opset {entry['opset']}; nodes pad pictures to whole multiples."


def figures(metrics: Path | None) -> str:
    """The table of what ``fgcodec eval removal`` wrote."""
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
        + (f"; taught by a run of {ran(f['teacher'])}" if f.get("teacher") else "")
        for name, f in facts.items()
    ]
    luma = facts[PARTS[0]]
    text = RECIPE.format(
        count=luma["pool"]["count"],
        families=", ".join(luma["pool"]["families"]),
        looks=pool.LOOKS,
        clips=pool.CLIP_SHARE,
        levels=pool.LEVELS,
        grainless=pool.GRAINLESS_SHARE,
        error=samples.ERROR,
        rough=samples.ROUGH_ERROR,
        share=samples.ROUGH_SHARE,
        tier=luma["tier"],
    )
    return "\n".join(parts) + "\n\n" + text


def ran(facts: dict[str, Any]) -> str:
    minutes = facts["budget_seconds"] / 60
    device = {"cpu": "a CPU", "cuda": "a GPU"}[facts.get("device", "cpu")]
    return f"seed {facts['seed']}, {minutes:.0f} minutes on {device}, commit `{facts['commit'][:12]}`"


def curve(run: Path, columns: Sequence[str], text: str) -> str:
    """``text`` and some columns of a run's learning curve, thinned to a few rows that end with the last."""
    with (run / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    step = max(1, -(-len(rows) // CURVE_ROWS))
    shown = [[f"{float(r[c]):.4g}" for c in columns] for r in rows[::-1][::step][::-1]]
    return f"{text}\n\n" + table(tuple(c.replace("_", " ") for c in columns), shown)


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
