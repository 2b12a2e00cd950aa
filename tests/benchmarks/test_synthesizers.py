"""The synthesizers' settings give the strength they mean to, and targets are judged from the rows."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from benchmarks import synthesis
from benchmarks.peers.case import Case
from benchmarks.synthesizers import av1, ffmpeg, figures, gaussian, ours
from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat
from filmgrain_codec.grain import metrics
from filmgrain_codec.grain.profile import Chroma, GrainSegment, Spectrum

FMT = FrameFormat(384, 256, bits=10, color=ColorInfo(1, 1, 1, 1))
SEGMENT = GrainSegment(0, 4, 0.05, spectrum=Spectrum(0.8), chroma=Chroma(0.5, 0.4, 0.7))


@pytest.fixture(scope="module")
def case() -> Case:
    """Four grey frames, and the same with grain of level 0.05."""
    planes = tuple(np.full(FMT.shape(k), 512 / 1023, np.float32) for k in range(3))
    clean = tuple(Frame(planes, FMT, n, n, Fraction(1, 25), 1) for n in range(4))
    grainy = tuple(
        f.with_planes(tuple(p + g for p, g in zip(planes, grain, strict=True)))
        for f, grain in zip(clean, ours.Ours().grain(empty(clean)), strict=True)
    )
    return replace(empty(clean), grainy=grainy)


def empty(clean: tuple[Frame, ...]) -> Case:
    return Case("grey", "test", 0.8, 0.05, clean, (), SEGMENT)


def plane(case: Case, made: object, k: int = 0) -> np.ndarray:
    return np.stack([frame[k] for frame in made.grain(case)])  # type: ignore[attr-defined]


@pytest.mark.parametrize("made", [ours.Ours(), gaussian.Gaussian(), ffmpeg.FfmpegNoise(), ffmpeg.FROZEN])
def test_noise_adders_have_the_strength_of_the_target(case: Case, made: object) -> None:
    for k, sigma in enumerate((0.05, 0.025, 0.02)):
        assert plane(case, made, k).std() == pytest.approx(sigma, rel=0.08)


def test_vs_noise_has_the_strength_and_the_neighbours_of_the_target(case: Case) -> None:
    if not all(importlib.util.find_spec(m) for m in ("vapoursynth",)):
        pytest.skip("vapoursynth is not installed")
    import vapoursynth as vs

    if not hasattr(vs.core, "noise"):
        pytest.skip("vsnoise is not installed")
    from benchmarks.synthesizers.vsnoise import VsNoise

    grain = plane(case, VsNoise())
    assert grain.std() == pytest.approx(0.05, rel=0.08)
    wanted = metrics.autocorrelation(plane(case, ours.Ours()), 1)[1, 2]
    assert metrics.autocorrelation(grain, 1)[1, 2] == pytest.approx(wanted, abs=0.05)


def test_only_the_filter_s_default_is_frozen(case: Case) -> None:
    assert metrics.temporal_correlation(plane(case, ffmpeg.FROZEN)) > 0.9
    for made in (ours.Ours(), gaussian.Gaussian(), ffmpeg.FfmpegNoise()):
        assert metrics.temporal_correlation(plane(case, made)) < 0.05


def test_svt_puts_fresh_grain_on_what_it_took_grain_from(case: Case) -> None:
    grain = plane(case, av1.available()[0])
    assert 0.001 < grain.std() < 0.08
    assert not np.array_equal(grain[0], grain[1])


def test_ours_estimates_from_the_grainy_frames(case: Case) -> None:
    told = ours.Ours(told="estimated").segment(case)
    assert told.level == pytest.approx(0.05, rel=0.15)
    assert told.spectrum.size == pytest.approx(0.8, rel=0.15)


def test_grain_is_cut_and_levelled_like_film() -> None:
    film = np.zeros((1, 128, 256), np.float32)
    grain = np.random.default_rng(0).normal(0.3, 2.0, (2, 300, 600)).astype(np.float32)
    pieces = figures.like(film, grain)
    assert pieces.shape == (2 * 2 * 2, 128, 256)
    assert pieces.mean((1, 2)) == pytest.approx(0, abs=1e-5)
    assert pieces.std((1, 2)) == pytest.approx(1, abs=1e-5)


def test_targets_name_the_worst_grain_and_count_those_met() -> None:
    head = {"method": "a", "grain": "boolean", "size": 0.8}
    rows = [
        {**head, "level": level, "psd_db": psd, "kld": kld, "floor": {"kld": floor}, "passed": passed}
        for level, psd, kld, floor, passed in (
            (0.05, 0.4, 0.3, 0.1, {"psd_db": True, "kld": False}),
            (0.1, 0.7, 0.5, 0.4, {"psd_db": False, "kld": True}),
        )
    ]
    psd, kld = synthesis.targets(rows)
    assert (psd["measured"], psd["passed"]) == (0.7, False)
    assert "worst of 2 grains (boolean 0.8 0.1); 1 met" in psd["target"]
    assert (kld["measured"], kld["wanted"]) == (0.3, "<= 2 x floor")
