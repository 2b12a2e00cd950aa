"""A pool of grainy, motion-compensated windows on disk, made once and trained on many times.

Windows are made exactly as the product sees them: 4:2:0, 4:2:2 or 4:4:4 frames of 8 or 10 bit with
grain of a training family on every frame, neighbours drawn onto the centre by ``nodes.align``.
Sample ``k`` of a seed is a pure function of (seed, k), so a pool can be made by any number of
processes. Layout of the chroma samples: the middle of the window where chroma is not subsampled.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from filmgrain_codec.core.frame import FrameFormat, Plane
from filmgrain_codec.errors import InputError
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.nodes.align import Motion
from filmgrain_codec.nodes.sigma import expected_sigma
from filmgrain_codec.train import material, motion
from filmgrain_codec.train.generators.families import FAMILIES, treated
from filmgrain_codec.train.generators.families import Recipe as Grain
from filmgrain_codec.train.material import Material

TRAINING = tuple(name for name, family in FAMILIES.items() if not family.held_out)
RADIUS = 2
FRAMES = 2 * RADIUS + 1
SIDE = 96
MARGIN = 32
"""Samples rendered around a window, so that fast neighbours can be found there."""
LEVELS = (0.004, 0.12)
LOOKS = 96
"""Looks drawn of every family for one pool."""
GRAINLESS_SHARE, CLIP_SHARE, HALVED_SHARE, CLAMPED_SHARE = 0.06, 0.25, 0.35, 0.08
LAYOUTS = ((1, 1), (1, 0), (0, 0))
"""(sub_w, sub_h) by layout number: 4:2:0, 4:2:2, 4:4:4."""
LAYOUT_CHANCES = (0.7, 0.1, 0.2)
FACTS = ("level", "size", "cb", "cr", "chroma_size", "layout", "family")
ARRAYS: dict[str, tuple[type, tuple[int, ...]]] = {
    "luma": (np.uint16, (FRAMES, SIDE, SIDE)),
    "clean": (np.uint16, (SIDE, SIDE)),
    "shape": (np.float16, (SIDE, SIDE)),
    "chroma": (np.uint16, (FRAMES, 2, SIDE // 2, SIDE // 2)),
    "clean_chroma": (np.uint16, (2, SIDE // 2, SIDE // 2)),
    "facts": (np.float32, (len(FACTS),)),
}
Sample = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides a pool: material, seed, number of samples, motion preset, grain families."""

    data: Path
    seed: int
    count: int
    preset: str = "fast"
    held_out: bool = False
    families: Sequence[str] = TRAINING

    @property
    def facts(self) -> dict[str, object]:
        families = list(self.families)
        return {"seed": self.seed, "count": self.count, "preset": self.preset, "families": families}


class Pool:
    """An open pool: arrays of ``ARRAYS`` by name, samples along the first axis, on disk."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "pool.json").exists():
            raise InputError(f"There is no finished pool in {folder}: make it with fgcodec train pool.")
        self.facts = json.loads((folder / "pool.json").read_text())
        self.arrays = {k: np.load(folder / f"{k}.npy", mmap_mode="r") for k in ARRAYS}

    def __len__(self) -> int:
        return len(self.arrays["facts"])


def make(recipe: Recipe, folder: Path, workers: int = 2, share: int = 64) -> Pool:
    """Make a pool in ``folder``; one that is there with the same recipe is used as it is.

    Raises ``InputError`` if the material is missing or ``folder`` holds another pool.
    """
    note = folder / "pool.json"
    if note.exists():
        found = Pool(folder)
        differing = [f"{k} {found.facts[k]}, not {v}" for k, v in recipe.facts.items() if found.facts[k] != v]
        if differing:
            raise InputError(
                f"{folder} holds a pool made otherwise ({'; '.join(differing)}): name another folder."
            )
        return found
    names = material.load(recipe.data, held_out=recipe.held_out).names
    folder.mkdir(parents=True, exist_ok=True)
    for name, (kind, shape) in ARRAYS.items():
        np.lib.format.open_memmap(folder / f"{name}.npy", "w+", kind, (recipe.count, *shape))
    with ProcessPoolExecutor(workers, initializer=_begin, initargs=(recipe, folder)) as pool:
        starts = range(0, recipe.count, share)
        for done in pool.map(_fill, [(s, min(s + share, recipe.count)) for s in starts]):
            print(f"pool: {done} of {recipe.count}", flush=True)
    note.write_text(json.dumps({**recipe.facts, "material": names}, indent=1))
    return Pool(folder)


_here: tuple[Recipe, Material, dict[str, NDArray[np.generic]]]


def _begin(recipe: Recipe, folder: Path) -> None:
    global _here
    arrays = {k: np.load(folder / f"{k}.npy", mmap_mode="r+") for k in ARRAYS}
    _here = recipe, material.load(recipe.data, held_out=recipe.held_out), arrays


def _fill(span: tuple[int, int]) -> int:
    recipe, seen, arrays = _here
    for k in range(*span):
        for name, value in sample(recipe, seen, k).items():
            arrays[name][k] = value
    return span[1]


def sample(recipe: Recipe, seen: Material, number: int) -> Sample:
    """Sample ``number``: arrays as in ``ARRAYS``."""
    rng = np.random.default_rng([recipe.seed, number])
    layout = int(rng.choice(len(LAYOUTS), p=LAYOUT_CHANCES))
    side = SIDE + 2 * MARGIN
    fmt = FrameFormat(side, side, "yuv", *LAYOUTS[layout], bits=int(rng.choice([8, 10], p=[0.3, 0.7])))
    clean = [split(picture, fmt) for picture in clean_scene(seen, side, rng)]
    family = int(rng.integers(len(recipe.families)))
    grain = look(recipe.seed, recipe.families[family], int(rng.integers(LOOKS)))
    level = 0.0 if rng.random() < GRAINLESS_SHARE else float(np.exp(rng.uniform(*np.log(LEVELS))))
    seed = int(rng.integers(1 << 31))
    grainy = [grain.grain(planes, fmt, level, seed, k) for k, planes in enumerate(clean)]
    grainy = clamped(grainy, rng)
    segment = replace(grain.segment(max(level, LEVELS[0])), level=level)
    aligned = follow(grainy, recipe.preset, int(rng.random() < HALVED_SHARE))
    chroma = segment.chroma
    facts = (level, segment.spectrum.size, chroma.cb, chroma.cr, chroma.size, layout, family)
    return packed(aligned, clean[RADIUS], segment, fmt, facts)


@cache
def look(seed: int, family: str, number: int) -> Grain:
    """One of the looks of a pool; some are measured when first asked, which takes up to a second."""
    rng = np.random.default_rng([seed, zlib.crc32(family.encode()), number])
    return treated(FAMILIES[family].draw(rng), rng)


def clean_scene(seen: Material, side: int, rng: Generator) -> motion.Scene:
    """(FRAMES, side, side, 3): a real excerpt or a moving still, turned and graded at random."""
    large = [c for c in seen.clips if min(c[0].shape[1:]) >= side]
    if large and rng.random() < CLIP_SHARE:
        found = motion.excerpt(large[rng.integers(len(large))], side, FRAMES, rng)
    else:
        found = motion.scene(seen.photos, side, FRAMES, rng)
    return motion.graded(motion.turned(found, rng), rng)


def split(picture: motion.Scene, fmt: FrameFormat) -> tuple[Plane, ...]:
    """Planes of a frame from one picture (side, side, 3); chroma box-averaged."""
    chroma: NDArray[np.floating] = picture[..., 1:]
    if fmt.sub_w:
        chroma = (chroma[:, ::2] + chroma[:, 1::2]) / 2
    if fmt.sub_h:
        chroma = (chroma[::2] + chroma[1::2]) / 2
    planes = (picture[..., 0], chroma[..., 0], chroma[..., 1])
    return tuple(np.ascontiguousarray(p, np.float32) for p in planes)


def follow(frames: Sequence[tuple[Plane, ...]], preset: str, halvings: int) -> list[tuple[Plane, ...]]:
    """All frames drawn onto the middle one."""
    found = Motion([planes[0] for planes in frames], RADIUS, preset, halvings, film=True)
    return [tuple(found.warp(p, k) for p in planes) for k, planes in enumerate(frames)]


def clamped(frames: list[tuple[Plane, ...]], rng: Generator) -> list[tuple[Plane, ...]]:
    """A few windows lie at a cut or at the clip's end, where the last frame this side stands in."""
    if rng.random() >= CLAMPED_SHARE:
        return frames
    left = int(rng.integers(RADIUS))
    kept = [*frames[: RADIUS + left + 1], *[frames[RADIUS + left]] * (RADIUS - left)]
    return kept if rng.random() < 0.5 else [*kept[RADIUS + 1 :][::-1], *frames[RADIUS:]]


def packed(
    aligned: Sequence[tuple[Plane, ...]],
    clean: tuple[Plane, ...],
    segment: GrainSegment,
    fmt: FrameFormat,
    facts: Sequence[float],
) -> Sample:
    """The middle of the window, as integers."""
    shape = expected_sigma(aligned[RADIUS][0], replace(segment, level=1.0))
    chroma = np.stack([np.stack([middle(p, SIDE // 2) for p in planes[1:]]) for planes in aligned])
    return {
        "luma": coded(np.stack([middle(planes[0], SIDE) for planes in aligned])),
        "clean": coded(middle(clean[0], SIDE)),
        "shape": middle(shape, SIDE).astype(np.float16),
        "chroma": coded(chroma),
        "clean_chroma": coded(np.stack([middle(p, SIDE // 2) for p in clean[1:]])),
        "facts": np.asarray(facts, np.float32),
    }


def middle(plane: Plane, side: int) -> Plane:
    """The central (side, side) of a plane."""
    y, x = ((n - side) // 2 for n in plane.shape)
    return plane[y : y + side, x : x + side]


def coded(samples: NDArray[np.float32]) -> NDArray[np.uint16]:
    """0..1 as 16-bit codes."""
    return np.rint(samples.clip(0, 1) * 65535).astype(np.uint16)
