"""Measure a removal model on material it was not trained on: ``fgcodec eval removal``.

Clean clips or stills are grained afresh by families of ``train.generators`` (among them Boolean grain, which
no net was trained on), or a tree of ``org/`` and ``fg/<level>/`` pictures is taken as it is. Everything
runs through the product's own node. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import islice, product
from pathlib import Path

import numpy as np

from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.core.window import Shots
from filmgrain_codec.errors import InputError, UsageError
from filmgrain_codec.grain import removal_metrics as metrics
from filmgrain_codec.grain.profile import KNOT_POSITIONS, Chroma, GrainSegment, Spectrum
from filmgrain_codec.media import scores
from filmgrain_codec.media.reader import Reader
from filmgrain_codec.nodes.denoise import Denoise
from filmgrain_codec.train import clean as pictures
from filmgrain_codec.train.generators.boolean import BooleanRecipe
from filmgrain_codec.train.generators.common import boolean_tone
from filmgrain_codec.train.generators.families import FAMILIES, Recipe
from filmgrain_codec.train.generators.profiled import ProfiledGrain
from filmgrain_codec.train.trees import Pair, is_tree, read_picture, read_tree

SIZES = (0.8, 1.4)
LEVELS = (0.01, 0.025, 0.05, 0.075, 0.1)
USUAL = ("spectral", "boolean")
CENTRES = (2, 4)
"""Frames of a clip that are measured; shorter clips give their middle one."""
LENGTH = 7
_CHROMA = (0.5, 0.4, 0.7)
Row = dict[str, str | float]


@dataclass(frozen=True, slots=True)
class Case:
    """A clip with its grain. ``told``: what non-blind removal is told of it."""

    clean: tuple[Frame, ...]
    grainy: tuple[Frame, ...]
    told: GrainSegment | float


def evaluate(
    model: str,
    data: Path,
    families: Sequence[str] = USUAL,
    sizes: Sequence[float] = SIZES,
    levels: Sequence[float] = LEVELS,
) -> Iterator[Row]:
    """One row per (family, size, level): means over clips and two frames each.

    ``data``: a clip, a still, a folder of them, or a tree of pairs (then family is 'tree', and the rest is
    not used). PSNR in dB of luma and chroma (Y'CbCr; none for grey pictures), noisy, told (``known``) and
    blind; of luma also ``removed`` (deviation of what went over that of the grain), ``slope`` (share of
    the grain that went), ``leakage`` (correlation of what went with fine texture), ``removed_flat`` on
    flat blocks, and VMAF, SSIM, MS-SSIM where this build has libvmaf. Raises ``InputError`` for data that
    cannot be used, ``UsageError`` for an unknown family, ``ModelError`` for a model.
    """
    if is_tree(data):
        if find_spec("PIL") is None:
            raise UsageError("Trees of pictures need Pillow: pip install pillow, or the extra [train].")
        tree = read_tree(data)
        for level in sorted(set(tree.levels.values())):
            yield row("tree", 0.0, level, model, (of_pair(p) for p in tree.at(level)))
        return
    clips = [read(path) for path in files(data)]
    for family, size, level in product([pictures.checked(f) for f in families], sizes, levels):
        grain = recipe(family, size)
        yield row(family, size, level, model, (grained(c, grain, level, n) for n, c in enumerate(clips)))


def files(data: Path) -> list[Path]:
    """Clips and stills of a folder, or the one file given. Raises ``InputError`` where there is none."""
    if data.is_file():
        return [data]
    wanted = (*pictures.VIDEOS, *pictures.PICTURES)
    found = sorted(p for p in data.glob("*") if p.suffix.lower() in wanted)
    if not found:
        raise InputError(
            f"There are no clips or pictures in {data}: name a file, a folder or a tree of pairs."
        )
    return found


def read(path: Path) -> tuple[Frame, ...]:
    """The first frames of a clip in Y'CbCr or grey, as frames of at least 10 bits."""
    with Reader(path, threads=1, yuv=True) as reader:
        frames = tuple(islice(reader, LENGTH))
    return tuple(
        replace(f, fmt=replace(f.fmt, bits=max(f.fmt.bits, 10)), index=n) for n, f in enumerate(frames)
    )


def recipe(family: str, size: float) -> Recipe:
    """Grain of a family at a size; families without a size to set draw one look for each size asked."""
    cb, cr, chroma_size = _CHROMA
    if family == "boolean":
        return BooleanRecipe(size, None, cb, cr, chroma_size)
    if family == "spectral":
        a, b, c, d, e, f, g, h = (float(v) for v in boolean_tone(KNOT_POSITIONS))
        chroma = Chroma(cb, cr, chroma_size)
        return ProfiledGrain(GrainSegment(0, 1, 0.05, (a, b, c, d, e, f, g, h), Spectrum(size), chroma))
    return FAMILIES[family].draw(np.random.default_rng(round(1000 * size)))


def grained(clip: tuple[Frame, ...], grain: Recipe, level: float, seed: int) -> Case:
    """A clip with independent grain on every frame."""
    noisy = tuple(f.with_planes(grain.grain(f.planes, f.fmt, level, seed, f.index)) for f in clip)
    return Case(clip, noisy, replace(grain.segment(level), end=len(clip)))


def of_pair(pair: Pair) -> Case:
    """A pair of pictures as clips of one frame; only the level is known of its grain."""
    both = [(pictures.as_yuv(read_picture(path), 10),) for path in (pair.clean, pair.grainy)]
    return Case(both[0], both[1], pair.level)


def row(family: str, size: float, level: float, model: str, cases: Iterator[Case]) -> Row:
    """Means over all cases."""
    each = [found for case in cases for found in figures(model, case)]
    names = list(dict.fromkeys(name for found in each for name in found))
    means = {n: round(float(np.mean([f[n] for f in each if n in f])), 4) for n in names}
    return {"family": family, "size": size, "level": level, **means}


def figures(model: str, case: Case) -> Iterator[dict[str, float]]:
    """Figures of each measured frame of one case."""
    last = len(case.clean) - 1
    centres = [n for n in CENTRES if n <= last - 2] or [last // 2]
    for centre in centres:
        made = {"noisy": case.grainy[centre].planes}
        for name, told in (("known", case.told), ("blind", None)):
            node = Denoise(told, model)
            node.configure(case.clean[0].fmt)
            window = [case.grainy[k] for k in Shots().neighbours(centre, node.radius, 0, last)]
            made[name] = node.process(window, centre).planes
        yield {
            f"{figure}_{name}": value
            for name, planes in made.items()
            for figure, value in of_planes(planes, case, centre)
        }


def of_planes(planes: tuple[Plane, ...], case: Case, centre: int) -> Iterator[tuple[str, float]]:
    """Name and value of each figure of one cleaned (or noisy) frame."""
    clean, noisy = case.clean[centre].planes, case.grainy[centre].planes
    yield "luma", metrics.psnr(planes[0], clean[0])
    if len(planes) > 1:
        yield (
            "chroma",
            float(np.mean([metrics.psnr(p, c) for p, c in zip(planes[1:], clean[1:], strict=True)])),
        )
    if scores.available():
        around = list(case.clean)
        around[centre] = case.clean[centre].with_planes(planes)
        yield from scores.scores(case.clean, around)[centre].items()
    if planes is noisy:
        return
    whole = metrics.removal(noisy[0], planes[0], clean[0])
    yield "removed", whole.ratio
    yield "slope", whole.slope
    yield "leakage", metrics.leakage(noisy[0], planes[0], clean[0])
    where = metrics.flat_where(clean[0])
    if where is not None:
        yield "removed_flat", metrics.removal(noisy[0], planes[0], clean[0], where).ratio
