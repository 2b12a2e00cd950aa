"""Make an ``org/`` + ``fg/<level>/`` tree out of clean pictures: ``fgcodec train tree``."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from filmgrain_codec.errors import OutputError, UsageError
from filmgrain_codec.train.clean import Picture, as_frame, checked, grained, read_clean, rounded
from filmgrain_codec.train.generators.families import FAMILIES
from filmgrain_codec.train.trees import LEVEL_MAX, Samples, levels_of, noise_sigma, read_tree

LEVELS = (0.01, 0.025, 0.05, 0.075, 0.1)
"""The levels of the FilmGrain dataset."""
ENDINGS = ("tiff", "png")


@dataclass(frozen=True, slots=True)
class Config:
    """``patch``: side of the squares that pictures are cut into, 0 for whole pictures."""

    clean: Path
    out: Path
    levels: Sequence[float] = LEVELS
    family: str = "spectral"
    seed: int = 0
    patch: int = 0
    bits: int = 8
    ending: str = "tiff"
    limit: int | None = None


def make(config: Config) -> int:
    """Write the tree and return the number of clean pictures in it.

    The grain of a picture depends on the seed, its place in the sorted list and the level. The
    folder appears when it is complete. Raises ``OutputError`` if it exists, ``InputError`` where there are no
    pictures, ``UsageError`` for an unknown family or level.
    """
    folders = {level: folder_name(level) for level in config.levels}
    levels_of(list(folders.values()))
    checked(config.family)
    if config.out.exists():
        raise OutputError(f"{config.out} exists: name a new folder, or remove it.")
    part = config.out.with_name(f"{config.out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    count = 0
    for name, clean in pictures(config):
        write(clean, part / "org", name, config)
        for level, folder in folders.items():
            rng = np.random.default_rng([config.seed, count, round(level * 1e6)])
            write(grained(clean, level, config.family, rng, config.bits), part / "fg" / folder, name, config)
        count += 1
    if not count:
        raise UsageError(f"No picture in {config.clean} holds a patch of {config.patch}x{config.patch}.")
    part.rename(config.out)
    return count


def folder_name(level: float) -> str:
    """A level's folder as the FilmGrain dataset names it: 0.01 is 01, 0.025 is 025, 0.1 is 1."""
    if not 0 < level <= LEVEL_MAX:
        raise UsageError(f"{level:g} is no level to make: choose one above 0 and up to {LEVEL_MAX}.")
    return f"{level * 10:.5f}".rstrip("0").rstrip(".").replace(".", "")


def pictures(config: Config) -> Iterator[tuple[str, Samples]]:
    """Named clean pictures at the codes they are stored with, cut into patches where that is asked for."""
    for picture in read_clean(config.clean)[: config.limit]:
        for name, samples in patches(picture, config.patch):
            yield name, rounded(samples, config.bits)


def patches(picture: Picture, side: int) -> Iterator[tuple[str, Samples]]:
    samples = picture.samples()
    if not side:
        yield picture.name, samples
        return
    rows, columns = (n // side for n in samples.shape[1:])
    for k in range(rows * columns):
        top, left = k // columns * side, k % columns * side
        yield f"{picture.name}_p{k}", samples[:, top : top + side, left : left + side]


def write(samples: Samples, folder: Path, name: str, config: Config) -> None:
    """One picture without loss at its bits."""
    from filmgrain_codec.media.stills import StillsSink

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name.replace('%', '_')}.{config.ending}"
    sink = StillsSink(path, folder, as_frame(samples, config.bits).fmt, None)
    sink.write(as_frame(samples, config.bits))
    sink.close()


def show(root: Path) -> Iterator[str]:
    """One line per level of a tree: the level its folder's name means, pairs, and measured sigma."""
    tree = read_tree(root)
    yield f"{len({p.clean for p in tree.pairs})} clean pictures in {root / 'org'}"
    for folder, level in sorted(tree.levels.items(), key=lambda item: item[1]):
        pairs = tree.at(level)
        sigma = noise_sigma(pairs)
        yield f"fg/{folder}: level {level:g}, {len(pairs)} pairs, measured sigma of luma grain {sigma:.4f}"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    about = "Make a tree of training pairs from clean pictures, or show what a tree holds."
    parser = argparse.ArgumentParser(prog="fgcodec train tree", description=about)
    parser.add_argument("--show", type=Path, metavar="TREE", help="list the levels of a tree and stop")
    parser.add_argument("--clean", type=Path, help="folder of clean pictures or videos")
    parser.add_argument("--out", type=Path, help="folder to make")
    parser.add_argument("--levels", type=float, nargs="+", default=list(LEVELS), help="grain levels")
    parser.add_argument("--family", default="spectral", help=f"grain family: {', '.join(FAMILIES)}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--patch", type=int, default=0, help="cut into squares of this side (0: whole pictures)"
    )
    parser.add_argument("--bits", type=int, choices=(8, 16), default=8)
    parser.add_argument("--ending", choices=ENDINGS, default="tiff")
    parser.add_argument("--limit", type=int, help="use the first pictures only")
    given = parser.parse_args(arguments)
    if not given.show and not (given.clean and given.out):
        raise UsageError("fgcodec train tree needs --clean and --out, or --show: name the folders.")
    return given


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``fgcodec train tree``."""
    given = vars(parse(arguments))
    tree = given.pop("show")
    if tree is None:
        count = make(Config(**given))
        print(f"{count} pictures at {len(given['levels'])} levels in {given['out']}")
        tree = given["out"]
    for line in show(tree):
        print(line)


if __name__ == "__main__":
    main()
