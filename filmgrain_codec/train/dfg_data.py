"""Training batches of the DeepFilmGrain baseline, as pure functions of (seed, step)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from filmgrain_codec.train import clean, trees
from filmgrain_codec.train.dfg_tasks import Task
from filmgrain_codec.train.samples import Batch
from filmgrain_codec.train.trees import Pair, Samples

Example = tuple[Samples, Samples, float]
"""(grainy, clean, level)."""
Draw = Callable[[int, np.random.Generator], Example]


class Pairs(Dataset[Batch]):
    """Batch number ``step``: image and clean (B, C, S, S) in 0..1, level (B, 1).

    Every epoch goes through all ``count`` examples in an order of its own; ``draw`` cuts example k at random.
    """

    def __init__(self, draw: Draw, count: int, names: Sequence[str], task: Task, seed: int) -> None:
        self.draw, self.count, self.names, self.task, self.seed = draw, count, tuple(names), task, seed

    def __len__(self) -> int:
        return 1 << 31

    @property
    def steps_per_epoch(self) -> int:
        return -(-self.count // self.task.batch)

    def __getitem__(self, step: int) -> Batch:
        size = self.task.batch
        examples = [self.example(k) for k in range(step * size, (step + 1) * size)]
        grainy, target, levels = zip(*examples, strict=True)
        return {
            "image": torch.from_numpy(np.stack(grainy)),
            "clean": torch.from_numpy(np.stack(target)),
            "level": torch.tensor(levels, dtype=torch.float32)[:, None],
        }

    def example(self, number: int) -> Example:
        epoch, place = divmod(number, self.count)
        order = np.random.default_rng([self.seed, 0, epoch]).permutation(self.count)
        return self.draw(int(order[place]), np.random.default_rng([self.seed, 1, number]))


def pairs(root: Path, task: Task, seed: int, *, validation: bool, family: str = "spectral") -> Pairs:
    """Batches of a tree, or of a folder of clean pictures with grain of ``family`` made on the fly.

    Raises ``InputError`` where the folder holds no usable pictures, ``UsageError`` for a family that is kept
    for measuring.
    """
    if trees.is_tree(root):
        chosen = trees.split(trees.read_tree(root), validation=validation)
        names = sorted({p.clean.stem for p in chosen})
        for path in {p.clean for p in chosen}:
            trees.check_patch(task.patch, trees.header_size(path), path)
        return Pairs(partial(of_tree, chosen, task), len(chosen), names, task, seed)
    clean.for_training(family)
    pictures = clean.part(clean.read_clean(root), validation=validation)
    for picture in pictures:
        trees.check_patch(task.patch, picture.size, picture.path)
    draw = partial(of_pictures, pictures, task, family)
    return Pairs(draw, len(pictures) * len(task.levels), [p.name for p in pictures], task, seed)


def of_tree(chosen: Sequence[Pair], task: Task, k: int, rng: np.random.Generator) -> Example:
    """The same square of a clean picture and of its grainy copy."""
    pair = chosen[k]
    target, grainy = (
        trees.with_channels(trees.read_picture(p), task.channels) for p in (pair.clean, pair.grainy)
    )
    rows, columns = trees.cut(task.patch, target.shape[1], target.shape[2], rng)
    return grainy[:, rows, columns], target[:, rows, columns], pair.level


def of_pictures(
    pictures: Sequence[clean.Picture], task: Task, family: str, k: int, rng: np.random.Generator
) -> Example:
    """A square of a clean picture, and the same with grain of one of the task's levels."""
    picture, level = pictures[k // len(task.levels)], task.levels[k % len(task.levels)]
    whole = trees.with_channels(picture.samples(), task.channels)
    rows, columns = trees.cut(task.patch, whole.shape[1], whole.shape[2], rng)
    target = np.ascontiguousarray(whole[:, rows, columns])
    return clean.grained(target, level, family, rng), target, level
