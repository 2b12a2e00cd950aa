"""Peers with knobs: how these are set, and the table of what they were set to.

Ours are told level and size, so every peer has settings of its own for each level and size: the best of
a list by mean luma PSNR over the middle of clips with the grain that is measured. Twice: on the *other*
measured clips (as somebody would who knows such material and not this clip), and on *all* of them, the clip
in question among them, which no user could do: that is as much as the peer can give, and counts as an oracle.
The training clips would not do: they are so much smoother than the measured ones that all peers came
out far too strong. The table is kept in ``tuned.json``, with the gain on all clips.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks import material
from benchmarks.peers.case import CHROMA, LEVELS, MIDDLE, SIZES, Case, Planes, case
from benchmarks.peers.peer import Cleaned, Settings
from filmgrain_codec.core.frame import Plane
from filmgrain_codec.grain.removal_metrics import psnr

TABLE = Path(__file__).with_name("tuned.json")
FAMILY = "boolean"
ALL = "all"
Trial = tuple[Settings, Settings | None]
Gains = tuple[Settings, NDArray[np.float64]]
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
    """A tunable with the settings of the table; ``oracle``: those that are best for this very clip too."""

    peer: Tunable
    oracle: bool = False

    @property
    def name(self) -> str:
        return f"{self.peer.name}, best settings" if self.oracle else self.peer.name

    @property
    def frames(self) -> tuple[int, ...]:
        return self.peer.frames

    def settings(self, case: Case) -> Settings:
        return {"package": version(self.peer), **self._chosen(case)}

    def clean(self, case: Case) -> Cleaned:
        first = min(self.frames) - self.peer.reach
        window = [f.planes for f in case.grainy[first : max(self.frames) + self.peer.reach + 1]]
        told = self._chosen(case)
        made = self.peer.run(window, told["luma"], told["chroma"])
        return {n: made[n - first] for n in self.frames}

    def _chosen(self, case: Case) -> dict[str, Settings]:
        return chosen(self.peer, case.size, case.level, ALL if self.oracle else case.clip)


def version(peer: Tunable) -> str:
    return f"{peer.package} {metadata.version(peer.package)}"


def chosen(peer: Tunable, size: float, level: float, clip: str) -> dict[str, Settings]:
    """Settings for ``clip`` (or for ALL) at the size and level of the table nearest to these."""
    rows = json.loads(TABLE.read_text())["peers"][peer.name]
    nearest = min(rows, key=lambda r: (abs(r["size"] - size), abs(np.log(r["level"] / level))))
    found = nearest["settings"].get(clip, nearest["settings"][ALL])
    return {"luma": found["luma"], "chroma": found["chroma"]}


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
    TABLE.write_text(text(known | found))


def text(table: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The table as JSON, one row a line."""
    rows = {name: ",\n".join(f"  {json.dumps(row)}" for row in table[name]) for name in sorted(table)}
    peers = ",\n".join(f" {json.dumps(name)}: [\n{lines}\n ]" for name, lines in rows.items())
    head = f'{{"clips": {json.dumps(material.clips())}, "family": {json.dumps(FAMILY)}, "peers": {{'
    return f"{head}\n{peers}\n}}}}\n"


def cropped(whole: Case) -> Case:
    """The middle of a case."""
    clean, grainy = (tuple(material.crop(f, *CROP) for f in fs) for fs in (whole.clean, whole.grainy))
    return replace(whole, clean=clean, grainy=grainy)


def best(peer: Tunable, cases: Sequence[Case]) -> dict[str, Any]:
    """Settings of highest mean gain in luma, then of chroma, over all cases and over all but each one.

    Chroma is tried with the luma settings that are best for all.
    """
    level = cases[0].level
    luma = gains(peer, cases, [(s, None) for s in peer.candidates(level)])
    for_all = highest(luma, None)
    offered = [(for_all, s) for s in peer.candidates(CHROMA * level, chroma=True)]
    chroma = gains(peer, cases, offered) if offered else []
    settings: dict[str, Any] = {}
    for left_out, name in [(None, ALL), *((n, each.clip) for n, each in enumerate(cases))]:
        own = highest(luma, left_out)
        settings[name] = {"luma": own, "chroma": highest(chroma, left_out) if chroma else own}
    found = {"luma_gain_db": round(max(float(g.mean()) for _, g in luma), 2)}
    if chroma:
        found["chroma_gain_db"] = round(max(float(g.mean()) for _, g in chroma), 2)
    return {"settings": settings, **found}


def gains(peer: Tunable, cases: Sequence[Case], tried: Sequence[Trial]) -> list[Gains]:
    """The settings varied, with the gain on every case (minus infinity where a peer fails)."""
    found = []
    for luma, chroma in tried:
        each = np.array([gain(peer, one, luma, chroma) for one in cases])
        found.append((dict(luma if chroma is None else chroma), np.where(np.isfinite(each), each, -np.inf)))
    return found


def highest(found: Sequence[Gains], left_out: int | None) -> Settings:
    """The settings of highest mean gain, one case left out."""
    kept = [n for n in range(len(found[0][1])) if n != left_out]
    return max(found, key=lambda one: float(one[1][kept].mean()))[0]


def gain(peer: Tunable, each: Case, luma: Settings, chroma: Settings | None) -> float:
    """PSNR gain on the middle frame: of luma, or of both chroma planes where these have settings."""
    window = [f.planes for f in each.grainy[MIDDLE - peer.reach : MIDDLE + peer.reach + 1]]
    clean, noisy = each.clean[MIDDLE].planes, each.grainy[MIDDLE].planes
    made = peer.run(window, luma, chroma)[peer.reach]
    planes = (0,) if chroma is None else (1, 2)
    return float(np.mean([psnr(made[k], clean[k]) - psnr(noisy[k], clean[k]) for k in planes]))
