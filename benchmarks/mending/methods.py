"""What repairs: ours, ours with the true mask, a plain median along the motion, and VapourSynth's MVTools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.mending.scenes import Case
from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.core.registry import build_chain
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.nodes.repair.aligned import Aligned
from filmgrain_codec.nodes.repair.around import Around
from filmgrain_codec.nodes.repair.fill import FEATHER, filled, widened

COVERAGE = "max_coverage=10"
"""The default leaves frames with more than 1 % alone; the clips of the benchmark have up to 3 %."""


@dataclass(frozen=True)
class Ours:
    """A chain of filters, and the same with the mask shown."""

    name: str
    texts: tuple[str, ...]
    show: str
    detector: str = ""
    passes: int = 1

    def frames(self, case: Case) -> list[Frame]:
        return list(Graph(build_chain(self.texts)).stream(case.given))

    def masks(self, case: Case) -> list[Plane]:
        shown = Graph(build_chain([self.show])).stream(case.given)
        return [f.planes[0] > f.planes[0].min() + 0.25 for f in shown]


def dust(detector: str, more: str = COVERAGE, passes: int = 1) -> Ours:
    text = f"dust:detector={detector},passes={passes},{more}"
    name = f"dust, {detector}" if passes == 1 else f"dust, {detector}, two passes"
    return Ours(name, (text,), f"{text},show=mask", detector, passes)


def windows(frames: Sequence[Frame]) -> list[list[Frame]]:
    """The five frames around each; at the ends the nearest stands for those that are missing."""
    last = len(frames) - 1
    return [[frames[min(max(0, n + k), last)] for k in range(-2, 3)] for n in range(len(frames))]


def oracle(case: Case) -> list[Frame]:
    """The true mask with our fill."""
    assert case.masks is not None
    made = []
    for window, mask in zip(windows(case.given), case.masks, strict=True):
        wide = widened(mask.astype(np.uint8))
        planes = filled(Around(window), wide, 0.8).planes if wide.any() else window[2].planes
        made.append(window[2].with_planes(planes))
    return made


def oracle_mean(case: Case) -> list[Frame]:
    """The true mask with the mean of the neighbours along the motion: nearest to the truth, without grain."""
    assert case.masks is not None
    cv, made = opencv(), []
    for window, mask in zip(windows(case.given), case.masks, strict=True):
        aligned = Aligned(window[1:4])
        wide = widened(mask.astype(np.uint8))
        share = cv.GaussianBlur(wide.astype(np.float32), (0, 0), FEATHER) * wide
        mean = (aligned.before + aligned.after) / 2
        made.append(window[2].with_planes((aligned.here + share * (mean - aligned.here),)))
    return made


def median(case: Case) -> list[Frame]:
    """The median of the frame and its neighbours along the motion, everywhere (as SpotLess has it)."""
    made = []
    for window in windows(case.given):
        aligned = Aligned(window[1:4])
        three = np.stack([aligned.before, aligned.here, aligned.after])
        made.append(window[2].with_planes((np.median(three, axis=0).astype(np.float32),)))
    return made


def narrowed(mask: Plane) -> Plane:
    """What was found, of the mask shown, which is two samples wider."""
    round_one = opencv().getStructuringElement(opencv().MORPH_ELLIPSE, (5, 5))
    return np.asarray(opencv().erode(np.asarray(mask, np.uint8), round_one))
