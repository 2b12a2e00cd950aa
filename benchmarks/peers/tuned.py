"""Peers with knobs: how these are set, and the table of what they were set to.

Ours are told level and size, so every peer has settings of its own for each level and size: the best
of a list by mean PSNR over the middle of the very clips and grain that are measured, which is more than
any user could do, and than ours get. The training clips would not do: they are so much smoother than
the measured ones that all peers came out far too strong. The table is kept in ``tuned.json``, with
the gain that each choice had there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks import material
from benchmarks.peers.case import CHROMA, LEVELS, MIDDLE, SIZES, Case, Planes, case
from benchmarks.peers.peer import Cleaned, Settings
from filmgrain_codec.core.frame import Plane
from filmgrain_codec.grain.removal_metrics import psnr

TABLE = Path(__file__).with_name("tuned.json")
FAMILY = "boolean"
CROP = (320, 192)
"""Columns and rows from the middle of each clip on which settings are tried."""


class Tunable(Protocol):
    """A peer before its knobs are set.

    ``reach``: frames it wants on both sides. ``candidates``: settings to try where the grain of a plane has
    ``sigma`` (fraction of full scale); none for chroma where that follows luma. ``run``: all frames given;
    luma alone where ``chroma`` is None.
    """

    @property
    def name(self) -> str: ...
    @property
    def package(self) -> str: ...
    @property
    def frames(self) -> tuple[int, ...]: ...
    @property
    def reach(self) -> int: ...

    def candidates(self, sigma: float, chroma: bool = False) -> Iterator[Settings]: ...

    def run(self, frames: Sequence[Planes], luma: Settings, chroma: Settings | None) -> list[Planes]: ...


class PlaneWise:
    """What filters plane by plane runs frames through ``denoise``."""

    def denoise(self, planes: Sequence[Plane], options: Settings) -> list[Plane]:
        raise NotImplementedError

    def run(self, frames: Sequence[Planes], luma: Settings, chroma: Settings | None) -> list[Planes]:
        count = len(frames[0]) if chroma else 1
        options = [luma, chroma or {}, chroma or {}]
        made = [self.denoise([f[k] for f in frames], options[k]) for k in range(count)]
        return list(zip(*made, strict=True))


@dataclass(frozen=True, slots=True)
class Tuned:
    """A tunable with the settings of the table."""

    peer: Tunable
    oracle: bool = False

    @property
    def name(self) -> str:
        return self.peer.name

    @property
    def frames(self) -> tuple[int, ...]:
        return self.peer.frames

    def settings(self, case: Case) -> Settings:
        return {"package": version(self.peer), **chosen(self.peer, case.size, case.level)}

    def clean(self, case: Case) -> Cleaned:
        first = min(self.frames) - self.peer.reach
        window = [f.planes for f in case.grainy[first : max(self.frames) + self.peer.reach + 1]]
        told = chosen(self.peer, case.size, case.level)
        made = self.peer.run(window, told["luma"], told["chroma"])
        return {n: made[n - first] for n in self.frames}


def version(peer: Tunable) -> str:
    return f"{peer.package} {metadata.version(peer.package)}"


def chosen(peer: Tunable, size: float, level: float) -> dict[str, Any]:
    """Settings of the table for the size and level nearest to these."""
    rows = json.loads(TABLE.read_text())["peers"][peer.name]
    nearest = min(rows, key=lambda r: (abs(r["size"] - size), abs(np.log(r["level"] / level))))
    return {"luma": nearest["luma"], "chroma": nearest["chroma"]}


def tune(peers: Iterable[Tunable], cache: Path) -> None:
    """Set the knobs of ``peers`` anew and write the table; others keep theirs."""
    known = json.loads(TABLE.read_text())["peers"] if TABLE.exists() else {}
    found: dict[str, list[dict[str, Any]]] = {}
    peers = list(peers)
    for size, level in product(SIZES, LEVELS):
        tried = [cropped(case(cache, clip, FAMILY, size, level)) for clip in material.clips()]
        for peer in peers:
            row = {"size": size, "level": level, **best(peer, tried)}
            found.setdefault(peer.name, []).append(row)
            print(peer.name, row, flush=True)
    content = {"clips": material.clips(), "family": FAMILY, "peers": dict(sorted((known | found).items()))}
    TABLE.write_text(json.dumps(content, indent=1) + "\n")


def cropped(whole: Case) -> Case:
    """The middle of a case."""
    clean, grainy = (tuple(material.crop(f, *CROP) for f in fs) for fs in (whole.clean, whole.grainy))
    return replace(whole, clean=clean, grainy=grainy)


def best(peer: Tunable, cases: Sequence[Case]) -> dict[str, Any]:
    """Settings of highest mean luma PSNR, then those of chroma, and the gains in dB."""
    level = cases[0].level

    def score(luma: Settings, chroma: Settings | None) -> float:
        gains = [gain(peer, each, luma, chroma) for each in cases]
        return float(np.mean(gains)) if np.isfinite(gains).all() else -np.inf

    luma = max(((score(s, None), s) for s in peer.candidates(level)), key=lambda tried: tried[0])
    offered = list(peer.candidates(CHROMA * level, chroma=True)) or [luma[1]]
    chroma = max(((score(luma[1], s), s) for s in offered), key=lambda tried: tried[0])
    gains = {"luma_gain_db": round(luma[0], 2), "chroma_gain_db": round(chroma[0], 2)}
    return {"luma": dict(luma[1]), "chroma": dict(chroma[1]), **gains}


def gain(peer: Tunable, each: Case, luma: Settings, chroma: Settings | None) -> float:
    """PSNR gain on the middle frame: of luma, or of both chroma planes where these have settings."""
    window = [f.planes for f in each.grainy[MIDDLE - peer.reach : MIDDLE + peer.reach + 1]]
    clean, noisy = each.clean[MIDDLE].planes, each.grainy[MIDDLE].planes
    made = peer.run(window, luma, chroma)[peer.reach]
    planes = (0,) if chroma is None else (1, 2)
    return float(np.mean([psnr(made[k], clean[k]) - psnr(noisy[k], clean[k]) for k in planes]))
