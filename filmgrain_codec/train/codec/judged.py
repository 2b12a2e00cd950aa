"""Patches to judge quantisers from: of all qualities, from uncoded to the coarsest, sharp and soft.

What is soft of itself looks much like what was coded coarsely, so half of the scenes are drawn softly before
they are coded, and a good share is coded finely or not at all. Scene ``k`` of a seed is a pure function of
(seed, k). Patches are packed at half size, (PLANES, PATCH / 2, PATCH / 2) in codes of 16 bit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.core.quantiser import FAMILIES
from filmgrain_codec.nodes.codec_planes import packed
from filmgrain_codec.train import motion
from filmgrain_codec.train.codec import pool
from filmgrain_codec.train.codec.batches import Batch, told
from filmgrain_codec.train.material import Material
from filmgrain_codec.train.networks.codec import PATCH

LUMA = 4
"""Packed planes that are luma's; the others are chroma's."""
FRAMES, KEPT, PER_FRAME, STEP = 5, 2, 4, 8
"""Frames of a scene, of those kept, squares of each, and samples that their corners are multiples of."""
UNCODED_SHARE, SOFT_SHARE, GRAINY_SHARE = 0.2, 0.5, 0.2
GRAIN = (0.002, 0.02)
"""Deviation of a scene's noise."""
RANGES = {"x264": (6, 46), "x265": (6, 46), "svtav1": (4, 63), "mpeg2": (1, 31), "jpeg": (6, 99)}
GRAY_SHARE, NEUTRAL = 0.2, 32768
"""Share of the patches without colour, and the code of their chroma."""
UNCODED = 0.0
UNTOLD_SHARE = 0.5
"""Share of the patches whose codec is not told, as it mostly is where the quantiser is not."""


@dataclass(frozen=True, slots=True)
class Pool:
    """``patches`` (count, PLANES, PATCH / 2, PATCH / 2) codes, ``facts`` (count, 2): QP, codec family."""

    patches: NDArray[np.uint16]
    facts: NDArray[np.float32]
    names: list[str]


def make(recipe: pool.Recipe, folder: Path) -> Pool:
    """The pool in ``folder``, made if it is not there. Raises ``InputError`` without material."""
    facts = folder / "pool.json"
    if not facts.exists():
        seen = pool.clean_material(recipe)
        folder.mkdir(parents=True, exist_ok=True)
        made = [sample for k in range(recipe.scenes) for sample in _told_of(recipe, seen, k)]
        np.save(folder / "patches.npy", np.stack([patch for patch, _ in made]))
        np.save(folder / "facts.npy", np.array([known for _, known in made], np.float32))
        facts.write_text(json.dumps({"seed": recipe.seed, "scenes": recipe.scenes, "material": seen.names}))
    patches = np.load(folder / "patches.npy", mmap_mode="r")
    return Pool(patches, np.load(folder / "facts.npy"), json.loads(facts.read_text())["material"])


def _told_of(
    recipe: pool.Recipe, seen: Material, number: int
) -> list[tuple[NDArray[np.uint16], list[float]]]:
    if number % 100 == 99:
        print(f"pool: {number + 1} of {recipe.scenes} scenes", flush=True)
    return list(samples(recipe.seed, seen, number))


def samples(seed: int, seen: Material, number: int) -> Iterator[tuple[NDArray[np.uint16], list[float]]]:
    """Patches of scene ``number``, each with its QP and the number of its codec family."""
    rng = np.random.default_rng([seed, number])
    clean = pool.frames_of(scene(seen, rng))
    kept = sorted(rng.choice(FRAMES, KEPT, replace=False).tolist())
    codec = str(rng.choice(list(pool.CHANCES), p=list(pool.CHANCES.values())))
    if rng.random() < UNCODED_SHARE:
        facts, made = [UNCODED, FAMILIES.index(codec)], {k: clean[k] for k in kept}
    else:
        facts, made = [], pool.through(clean, codec, rng, kept, ranges=RANGES)
    for frame in made.values():
        known = facts or [float(frame.props["qp"]), FAMILIES.index(codec)]
        for top, left in _corners(frame, rng):
            yield pool.coded(packed(pool.cut(frame, top, left, PATCH).planes)[0]), known


def scene(seen: Material, rng: Generator) -> motion.Scene:
    """A scene as sharp, as soft and as noisy as sources are before they are coded."""
    found = pool.clean_scene(seen, rng)[:FRAMES]
    if rng.random() < SOFT_SHARE:
        found = motion.softened(found, rng)
    if rng.random() < GRAINY_SHARE:
        found = found + rng.normal(0, rng.uniform(*GRAIN), found.shape).astype(np.float32)
    return found.clip(0, 1)


def _corners(frame: Frame, rng: Generator) -> list[list[int]]:
    steps = (frame.fmt.width - PATCH) // STEP + 1
    places: list[list[int]] = (STEP * rng.integers(steps, size=(PER_FRAME, 2))).tolist()
    return places


def turned(patches: NDArray[np.uint16], rng: Generator) -> NDArray[np.uint16]:
    """Packed patches mirrored and transposed at random, all one way; the codec's grid stays where it is."""
    if rng.random() < 0.5:
        patches = patches[:, [2, 3, 0, 1, 4, 5], ::-1]
    if rng.random() < 0.5:
        patches = patches[:, [1, 0, 3, 2, 4, 5], :, ::-1]
    if rng.random() < 0.5:
        patches = patches[:, [0, 2, 1, 3, 4, 5]].swapaxes(2, 3)
    return patches


class Batches:
    """Batch ``step`` of a seed is the same on every run."""

    def __init__(self, seen: Pool, size: int, seed: int) -> None:
        self._pool, self._size, self._seed = seen, size, seed

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng([self._seed, step])
        picked = np.sort(rng.integers(0, len(self._pool.facts), self._size))
        patches = turned(self._pool.patches[picked], rng).copy()
        patches[rng.random(self._size) < GRAY_SHARE, LUMA:] = NEUTRAL
        given = patches.astype(np.float32) / np.float32(65535)
        qp, family = self._pool.facts[picked].T
        untold = rng.random(self._size) < UNTOLD_SHARE
        named = np.where(untold, len(FAMILIES) - 1, family).astype(int)
        return {
            "given": torch.from_numpy(given),
            "qp": torch.from_numpy(np.ascontiguousarray(qp)),
            "told": told(np.zeros(self._size), named),
        }
