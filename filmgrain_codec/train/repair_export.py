"""Ship the mask net: ``fgcodec train repair-export --run DIR --id repair-mask-1 [--metrics FILE]``.

Writes the ONNX file, the manifest entry (role ``repair``) and the card. A released id is never written again.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from filmgrain_codec.errors import UsageError
from filmgrain_codec.infer.store import TIERS
from filmgrain_codec.train import card, manifest, repair_samples
from filmgrain_codec.train.loop import load_checkpoint
from filmgrain_codec.train.networks.repair import INPUTS, MULTIPLE, Repair, macs_per_sample, reach
from filmgrain_codec.train.repair import trained

PART, INPUT, OUTPUT = "luma", "given", "mask"
CURVE = ("step", "seconds", "train_loss", "held_out_loss", "f1_moving", "f1_still")
SOURCE_FILES = (
    "Damage: half of the shapes are procedural, half masks of real damage (FilmDamageSimulator, MIT)."
)

PURPOSE = """\
Finds dust, dirt, hair and scratches. Input `given` (1, 5, H, W): a frame, the frame before and the one
after drawn onto it, how much those two differ (mean over 5 x 5), and 1 where they count; all 0..1, all but
the frame 0 where they do not, and everywhere for a still. Output (1, 4, H, W) in 0..1: mask, polarity (1:
brighter than the film), opacity, confidence (that the mask's word, above or below one half, is right).
Sides are multiples of 16. Licence of the weights: {license}."""

RECIPE = """\
{samples} samples of {side} x {side}: three frames of photographs under simulated camera moves with moving
objects, and of short clips ({clips:.0%}); grain of the families {families}, level log-uniform {levels[0]}
to {levels[1]}, 8 bit; damage after the grain by the statistics of `train/damage` at {pitches[0]:.0f} to
{pitches[1]:.0f} micrometres a sample, severity log-uniform {severities[0]} to {severities[1]}, {clean:.0%}
of the samples clean; some sharpened or through JPEG afterwards; neighbours drawn onto the frame by the
filter's own code. {guarded:.0%} hold stars, sparks, snow, rain, lamps, text or small fast things, which are
no damage. {dropped:.0%} of the samples are shown as stills ({rarely:.0%} of those with such things). Cross
entropy, focal and Dice loss; AdamW, cosine over the budget, bfloat16 arithmetic, averaged weights. Seed
{seed}, {steps} steps of {batch}, {minutes:.0f} minutes on {device} (a shared core), commit `{commit:.12}`,
torch {torch}."""

LIMITS = """\
- A still does not say what is dust and what is a star, a spark or a letter's dot: there everything small
  that does not go with its surroundings is at risk.
- Damage weaker than about twice the grain is mostly missed, and damage under 3 samples across is found
  badly.
- Stains, mould, tears and colour damage were not trained; only luma is looked at.
- Grain above level 0.09 or coarser than a size of about 2, and material compressed hard, are out of its
  range.
- A short training run on one core; a longer one would be better."""


def to_onnx(net: Repair) -> bytes:
    """The net as ONNX with free height and width."""
    out, free = io.BytesIO(), {2: "height", 3: "width"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(),
            (torch.rand(1, len(INPUTS), 64, 64),),
            out,
            dynamo=False,
            opset_version=manifest.OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: free, OUTPUT: free},
        )
    return out.getvalue()


def ship(
    run: Path,
    models: Path,
    name: str,
    data: Path | None = None,
    metrics: Path | None = None,
    replace: bool = False,
) -> Path:
    """Write file, entry and card; returns the ONNX file.

    Raises ``UsageError`` if the id exists, ``InputError`` without a checkpoint.
    """
    entries = manifest.read_manifest(models)
    if any(e["id"] == name for e in entries) and not replace:
        raise UsageError(f"Model '{name}' exists, and models never change: choose a new id.")
    state = load_checkpoint(run / "checkpoint.pt")
    net = trained(run)
    content = to_onnx(net)
    part = part_entry(name, net, content)
    models.mkdir(parents=True, exist_ok=True)
    path = models / str(part["file"])
    path.write_bytes(content)
    facts = json.loads((run / "run.json").read_text())
    entry = {
        "id": name,
        "role": "repair",
        "tier": TIERS[0],
        "license": manifest.LICENSE,
        "radius": 1,
        "motion": "fast",
        "opset": manifest.OPSET,
        "train_commit": facts["commit"],
        "part": [part],
    }
    manifest.write_manifest(models, [*(e for e in entries if e["id"] != name), entry])
    manifest.discard(models, name, [path])
    length = {"steps": state["step"], "seconds": state["elapsed"]}
    write_card(models / "cards" / f"{name}.md", entry, run, {**facts, **length}, data, metrics)
    return path


def part_entry(name: str, net: Repair, content: bytes) -> dict[str, Any]:
    """The part's lines of the manifest."""
    digest = hashlib.sha256(content).hexdigest()
    return {
        "name": PART,
        "file": f"{name}-{PART}-{digest[:8]}.onnx",
        "sha256": digest,
        "size": len(content),
        "multiple": MULTIPLE,
        "halo": reach(net.shape),
        "kmac": macs_per_sample(net.shape) / 1000,
    }


def write_card(
    path: Path,
    entry: dict[str, Any],
    run: Path,
    facts: dict[str, Any],
    data: Path | None,
    metrics: Path | None,
) -> None:
    """The model card: purpose, file, held-out figures, recipe, curve, sources, limits."""
    (part,) = entry["part"]
    cells = [part["name"], part["file"], f"`{part['sha256'][:16]}`", str(part["size"]), f"{part['kmac']:.2f}"]
    file = card.table(("part", "file", "sha256", "bytes", "kMAC per sample"), [cells])
    sections = [
        f"# {entry['id']}",
        PURPOSE.format(**entry),
        f"## Files\n\n{file}\n\nONNX opset {entry['opset']}.",
        "## Held-out figures\n\n" + figures(metrics),
        "## Training\n\n" + recipe(facts),
        "## Learning curve\n\n" + curve(run),
        "## Data and licences\n\n" + card.sources({PART: facts}, data) + "\n\n" + SOURCE_FILES,
        "## Limits\n\n" + LIMITS,
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(sections) + "\n")


def recipe(facts: dict[str, Any]) -> str:
    return RECIPE.format(
        side=repair_samples.SIDE,
        clips=repair_samples.CLIPS,
        families=", ".join(repair_samples.FAMILIES),
        levels=repair_samples.LEVELS,
        pitches=repair_samples.PITCHES,
        severities=repair_samples.SEVERITIES,
        clean=repair_samples.CLEAN,
        guarded=repair_samples.GUARDED,
        dropped=repair_samples.DROPPED,
        rarely=repair_samples.DROPPED_GUARDED,
        minutes=facts["seconds"] / 60,
        **{k: facts[k] for k in ("samples", "seed", "steps", "batch", "device", "commit", "torch")},
    )


def figures(metrics: Path | None) -> str:
    """The summary that ``python -m benchmarks damage_pairs`` wrote, as a table."""
    if metrics is None:
        return "Not measured yet."
    found = json.loads(metrics.read_text())
    head = ("material", "precision", "recall", "F1", "IoU", "precision at recall 0.6")
    names = ("precision", "recall", "f1", "iou", "precision_at_recall_0.6")
    rows = [
        [row["what"], *("" if row.get(k) is None else f"{row[k]:.3f}" for k in names)]
        for row in found["rows"]
    ]
    text = "Pixels, within one sample, at the threshold that nodes/repair uses; all of it never trained on."
    return f"{text}\n\n{card.table(head, rows)}"


def curve(run: Path) -> str:
    """The learning curve on held-out photographs, thinned to a few rows that end with the last."""
    with (run / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    step = max(1, -(-len(rows) // card.CURVE_ROWS))
    shown = [[f"{float(r[c]):.4g}" for c in CURVE] for r in rows[::-1][::step][::-1]]
    head = tuple(c.replace("_", " ") for c in CURVE)
    return "F1 of pixels on held-out photographs, mask at one half:\n\n" + card.table(head, shown)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``fgcodec train repair-export``."""
    parser = argparse.ArgumentParser(prog="fgcodec train repair-export", description="Export the mask net.")
    parser.add_argument("--run", type=Path, required=True, help="folder that fgcodec train repair wrote")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of manifest.toml")
    parser.add_argument("--id", dest="name", required=True, help="id of the model, such as repair-mask-1")
    parser.add_argument("--data", type=Path, help="training data, to name its sources in the card")
    parser.add_argument("--metrics", type=Path, help="results of python -m benchmarks damage_pairs")
    parser.add_argument("--replace", action="store_true", help="replace an id that was never released")
    print(ship(**vars(parser.parse_args(arguments))))


if __name__ == "__main__":
    main()
