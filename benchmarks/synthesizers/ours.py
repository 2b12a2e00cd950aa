"""Our own synthesizers: the parametric model, and every installed model of role synthesis."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import filmgrain_codec.grain
import filmgrain_codec.nodes
from benchmarks.peers.case import Case, Planes
from benchmarks.peers.peer import Settings
from benchmarks.synthesizers.gaussian import rounded
from benchmarks.synthesizers.synthesizer import added
from filmgrain_codec.grain import closed_loop, wire
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.infer import store
from filmgrain_codec.nodes.synth import PARAMETRIC, Grain
from filmgrain_codec.pipeline.analyse import of_frames
from filmgrain_codec.pipeline.follow import follower

TOLD = ("ideal", "estimated", "refined")
SEED = 20_260
_STEPS = 2


@dataclass(frozen=True, slots=True)
class Ours:
    """``told``: the segment an ideal estimator would give; or what the estimator makes of the grainy frames;
    or that, corrected until the regrained frames measure like the grainy ones."""

    model: str = PARAMETRIC
    told: str = "ideal"

    @property
    def name(self) -> str:
        return f"{self.model}, {self.told}"

    def settings(self, case: Case) -> Settings:
        files = {p.name: p.sha256 for p in parts(self.model)}
        return {"files": files, "seed": SEED, "told": self.told, "code": code()}

    def grain(self, case: Case) -> list[Planes]:
        node = self.node(self.segment(case))
        node.configure(case.fmt)
        made = [node.process([frame], frame.index).planes for frame in case.clean]
        return [
            added([rounded(p) for p in planes], frame.planes)
            for planes, frame in zip(made, case.clean, strict=True)
        ]

    def segment(self, case: Case) -> GrainSegment:
        """What the synthesizer is told; all but the ideal one as it comes out of a file."""
        found = case.segment
        if self.told != TOLD[0]:
            found = estimated(case)
        if self.told == TOLD[2]:
            measure = closed_loop.regrained(case.clean, follower())
            found = wire.quantise(closed_loop.closed(found, measure, _STEPS).segment, clamp=True)
        return replace(found, start=0, end=len(case.clean), seed=SEED)

    def node(self, segment: GrainSegment) -> Grain:
        return Grain(segment, synthesis=self.model)


_ESTIMATES: dict[str, GrainSegment] = {}


def estimated(case: Case) -> GrainSegment:
    """What the estimator makes of a case's grainy frames, as it comes out of a file; taken once."""
    if case.key not in _ESTIMATES:
        _ESTIMATES[case.key] = wire.quantise(of_frames(case.grainy[:]), clamp=True)
    return _ESTIMATES[case.key]


def parts(model: str) -> tuple[store.Part, ...]:
    return () if model == PARAMETRIC else store.resolve(model, "synthesis").parts


@cache
def code() -> str:
    """A digest of the code that a segment and its grain depend on."""
    folders = [Path(m.__file__ or "").parent for m in (filmgrain_codec.grain, filmgrain_codec.nodes)]
    files = sorted(f for folder in folders for f in folder.glob("*.py"))
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:12]


def installed() -> Iterator[Ours]:
    """The parametric model and every installed synthesis model, told each way."""
    models = [PARAMETRIC, *(m.id for m in store.catalogue() if m.role == "synthesis")]
    for model in models:
        yield from (Ours(model, told) for told in TOLD)
