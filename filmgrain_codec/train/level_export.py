"""Ship the level net: ``fgcodec train level-export --run DIR --id level-1 [--metrics FILE]``.

Writes the ONNX file, the manifest entry (role ``level``) and the card. A released id is never written again.
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

from filmgrain_codec.errors import InputError, UsageError
from filmgrain_codec.infer.store import TIERS
from filmgrain_codec.train import card, manifest
from filmgrain_codec.train.level_samples import LEVELS, SINGLE_SHARE, SIZES
from filmgrain_codec.train.networks.level import SIDE, LevelNet, macs_per_sample

PART, INPUT, OUTPUT = "luma", "pair", "opinion"
CURVE = ("step", "seconds", "train_loss", "held_out_loss", "pair_error", "single_error", "size_error")

PURPOSE = """\
Judges grain: from a patch of 64 x 64 luma samples (0..1), and the matched patch of the next frame or the
same again, to the logarithm of the grain's standard deviation as a fraction of full scale, the logarithm of
that figure's error variance, and the same two for the grain size in samples. Licence of the weights:
{license}."""

RECIPE = """\
Patches of photographs and clips in random scales, turns and tones, with two-Gaussian grain of size
{sizes[0]} to {sizes[1]}, level log-uniform {levels[0]} to {levels[1]}, a second lobe in 30 %, skew in 40 %,
strength curves Boolean-shaped, shadow-heavy, flat and random, 8 and 10 bit. The second patch is off by up to
2 samples and a little stretched; {single:.0%} are single frames. Gaussian likelihood of both logarithms,
weighted by the root of the variance. Seed {seed}, {steps} steps, {minutes:.0f} minutes on a CPU, commit
`{commit:.12}`, torch {torch}."""

LIMITS = """\
- Used for single frames only, as a veto against texture; see `grain/judged.py` and
  `benchmarks/results/level.json`. On real scans block statistics are closer to flat patches than this net is.
- Fine grain (size 0.5 and below) of level 0.01 and less is read 10 to 40 % low on a single frame.
- Grain sharpened, scaled or compressed after it was made is out of range, as is a level below 0.002.
- A patch of texture as fine and irregular as grain cannot be told from it; the variance does not always
  say so."""


def to_onnx(net: LevelNet) -> bytes:
    """The net as ONNX, for any number of patches."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(),
            (torch.rand(2, 2, SIDE, SIDE),),
            out,
            dynamo=False,
            opset_version=manifest.OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "patches"}, OUTPUT: {0: "patches"}},
        )
    return out.getvalue()


def trained(run: Path) -> tuple[LevelNet, dict[str, float]]:
    """The averaged weights of a run, its steps and seconds. Raises ``InputError`` without a checkpoint."""
    path = run / "checkpoint.pt"
    if not path.exists():
        raise InputError(f"There is no {path}: train the net first, with fgcodec train level.")
    state = torch.load(path, weights_only=True)
    net = LevelNet()
    net.load_state_dict(state["average"])
    return net.eval(), {"steps": state["step"], "seconds": state["seconds"]}


def ship(
    run: Path,
    models: Path,
    name: str,
    data: Path | None = None,
    metrics: Path | None = None,
    replace: bool = False,
) -> Path:
    """Write file, entry and card; returns the ONNX file. Raises ``UsageError`` if the id exists."""
    entries = manifest.read_manifest(models)
    if any(e["id"] == name for e in entries) and not replace:
        raise UsageError(f"Model '{name}' exists, and models never change: choose a new id.")
    net, length = trained(run)
    content = to_onnx(net)
    part = part_entry(name, content)
    path = models / str(part["file"])
    path.write_bytes(content)
    facts = json.loads((run / "run.json").read_text())
    entry = {
        "id": name,
        "role": "level",
        "tier": TIERS[0],
        "license": manifest.LICENSE,
        "radius": 0,
        "opset": manifest.OPSET,
        "train_commit": facts["commit"],
        "part": [part],
    }
    manifest.write_manifest(models, [*(e for e in entries if e["id"] != name), entry])
    manifest.discard(models, name, [path])
    write_card(models / "cards" / f"{name}.md", entry, run, {**facts, **length}, data, metrics)
    return path


def part_entry(name: str, content: bytes) -> dict[str, Any]:
    """The part's lines of the manifest."""
    digest = hashlib.sha256(content).hexdigest()
    return {
        "name": PART,
        "file": f"{name}-{PART}-{digest[:8]}.onnx",
        "sha256": digest,
        "size": len(content),
        "multiple": SIDE,
        "halo": 0,
        "kmac": macs_per_sample() / 1000,
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
    recipe = RECIPE.format(
        sizes=SIZES,
        levels=LEVELS,
        single=SINGLE_SHARE,
        minutes=facts["seconds"] / 60,
        **{k: facts[k] for k in ("seed", "steps", "commit", "torch")},
    )
    (part,) = entry["part"]
    cells = [part["name"], part["file"], f"`{part['sha256'][:16]}`", str(part["size"]), f"{part['kmac']:.2f}"]
    file = card.table(("part", "file", "sha256", "bytes", "kMAC per sample"), [cells])
    sections = [
        f"# {entry['id']}",
        PURPOSE.format(**entry),
        f"## Files\n\n{file}\n\nONNX opset {entry['opset']}.",
        "## Held-out figures\n\n" + figures(metrics),
        "## Training\n\n" + recipe,
        "## Learning curve\n\n" + curve(run),
        "## Data and licences\n\n" + card.sources({PART: facts}, data),
        "## Limits\n\n" + LIMITS,
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(sections) + "\n")


def figures(metrics: Path | None) -> str:
    """The summary that ``python -m benchmarks level`` wrote, as a table."""
    if metrics is None:
        return "Not measured yet."
    summary = json.loads(metrics.read_text())["summary"]
    head = ("what", "median error, %", "95th percentile, %", "median error of size, %", "runs")
    rows = [
        [r["what"], *(f"{r[k]:.1f}" for k in ("median %", "95th %", "median size %")), str(r["runs"])]
        for r in summary
        if r["what"].startswith("single")
    ]
    text = (
        "Error of a shot's level on held-out clips with Boolean grain, which was never trained on. Single: "
        "one frame, with this net; statistics: without it."
    )
    return f"{text}\n\n{card.table(head, rows)}"


def curve(run: Path) -> str:
    """The learning curve on held-out photographs, thinned to a few rows; errors are median |log ratio|."""
    with (run / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    step = max(1, -(-len(rows) // card.CURVE_ROWS))
    head = tuple(c.replace("_", " ") for c in CURVE)
    shown = [[f"{float(r[c]):.4g}" for c in CURVE] for r in rows[::-1][::step][::-1]]
    return "On held-out photographs; errors are medians of |log ratio|:\n\n" + card.table(head, shown)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``fgcodec train level-export``."""
    parser = argparse.ArgumentParser(prog="fgcodec train level-export", description="Export the level net.")
    parser.add_argument("--run", type=Path, required=True, help="folder that fgcodec train level wrote")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of manifest.toml")
    parser.add_argument("--id", dest="name", required=True, help="id of the model, such as level-1")
    parser.add_argument("--data", type=Path, help="training data, to name its sources in the card")
    parser.add_argument("--metrics", type=Path, help="results of python -m benchmarks level")
    parser.add_argument("--replace", action="store_true", help="replace an id that was never released")
    print(ship(**vars(parser.parse_args(arguments))))


if __name__ == "__main__":
    main()
