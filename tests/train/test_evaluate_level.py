"""Errors of the level on users' own material."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain.profile import GrainSegment, Spectrum
from filmgrain_codec.train import evaluate_level

FMT = FrameFormat(64, 48, "gray", bits=10)


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two clips of mid-grey in the place of files."""
    clip = tuple(Frame((np.full((48, 64), 0.5, np.float32),), FMT, k, k, Fraction(1, 25)) for k in range(2))
    monkeypatch.setattr(evaluate_level, "files", lambda data: [Path("a"), Path("b")])
    monkeypatch.setattr(evaluate_level, "read", lambda path: clip)
    return Path("material")


def spread(frames: Sequence[Frame]) -> GrainSegment:
    """A measure that reads 10 % high."""
    level = 1.1 * float(np.mean([f.planes[0].std() for f in frames]))
    return GrainSegment(0, len(frames), level, spectrum=Spectrum(size=0.7), confidence=0.9)


def test_errors_are_those_of_the_measure(clean: Path) -> None:
    none, row = evaluate_level.evaluate(clean, spread, ("spectral",), (0.8,), (0.05,))
    assert (none["family"], none["found"], none["clips"]) == ("none", 0.0, 2)
    assert row["bias"] == pytest.approx(10, abs=6)
    assert row["worst"] >= row["error"] >= 0
    assert row["found size"] == 0.7


def test_noise_of_the_clean_clip_counts_where_it_is_sure(clean: Path) -> None:
    def noisy(frames: Sequence[Frame]) -> GrainSegment:
        return replace(spread(frames), level=0.03)

    _, sure = evaluate_level.evaluate(clean, noisy, ("spectral",), (0.8,), (0.04,))
    assert sure["bias"] == pytest.approx(100 * (0.03 / 0.05 - 1))
    _, unsure = evaluate_level.evaluate(
        clean, lambda f: replace(noisy(f), confidence=0.1), ("spectral",), (0.8,), (0.04,)
    )
    assert unsure["bias"] == pytest.approx(100 * (0.03 / 0.04 - 1))


def test_a_family_that_does_not_exist(clean: Path) -> None:
    with pytest.raises(UsageError):
        list(evaluate_level.evaluate(clean, spread, ("sand",)))
