"""Turn trained nets into a model: ``python -m filmgrain_codec.train.export --run DIR --id ID``.

Writes <id>-<part>-<sha8>.onnx beside the manifest, the manifest entry and the model card. Models
are immutable: a released id is never written again (``--replace`` is for ids not yet released).
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import tomllib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from filmgrain_codec.errors import UsageError
from filmgrain_codec.infer.store import MANIFEST, SCHEMA, TIERS
from filmgrain_codec.train import card
from filmgrain_codec.train.loop import load_checkpoint
from filmgrain_codec.train.networks.removal import MULTIPLE, Removal, Shape, example, macs_per_sample
from filmgrain_codec.train.removal import PARTS, SHAPES

OPSET = 17
HALO = 48
"""At least the nets' reach (tested), a multiple of 8."""
LICENSE = "Apache-2.0"
RADIUS = 1
ONNX_INPUTS = ("frames", "sigma", "size", "guide")


@dataclass(frozen=True, slots=True)
class Config:
    """``run``: what ``train.removal`` wrote; ``models``: where the manifest lies; ``note``: its limits."""

    run: Path
    models: Path
    id: str
    tier: str = "fast"
    data: Path | None = None
    metrics: Path | None = None
    replace: bool = False
    note: Sequence[str] = ()


def export(config: Config) -> list[Path]:
    """Write ONNX files, manifest entry and card; returns the ONNX files.

    Raises ``UsageError`` if the id exists, ``InputError`` if a part was not trained.
    """
    entries = read_manifest(config.models)
    if any(e["id"] == config.id for e in entries) and not config.replace:
        raise UsageError(f"Model '{config.id}' exists, and models never change: choose a new id.")
    parts, files = [], []
    for name in PARTS:
        content = to_onnx(trained(config.run / name, SHAPES[name]))
        entry = part_entry(config.id, name, content)
        path = config.models / str(entry["file"])
        path.write_bytes(content)
        parts.append(entry)
        files.append(path)
    facts = json.loads((config.run / PARTS[0] / "run.json").read_text())
    new = {
        "id": config.id,
        "role": "removal",
        "tier": config.tier,
        "license": LICENSE,
        "radius": RADIUS,
        "opset": OPSET,
        "train_commit": facts["commit"],
        "part": parts,
    }
    kept = [e for e in entries if e["id"] != config.id]
    write_manifest(config.models, [*kept, new])
    discard(config.models, config.id, files)
    path = config.models / "cards" / f"{config.id}.md"
    card.write(path, new, config.run, config.data, config.metrics, config.note)
    return files


def trained(folder: Path, shape: Shape) -> Removal:
    """The averaged weights of a run's checkpoint in float32, ready to export."""
    net = Removal(shape)
    net.load_state_dict(load_checkpoint(folder / "checkpoint.pt")["average"])
    return net.eval()


def to_onnx(net: Removal) -> bytes:
    """The net as ONNX with free height and width."""
    inputs = example(net.shape, 64)
    names = ONNX_INPUTS[: len(inputs)]
    free = {name: {2: "height", 3: "width"} for name in (*names, "clean") if name != "size"}
    out = io.BytesIO()
    with warnings.catch_warnings():
        # The tracing exporter is deprecated, but its graphs keep free sizes without shape arithmetic.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net,
            inputs,
            out,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(names),
            output_names=["clean"],
            dynamic_axes=free,
        )
    return out.getvalue()


def part_entry(model: str, name: str, content: bytes) -> dict[str, Any]:
    """One part's lines of the manifest."""
    digest = hashlib.sha256(content).hexdigest()
    return {
        "name": name,
        "file": f"{model}-{name}-{digest[:8]}.onnx",
        "sha256": digest,
        "size": len(content),
        "multiple": MULTIPLE,
        "halo": HALO,
        "kmac": macs_per_sample(SHAPES[name]) / 1000,
    }


def read_manifest(folder: Path) -> list[dict[str, Any]]:
    """Entries of a manifest, none if there is no manifest yet."""
    path = folder / MANIFEST
    return list(tomllib.loads(path.read_text())["model"]) if path.exists() else []


def write_manifest(folder: Path, entries: list[dict[str, Any]]) -> None:
    """Write all entries; strings and numbers only, so JSON literals are TOML literals."""
    lines = ["# Written by `fgcodec train export`. A released id never changes its files."]
    lines.append(f"schema = {SCHEMA}")
    for entry in entries:
        lines += ["", "[[model]]", *(f"{k} = {json.dumps(v)}" for k, v in entry.items() if k != "part")]
        for part in entry["part"]:
            lines += ["", "[[model.part]]", *(f"{k} = {json.dumps(v)}" for k, v in part.items())]
    (folder / MANIFEST).write_text("\n".join(lines) + "\n")


def discard(folder: Path, model: str, kept: list[Path]) -> None:
    """Remove files of an earlier export of the same, unreleased id."""
    for path in folder.glob(f"{model}-*.onnx"):
        if path not in kept:
            path.unlink()


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``python -m`` and of ``fgcodec train export``."""
    parser = argparse.ArgumentParser(prog="fgcodec train export", description="Export trained nets.")
    parser.add_argument("--run", type=Path, required=True, help="folder that fgcodec train removal wrote")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of manifest.toml")
    parser.add_argument("--id", required=True, help="id of the model, such as removal-fast-1")
    parser.add_argument("--tier", choices=TIERS, default="fast")
    parser.add_argument("--data", type=Path, help="training data, to name its sources in the card")
    parser.add_argument("--metrics", type=Path, help="figures written by fgcodec train evaluate")
    parser.add_argument("--note", action="append", default=[], help="a limit of this model, for its card")
    parser.add_argument("--replace", action="store_true", help="replace an id that was never released")
    for path in export(Config(**vars(parser.parse_args(arguments)))):
        print(path)


if __name__ == "__main__":
    main()
