"""The named tasks of the DeepFilmGrain baseline, one TOML file each in ``train/tasks``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from filmgrain_codec.errors import InputError, UsageError

FOLDER = Path(__file__).parent / "tasks"
LOSSES = {"removal": ("l1", "ms_ssim_l1"), "synthesis": ("l1", "gan_l1")}
"""What each kind of task may be trained with."""
STEP = 32
"""Patches are multiples of what the U-Net halves its input to."""
CHOICES = {"network": ("unet", "res_unet"), "channels": (1, 3)}


@dataclass(frozen=True, slots=True)
class Task:
    """``kind``: removal makes clean pictures of grainy ones, synthesis grainy ones of clean ones.
    ``channels``: 3 for RGB, 1 for luma. ``blind``: the net is told no level.

    ``levels``: those drawn where grain is made on the fly (a tree brings its own). ``patch``: side of the
    training squares. ``rate`` and ``beta1``: of Adam, constant over ``epochs``.
    """

    name: str
    kind: str
    network: str
    loss: str
    channels: int
    blind: bool
    levels: tuple[float, ...]
    patch: int
    batch: int
    epochs: int
    rate: float
    beta1: float

    @property
    def entering(self) -> int:
        """Planes that enter the net: the picture, and the level's unless blind."""
        return self.channels + (not self.blind)

    @property
    def synthesis(self) -> bool:
        return self.kind == "synthesis"

    @property
    def statistics(self) -> str:
        """Of the normalisation at inference, as published (see ``unet.Norm``)."""
        return "batch" if self.synthesis else "running"


def names() -> tuple[str, ...]:
    """Names of the tasks that come with the package."""
    return tuple(sorted(p.stem for p in FOLDER.glob("*.toml")))


def task(name: str) -> Task:
    """A task by its name, or by the path of a TOML file of the same form.

    Raises ``UsageError`` for an unknown name, ``InputError`` for a file that does not describe a task.
    """
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.exists():
        raise UsageError(f"There is no task '{name}'; choose one of {', '.join(names())}, or a .toml file.")
    try:
        return checked(path, tomllib.loads(path.read_text()))
    except tomllib.TOMLDecodeError as e:
        raise InputError(f"{path} is no TOML file ({e}); correct it.") from e


def checked(path: Path, given: dict[str, Any]) -> Task:
    wanted = {f.name for f in fields(Task)} - {"name"}
    if odd := wanted ^ set(given):
        what = "lacks" if odd - set(given) else "has an unknown"
        raise InputError(f"{path} {what} {sorted(odd)[0]!r}: a task has {', '.join(sorted(wanted))}.")
    if given["kind"] not in LOSSES:
        raise InputError(f"{path} has the kind {given['kind']!r}: choose one of {', '.join(LOSSES)}.")
    for key, choices in (CHOICES | {"loss": LOSSES[given["kind"]]}).items():
        if given[key] not in choices:
            raise InputError(f"{path} has {key} = {given[key]!r}: choose one of {choices}.")
    least = 160 if given["loss"] == "ms_ssim_l1" else STEP
    if given["patch"] % STEP or given["patch"] < least:
        raise InputError(f"{path} has patch = {given['patch']}: choose a multiple of {STEP} from {least} on.")
    return Task(path.stem, **{**given, "levels": tuple(given["levels"])})
