"""Contact sheets at 200 %, and strips of grain in time, for the eye."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import material, picture
from benchmarks.peers.case import Case, Planes
from benchmarks.peers.peer import label
from benchmarks.synthesizers import cases
from benchmarks.synthesizers.synthesizer import Synthesizer, added
from filmgrain_codec.core.frame import Frame

CROP = (224, 160)
STRIP = (144, 96)
ROW = 4
SHOWN = 4
"""Frames of a strip."""
GAIN = 2.0


def draw(methods: Sequence[Synthesizer], cache: Path, folder: Path) -> list[Path]:
    """Per grain and base one PNG of pictures, and of one photograph one strip of grain alone over time."""
    folder.mkdir(parents=True, exist_ok=True)
    groups = [cases.boolean(cache, size, 0.05) for size in cases.SIZES]
    groups += [cases.scanned(cache, stock) for stock in (*cases.STOCKS,)[:3]]
    found = []
    for group in groups:
        for case in (group[0], group[-1]):
            grain = {m.name: m.grain(case) for m in methods}
            stem = label(f"{case.family}-{case.size:.2g}-{case.clip}")
            found.append(pictures(case, grain, folder / f"{stem}.png"))
            if case is groups[0][0]:
                found.append(strip(case, grain, folder / f"{stem}-time.png"))
    return found


def pictures(case: Case, grain: dict[str, list[Planes]], path: Path) -> Path:
    """The clean crop, the real one, and every method's."""
    tiles = [("clean", crop(case.clean[0])), ("real", crop(case.grainy[0]))]
    tiles += [(name, crop(grained(case.clean[0], made[0]))) for name, made in grain.items()]
    picture.sheet([tiles[k : k + ROW] for k in range(0, len(tiles), ROW)], path)
    return path


def strip(case: Case, grain: dict[str, list[Planes]], path: Path) -> Path:
    """Luma grain of consecutive frames around mid-grey, a row each: frozen grain stays where it is."""
    true = [added(n.planes, c.planes) for n, c in zip(case.grainy, case.clean, strict=True)]
    rows = []
    for name, made in {"real": true, **grain}.items():
        rows.append([(f"{name}, frame {n}", alone(case, made[n])) for n in range(SHOWN)])
    picture.sheet(rows, path)
    return path


def alone(case: Case, grain: Planes) -> picture.RGB:
    grey = replace(case.fmt, family="gray")
    shown = Frame((np.asarray(0.5 + GAIN * grain[0], np.float32),), grey, 0, 0, 1 / material.RATE)
    return picture.rgb(material.crop(shown, *STRIP))


def grained(frame: Frame, grain: Planes) -> Frame:
    return frame.with_planes(tuple(p + g for p, g in zip(frame.planes, grain, strict=True)))


def crop(frame: Frame) -> picture.RGB:
    return picture.rgb(material.crop(frame, *CROP))
