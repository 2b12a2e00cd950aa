"""``fgcodec encode script.vpy``: pictures and what their properties tell, in one go."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from filmgrain_codec.errors import FgcodecError, InputError, ProfileError, UsageError
from filmgrain_codec.media import carriage
from filmgrain_codec.media.reader import Reader
from filmgrain_codec.media.script import Script
from filmgrain_codec.pipeline.clip import opened
from filmgrain_codec.pipeline.encode import encode, plan
from filmgrain_codec.pipeline.filter import filter_clip
from filmgrain_codec.pipeline.levels import of_text
from filmgrain_codec.pipeline.request import EncodeRequest, FilterRequest
from tests.plugins.clips import CUT, FRAMES, filtered, pictures, write_y4m

HEAD = "import vapoursynth as vs\nimport vsfgcodec as fg\ncore = vs.core\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory, source):
    """A folder with a sidecar, measured once."""
    import vsfgcodec as fg
    from tests.plugins.clips import vs_clip

    made = tmp_path_factory.mktemp("encode")
    fg.analyze(vs_clip(), made / "levels.json")
    return made


@pytest.fixture
def script(folder, source, request):
    """A function that writes a script on the source and gives its path."""

    def write(lines: str, name: str = "script.vpy") -> Path:
        path = folder / f"{request.node.name[:20].strip('[')}-{name}"
        opening = f"clip = core.bs.VideoSource({str(source)!r}, cachemode=0)\n"
        beside = f"levels = {str(folder / 'levels.json')!r}\n"
        path.write_text(HEAD + opening + beside + dedent(lines))
        return path

    return write


def encoded(source: Path, **options):
    output = source.with_suffix(".mkv")
    report = encode(
        EncodeRequest(
            source=source,
            output=output,
            overwrite=True,
            threads=1,
            codec="x264",
            preset="ultrafast",
            **options,
        )
    )
    return output, report


def base(path: Path) -> list[np.ndarray]:
    with Reader(path) as reader:
        return [frame.planes[0] for frame in reader]


def digests(path: Path) -> list[str]:
    return [hashlib.md5(plane.tobytes()).hexdigest() for plane in base(path)]


def told(folder: Path):
    return of_text((folder / "levels.json").read_text(), "x").segments


def test_a_script_is_filtered_like_a_file(script, source):
    path = script("clip.set_output()")
    assert filtered(path, "denoise:level=0.03") == filtered(source, "denoise:level=0.03")
    whole = script('fg.chain(clip, "denoise:level=0.03", "grain:level=0.02").set_output()', "own.vpy")
    assert filtered(whole, "depth:bits=10") == filtered(source, "denoise:level=0.03", "grain:level=0.02")


@pytest.mark.parametrize("ending", ["mkv", "mov"])
def test_a_script_is_filtered_into_a_container(script, source, ending):
    path = script("clip.set_output()")
    output = path.with_suffix(f".{ending}")
    chain = ("denoise:level=0.03",)
    codec = "ffv1" if ending == "mkv" else "prores"
    filter_clip(
        FilterRequest(source=path, output=output, filters=chain, codec=codec, overwrite=True, threads=1)
    )
    with Reader(output) as reader:
        assert len(list(reader)) == FRAMES


def test_what_else_reads_clips_reads_scripts(script, source):
    path = script("clip.set_output()")
    with opened(path, path.parent) as ours, opened(source, path.parent) as theirs:
        assert ours.fmt.width == theirs.fmt.width
        for a, b in zip(ours.frames(), theirs.frames(), strict=True):
            assert all(np.array_equal(p, q) for p, q in zip(a.planes, b.planes, strict=True))


def test_grain_told_by_the_frames_is_not_measured_again(script, folder, source):
    own, report = encoded(script("fg.apply_levels(clip, levels).set_output()"), crf=10.0)
    assert [e["level"] for e in report.shots] == [s.level for s in told(folder)]
    assert carriage.find(own).profile.segments == told(folder)
    given, _ = encoded(source, crf=10.0, levels=folder / "levels.json")
    assert digests(own) == digests(given)
    automatic, _ = encoded(source, crf=10.0)
    assert digests(own) == digests(automatic)


def test_a_clip_whose_grain_is_off_is_the_base_layer(script, folder):
    path = script("fg.denoise(fg.apply_levels(clip, levels)).set_output()")
    output, report = encoded(path, crf=1.0)
    found = carriage.find(output).profile
    assert found.segments == told(folder)
    assert found.removal.startswith("removal-fast")
    cleaned = [frame.planes[0] for frame in Script(path).frames()]
    for n in (0, CUT, FRAMES - 1):
        assert np.abs(base(output)[n] - cleaned[n]).mean() < 2e-3
    assert report.warnings == []


def test_any_filter_may_take_the_grain_off(script, folder):
    path = script(
        """
        clean = clip.std.BoxBlur(hradius=2, vradius=2)
        clean = fg.apply_levels(clean, levels).std.SetFrameProps(FGModel="a blur of mine")
        clean.set_output()
        """
    )
    output, _ = encoded(path, crf=1.0)
    assert carriage.find(output).profile.segments == told(folder)
    assert carriage.find(output).profile.removal == ""
    blurred = [frame.planes[0] for frame in Script(path).frames()]
    assert np.abs(base(output)[3] - blurred[3]).mean() < 2e-3


def test_levels_stated_besides_win(script, folder):
    path = script("fg.apply_levels(clip, levels).set_output()")
    output, _ = encoded(path, level=0.02, zones="10-:off")
    found = carriage.find(output).profile.segments
    assert [(s.start, s.end, s.level) for s in found] == [(0, 7, 0.02), (7, 10, 0.02), (10, 14, 0.0)]
    assert found[0].curve == told(folder)[0].curve


def test_part_of_a_clip_takes_its_part_of_the_levels(source, folder):
    output, report = encoded(source, levels=folder / "levels.json", sample=0.5)
    assert report.frames == 12
    assert [(s.start, s.end) for s in carriage.find(output).profile] == [(0, CUT - 1), (CUT - 1, 12)]


def test_a_pipe_with_its_properties_beside_it(script, folder, vspipe):
    """vspipe -c y4m --json props.json script.vpy - | fgcodec encode - --levels props.json"""
    path, dump = script("fg.apply_levels(clip, levels).set_output()"), folder / "props.json"
    piped = vspipe(path, "-c", "y4m", "--json", str(dump))
    output = folder / "piped.mkv"
    command = [
        sys.executable,
        "-m",
        "filmgrain_codec",
        "encode",
        "-",
        "-o",
        str(output),
        "--levels",
        str(dump),
    ]
    options = ["-y", "-q", "--codec", "x264", "--preset", "ultrafast", "--crf", "10", "--threads", "1"]
    subprocess.run([*command, *options], input=piped, check=True, env={**os.environ})
    whole, _ = encoded(path, crf=10.0)
    assert digests(output) == digests(whole)
    assert carriage.find(output).profile.segments == carriage.find(whole).profile.segments


def test_colour_and_shape_come_from_the_properties(script, folder):
    path = script(
        """
        clip = clip.std.SetFrameProps(_Primaries=9, _Transfer=16, _Matrix=9, _Range=0, _ChromaLocation=2)
        clip = clip.std.SetFrameProps(ContentLightLevelMax=1000, ContentLightLevelAverage=400)
        clip = clip.std.SetFrameProps(
            MasteringDisplayPrimariesX=[0.708, 0.17, 0.131], MasteringDisplayPrimariesY=[0.292, 0.797, 0.046],
            MasteringDisplayWhitePointX=0.3127, MasteringDisplayWhitePointY=0.329,
            MasteringDisplayMinLuminance=0.0001, MasteringDisplayMaxLuminance=1000.0,
        )
        clip = clip.std.SetFrameProps(_SARNum=4, _SARDen=3)
        clip.set_output()
        """
    )
    video = Script(path).info.video
    color = video.fmt.color
    assert (color.primaries, color.transfer, color.matrix, color.range, color.chroma_location) == (
        9,
        16,
        9,
        1,
        3,
    )
    assert (color.content_light.max_cll, color.content_light.max_fall) == (1000, 400)
    assert color.mastering.white == (Fraction(3127, 10000), Fraction(329, 1000))
    assert color.mastering.green == (Fraction(17, 100), Fraction(797, 1000))
    assert (color.mastering.min_luminance, color.mastering.max_luminance) == (Fraction(1, 10000), 1000)
    assert video.sar == Fraction(4, 3)
    assert (video.rate, video.frames, video.duration) == (Fraction(24), FRAMES, Fraction(FRAMES, 24))
    output, _ = encoded(path, levels=folder / "levels.json")
    with Reader(output) as reader:
        made = reader.info.video
    assert (made.fmt.color.primaries, made.fmt.color.transfer, made.sar) == (9, 16, Fraction(4, 3))
    assert made.fmt.color.mastering.max_luminance == 1000


def test_a_variable_rate_keeps_every_time(script):
    path = script(
        """
        long = clip[:5].std.SetFrameProps(_DurationNum=1, _DurationDen=12)
        short = clip[5:9].std.SetFrameProps(_DurationNum=1, _DurationDen=24)
        both = core.std.Splice([long.std.AssumeFPS(fpsnum=12), short.std.AssumeFPS(fpsnum=24)])
        both.set_output()
        """
    )
    times = [frame.time for frame in Script(path).frames()]
    assert times == [Fraction(n, 12) for n in range(5)] + [
        Fraction(5, 12) + Fraction(n, 24) for n in range(4)
    ]


def test_rgb_scripts_are_coded_as_ycbcr(script, folder):
    path = script("clip.resize.Point(format=vs.RGB48, matrix_in=1).set_output()")
    output, _ = encoded(path, levels=folder / "levels.json")
    with Reader(output) as reader:
        assert reader.info.video.fmt.family == "yuv"
        assert reader.info.video.fmt.sub_w == 0


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("clip", "sets no output 0"),
        ("1 / 0", "failed in line 6: ZeroDivisionError"),
        ("fg.denoise(clip, 3.0)", "failed in line 6: fg.denoise: level is 0.0 to 0.15, not 3.0"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("core.std.BlankAudio().set_output()", "is sound"),
        (
            "core.std.Splice([clip, clip.std.Crop(8)], mismatch=True).set_output()",
            "changes its format or size",
        ),
        ("clip.resize.Point(format=vs.YUV420PH).set_output()", "only GRAY, YUV and RGB clips of 8 to 16 bit"),
        ("clip.std.SetFieldBased(2).set_output()", "frame 0 is interlaced"),
        ("fg.grain(clip).set_output()", "the property FGLevel is missing"),
        ("raise SystemExit('enough')", "SystemExit: enough"),
    ],
)
def test_scripts_that_fail_say_why(script, lines, words):
    path = script(lines)
    with pytest.raises(InputError) as caught:
        encode(EncodeRequest(source=path, output=path.with_suffix(".mkv"), overwrite=True))
    assert words in str(caught.value)
    assert path.name in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_frame_that_fails_later_leaves_no_file(script):
    path = script(
        """
        def work(n, f):
            raise ValueError("no more") if n == 9 else None
        late = clip.std.FrameEval(lambda n: 1 / 0 if n == 9 else clip)
        late.set_output()
        """
    )
    with pytest.raises(InputError, match="ZeroDivisionError"):
        encoded(path, level=0.02)
    assert not path.with_suffix(".mkv").exists()


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("fg.apply_levels(clip[:9], levels).set_output()", "tells of 14 frames, but the clip has 9"),
        (
            "core.std.Splice([clip[:5].std.SetFrameProps(FGLevel=0.02), clip[5:]]).set_output()",
            "frame 5 has no property FGLevel",
        ),
        ('clip.std.SetFrameProps(FGLevel="much").set_output()', "FGLevel is 'much', not a number"),
    ],
)
def test_levels_that_cannot_be_used(script, lines, words):
    with pytest.raises(FgcodecError, match=words):
        encoded(script(lines))


def test_levels_for_another_clip(source, folder, tmp_path):
    short = write_y4m(tmp_path / "short.y4m", pictures()[:9])
    with pytest.raises(ProfileError, match=r"levels\.json tells of 14 frames, but the clip has 9"):
        encoded(short, levels=folder / "levels.json")
    with pytest.raises(InputError, match=r"none\.json: cannot be read"):
        encoded(short, levels=folder / "none.json")
    for other in ({"ref": source}, {"refine": True}):
        with pytest.raises(UsageError, match="--levels tells the grain"):
            encoded(short, levels=folder / "levels.json", **other)


def test_the_plan_names_the_levels(source, folder):
    made = plan(EncodeRequest(source=source, output=folder / "x.mkv", levels=folder / "levels.json"))
    assert made.settings["levels"] == str(folder / "levels.json")
    assert "vapoursynth" in made.versions
    assert json.dumps(made.to_dict())
