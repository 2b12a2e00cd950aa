"""Ship codec repair: ``fgcodec train codec_repair-export --run DIR --id ID [--metrics FILE]``.

Writes two ONNX files (parts ``repair`` and ``judge``), the manifest entry (role ``codec-repair``), the card.
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
from filmgrain_codec.train import card, manifest
from filmgrain_codec.train.codec import pool
from filmgrain_codec.train.codec.batches import ROUGH_ERROR, ROUGH_SHARE
from filmgrain_codec.train.loop import load_checkpoint
from filmgrain_codec.train.networks.codec import PATCH, PLANES, TOLD, CodecNets, macs_per_sample

ROLE = "codec-repair"
MULTIPLE, HALO = 4, 48
"""Luma samples: what sides must be multiples of, and what a tile needs around it (the reach is 30)."""
CURVE = ("step", "seconds", "train_loss", "held_out_loss", "gain_db", "rough_gain_db")

PURPOSE = """\
Repairs what lossy coding did to a picture, tier *{tier}*: 4:2:0 packed at half size and a plane of QP / 63
in, what to add out; conditioned on QP and codec family (`core/quantiser.py`). The part *judge* estimates QP
from patches where nobody tells it. Licence of the weights: {license}."""

RECIPE = """\
{count} patches of {side} x {side} from {scenes} scenes of five frames: camera moves over photographs,
and short clips, coded through PyAV by x264, x265 and SVT-AV1 (CRF, several presets, 8 and 10 bit),
MPEG-2 and JPEG ({ranges}), {double:.0%} of them twice with grids apart. QP is told wrong by {error:g}
(deviation) for {rough:.0%} of the patches. Loss: Charbonnier in units of the patch's own error,
0.1 (1 - SSIM in boxes over three scales), and a penalty on what was made worse; AdamW, cosine over the
budget, bfloat16, averaged weights. Seed {seed}, {steps} steps of {batch} patches, {minutes:.0f} minutes on
one shared core, commit `{commit:.12}`, torch {torch}.
`fgcodec train codec_repair --data DIR --out DIR --budget {budget:.0f}m --seed {seed}`."""

LIMITS = """\
- Trained on photographs under camera moves: drawings, screen content and film grain that was coded are out of
  its range. Grain that the codec kept is partly taken for noise of the codec.
- One frame at a time: what differs from frame to frame (beating of key frames) is only lessened.
- QP is one number a frame; where it varies within, strong and weak blocks are repaired alike.
- `judge` is trained on the five codecs above; others (VP9, VVC, ProRes) are guesses."""


def to_onnx(net: nn.Module, inputs: tuple[torch.Tensor, ...], names: tuple[str, ...], output: str) -> bytes:
    """A net as ONNX, for any size and number of pictures."""
    out = io.BytesIO()
    free = {0: "count", 2: "rows", 3: "columns"}
    made = free if output == "residual" else {0: "count"}
    axes = {n: free if t.ndim == 4 else {0: "count"} for n, t in zip(names, inputs, strict=True)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(), inputs, out, dynamo=False, opset_version=manifest.OPSET, input_names=list(names),
            output_names=[output], dynamic_axes=axes | {output: made},
        )  # fmt: skip
    return out.getvalue()


def parts(nets: CodecNets) -> dict[str, tuple[bytes, float]]:
    """ONNX file and kMAC per luma sample, by part."""
    told, packed = torch.rand(2, TOLD), torch.rand(2, PLANES + 1, 48, 64)
    patches = torch.rand(2, PLANES, PATCH // 2, PATCH // 2)
    names = ("given", "told")
    return {
        "repair": (
            to_onnx(nets.repair, (packed, told), names, "residual"),
            macs_per_sample(nets.repair) / 1000,
        ),
        "judge": (to_onnx(nets.judge, (patches, told), names, "found"), 0.0),
    }


def ship(
    run: Path,
    models: Path,
    name: str,
    data: Path | None = None,
    metrics: Path | None = None,
    replace: bool = False,
) -> list[Path]:
    """Write files, entry and card. Raises ``UsageError`` if the id exists, ``InputError`` without a run."""
    entries = manifest.read_manifest(models)
    if any(e["id"] == name for e in entries) and not replace:
        raise UsageError(f"Model '{name}' exists, and models never change: choose a new id.")
    state, facts = load_checkpoint(run / "checkpoint.pt"), json.loads((run / "run.json").read_text())
    nets = CodecNets(facts["tier"])
    nets.load_state_dict(state["average"])
    written, rows = [], []
    for part, (content, kmac) in parts(nets).items():
        rows.append(row := part_entry(name, part, content, kmac))
        written.append(models / str(row["file"]))
        written[-1].write_bytes(content)
    entry = {
        "id": name, "role": ROLE, "tier": facts["tier"], "license": manifest.LICENSE, "radius": 0,
        "opset": manifest.OPSET, "train_commit": facts["commit"], "part": rows,
    }  # fmt: skip
    manifest.write_manifest(models, [*(e for e in entries if e["id"] != name), entry])
    manifest.discard(models, name, written)
    length = {"steps": state["step"], "seconds": state["elapsed"]}
    write_card(models / "cards" / f"{name}.md", entry, run, {**facts, **length}, data, metrics)
    return written


def part_entry(name: str, part: str, content: bytes, kmac: float) -> dict[str, Any]:
    """The part's lines of the manifest."""
    digest = hashlib.sha256(content).hexdigest()
    multiple, halo = (MULTIPLE, HALO) if part == "repair" else (PATCH, 0)
    return {
        "name": part, "file": f"{name}-{part}-{digest[:8]}.onnx", "sha256": digest, "size": len(content),
        "multiple": multiple, "halo": halo, "kmac": kmac,
    }  # fmt: skip


def write_card(
    path: Path,
    entry: dict[str, Any],
    run: Path,
    facts: dict[str, Any],
    data: Path | None,
    metrics: Path | None,
) -> None:
    """The model card: purpose, files, held-out figures, recipe, curve, sources, limits."""
    ranges = ", ".join(f"{codec} {low} to {high}" for codec, (low, high) in pool.RANGES.items())
    recipe = RECIPE.format(
        side=pool.SIDE, ranges=ranges, double=pool.DOUBLE_SHARE, error=ROUGH_ERROR, rough=ROUGH_SHARE,
        minutes=facts["seconds"] / 60, budget=facts["budget_seconds"] / 60,
        **{k: facts["pool"][k] for k in ("count", "scenes")},
        **{k: facts[k] for k in ("seed", "steps", "batch", "commit", "torch")},
    )  # fmt: skip
    sections = [
        f"# {entry['id']}",
        PURPOSE.format(**entry),
        "## Files\n\n" + card.files(entry),
        "## Held-out figures\n\n" + figures(metrics),
        "## Training\n\n" + recipe,
        "## Learning curve\n\n" + curve(run),
        "## Data and licences\n\n" + card.sources({"repair": facts}, data),
        "## Limits\n\n" + LIMITS,
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(sections) + "\n")


def figures(metrics: Path | None) -> str:
    """The summary that ``python -m benchmarks codec_repair`` wrote, as a table."""
    if metrics is None:
        return "Not measured yet."
    rows = json.loads(metrics.read_text())["summary"]
    head = tuple(rows[0])
    cells = [[f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]
    text = "Pictures and clips that were never trained on; differences are repaired less decoded (luma)."
    return f"{text}\n\n{card.table(head, cells)}"


def curve(run: Path) -> str:
    """The learning curve on held-out photographs, thinned to a few rows."""
    with (run / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    step = max(1, -(-len(rows) // card.CURVE_ROWS))
    shown = [[f"{float(r[c]):.4g}" for c in CURVE] for r in rows[::-1][::step][::-1]]
    text = "On held-out photographs, QP told exactly; rough: told wrong by 4 (deviation)."
    return f"{text}\n\n{card.table(tuple(c.replace('_', ' ') for c in CURVE), shown)}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``fgcodec train codec_repair-export``."""
    about = "Export codec repair."
    parser = argparse.ArgumentParser(prog="fgcodec train codec_repair-export", description=about)
    parser.add_argument(
        "--run", type=Path, required=True, help="folder that fgcodec train codec_repair wrote"
    )
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of manifest.toml")
    parser.add_argument("--id", dest="name", required=True, help="id, such as codec-repair-fast-1")
    parser.add_argument("--data", type=Path, help="training data, to name its sources in the card")
    parser.add_argument("--metrics", type=Path, help="results of python -m benchmarks codec_repair")
    parser.add_argument("--replace", action="store_true", help="replace an id that was never released")
    print(*ship(**vars(parser.parse_args(arguments))), sep="\n")


if __name__ == "__main__":
    main()
