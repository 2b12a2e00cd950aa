"""The grain node: the right segment, the right index, nothing where there is no grain."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.node import Node
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain.parametric import synthesize
from filmgrain_codec.grain.profile import Chroma, GrainProfile, GrainSegment, Spectrum
from filmgrain_codec.infer.backend import VARIABLE
from filmgrain_codec.nodes.synth import SEGMENT_PROP, Grain

FMT = FrameFormat(48, 32, bits=10)
PROFILE = GrainProfile(
    (
        GrainSegment(0, 10, 0.05, seed=1),
        GrainSegment(10, 20, 0.001, seed=2),
        GrainSegment(25, 30, 0.02, seed=3),
    )
)


def frame(index: int, **props: object) -> Frame:
    planes = tuple(np.full(FMT.shape(p), 0.5, np.float32) for p in range(3))
    return Frame(planes, FMT, index, index, Fraction(1, 24), props=dict(props))


def made(node: Grain, given: Frame) -> Frame:
    return node.process([given], given.index)


def test_it_is_a_node_that_keeps_the_format() -> None:
    node = Grain(PROFILE)
    assert isinstance(node, Node)
    assert node.radius == 0
    assert node.configure(FMT) == FMT


@pytest.mark.parametrize(
    ("index", "segment"),
    [(0, 0), (9, 0), (10, 1), (19, 1), (20, None), (24, None), (25, 2), (30, None)],
)
def test_the_segment_is_found_by_frame(index: int, segment: int | None) -> None:
    expected = None if segment is None else PROFILE.segments[segment]
    assert Grain(PROFILE).segment(index) is expected
    assert PROFILE.at(index) is expected


def test_grain_is_that_of_the_segment_and_the_level_is_told() -> None:
    given = frame(27)
    out = made(Grain(PROFILE), given)
    expected = synthesize(given.planes, FMT, PROFILE.segments[2], 27)
    np.testing.assert_array_equal(out.planes[0], expected[0])
    assert out.props["FGLevel"] == 0.02
    assert "FGLevel" not in given.props


@pytest.mark.parametrize("index", [12, 22])
def test_no_grain_is_bit_exact_identity(index: int) -> None:
    given = frame(index)
    out = made(Grain(PROFILE), given)
    assert all(a is b for a, b in zip(out.planes, given.planes, strict=True))
    assert out.props["FGLevel"] == 0


def test_the_in_band_index_wins_over_the_position() -> None:
    moved = made(Grain(PROFILE), frame(3, FGIndex=27))
    np.testing.assert_array_equal(moved.planes[0], made(Grain(PROFILE), frame(27)).planes[0])
    shifted = made(Grain(PROFILE, index_offset=24), frame(3))
    np.testing.assert_array_equal(moved.planes[0], shifted.planes[0])


def test_overrides() -> None:
    louder = made(Grain(PROFILE, gain=2.0), frame(0))
    assert louder.props["FGLevel"] == 0.1
    np.testing.assert_array_equal(louder.planes[0], made(Grain(PROFILE, level=0.1), frame(0)).planes[0])
    assert made(Grain(PROFILE, level=0.01), frame(12)).props["FGLevel"] == 0.01
    assert made(Grain(PROFILE, level=0.01), frame(22)).props["FGLevel"] == 0
    other = made(Grain(PROFILE, seed=5), frame(0))
    assert not np.array_equal(other.planes[0], made(Grain(PROFILE), frame(0)).planes[0])


def test_one_segment_serves_every_frame() -> None:
    out = made(Grain(PROFILE.segments[0]), frame(1000))
    assert out.props["FGLevel"] == 0.05
    assert not np.array_equal(out.planes[0], frame(1000).planes[0])


@pytest.mark.parametrize(
    "options", [{"level": -0.1}, {"level": 0.6}, {"level": float("nan")}, {"gain": -1.0}]
)
def test_bad_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="out of range"):
        Grain(PROFILE, **options)  # type: ignore[arg-type]


def test_the_grain_recorded_for_a_frame_wins_over_the_profile() -> None:
    own = GrainSegment(0, 9, 0.05, seed=4)
    node = Grain(PROFILE)
    made = node.process([frame(3, **{SEGMENT_PROP: own})], 3)
    assert np.array_equal(made.planes[0], Grain(own).process([frame(3)], 3).planes[0])
    left_alone = frame(3, **{SEGMENT_PROP: None})
    assert node.process([left_alone], 3).planes[0] is left_alone.planes[0]


def test_size_and_chroma_are_factors_on_what_is_recorded() -> None:
    own = GrainSegment(0, 9, 0.05, chroma=Chroma(0.5, 0.5, 0.6), seed=4)
    wanted = replace(own, spectrum=Spectrum(1.6), chroma=Chroma(0.25, 0.25, 1.2))
    expected = made(Grain(wanted), frame(3)).planes
    for given in (frame(3), frame(3, **{SEGMENT_PROP: own})):
        found = made(Grain(own, size=2.0, chroma=0.5), given).planes
        assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    gray = made(Grain(own, chroma=0.0), frame(3)).planes
    assert gray[1] is not None
    assert np.ptp(gray[1]) == np.ptp(gray[2]) == 0
    with pytest.raises(UsageError, match="size"):
        Grain(own, size=0.0)


def test_a_stock_is_asked_for_the_picture_it_grains() -> None:
    def stock(fmt: FrameFormat) -> GrainSegment:
        return GrainSegment(0, 1, fmt.width / 1000)

    assert made(Grain(stock), frame(900)).props["FGLevel"] == 0.048
    assert made(Grain(stock, level=0.02), frame(0)).props["FGLevel"] == 0.02


ALONE = """
import hashlib, sys
sys.modules["onnxruntime"] = sys.modules["openvino"] = None
from tests.nodes.test_synth import PROFILE, frame, made
from filmgrain_codec.nodes.synth import Grain
planes = made(Grain(PROFILE), frame(27)).planes
print(hashlib.sha256(b"".join(p.tobytes() for p in planes)).hexdigest())
"""


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino", "openvino-bf16"])
def test_parametric_grain_has_the_same_bits_whatever_runs_nets(backend: str) -> None:
    """None of them is even loaded."""
    here = made(Grain(PROFILE), frame(27)).planes
    found = subprocess.run(
        [sys.executable, "-c", ALONE],
        env={**os.environ, VARIABLE: backend, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == hashlib.sha256(b"".join(p.tobytes() for p in here)).hexdigest()
