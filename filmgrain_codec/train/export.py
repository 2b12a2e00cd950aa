"""Turn trained nets into a model: ``python -m filmgrain_codec.train.export --run DIR --id ID``.

Writes <id>-<part>-<sha8>.onnx beside the manifest, its variant for vs-mlrt (``train.mlrt``), the manifest
entry and the model card. Models are immutable: a released id is never written again (``--replace`` is for
ids not yet released).
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from filmgrain_codec.errors import UsageError
from filmgrain_codec.infer import store
from filmgrain_codec.train import card, mlrt
from filmgrain_codec.train.manifest import LICENSE, OPSET, discard, read_manifest, write_manifest
from filmgrain_codec.train.networks.removal import MULTIPLE, TIERS, Removal, example, macs_per_sample, reach
from filmgrain_codec.train.removal import PARTS, trained

ONNX_INPUTS = ("given", "size")
ONNX_OUTPUT = "grain"
LARGEST = 4 << 20
"""Bytes of a file that ships. The weights of a larger one are kept at half precision."""


@dataclass(frozen=True, slots=True)
class Config:
    """``run``: what ``train.removal`` wrote; ``models``: where the manifest lies; ``note``: its limits."""

    run: Path
    models: Path
    id: str
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
    config.models.mkdir(parents=True, exist_ok=True)
    parts, files = [], []
    for name in PARTS:
        net = trained(config.run / name)
        content = to_onnx(net)
        entry = part_entry(config.id, name, net, content)
        path = config.models / str(entry["file"])
        path.write_bytes(content)
        parts.append(entry)
        files.append(path)
    facts = json.loads((config.run / PARTS[0] / "run.json").read_text())
    new = {
        "id": config.id,
        "role": "removal",
        "tier": facts["tier"],
        "license": LICENSE,
        "radius": facts["shape"]["frames"] // 2,
        "motion": TIERS[facts["tier"]].motion,
        "opset": OPSET,
        "train_commit": facts["commit"],
        "part": parts,
    }
    kept = [e for e in entries if e["id"] != config.id]
    write_manifest(config.models, [*kept, new])
    discard(config.models, config.id, files)
    path = config.models / "cards" / f"{config.id}.md"
    card.write(path, new, config.run, config.data, config.metrics, config.note)
    variants = config.models / mlrt.FOLDER
    discard(variants, config.id, mlrt.export(store.resolve(config.id, where=config.models), variants))
    return files


def to_onnx(net: Removal) -> bytes:
    """The net as ONNX with free height and width."""
    inputs = example(net.shape, 64)
    free = {name: {2: "height", 3: "width"} for name in (ONNX_INPUTS[0], ONNX_OUTPUT)}
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
            input_names=list(ONNX_INPUTS),
            output_names=[ONNX_OUTPUT],
            dynamic_axes=free,
        )
    content = out.getvalue()
    return content if len(content) <= LARGEST else halved(content)


def halved(content: bytes) -> bytes:
    """The ONNX model with its weights rounded to 16 bit; it still computes in 32."""
    model = onnx.load_from_string(content)
    rounded, casts = [], []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.ndim < 2:
            rounded.append(tensor)
            continue
        half = f"{tensor.name}.half"
        rounded.append(numpy_helper.from_array(values.astype(np.float16), half))
        casts.append(helper.make_node("Cast", [half], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(rounded)
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def part_entry(model: str, name: str, net: Removal, content: bytes) -> dict[str, Any]:
    """One part's lines of the manifest."""
    digest = hashlib.sha256(content).hexdigest()
    return {
        "name": name,
        "file": f"{model}-{name}-{digest[:8]}.onnx",
        "sha256": digest,
        "size": len(content),
        "multiple": MULTIPLE,
        "halo": reach(net.shape),
        "kmac": macs_per_sample(net.shape) / 1000,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``python -m`` and of ``fgcodec train export``."""
    parser = argparse.ArgumentParser(prog="fgcodec train export", description="Export trained nets.")
    parser.add_argument("--run", type=Path, required=True, help="folder that fgcodec train removal wrote")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of manifest.toml")
    parser.add_argument("--id", required=True, help="id of the model, such as removal-fast-3")
    parser.add_argument("--data", type=Path, help="training data, to name its sources in the card")
    parser.add_argument("--metrics", type=Path, help="figures written by fgcodec eval removal --out")
    parser.add_argument("--note", action="append", default=[], help="a limit of this model, for its card")
    parser.add_argument("--replace", action="store_true", help="replace an id that was never released")
    for path in export(Config(**vars(parser.parse_args(arguments)))):
        print(path)


if __name__ == "__main__":
    main()
