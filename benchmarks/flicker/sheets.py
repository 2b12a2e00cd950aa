"""Contact sheets: three frames in a row, and a clip's middle column through time, in which flicker shows as
stripes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import picture
from benchmarks.flicker import methods
from benchmarks.flicker.methods import Method
from benchmarks.flicker.scenes import Case
from benchmarks.peers.peer import label
from benchmarks.picture import RGB
from filmgrain_codec.core.frame import Frame

SHOWN = {
    ("both", "kodim05 kodim07"), ("both", "kodim21 kodim03"), ("clipped", "kodim20 kodim03"),
    ("real motion", "vid4_walk"), ("colour", "set8_hypersmooth_540p"), ("events", "explosion"),
    ("guards", "fireworks"), ("guards", "lightning"), ("old films", "London"),
    ("old films", "Great Train Robbery"), ("old films", "A-bomb"), ("old films", "Chaplin"),
}  # fmt: skip
METHODS: tuple[Method, ...] = (
    methods.Input(), methods.AUTO, methods.SAFE, methods.Ffmpeg("am", 25),
)  # fmt: skip
GAIN = 4.0
WIDE = 8
"""Samples of the middle column that stand for a frame."""


def draw(group: str, case: Case, folder: Path, tried: Sequence[Method] = METHODS) -> Path:
    """One PNG: for each method three frames and what it did to the middle one, then strips over time."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {m.name: m.apply(case.given) for m in tried}
    if case.clean and case.given is not case.clip.frames:
        made["clean"] = list(case.clip.frames)
    at = min(len(case.given) // 2, len(case.given) - 2)
    rows = [shots(name, frames, case, at) for name, frames in made.items()]
    strips = [(f"{name}, middle column over time", strip(frames)) for name, frames in made.items()]
    rows += [strips[k : k + 4] for k in range(0, len(strips), 4)]
    path = folder / f"{label(group)}-{label(case.clip.name)}.png"
    picture.sheet(rows, path, scale=1)
    return path


def shots(name: str, frames: Sequence[Frame], case: Case, at: int) -> list[tuple[str, RGB]]:
    """Three frames around ``at`` and what was done to the middle one."""
    tiles = [(f"{name}, frame {n}", picture.rgb(frames[n])) for n in range(max(at - 1, 0), at + 2)]
    done = picture.difference(frames[at], case.given[at], GAIN)
    return [*tiles, (f"{name} less input, x{GAIN:g}", done)]


def strip(frames: Sequence[Frame]) -> RGB:
    """The middle columns of all frames side by side."""
    middle = frames[0].fmt.width // 2
    return np.concatenate([picture.rgb(f)[:, middle : middle + WIDE] for f in frames], axis=1)
