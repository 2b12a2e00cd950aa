"""Training pictures in pairs: ``org/`` and ``fg/<level>/`` trees, and folders of clean pictures.

A tree is laid out as the FilmGrain dataset of DeepFilmGrain (Ameur et al., arXiv 2206.07411): a clean
picture in ``org``, one grainy copy of the same name per level in ``fg/01``, ``fg/025``, ``fg/05``,
``fg/075`` and ``fg/1``. Pictures are TIFF, PNG or JPEG, RGB or gray, 8 or 16 bit.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.errors import InputError
from filmgrain_codec.train.material import is_held_out

Samples = NDArray[np.float32]
"""(channels, rows, columns) in 0..1; 1 channel is gray, 3 are R, G, B."""
PICTURES = (".tif", ".tiff", ".png", ".jpg", ".jpeg")
LEVEL_MAX = 0.2
HELD_OUT_SHARE = 10
"""One picture in so many is held out for validation."""
LUMA = (0.2126, 0.7152, 0.0722)


@dataclass(frozen=True, slots=True)
class Pair:
    """A clean picture, its grainy copy and the level of the grain."""

    clean: Path
    grainy: Path
    level: float


@dataclass(frozen=True, slots=True)
class Tree:
    """``levels``: level by folder name under ``fg``; ``pairs``: sorted by level, then by name."""

    root: Path
    levels: dict[str, float]
    pairs: tuple[Pair, ...]

    def at(self, level: float) -> tuple[Pair, ...]:
        """The pairs of one level."""
        return tuple(p for p in self.pairs if p.level == level)


def is_tree(root: Path) -> bool:
    """Whether a folder is meant as a tree of pairs, rather than as a folder of clean pictures."""
    return (root / "fg").is_dir() or (root / "org").is_dir()


def read_tree(root: Path) -> Tree:
    """The pairs of a tree; a picture of ``org`` may lack some levels, but not all of them.

    Raises ``InputError`` where there are no levels, a folder's name is no level, a grainy picture has
    no clean one or a clean one no grainy one, or the two differ in size.
    """
    folders = sorted(p for p in (root / "fg").glob("*") if p.is_dir())
    if not folders:
        raise InputError(f"There are no levels in {root / 'fg'}: it must hold folders such as 01, 025 and 1.")
    clean = named(root / "org")
    levels = levels_of([p.name for p in folders], root / "fg")
    pairs = tuple(
        Pair(clean_of(clean, grainy, root), grainy, levels[folder.name])
        for folder in sorted(folders, key=lambda p: levels[p.name])
        for grainy in named(folder).values()
    )
    unused = sorted(set(clean.values()) - {p.clean for p in pairs})
    if unused:
        raise InputError(f"{unused[0]} has no grainy copy under {root / 'fg'}: add it, or move it away.")
    for pair in pairs:
        check_sizes(pair)
    return Tree(root, levels, pairs)


def levels_of(names: Sequence[str], where: Path = Path("fg")) -> dict[str, float]:
    """Levels by folder name.

    A name with a point says its level (0.05). Names of digits follow the FilmGrain dataset, where 01,
    025, 05, 075 and 1 are 0.01 to 0.1; where one begins with 00, they are levels without their point, as
    DeepFilmGrain's own program expects them (001, 0025, 005, 0075, 01), unless that makes one exceed 0.2.
    """
    values = {name: number(name, where) for name in names}
    digits = {name: value for name, value in values.items() if "." not in name}
    pointless = any(n.startswith("00") for n in digits) and max(digits.values()) <= LEVEL_MAX
    levels = values if pointless else {**values, **{n: v / 10 for n, v in digits.items()}}
    wrong = [n for n, level in levels.items() if not 0 < level <= LEVEL_MAX]
    if wrong:
        raise InputError(
            f"{where / wrong[0]} means level {levels[wrong[0]]:g}: levels are at most {LEVEL_MAX}."
        )
    same = {level: [n for n in levels if levels[n] == level] for level in levels.values()}
    twice = [found for found in same.values() if len(found) > 1]
    if twice:
        raise InputError(f"{' and '.join(twice[0])} in {where} name the same level: keep one of them.")
    return {name: round(level, 6) for name, level in levels.items()}


def number(name: str, where: Path) -> float:
    """A folder's name as a number, with a point after the first digit where it has none."""
    text = name if "." in name else f"{name[:1]}.{name[1:]}"
    if not text.replace(".", "", 1).isdecimal():
        raise InputError(f"{where / name} is no level: name the folder by its level, such as 0.05 or 05.")
    return float(text)


def named(folder: Path) -> dict[str, Path]:
    """Pictures of a folder by name without ending. Raises ``InputError`` where there are none."""
    files = [p for p in sorted(folder.glob("*")) if p.suffix.lower() in PICTURES]
    found = {p.stem: p for p in files}
    if not found:
        raise InputError(f"No pictures found in {folder}: it must hold .tiff, .png or .jpg files.")
    if len(found) < len(files):
        twice = next(p for p in files if found[p.stem] != p)
        raise InputError(f"{twice} and {found[twice.stem].name} have the same name: keep one of them.")
    return found


def clean_of(clean: dict[str, Path], grainy: Path, root: Path) -> Path:
    if grainy.stem not in clean:
        raise InputError(f"{grainy} has no clean picture {root / 'org' / grainy.stem}.*: add it.")
    return clean[grainy.stem]


def check_sizes(pair: Pair) -> None:
    """Compare the sizes in the two headers."""
    sizes = [header_size(p) for p in (pair.clean, pair.grainy)]
    if sizes[0] != sizes[1]:
        (w, h), (v, g) = sizes
        raise InputError(f"{pair.grainy} is {v}x{g}, but {pair.clean} is {w}x{h}: pairs must match.")


def header_size(path: Path) -> tuple[int, int]:
    """(width, height) from a picture's header."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return image.size
    except (UnidentifiedImageError, OSError) as e:
        raise InputError(f"{path} cannot be read as a picture ({e}).") from e


def read_picture(path: Path) -> Samples:
    """A picture of 8 to 16 bit, 1 channel where it is gray. Raises ``InputError`` if it cannot be read."""
    from filmgrain_codec.media.reader import Reader

    with Reader(path, threads=1) as frames:
        return in_channels(next(iter(frames)))


def in_channels(frame: Frame) -> Samples:
    """A frame as gray or RGB samples; Y'CbCr is converted by its own matrix and range."""
    from filmgrain_codec.media.rgb import full_range, to_rgb

    frame = to_rgb(frame) if frame.fmt.family == "yuv" else full_range(frame)
    return np.stack([np.clip(p, 0, 1) for p in frame.planes]).astype(np.float32)


def with_channels(samples: Samples, channels: int) -> Samples:
    """The same picture in 1 or 3 channels: BT.709 luma of RGB, or gray three times."""
    if len(samples) == channels:
        return samples
    if channels == 1:
        return np.tensordot(np.asarray(LUMA, np.float32), samples, 1)[None]
    return np.repeat(samples, channels, 0)


def held_out(names: Sequence[str]) -> NDArray[np.bool_]:
    """Which pictures are for validation: whole photographs, never their crops apart.

    Names that begin with a photograph's number are split as ``material.is_held_out`` does; others by a hash
    of the name, one in ten. At least one picture is held out, and one is left to train on.
    """
    chosen = np.array([hashed(n) == 0 if photograph(n) is None else is_held_out(Path(n)) for n in names])
    groups = {photograph(n) or n for n in names}
    if len(groups) > 1 and chosen.all() | ~chosen.any():
        lone = min(groups, key=lambda g: hashlib.sha256(g.encode()).hexdigest())
        chosen = np.array([(photograph(n) or n) == lone for n in names])
    return chosen


def photograph(name: str) -> str | None:
    """The number before the first underscore, None where a name has none."""
    head, rest, _ = name.partition("_")
    return head if rest and head.isdigit() else None


def hashed(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % HELD_OUT_SHARE


def split(tree: Tree, *, validation: bool) -> tuple[Pair, ...]:
    """The pairs to validate on, or those to train on. Raises ``InputError`` where there are none."""
    names = sorted({p.clean.stem for p in tree.pairs})
    kept = {n for n, held in zip(names, held_out(names), strict=True) if held == validation}
    found = tuple(p for p in tree.pairs if p.clean.stem in kept)
    if not found:
        raise InputError(f"{tree.root} holds one photograph only: it takes two, to train and to validate on.")
    return found


def check_patch(side: int, size: tuple[int, int], path: Path) -> None:
    """Refuse a picture of (width, height) that holds no patch, before training gets to it."""
    if min(size) < side:
        raise InputError(f"{path} is {size[0]}x{size[1]}: training takes pictures of {side}x{side} or more.")


def cut(side: int, rows: int, columns: int, rng: np.random.Generator) -> tuple[slice, slice]:
    """A random square of ``side`` samples."""
    top, left = int(rng.integers(rows - side + 1)), int(rng.integers(columns - side + 1))
    return slice(top, top + side), slice(left, left + side)


def noise_sigma(pairs: Sequence[Pair], limit: int = 8) -> float:
    """Standard deviation of grainy minus clean luma over the first pairs, to check a level's name."""
    powers = [float((luma(p.grainy) - luma(p.clean)).var()) for p in pairs[:limit]]
    return math.sqrt(sum(powers) / len(powers))


def luma(path: Path) -> Samples:
    return with_channels(read_picture(path), 1)
