"""Ship the synthesizer: ``fgcodec train synthesis-export --run DIR --id synthesis-fast-1 [--metrics FILE]``.

Writes both ONNX files, the manifest entry (role ``synthesis``) and the card. A released id is never written
again.
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
from torch import nn

from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain.conditioning import SIZES
from filmgrain_codec.grain.neural import REACH, TILE
from filmgrain_codec.infer.store import TIERS
from filmgrain_codec.train import card, manifest
from filmgrain_codec.train.generators import looks
from filmgrain_codec.train.loop import load_checkpoint
from filmgrain_codec.train.networks.synthesis import (
    Refiner,
    example,
    macs_per_luma_sample,
    macs_per_sample,
    refiners,
)
from filmgrain_codec.train.synthesis import COLUMNS
from filmgrain_codec.train.synthesis_samples import PATCHES, SHARES

INPUTS, OUTPUT = ("noise", "tone", "told"), "added"
ROWS = 8

PURPOSE = """\
Refines the unit fields of the parametric synthesizer, tier *{tier}*: one net for luma's field, one for the
two chroma fields; {macs:.0f} MAC per luma sample of a 4:2:0 picture. Runs on ONNX Runtime's CPU provider in
tiles of {rows} x {columns} samples (`grain/neural.py`). Licence of the weights: {license}."""

RECIPE = """\
{looks} looks of {patches} patches (96 x 96) on photographs and ramps, families {families}, level log-uniform
{low} to {high}; all as n / sigma(Y) with the segment that the recipe reports. Hinge loss with lazy R1 and a
spectral-norm PatchGAN (weight {adversarial}), and statistics of each look: spectra, 7x7 autocovariance,
strength curve, channel correlations, mean, skew and kurtosis per third of luma. Adam, cosine over the
wall-clock budget, averaged weights; the check with the best statistics on held-out photographs was taken.
Seed {seed}, {steps} steps, {minutes:.0f} minutes on {device}, commit `{commit:.12}`, torch {torch}."""

LIMITS = """\
- Learned from simulated grain and one stock of scans; Boolean grain and another stock were held out.
- Grain finer than a size of {fine} or coarser than {coarse} is refined less and less, beyond twice that not.
- Figures on finite sets: read each beside its floor."""


def to_onnx(net: Refiner) -> bytes:
    """The net as ONNX for one tile with its margins."""
    given = example(net.fields, (TILE[0] // 2, TILE[1] // 2))
    out = io.BytesIO()
    with warnings.catch_warnings():
        # the tracing exporter is deprecated, but its graphs are plain
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval().to(memory_format=torch.contiguous_format),  # type: ignore[call-overload]
            given,
            out,
            dynamo=False,
            opset_version=manifest.OPSET,
            input_names=list(INPUTS),
            output_names=[OUTPUT],
        )
    return out.getvalue()


def trained(run: Path) -> tuple[nn.ModuleDict, dict[str, Any]]:
    """The chosen weights of a run, and its state. Raises ``InputError`` without a checkpoint."""
    state = load_checkpoint(run / "checkpoint.pt")
    nets = refiners()
    nets.load_state_dict(state["chosen"])
    return nets.eval(), state


def ship(
    run: Path,
    models: Path,
    name: str,
    data: Path | None = None,
    metrics: Path | None = None,
    replace: bool = False,
    notes: Sequence[str] = (),
) -> list[Path]:
    """Write files, entry and card; returns the ONNX files. Raises ``UsageError`` if the id exists."""
    entries = manifest.read_manifest(models)
    if any(e["id"] == name for e in entries) and not replace:
        raise UsageError(f"Model '{name}' exists, and models never change: choose a new id.")
    nets, state = trained(run)
    parts, files = [], []
    for part, net in nets.items():
        assert isinstance(net, Refiner)
        content = to_onnx(net)
        parts.append(part_entry(name, part, net, content))
        files.append(models / str(parts[-1]["file"]))
        files[-1].write_bytes(content)
    facts = json.loads((run / "run.json").read_text())
    entry = {
        "id": name, "role": "synthesis", "tier": TIERS[0], "license": manifest.LICENSE, "radius": 0,
        "opset": manifest.OPSET, "train_commit": facts["commit"], "part": parts,
    }  # fmt: skip
    manifest.write_manifest(models, [*(e for e in entries if e["id"] != name), entry])
    manifest.discard(models, name, files)
    ran = {**facts, "steps": state["step"], "minutes": state["elapsed"] / 60}
    write_card(
        models / "cards" / f"{name}.md", entry, run, ran, macs_per_luma_sample(nets), data, metrics, notes
    )
    return files


def part_entry(model: str, name: str, net: Refiner, content: bytes) -> dict[str, Any]:
    """One part's lines of the manifest."""
    digest = hashlib.sha256(content).hexdigest()
    return {
        "name": name,
        "file": f"{model}-{name}-{digest[:8]}.onnx",
        "sha256": digest,
        "size": len(content),
        "multiple": 2,
        "halo": 2 * REACH,
        "kmac": macs_per_sample(net) / 1000,
    }


def write_card(
    path: Path,
    entry: dict[str, Any],
    run: Path,
    ran: dict[str, Any],
    macs: float,
    data: Path | None,
    metrics: Path | None,
    notes: Sequence[str],
) -> None:
    """The model card. ``metrics``: ``what`` was measured, and ``rows`` of figures with the same keys."""
    recipe = RECIPE.format(
        **{**ran, "device": {"cpu": "a CPU", "cuda": "a GPU"}[ran["device"]]},
        patches=PATCHES, families=", ".join(f"{k} {v:.0%}" for k, v in SHARES.items()),
        low=looks.LEVELS[0], high=looks.LEVELS[1],
    )  # fmt: skip
    sections = [
        f"# {entry['id']}",
        PURPOSE.format(**entry, macs=macs, rows=TILE[0], columns=TILE[1]),
        "## Files\n\n" + files_of(entry),
        "## Held-out figures\n\n" + figures(metrics),
        "## Training\n\n" + recipe,
        "## Learning curve\n\n" + curve(run),
        "## Data and licences\n\n" + card.sources({"all": ran}, data),
        "## Limits\n\n"
        + "\n".join([LIMITS.format(fine=SIZES[0], coarse=SIZES[1]), *(f"- {note}" for note in notes)]),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(sections) + "\n")


def files_of(entry: dict[str, Any]) -> str:
    head = ("part", "file", "sha256", "bytes", "kMAC per sample")
    rows = [
        [p["name"], p["file"], f"`{p['sha256'][:16]}`", str(p["size"]), f"{p['kmac']:.2f}"]
        for p in entry["part"]
    ]
    return card.table(head, rows) + f"\n\nONNX opset {entry['opset']}."


def figures(metrics: Path | None) -> str:
    if metrics is None:
        return "Not measured yet."
    found = json.loads(metrics.read_text())
    head = tuple(found["rows"][0])
    rows = [[v if isinstance(v, str) else f"{v:.3f}" for v in row.values()] for row in found["rows"]]
    return f"{found['what']}\n\n" + card.table(head, rows)


def curve(run: Path) -> str:
    """The learning curve, thinned to a few rows that end with the last."""
    with (run / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    shown = rows[::-1][:: max(1, -(-len(rows) // ROWS))][::-1]
    text = [[f"{float(r[c]):.4g}" for c in COLUMNS] for r in shown]
    return "On held-out photographs; roots of the terms:\n\n" + card.table(COLUMNS, text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``fgcodec train synthesis-export``."""
    parser = argparse.ArgumentParser(
        prog="fgcodec train synthesis-export", description="Ship the synthesizer."
    )
    parser.add_argument("--run", type=Path, required=True, help="folder that fgcodec train synthesis wrote")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of manifest.toml")
    parser.add_argument("--id", required=True, help="id of the model, such as synthesis-fast-1")
    parser.add_argument("--data", type=Path, help="training data, to name its sources in the card")
    parser.add_argument("--metrics", type=Path, help="JSON of figures for the card")
    parser.add_argument("--note", action="append", default=[], help="a limit of this model, for its card")
    parser.add_argument("--replace", action="store_true", help="replace an id that was never released")
    given = parser.parse_args(arguments)
    for path in ship(given.run, given.models, given.id, given.data, given.metrics, given.replace, given.note):
        print(path)


if __name__ == "__main__":
    main()
