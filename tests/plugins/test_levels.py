"""Grain that scripts measure is what the command line measures, and finds its way to the filters."""

from __future__ import annotations

import json
import random
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
import vapoursynth as vs

import vsfgcodec as fg
import vsfgcodec.levels as module
from filmgrain_codec.errors import ProfileError
from filmgrain_codec.grain import properties, wire
from filmgrain_codec.pipeline import analyse, levels
from filmgrain_codec.pipeline.inspect import estimate
from tests.plugins.clips import CUT, FRAMES, pictures, sums, vs_clip
from vsfgcodec.clips import job


def told(clip, n: int) -> dict:
    props = clip.get_frame(n).props
    return {name: props[name] for name in properties.NAMES if name in props}


def segments(path: Path):
    return wire.from_json(path.read_text()).segments


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    path = tmp_path_factory.mktemp("sidecar") / "clip.fg.json"
    fg.analyze(vs_clip(), path)
    return path


def test_analyze_measures_what_the_command_line_does(source, sidecar):
    ours, theirs = levels.of_text(sidecar.read_text(), "x"), estimate(source).to_dict()
    assert ours.cuts == (CUT,)
    assert [(s.start, s.end) for s in ours.segments] == [(0, CUT), (CUT, FRAMES)]
    for mine, shot in zip(ours.segments, theirs["shots"], strict=True):
        assert mine.level == pytest.approx(shot["level"], abs=1e-6)
        assert list(mine.curve) == pytest.approx(list(shot["curve"]), abs=1e-3)
        assert mine.level == pytest.approx(30 / 1023, rel=0.25)


def test_analyze_sets_the_properties_of_each_shot(sidecar):
    made = fg.apply_levels(vs_clip(), sidecar)
    first, second = segments(sidecar)
    for n in (0, CUT - 1, CUT, FRAMES - 1):
        segment = first if n < CUT else second
        assert told(made, n) == {**properties.of_segment(segment), "FGShot": segment.start}
    assert sums(made) == sums(vs_clip())
    again = fg.analyze(vs_clip(), sidecar)
    assert told(again, 3) == told(made, 3)


def test_a_sidecar_that_is_there_is_read(tmp_path):
    path = tmp_path / "clip.json"
    calls = []

    def watched(n, f):
        calls.append(n)
        return f

    clip = vs_clip()
    clip = clip.std.ModifyFrame(clip, watched)
    fg.analyze(clip, path)
    assert set(calls) == set(range(FRAMES))
    before = path.read_bytes()
    calls.clear()
    fg.analyze(clip, path)
    assert calls == []
    fg.analyze(clip[:9], path.with_name("clip.json"), cuts=[CUT], overwrite=True, zones="0-2:level=0.01")
    assert [s.end for s in segments(path)] == [3, CUT, 9]
    assert segments(path)[0].level == 0.01
    assert path.read_bytes() != before
    assert [p.name for p in tmp_path.iterdir()] == ["clip.json"]


def test_removal_and_grain_follow_the_sidecar(sidecar):
    from filmgrain_codec.core.graph import Graph
    from filmgrain_codec.grain.profile import GrainProfile
    from filmgrain_codec.nodes.denoise import Denoise
    from filmgrain_codec.nodes.synth import Grain
    from tests.plugins.test_filters import made_by

    profile = GrainProfile(segments(sidecar))
    clip = fg.apply_levels(vs_clip(), sidecar)
    assert sums(fg.denoise(clip)) == made_by(Graph([Denoise(profile)], cuts=[CUT]))
    assert sums(fg.grain(clip)) == made_by(Graph([Grain(profile)]))
    # a whole script: grain off, and the same grain on again
    regrained = fg.grain(fg.denoise(clip), seed=1)
    assert told(regrained, 3)["FGLevel"] == profile.segments[0].level


@pytest.fixture(scope="module")
def estimated():
    """Enough of the small clip is looked at for its grain to be told from texture."""
    return fg.estimate(vs_clip(), every=10, tr=3)


def test_estimate_measures_each_part_of_a_group(estimated):
    assert sums(estimated) == sums(vs_clip())
    parts = [told(estimated, n) for n in (0, CUT, 10)]
    for (start, end), part in zip(((0, CUT), (CUT, 10), (10, FRAMES)), parts, strict=True):
        assert all(told(estimated, n) == part for n in range(start, end))
        assert part["FGLevel"] == pytest.approx(30 / 1023, rel=0.3)
        assert "FGSeed" not in part
    assert parts[0] != parts[1] != parts[2]


@pytest.mark.parametrize("every", [1, FRAMES // 2, FRAMES, 3 * FRAMES])
def test_groups_of_any_length(every):
    """Groups that fill the clip exactly, and one that is longer."""
    measured = fg.estimate(vs_clip().std.Crop(right=96, bottom=32), every=every, tr=0)
    assert measured.num_frames == FRAMES
    assert "FGLevel" in told(measured, FRAMES - 1)


def test_estimate_says_what_the_estimator_says(estimated):
    """Of the first shot's part of a group frame 3 is the middle."""
    seen = [module._frame(job("x", vs_clip()), n, vs_clip().get_frame(n)) for n in range(7)]
    assert told(estimated, 0)["FGLevel"] == pytest.approx(analyse.of_frames(seen).level, abs=1e-6)


def test_estimate_in_any_order(core, estimated):
    core.num_threads, before = 4, core.num_threads
    order = list(range(FRAMES))
    random.Random(1).shuffle(order)
    clip = fg.estimate(vs_clip(), every=10, tr=3)
    found = {n: told(clip, n) for n in order}
    core.num_threads = before
    assert [found[n] for n in range(FRAMES)] == [told(estimated, n) for n in range(FRAMES)]


def test_any_other_filter_can_be_paired():
    clean = vs_clip(pictures(0.0))
    paired = fg.estimate(vs_clip(), ref=clean)
    assert told(paired, 2)["FGLevel"] == pytest.approx(30 / 1023, rel=0.1)
    lent = fg.apply_levels(clean, paired)
    assert sums(lent) == sums(clean)
    assert told(lent, 2) == told(paired, 2)
    back = fg.grain(lent, seed=3)
    off = np.subtract(back.get_frame(2)[0], clean.get_frame(2)[0], dtype=np.float64)
    assert off.std() == pytest.approx(30, rel=0.2)


def test_grain_of_one_clip_is_matched_on_another(estimated):
    other = vs.core.std.BlankClip(
        format=vs.YUV420P8, width=256, height=128, length=FRAMES, color=[128, 128, 128]
    )
    made = fg.grain(other, estimated)
    assert np.asarray(made.get_frame(3)[0]).std() / 255 == pytest.approx(30 / 1023, rel=0.25)


DUMP = """
    import vapoursynth as vs
    import vsfgcodec as fg
    clip = vs.core.bs.VideoSource(source, cachemode=0)
    fg.apply_levels(clip, sidecar).set_output()
"""


def test_what_vspipe_dumps_is_read_back(tmp_path, source, sidecar, vspipe):
    script, dump = tmp_path / "dump.vpy", tmp_path / "props.json"
    script.write_text(dedent(DUMP))
    arguments = ("-a", f"source={source}", "-a", f"sidecar={sidecar}")
    vspipe(script, "--json", str(dump), *arguments, output="--")
    assert len(json.loads(dump.read_text())) == FRAMES
    read, known = levels.of_text(dump.read_text(), "props.json"), levels.of_text(sidecar.read_text(), "x")
    assert read == known
    assert told(fg.apply_levels(vs_clip(), dump), 9) == told(fg.apply_levels(vs_clip(), sidecar), 9)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no JSON"),
        ("[]", "no frame tells"),
        ("3", "not a JSON object"),
        ('[{"_Matrix": 1}]', "frame 0 has no property FGLevel"),
        ('[{"FGLevel": 0.03}, {}]', "frame 1 has no property FGLevel"),
        ('[{"FGLevel": NaN}]', "NaN"),
        ('[{"FGLevel": 0.03, "FGModel": "a"}, {"FGLevel": 0.03}]', "FGModel differs"),
        ('[{"FGLevel": 0.03, "FGCurve": [1]}]', "8 values"),
        ("[1, 2]", "frame 0 has no property"),
        ('{"filmgrain": 1, "segments": []}', 'no number of "frames"'),
        ('{"filmgrain": 1, "segments": [{"frames": [0, 3], "level": 0.1}], "frames": 4}', "without a gap"),
        (
            '{"filmgrain": 1, "segments": [{"frames": [0, 4], "level": 0.1}], "frames": 4, "cuts": [9]}',
            "not frames of the clip",
        ),
        ('{"filmgrain": 99, "segments": [], "frames": 4}', "version 99"),
    ],
)
def test_what_is_no_sidecar_is_refused(tmp_path, text, words):
    with pytest.raises(ProfileError) as caught:
        levels.of_text(text, "levels.json")
    assert str(caught.value).startswith("levels.json")
    assert words in str(caught.value)
    path = tmp_path / "levels.json"
    path.write_text(text)
    with pytest.raises(vs.Error, match=r"^fg\.apply_levels: levels\.json"):
        fg.apply_levels(vs_clip(), path)


def test_a_level_alone_means_grain_of_no_stock():
    found = levels.of_text(json.dumps([{"FGLevel": 0.02}] * 3 + [{"FGLevel": 0.04}] * 2), "x")
    assert [(s.start, s.end, s.level) for s in found.segments] == [(0, 3, 0.02), (3, 5, 0.04)]
    assert found.cuts is None
    assert found.segments[0].chroma.cb > 0


def test_levels_of_another_clip_are_refused(sidecar):
    with pytest.raises(
        vs.Error, match=r"fg\.apply_levels: clip\.fg\.json tells of 14 frames, but the clip has 9"
    ):
        fg.apply_levels(vs_clip()[:9], sidecar)
    with pytest.raises(vs.Error, match=r"fg\.apply_levels: source must have the length of the clip"):
        fg.apply_levels(vs_clip()[:9], vs_clip())
    with pytest.raises(vs.Error, match=r"fg\.apply_levels: .*cannot be read"):
        fg.apply_levels(vs_clip(), sidecar.with_name("none.json"))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fg.estimate(vs_clip(), every=0), "fg.estimate: every must be at least 1, not 0"),
        (lambda: fg.estimate(vs_clip(), tr=-1), "fg.estimate: tr must be at least 0"),
        (lambda: fg.estimate(vs_clip(), ref=vs_clip()[:3]), "fg.estimate: ref must have the size"),
        (lambda: fg.estimate(vs_clip(), ref=3), "fg.estimate: ref must be a video clip, not int"),
        (
            lambda: fg.estimate(vs_clip().resize.Point(format=vs.RGB24, matrix_in=1)),
            "fg.estimate: grain is measured in",
        ),
        (lambda: fg.analyze(vs_clip(), "none/x.json"), "fg.analyze: none: no such folder"),
        (lambda: fg.analyze(vs_clip(), "x.json", cuts=[0]), "fg.analyze: cuts must be frame numbers from 1"),
        (lambda: fg.analyze(vs_clip(_FieldBased=1), "x.json"), "fg.analyze: frame 0 is interlaced"),
    ],
)
def test_wrong_arguments(call, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(vs.Error) as caught:
        call()
    assert str(caught.value).startswith(words)
    assert list(tmp_path.iterdir()) == []
