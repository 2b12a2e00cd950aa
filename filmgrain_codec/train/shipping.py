"""What every exporter does: a net as ONNX, files beside the manifest, the entry there, the options."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from filmgrain_codec.errors import UsageError
from filmgrain_codec.train.manifest import LICENSE, OPSET, discard, read_manifest, write_manifest

Axes = Mapping[str, Mapping[int, str]]


@dataclass(frozen=True, slots=True)
class Shipment:
    """``run``: folder of the training; ``models``: folder of the manifest. ``data`` names the sources in the
    card, ``metrics`` the held-out figures, ``note`` further limits. ``replace``: the id was never released.
    """

    run: Path
    models: Path
    id: str
    data: Path | None = None
    metrics: Path | None = None
    replace: bool = False
    note: Sequence[str] = ()

    @property
    def card(self) -> Path:
        return self.models / "cards" / f"{self.id}.md"

    def check(self) -> None:
        """Raises ``UsageError`` if the id exists."""
        if not self.replace and any(e["id"] == self.id for e in read_manifest(self.models)):
            raise UsageError(f"Model '{self.id}' exists, and models never change: choose a new id.")

    def write(self, entry: Mapping[str, Any], parts: Sequence[Part]) -> tuple[dict[str, Any], list[Path]]:
        """Write the files and the entry, completed by id, licence, opset and parts; returns both."""
        self.models.mkdir(parents=True, exist_ok=True)
        rows = [part.row(self.id) for part in parts]
        files = [self.models / row["file"] for row in rows]
        for path, part in zip(files, parts, strict=True):
            path.write_bytes(part.content)
        made = {"id": self.id, "license": LICENSE, "opset": OPSET, **entry, "part": rows}
        kept = [e for e in read_manifest(self.models) if e["id"] != self.id]
        write_manifest(self.models, [*kept, made])
        discard(self.models, self.id, files)
        return made, files


@dataclass(frozen=True, slots=True)
class Part:
    """One file: its ONNX, what its sides must be multiples of, its reach in samples, 1000 MAC per sample."""

    name: str
    content: bytes
    multiple: int
    halo: int
    kmac: float

    def row(self, model: str) -> dict[str, Any]:
        """The part's lines of the manifest."""
        digest = hashlib.sha256(self.content).hexdigest()
        return {
            "name": self.name, "file": f"{model}-{self.name}-{digest[:8]}.onnx", "sha256": digest,
            "size": len(self.content), "multiple": self.multiple, "halo": self.halo, "kmac": self.kmac,
        }  # fmt: skip


def traced(
    net: nn.Module, given: tuple[Any, ...], inputs: Sequence[str], output: str, axes: Axes | None = None
) -> bytes:
    """A net as ONNX by tracing it on ``given``; ``axes`` are the free ones by input and output."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        # The tracing exporter is deprecated, but its graphs keep free sizes without shape arithmetic.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(), given, out, dynamo=False, opset_version=OPSET, input_names=list(inputs),
            output_names=[output], dynamic_axes=axes,
        )  # fmt: skip
    return out.getvalue()


def facts_of(run: Path) -> dict[str, Any]:
    """What a training wrote about itself."""
    return dict(json.loads((run / "run.json").read_text()))


def ordered(arguments: Sequence[str] | None, command: str, what: str, example: str) -> Shipment:
    """The options of the exporter ``command`` of ``what``, with an ``example`` of an id."""
    parser = argparse.ArgumentParser(prog=f"fgcodec train {command}", description=f"Export {what}.")
    add = parser.add_argument
    trainer = f"fgcodec train {command.removesuffix('export').removesuffix('-') or 'removal'}"
    add("--run", type=Path, required=True, help=f"folder that {trainer} wrote")
    add("--models", type=Path, default=Path("models"), help="folder of manifest.toml")
    add("--id", required=True, help=f"id of the model, such as {example}")
    add("--data", type=Path, help="training data, to name its sources in the card")
    add("--metrics", type=Path, help="held-out figures for the card, JSON")
    add("--note", action="append", default=[], help="a limit of this model, for its card")
    add("--replace", action="store_true", help="replace an id that was never released")
    return Shipment(**vars(parser.parse_args(arguments)))
