"""A judge of patches is asked about single frames, and may take what looks like grain for texture."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.grain import judged
from filmgrain_codec.grain.estimate import GrainAnalyzer, estimate_frames
from filmgrain_codec.grain.flat import Array
from filmgrain_codec.grain.judged import Judge
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.train.generators import spectral
from filmgrain_codec.train.generators.spectral import SpectralGrain

FMT = FrameFormat(448, 320, "gray", bits=10)


def says(sigma: float, error: float, size: float = 0.8) -> Judge:
    """A judge that says the same of every patch; ``error`` is the standard deviation of its logarithms."""

    def judge(patches: Array) -> Array:
        told = [np.log(sigma), 2 * np.log(error), np.log(size), 2 * np.log(error)]
        return np.tile(np.array(told, np.float32), (len(patches), 1))

    return judge


def frames(level: float, count: int = 1, texture: float = 0.0) -> list[Frame]:
    """A gradient with grain, and with what one frame cannot tell from grain."""
    rng = np.random.default_rng(3)
    luma = np.tile(np.linspace(0.3, 0.7, FMT.width, dtype=np.float32), (FMT.height, 1))
    luma = luma + np.float32(texture) * rng.standard_normal(luma.shape).astype(np.float32)
    recipe = SpectralGrain(tone="flat")
    made = [spectral.grain((luma,), FMT, level, 7, k, recipe) for k in range(count)]
    return [Frame(planes, FMT, k, k, Fraction(1, 25)) for k, planes in enumerate(made)]


def test_the_judge_takes_texture_for_what_it_is() -> None:
    (frame,) = frames(0.01, texture=0.04)
    alone = estimate_frames([frame])
    told = estimate_frames([frame], judge=says(0.01, 0.1))
    assert alone.level > 0.03
    assert told.level == pytest.approx(0.01, rel=0.15)
    assert told.curve[3] == pytest.approx(1.0, abs=0.1)
    assert told.confidence <= alone.confidence


def test_a_judge_that_half_agrees_leaves_the_statistics_alone() -> None:
    (frame,) = frames(0.02)
    alone = estimate_frames([frame])
    for sigma in (0.013, 0.05):
        told = estimate_frames([frame], judge=says(sigma, 0.1))
        assert (told.level, told.curve, told.confidence) == (alone.level, alone.curve, alone.confidence)


def test_a_veto_without_evidence_gives_no_confidence() -> None:
    (frame,) = frames(0.02)
    assert estimate_frames([frame], judge=says(0.002, 2.5)).confidence < 0.1


def test_the_judge_s_size_counts_where_it_is_sure() -> None:
    (frame,) = frames(0.02)
    assert estimate_frames([frame], judge=says(0.02, 0.1, 1.5)).spectrum.size == pytest.approx(1.5)
    assert estimate_frames([frame], judge=says(0.02, 1.0, 1.5)).spectrum.size == pytest.approx(0.8, rel=0.1)


def test_nobody_is_asked_where_frames_can_be_compared() -> None:
    def refuse(patches: Array) -> Array:
        raise AssertionError("asked")

    pair = frames(0.02, 2)
    assert estimate_frames(pair, judge=refuse) == estimate_frames(pair)


def test_frames_too_small_for_a_patch_are_left_to_the_statistics() -> None:
    small = FrameFormat(60, 48, "gray", bits=10)
    luma = np.random.default_rng(1).normal(0.5, 0.02, (48, 60)).astype(np.float32)
    analyzer = GrainAnalyzer(small, judge=says(0.1, 0.01))
    analyzer.observe(Frame((luma,), small, 0, 0, Fraction(1, 25)))
    assert analyzer.finish().level < 0.05


def test_the_flattest_patches_are_chosen_and_clipped_ones_are_not() -> None:
    luma = np.full((128, 256), 0.5, np.float32)
    noise = np.random.default_rng(2).normal(0, 0.01, luma.shape).astype(np.float32)
    luma += noise
    luma[:64, :64] += 0.3 * np.sign(np.sin(np.arange(64) / 5)).astype(np.float32)
    luma[:64, 64:128] = 0.0
    chosen = judged.patches(luma, 6)
    assert chosen.shape == (6, 2, 64, 64)
    assert (chosen[:, 0] == chosen[:, 1]).all()
    assert chosen.mean((1, 2, 3)) == pytest.approx(0.5, abs=0.01)
    assert len(judged.patches(luma, 100)) == 7


def test_an_opinion_on_nothing_changes_nothing() -> None:
    segment = GrainSegment(0, 1, 0.03, confidence=0.2)
    said = judged.judged(says(0.1, 0.1), np.zeros((0, 2, 64, 64), np.float32))
    assert judged.second_opinion(segment, said) == segment
