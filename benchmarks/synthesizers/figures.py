"""The figures of one synthesizer on one grain over all its cases, kept so that a rerun is quick."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.case import Case, Planes
from benchmarks.peers.peer import digest, label
from benchmarks.synthesizers import marks
from benchmarks.synthesizers.synthesizer import Synthesizer, added
from filmgrain_codec.grain.grains import Grains, compared
from filmgrain_codec.train.generators import scans

if TYPE_CHECKING:
    from filmgrain_codec.train.c2st import Verdict

Array = NDArray[np.float32]
FOOLED = 0.6
"""The most of the patches that may be told apart."""
FILM_STEPS = 100
"""Teaching steps where there is little film; with four times as many verdicts are the same."""
_REVISION = 1
"""Raised whenever a figure is taken otherwise, so that no old one is read from the cache."""


@dataclass(frozen=True, slots=True)
class Real:
    """The real grain of a group of cases.

    ``effective``: independent samples. ``film``: of a scanned stock, its grain as it is, in two halves.
    ``codes``: how strong the pieces were in scans that went through JPEG (see ``marks``).
    """

    cases: tuple[Case, ...]
    grains: Grains
    effective: float
    film: tuple[Array, Array] | None = None
    codes: Array | None = None

    @property
    def key(self) -> str:
        return "+".join(case.key for case in self.cases)


def real(
    cases: Sequence[Case],
    effective: float = math.inf,
    film: tuple[Array, Array] | None = None,
    codes: Array | None = None,
) -> Real:
    """Read or make the grainy frames of ``cases``; ``effective``: what the film they show is worth."""
    frames = [
        [added(n.planes, c.planes) for n, c in zip(case.grainy, case.clean, strict=True)] for case in cases
    ]
    grains = grains_of(frames, cases)
    return Real(tuple(cases), grains, min(grains.whole.effective, effective), film, codes)


def grains_of(frames: Sequence[Sequence[Planes]], cases: Sequence[Case]) -> Grains:
    return Grains.of(frames, [[f.planes for f in case.clean] for case in cases])


def figures(synthesizer: Synthesizer, to: Real, cache: Path, judge: bool) -> dict[str, Any]:
    """All figures of ``synthesizer`` against the real grain ``to``; ``judge``: with the two-sample test."""
    told = [dict(synthesizer.settings(case)) for case in to.cases]
    name = f"{label(synthesizer.name)}-{digest(about(to) | {'told': told})}-{_REVISION}"
    path = cache / "figures" / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if not found or (judge and "c2st" not in found and judges()):
        found = measured(synthesizer, to, judge)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found))
    return found


def about(to: Real) -> dict[str, Any]:
    """What figures against a real set depend on."""
    return {"cases": to.key} | ({} if to.codes is None else {"marks": marks.REVISION})


def measured(synthesizer: Synthesizer, to: Real, judge: bool) -> dict[str, Any]:
    """Figures of whole and half sets beside their floors, which targets are met, and the judge's verdict."""
    grains = grains_of([synthesizer.grain(case) for case in to.cases], to.cases)
    findings = compared(to.grains, grains, to.effective)
    found = {**asdict(findings), "passed": findings.passed()}
    if judge and judges():
        fake = grains.in_order()[0]
        found["c2st"] = asdict(told_apart(to, fake))
        if to.codes is not None:
            found["c2st_as_made"] = asdict(told_apart(replace(to, codes=None), fake))
        found["passed"]["c2st"] = found["c2st"]["accuracy"] <= FOOLED
    return found


def judges() -> bool:
    """Whether the two-sample test can run."""
    return find_spec("torch") is not None


def told_apart(to: Real, fake: NDArray[np.floating]) -> Verdict:
    """The two-sample test's verdict on luma grain: taught on frames with even numbers, judging the others.

    Against film, on the few pieces that there are, both ways round: taught on one half, then on the other.
    Where its scans went through JPEG ours do first: a judge shall tell grains, not blocks of 8 x 8.
    """
    from filmgrain_codec.train import c2st

    true, luma = to.grains.in_order()
    if to.film is None:
        return c2st.accuracy(true, fake, luma, luma)
    unit = np.asarray(fake / c2st.strength(fake, luma), np.float32)
    made = [like(to.film[0], part) for part in np.split(unit, 2)]
    if to.codes is not None:
        made = marks.coded(made, np.concatenate(to.film), to.codes)
    found = []
    for order in (1, -1):
        sets = [np.concatenate(halves[::order]) for halves in (to.film, made)]
        found.append(c2st.accuracy(*sets, *(np.full(s.shape, 0.5) for s in sets), steps=FILM_STEPS))
    return c2st.pooled(found)


def like(film: Array, grain: Array) -> Array:
    """Pieces of ``grain`` (frames, rows, columns) of the shape of ``film``'s, treated alike: unit variance.

    Pieces as small as the tiles of scans lose their quadratic surface, as these did.
    """
    rows, columns = film.shape[1:]
    down, across = (n // s for n, s in zip(grain.shape[1:], (rows, columns), strict=True))
    whole = grain[:, : down * rows, : across * columns].reshape(-1, down, rows, across, columns)
    pieces = whole.transpose(0, 1, 3, 2, 4).reshape(-1, rows, columns)
    pieces = scans.detrended(pieces) if rows == scans.TILE else pieces - pieces.mean((1, 2), keepdims=True)
    return np.asarray(pieces / pieces.std((1, 2), keepdims=True), np.float32)


def witness(to: Real, cache: Path) -> dict[str, Any]:
    """The test against white Gaussian noise of equal strength: below ``c2st.STRONG`` it proves nothing."""
    from filmgrain_codec.train import c2st

    path = cache / "figures" / f"white-{digest(about(to))}-{_REVISION}.json"
    if not path.exists():
        verdict = told_apart(to, c2st.white(*to.grains.in_order()))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**asdict(verdict), "too_weak": c2st.too_weak(verdict)}))
    found: dict[str, Any] = json.loads(path.read_text())
    return found
