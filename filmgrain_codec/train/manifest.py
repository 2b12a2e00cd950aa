"""Reading and writing the manifest of models; ids of files that were replaced before their release."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from filmgrain_codec.infer.store import MANIFEST, SCHEMA

OPSET = 17
LICENSE = "Apache-2.0"


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
