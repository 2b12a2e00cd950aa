"""The models that are installed: ids, files, sha256. A model id never changes its meaning.

``manifest.toml`` lies beside the ONNX files. It is looked for in the folder given, then in the
folder named by FGCODEC_MODELS, then in the installed package, then in the checkout.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filmgrain_codec.errors import ModelError

MANIFEST = "manifest.toml"
SCHEMA = 1
FOLDER_VARIABLE = "FGCODEC_MODELS"
TIERS = ("fast", "balanced", "best")
"""Aliases by cost. One that has no model of its own stands for the next cheaper one that has."""
_PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Part:
    """One ONNX file of a model.

    ``multiple``: height and width must be multiples of it. ``halo``: samples around a tile that its
    result depends on. ``kmac``: thousand multiply-accumulates per sample of the plane it works on.
    """

    name: str
    path: Path
    sha256: str
    size: int
    multiple: int
    halo: int
    kmac: float

    def verified(self) -> Path:
        """The file's path, once its sha256 is as recorded. Raises ``ModelError``."""
        try:
            found = hashlib.sha256(self.path.read_bytes()).hexdigest()
        except OSError as error:
            raise ModelError(
                f"Model file {self.path} cannot be read ({error.strerror}): reinstall the package."
            ) from error
        if found != self.sha256:
            raise ModelError(
                f"Model file {self.path} is not the one recorded (sha256 {found[:12]}..., "
                f"expected {self.sha256[:12]}...): reinstall the package."
            )
        return self.path


@dataclass(frozen=True, slots=True)
class Model:
    """A model and its files. ``radius``: frames needed on each side. ``note``: why not what was asked.

    ``motion``: preset of the motion search that the neighbours are drawn onto the centre with, '' for
    models that see one frame.
    """

    id: str
    role: str
    tier: str
    license: str
    radius: int
    opset: int
    train_commit: str
    parts: tuple[Part, ...]
    motion: str = ""
    note: str = ""

    def part(self, name: str) -> Part:
        """The part of that name. Raises ``ModelError`` if the model has none."""
        for part in self.parts:
            if part.name == name:
                return part
        raise ModelError(f"Model '{self.id}' has no part '{name}': its manifest entry is incomplete.")

    def verify(self) -> None:
        """Check every file's sha256. Raises ``ModelError``."""
        for part in self.parts:
            part.verified()


def folder() -> Path:
    """Where models are looked for when no folder is given."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    installed = _PACKAGE / "_models"
    return installed if (installed / MANIFEST).exists() else _PACKAGE.parent / "models"


def catalogue(where: Path | None = None) -> tuple[Model, ...]:
    """All models of a folder, in the manifest's order.

    Raises ``ModelError`` if the manifest is missing, malformed or of a later schema.
    """
    path = (where or folder()) / MANIFEST
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
        if content["schema"] != SCHEMA:
            raise ModelError(f"{path} is of schema {content['schema']}, not {SCHEMA}: update the package.")
        return tuple(_model(entry, path.parent) for entry in content["model"])
    except FileNotFoundError as error:
        raise ModelError(f"There is no {path}: set {FOLDER_VARIABLE} or reinstall the package.") from error
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ModelError(f"{path} cannot be used ({error!r}): reinstall the package.") from error


def resolve(name: str, role: str = "removal", where: Path | None = None) -> Model:
    """The model of an id or of an alias (fast, balanced, best). Raises ``ModelError`` if unknown.

    An alias without a model of its own gives the next cheaper tier's, and says so in ``note``.
    """
    models = [m for m in catalogue(where) if m.role == role]
    for model in models:
        if model.id == name:
            return model
    if name in TIERS:
        for tier in reversed(TIERS[: TIERS.index(name) + 1]):
            for model in reversed(models):
                if model.tier == tier:
                    return model if tier == name else replace(model, note=_instead(name, model))
    known = ", ".join(m.id for m in models) or "none installed"
    choices = f"{', '.join(TIERS)}, or an id ({known})"
    raise ModelError(f"There is no {role} model '{name}': choose one of {choices}.")


def _instead(name: str, model: Model) -> str:
    return f"'{name}' is not trained yet: using '{model.tier}' ({model.id})"


def _model(entry: dict[str, Any], base: Path) -> Model:
    parts = tuple(_part(p, base) for p in entry["part"])
    plain = {k: str(entry[k]) for k in ("id", "role", "tier", "license", "train_commit")}
    return Model(
        **plain,
        radius=int(entry["radius"]),
        opset=int(entry["opset"]),
        parts=parts,
        motion=str(entry.get("motion", "")),
    )


def _part(entry: dict[str, Any], base: Path) -> Part:
    file = str(entry["file"])
    if Path(file).name != file:
        raise ModelError(f"The manifest in {base} names '{file}': model files must lie beside it.")
    return Part(
        name=str(entry["name"]),
        path=base / file,
        sha256=str(entry["sha256"]),
        size=int(entry["size"]),
        multiple=int(entry["multiple"]),
        halo=int(entry["halo"]),
        kmac=float(entry["kmac"]),
    )
