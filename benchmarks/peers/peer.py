"""What a grain remover is to the benchmark, and how its pictures are kept.

A peer gets a whole excerpt and says which frames of it come out clean. What it made is kept in a
cache folder under its name, version, settings and case, so that a run for a new model of ours
asks the slow peers nothing.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.peers.case import SCORED, Case, Planes, load, save

Settings = Mapping[str, Any]
Cleaned = dict[int, Planes]
"""Frames by number; a peer that only takes luma gives one plane."""


class Peer(Protocol):
    """A grain remover.

    ``oracle``: told the true strength or spectrum of the very frame. ``frames``: the numbers of the
    frames it cleans (slow ones only the middle one). ``settings``: all that its answer to a case
    depends on besides the case; also printed in the results.
    """

    name: str
    oracle: bool
    frames: tuple[int, ...]

    def settings(self, case: Case) -> Settings: ...

    def clean(self, case: Case) -> Cleaned: ...


@dataclass(frozen=True, slots=True)
class Made:
    """What a peer made of a case, in a file, and the seconds that a frame took."""

    path: Path
    seconds: float

    @property
    def frames(self) -> Cleaned:
        return load(self.path)


def made(peer: Peer, case: Case, cache: Path) -> Made:
    """What ``peer`` makes of ``case``, from the cache where it lies there."""
    path = cache / "cleaned" / case.key / f"{label(peer.name)}-{digest(peer.settings(case))}.npz"
    times = path.with_suffix(".seconds")
    if not path.exists():
        case.grainy[0]  # read or made before the clock starts
        began = time.perf_counter()
        frames = peer.clean(case)
        each = (time.perf_counter() - began) / len(frames)
        save(path, frames)
        times.write_text(f"{each:.6f}")
    return Made(path, float(times.read_text()))


def digest(settings: Settings) -> str:
    text = json.dumps(dict(settings), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def label(name: str) -> str:
    """A name as part of a file name."""
    return "".join(c if c.isalnum() else "_" for c in name)


@dataclass(frozen=True, slots=True)
class Noisy:
    """The grainy input itself."""

    name: str = "noisy input"
    oracle: bool = False
    frames: tuple[int, ...] = SCORED

    def settings(self, case: Case) -> Settings:
        return {}

    def clean(self, case: Case) -> Cleaned:
        return {n: case.grainy[n].planes for n in self.frames}
