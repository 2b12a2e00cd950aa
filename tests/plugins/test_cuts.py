"""Cuts found by random access are those that are found in order, however close they lie."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import vapoursynth as vs

from filmgrain_codec.core.codes import read_codes
from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.pipeline.shots import CutDetector
from vsfgcodec.clips import job, opened
from vsfgcodec.cuts import FLAG, marked

HEIGHT, WIDTH, LEAST = 96, 128, 40
FORMAT = FrameFormat(WIDTH, HEIGHT, "gray", 0, 0, 8)
LENGTHS = (1, 2, 3, 4, 5, 7, 9, 12)


def sequence(seed: int) -> list[np.ndarray]:
    """Pictures that change after a few frames, come back, flash up."""
    rng = np.random.default_rng(seed)
    stills = [np.kron(rng.random((6, 8)), np.ones((16, 16))) * 204 + 25 for _ in range(6)]
    shown: list[int] = []
    while len(shown) < LEAST:
        shown += [int(rng.integers(len(stills)))] * int(rng.choice(LENGTHS))
    return [np.clip(stills[k] + rng.normal(0, 3, (HEIGHT, WIDTH)), 0, 255).astype(np.uint8) for k in shown]


def in_order(pictures: list[np.ndarray]) -> tuple[int, ...]:
    detector = CutDetector(FORMAT)
    for n, codes in enumerate(pictures):
        detector.observe(Frame((read_codes(codes, np.float32(255)),), FORMAT, n, n, Fraction(1, 24)))
    return detector.finish()


def clip(pictures: list[np.ndarray]) -> Any:
    form = vs.core.std.BlankClip(format=vs.GRAY8, width=WIDTH, height=HEIGHT, length=len(pictures), keep=True)

    def fill(n: int, f: Any) -> Any:
        out = f.copy()
        np.copyto(np.asarray(out[0]), pictures[n])
        return out

    return form.std.ModifyFrame(form, fill)


@pytest.mark.parametrize("seed", range(6))
def test_cuts_by_random_access(seed):
    pictures = sequence(seed)
    found = job("test", clip(pictures))
    flags = marked(found, opened(found), "auto")
    order = list(range(len(pictures)))
    random.Random(seed).shuffle(order)
    cuts = tuple(sorted(n for n in order if flags.get_frame(n).props[FLAG]))
    assert cuts == in_order(pictures)


def test_the_sequences_have_cuts():
    assert sum(len(in_order(sequence(seed))) for seed in range(6)) > 6
