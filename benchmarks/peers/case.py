"""What a removal benchmark works on: a short excerpt of a clean clip, and the same with grain.

Frames are 10-bit 4:2:0. Grain is independent on every frame and rounded to the codes of the file.
Boolean grain takes seconds a frame, so grained excerpts are kept in the cache folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import material
from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.grain.profile import KNOT_POSITIONS, Chroma, GrainSegment, Spectrum
from filmgrain_codec.train.generators.boolean import BooleanRecipe
from filmgrain_codec.train.generators.common import boolean_tone

FAMILIES = ("boolean", "spectral")
LEVELS = (0.01, 0.025, 0.05, 0.075, 0.1)
SIZES = (0.8, 1.4)
LENGTH = 9
"""Frames of an excerpt: enough on both sides of the middle for every method's window."""
MIDDLE = LENGTH // 2
SCORED = (MIDDLE - 1, MIDDLE, MIDDLE + 1)
"""The middle frame is what every method is scored on; its neighbours serve to measure flicker."""
CHROMA = 0.5
_REVISION = 2
"""Raised whenever the excerpts change, so that nothing old is taken from the cache."""

Planes = tuple[Plane, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One excerpt with one grain. ``segment`` is the truth, as an ideal estimator would state it."""

    clip: str
    family: str
    size: float
    level: float
    clean: tuple[Frame, ...]
    grainy: Sequence[Frame]
    segment: GrainSegment

    @property
    def key(self) -> str:
        return f"{_REVISION}-{self.clip}-{self.family}-{self.size:g}-{self.level:g}"

    @property
    def fmt(self) -> FrameFormat:
        return self.clean[0].fmt

    def sigma(self, plane: int = 0) -> float:
        """True standard deviation of the grain of the middle frame, fraction of full scale."""
        return float((self.grainy[MIDDLE].planes[plane] - self.clean[MIDDLE].planes[plane]).std())


class Later(Sequence[Frame]):
    """Frames that are made or read when the first of them is asked for."""

    def __init__(self, make: Callable[[], tuple[Frame, ...]]) -> None:
        self._make = make
        self._frames: tuple[Frame, ...] | None = None

    def __getitem__(self, which: Any) -> Any:
        if self._frames is None:
            self._frames = self._make()
        return self._frames[which]

    def __len__(self) -> int:
        return len(self[:])


def cases(
    cache: Path,
    clips: Sequence[str],
    families: Sequence[str] = FAMILIES,
    sizes: Sequence[float] = SIZES,
    levels: Sequence[float] = LEVELS,
) -> Iterator[Case]:
    """Every clip with every grain, held-out family first."""
    for family, size, level, clip in product(families, sizes, levels, clips):
        yield case(cache, clip, family, size, level)


def case(cache: Path, clip: str, family: str, size: float, level: float) -> Case:
    """One excerpt of a clip of the test material."""
    seed = 1 + material.clips().index(clip)
    return grained(cache, clip, excerpt(clip), family, size, level, seed)


@lru_cache(maxsize=4)
def excerpt(clip: str) -> tuple[Frame, ...]:
    """The clean frames of a clip that the benchmarks use."""
    return tuple(material.clip(clip, LENGTH))


def grained(
    cache: Path, name: str, clean: tuple[Frame, ...], family: str, size: float, level: float, seed: int
) -> Case:
    """``clean`` with grain from the cache, or made and kept there."""
    grain = material.Grain(family, level, size, tone="boolean")
    empty = Case(name, family, size, level, clean, (), told(family, size, level))
    return kept(cache, empty, lambda: material.grained(clean, grain, seed))


def kept(cache: Path, empty: Case, make: Callable[[], Iterable[Frame]]) -> Case:
    """``empty`` with its grainy frames from the cache, or made and kept there."""
    path = cache / "grained" / f"{empty.key}.npz"

    def frames() -> tuple[Frame, ...]:
        if not path.exists():
            save(path, dict(enumerate(f.planes for f in make())))
        made = load(path)
        return tuple(f.with_planes(made[n]) for n, f in enumerate(empty.clean))

    return replace(empty, grainy=Later(frames))


def told(family: str, size: float, level: float) -> GrainSegment:
    """Level, curve, size, chroma and skew of the grain that ``material.grained`` adds."""
    chroma_size = max(0.5, 0.85 * size)
    if family == "boolean":
        grain = BooleanRecipe(size, None, CHROMA, CHROMA, chroma_size).segment(level)
        return replace(grain, end=LENGTH)
    a, b, c, d, e, f, g, h = (float(v) for v in boolean_tone(KNOT_POSITIONS))
    chroma = Chroma(cb=CHROMA, cr=CHROMA, size=chroma_size)
    return GrainSegment(0, LENGTH, level, (a, b, c, d, e, f, g, h), Spectrum(size), chroma)


def codes(plane: Plane) -> NDArray[np.uint16]:
    """A plane as the 10-bit codes a file would hold."""
    peak = (1 << material.BITS) - 1
    return np.clip(np.rint(np.asarray(plane, np.float64) * peak), 0, peak).astype(np.uint16)


def save(path: Path, frames: dict[int, Planes]) -> None:
    """Keep frames as 10-bit codes; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = {f"{n}-{k}": codes(p) for n, planes in frames.items() for k, p in enumerate(planes)}
    unfinished = path.with_suffix(".part.npz")
    np.savez(unfinished, **arrays)  # type: ignore[arg-type]
    unfinished.replace(path)


def load(path: Path) -> dict[int, Planes]:
    """What ``save`` kept, as planes in 0..1."""
    peak = np.float32((1 << material.BITS) - 1)
    with np.load(path) as arrays:
        found: dict[int, dict[int, Plane]] = {}
        for name in arrays.files:
            n, k = (int(v) for v in name.split("-"))
            found.setdefault(n, {})[k] = arrays[name].astype(np.float32) / peak
    return {n: tuple(planes[k] for k in sorted(planes)) for n, planes in sorted(found.items())}
