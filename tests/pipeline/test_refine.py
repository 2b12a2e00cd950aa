"""The pass of an encode that makes the regrained base layer measure as the source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import material
from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain.estimate import estimate_frames
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.media import carriage
from filmgrain_codec.nodes.denoise import Denoise
from filmgrain_codec.pipeline.encode import encode, plan
from filmgrain_codec.pipeline.progress import Meter
from filmgrain_codec.pipeline.refine import bursts_of, refine, to_refine
from filmgrain_codec.pipeline.request import EncodeRequest
from tests.e2e import clips

FMT = clips.format_of(256, 160)


class Leaves:
    """A removal that leaves a share of what lies between the source and the clean picture."""

    radius = 1

    def __init__(self, share: float) -> None:
        self.share = share

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        return fmt

    def process(self, window: tuple[Frame, ...], n: int) -> Frame:
        clean = clips.picture(FMT, 0, n)
        planes = zip(window[1].planes, clean, strict=True)
        return window[1].with_planes(tuple(c + np.float32(self.share) * (p - c) for p, c in planes))


@pytest.fixture(scope="module")
def source() -> list[Frame]:
    return clips.frames(FMT, 4, level=0.03)


def refined(source: list[Frame], share: float, **more: object):
    segment = GrainSegment(0, 4, 0.03, chroma=clips.Chroma(0.5, 0.4, 0.6), confidence=0.9)
    segment = replace(segment, **more)
    return segment, *refine([segment], [True], source, [Leaves(share)], Meter("refine", 4, None))


def test_grain_that_the_base_layer_kept_is_not_put_on_twice(source) -> None:
    before, (after,), (change,) = refined(source, 0.5)
    assert change.before[0] == pytest.approx(np.hypot(1, 0.5), rel=0.06)
    assert change.after[0] == pytest.approx(1, abs=0.02)
    assert after.level == pytest.approx(before.level * np.sqrt(1 - 0.5**2), rel=0.06)
    assert abs(change.after[2] - 1) < abs(change.before[2] - 1) + 0.02
    assert (after.start, after.end, after.curve) == (before.start, before.end, before.curve)


def test_what_was_stated_or_hardly_measured_stays(source) -> None:
    doubtful, (same,), changes = refined(source, 0.5, confidence=0.2)
    assert same == doubtful
    assert changes == []
    stated = replace(doubtful, confidence=0.9)
    made, changes = refine([stated], [False], source, [Leaves(0.5)], Meter("refine", 4, None))
    assert (made, changes) == ((stated,), [])
    assert not to_refine(replace(stated, end=1))
    assert not to_refine(replace(stated, level=0.0))


@pytest.mark.parametrize("length", [2, 5, 12, 23, 24, 500])
def test_a_dozen_frames_inside_the_shot_are_looked_at(length: int) -> None:
    bursts = bursts_of(GrainSegment(100, 100 + length, 0.03))
    seen = [k for a, b in bursts for k in range(a, b)]
    assert len(seen) == len(set(seen)) == min(length, 12)
    assert min(seen) >= 100
    assert max(seen) < 100 + length


def test_only_the_frames_of_the_segment_are_used(source) -> None:
    """Two pieces of one shot: each is corrected by itself, whatever the other is."""
    quiet = GrainSegment(0, 2, 0.0, confidence=0.9)
    loud = GrainSegment(2, 4, 0.03, confidence=0.9)
    made, changes = refine([quiet, loud], [True, True], source, [Leaves(0.5)], Meter("refine", 4, None))
    assert made[0] == quiet
    assert [c.start for c in changes] == [2]
    assert made[1].level < 0.029


def test_encode_refines_on_request_and_says_what_it_did(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "in.mkv", clips.frames(FMT, 4))
    asked = EncodeRequest(source=path, output=tmp_path / "a.mkv", codec="x264", preset="ultrafast")
    assert plan(asked).digest != plan(replace(asked, refine=True)).digest
    report = encode(replace(asked, refine=True))
    carried = carriage.find(tmp_path / "a.mkv").profile
    assert [c["start"] for c in report.refined] == [0]
    assert carried.segments[0].level == report.shots[0]["level"] == pytest.approx(clips.LEVEL, rel=0.2)
    apart = [np.square(np.log(report.refined[0][when])).mean() for when in ("before", "after")]
    assert apart[1] <= apart[0]


def test_a_stated_level_is_not_refined(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "in.mkv", clips.frames(FMT, 4))
    asked = EncodeRequest(
        source=path, output=tmp_path / "a.mkv", codec="x264", preset="ultrafast", refine=True
    )
    report = encode(replace(asked, level=0.04))
    assert report.refined == []
    assert report.shots[0]["level"] == 0.04
    with pytest.raises(UsageError, match="--ref"):
        encode(replace(asked, ref=path, output=tmp_path / "b.mkv"))


def test_on_a_real_clip_the_loop_is_closed(shared_data) -> None:
    """Disks of grain on a film of a street, taken for weaker by the net that ships: what it leaves in the
    base layer is not put back once more."""
    name = next(n for n in material.clips() if "hypersmooth" in n)
    clip = material.clip(name, 4, 4, size=(640, 384))
    frames = list(material.grained(clip, material.Grain("boolean", 0.1, 1.6)))
    found = replace(estimate_frames(frames), confidence=0.9)
    removal = Denoise(replace(found, level=0.5 * found.level))
    _, (change,) = refine([found], [True], frames, [removal], Meter("refine", 4, None))
    apart = [np.abs(np.log(ratios[:2])).max() for ratios in (change.before, change.after)]
    assert apart[0] > 0.03
    assert apart[1] < 0.7 * apart[0]
