"""Measure grain synthesis on pictures whose grain is known: ``fgcodec eval synthesis``.

The same material as for removal (``train.evaluate``): clean clips and stills that are grained afresh, or a
tree of ``org/`` and ``fg/<level>/`` pictures. The synthesizer puts grain onto the clean pictures; what it
adds is compared with what was there by every figure of ``grain.realism``. Only the two-sample test needs
torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.errors import InputError
from filmgrain_codec.grain import metrics, realism
from filmgrain_codec.grain.grains import Grains, compared, part
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.nodes.synth import PARAMETRIC, Grain
from filmgrain_codec.train import clean as pictures
from filmgrain_codec.train.evaluate import Case, files, grained, of_pair, read, recipe
from filmgrain_codec.train.trees import is_tree, read_tree

FAMILIES = ("boolean",)
SIZES = (0.8, 1.4)
LEVELS = (0.025, 0.05, 0.1)
FLOOR = "(floor)"
WEAK = "weak"
_SEED = 1
Row = dict[str, str | float | None]
Measure = Callable[[Sequence[Frame]], GrainSegment]
"""What measures the grain of consecutive frames of one shot."""


def evaluate(
    models: Sequence[str],
    data: Path,
    measure: Measure,
    families: Sequence[str] = FAMILIES,
    sizes: Sequence[float] = SIZES,
    levels: Sequence[float] = LEVELS,
) -> Iterator[Row]:
    """Rows by grain: the floor of every figure, then each model told the true profile, and ``measure``'s.

    ``models``: 'parametric', or ids or tiers of synthesis models. ``data``: a clip, a still, a folder of
    them, or a tree of pairs, whose profile can only be measured. Figures as in ``grain.realism``; ``c2st``
    (``train.c2st``) where torch is installed, 'weak' where the test would not know white noise either;
    ``met``: targets met. Raises ``InputError`` for data that cannot be used, ``UsageError`` for an unknown
    family, ``ModelError`` for a model.
    """
    if is_tree(data):
        tree = read_tree(data)
        for level in sorted(set(tree.levels.values())):
            yield from rows("tree", 0.0, level, models, [of_pair(p) for p in tree.at(level)], measure)
        return
    clips = [read(path) for path in files(data)]
    for family, size, level in product([pictures.checked(f) for f in families], sizes, levels):
        grain = recipe(family, size)
        cases = [grained(clip, grain, level, n) for n, clip in enumerate(clips)]
        yield from rows(family, size, level, models, cases, measure)


def rows(
    family: str, size: float, level: float, models: Sequence[str], cases: Sequence[Case], measure: Measure
) -> Iterator[Row]:
    """The floor, and every model told either way."""
    real = grains([case.grainy for case in cases], cases)
    head: Row = {"family": family, "size": size, "level": level}
    effective = round(real.whole.effective)
    yield {
        "model": FLOOR,
        "told": "",
        **head,
        **realism.figures(*real.halves),
        **real.time,
        "effective": effective,
    }
    told = {"estimated": [measure(case.grainy) for case in cases]}
    known = [case.told for case in cases if isinstance(case.told, GrainSegment)]
    if len(known) == len(cases):
        told = {"ideal": known, **told}
    weak = too_weak(real)
    for model, (how, segments) in product(models, told.items()):
        made = [synthesised(c.clean, s, model) for c, s in zip(cases, segments, strict=True)]
        fake = grains(made, cases)
        judge = {"c2st": WEAK if weak else told_apart(real, fake)} if weak is not None else {}
        yield {"model": model, "told": how, **head, **figures(real, fake), **judge}


def grains(frames: Sequence[Sequence[Frame]], cases: Sequence[Case]) -> Grains:
    """What ``frames`` have more than the clean ones. Raises ``InputError`` for pictures too small."""
    clean = [[f.planes for f in case.clean] for case in cases]
    added = [
        [
            tuple(m - p for m, p in zip(f.planes, base, strict=True))
            for f, base in zip(clip, bases, strict=True)
        ]
        for clip, bases in zip(frames, clean, strict=True)
    ]
    made = Grains.of(added, clean)
    if min(min(part(plane)[0].shape[1:]) for planes in made.planes for plane in planes) < metrics.WINDOW:
        raise InputError(
            "The pictures are too small: give clips of 128 x 128 samples or stills of 256 x 256."
        )
    return made


def figures(real: Grains, fake: Grains) -> Row:
    """Every figure (divergences of half sets, as their floor is), and how many targets are met."""
    found = compared(real, fake)
    passed = found.passed()
    values = {k: (found.half if k in realism.OVER_FLOOR else found.whole)[k] for k in found.whole}
    return {**values, "met": f"{sum(passed.values())}/{len(passed)}"}


def too_weak(real: Grains) -> bool | None:
    """Whether the two-sample test would not know white noise of equal strength either; None without torch."""
    if find_spec("torch") is None:
        return None
    from filmgrain_codec.train import c2st

    grain, luma = real.in_order()
    return c2st.too_weak(c2st.accuracy(grain, c2st.white(grain, luma), luma, luma))


def told_apart(real: Grains, fake: Grains) -> float:
    """The share of patches that the two-sample test tells apart."""
    from filmgrain_codec.train import c2st

    grain, luma = real.in_order()
    return c2st.accuracy(grain, fake.in_order()[0], luma, luma).accuracy


def synthesised(clean: Sequence[Frame], segment: GrainSegment, model: str = PARAMETRIC) -> list[Frame]:
    """The frames with a segment's grain, rounded to their codes."""
    node = Grain(replace(segment, seed=_SEED), synthesis=model)
    node.configure(clean[0].fmt)
    return [coded(node.process([frame], frame.index)) for frame in clean]


def coded(frame: Frame) -> Frame:
    peak = frame.fmt.peak
    return frame.with_planes(
        tuple(np.asarray(np.clip(np.rint(p * peak), 0, peak) / peak, np.float32) for p in frame.planes)
    )
