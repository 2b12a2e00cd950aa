"""The grain of one clip put onto another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from filmgrain_codec.core.frame import ColorInfo, Frame
from filmgrain_codec.errors import InputError, OutputError, UsageError
from filmgrain_codec.grain.layout import for_format
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.media.reader import Reader
from filmgrain_codec.pipeline.encode import encode
from filmgrain_codec.pipeline.match import choose, match
from filmgrain_codec.pipeline.request import EncodeRequest, MatchRequest
from tests.e2e import clips
from tests.grain.test_adjust import MEASURED

FMT = clips.format_of(192, 128)


def read(path: Path) -> list[Frame]:
    with Reader(path, native_grain="export") as reader:
        return list(reader)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("match")


@pytest.fixture(scope="module")
def clean(folder) -> Path:
    return clips.write(folder / "b.mkv", clips.frames(FMT, 4, level=0.0))


def matched(a: Path, b: Path, name: str, **more: object) -> tuple[np.ndarray, object]:
    """(luma that was added, report)."""
    report = match(MatchRequest(source=a, to=b, output=b.with_name(name), overwrite=True, bits=16, **more))
    pairs = zip(read(b.with_name(name)), read(b), strict=True)
    return np.stack([x.planes[0] - y.planes[0] for x, y in pairs]), report


def spread(grain: np.ndarray) -> float:
    return float((grain[..., 1:] * grain[..., :-1]).mean() / grain.var())


@pytest.fixture(scope="module")
def two_shots(folder) -> Path:
    """Five frames of coarse strong grain, nine of fine and weaker grain, with a cut between."""
    early = clips.frames(FMT, 10, shots=2, level=0.05, size=1.4)[:5]
    late = clips.frames(FMT, 18, shots=2, level=0.025, size=0.7)[9:]
    second = [replace(f, index=5 + k, pts=early[4].pts + 42 * (k + 1)) for k, f in enumerate(late)]
    return clips.write(folder / "two.mkv", [*early, *second])


@pytest.fixture(scope="module")
def base(two_shots) -> Path:
    """The same clip as an encode made it: its grain is recorded and need not be measured again."""
    path = two_shots.with_name("two.fg.mkv")
    encode(EncodeRequest(source=two_shots, output=path, codec="x264", preset="veryfast"))
    return path


@pytest.fixture(scope="module")
def plain(two_shots, clean) -> tuple[np.ndarray, object]:
    return matched(two_shots, clean, "usual.mkv")


def test_the_longest_shot_is_taken_unless_another_is_asked_for(two_shots, clean, plain) -> None:
    usual, report = plain
    first, _ = matched(two_shots, clean, "first.mkv", shot=0)
    assert report.shots[0]["level"] == pytest.approx(0.025, rel=0.15)
    assert 1.6 < first.std() / usual.std() < 2.4
    assert spread(first) > spread(usual) + 0.15
    assert report.kind == "match"
    with pytest.raises(UsageError, match="shots 0 to 1"):
        matched(two_shots, clean, "third.mkv", shot=2)
    assert not clean.with_name("third.mkv").exists()


def test_overrides_reach_the_grain_and_frames_are_independent(base, clean, plain) -> None:
    usual = plain[0]
    stated, report = matched(base, clean, "stated.mkv", level=0.04, size=2.0, gain=2.0, seed=5)
    assert stated.std() / usual.std() == pytest.approx(2 * 0.04 / report.shots[0]["level"], rel=0.1)
    assert spread(stated) > spread(usual) + 0.15
    assert abs(np.corrcoef(usual[0].ravel(), usual[1].ravel())[0, 1]) < 0.03


def test_a_recorded_profile_is_taken_as_it_is(base, clean, plain) -> None:
    made, report = matched(base, clean, "recorded.mkv")
    usual = plain[0]
    assert report.shots[0]["level"] == pytest.approx(0.025, rel=0.15)
    assert made.std() == pytest.approx(usual.std(), rel=0.02)


def test_clean_first_takes_the_other_grain_off(base, folder) -> None:
    noisy = clips.write(folder / "noisy.mkv", clips.frames(FMT, 4, level=0.08, size=1.2))
    pictures = [clips.picture(FMT, 0, n)[0] for n in range(4)]

    def left(name: str, **more: object) -> float:
        matched(base, noisy, name, **more)
        found = read(noisy.with_name(name))
        return float(np.stack([f.planes[0] - b for f, b in zip(found, pictures, strict=True)]).std())

    both, cleaned = left("both.mkv"), left("cleaned.mkv", clean_first=True)
    assert both > 0.07
    assert cleaned < 0.6 * both


def test_a_clip_without_grain_is_refused(clean, folder) -> None:
    with pytest.raises(InputError, match="no grain was found"):
        match(MatchRequest(source=clean, to=clean, output=folder / "x.mkv"))
    with pytest.raises(OutputError, match="same file"):
        match(MatchRequest(source=clean, to=folder / "b.mkv", output=clean, overwrite=True))
    with pytest.raises(UsageError, match="stdin"):
        match(MatchRequest(source="-", to="-", output=folder / "x.mkv"))
    assert not (folder / "x.mkv").exists()


def test_a_script_may_be_either_clip(base, clean, folder, plain) -> None:
    pytest.importorskip("vapoursynth", reason="scripts need VapourSynth")
    script = folder / "flat.vpy"
    script.write_text(
        "import vapoursynth as vs\n"
        "vs.core.std.BlankClip(width=192, height=128, format=vs.YUV420P10, length=3, fpsnum=24, fpsden=1,"
        " color=[512, 512, 512]).set_output()\n"
    )
    match(MatchRequest(source=base, to=script, output=folder / "flat.mkv"))
    made = np.stack([f.planes[0] for f in read(folder / "flat.mkv")])
    assert made.std() == pytest.approx(plain[1].shots[0]["level"], rel=0.05)
    with pytest.raises(InputError, match="no grain was found"):
        match(MatchRequest(source=script, to=clean, output=folder / "x.mkv"))


def test_other_widths_are_pointed_out(base, folder) -> None:
    wide = clips.write(folder / "wide.mkv", clips.frames(clips.format_of(384, 64), 3, level=0.0))
    _, report = matched(base, wide, "wider.mkv")
    assert any("--size 2 " in note for note in report.warnings)


def test_the_best_shot_is_grainy_whatever_its_length() -> None:
    bare, short = GrainSegment(0, 90, 0.0, confidence=0.9), GrainSegment(90, 99, 0.02, confidence=0.5)
    assert choose([bare, short], None, "a") is short
    assert choose([bare, short], 0, "a") is bare


def test_grain_keeps_its_strength_in_another_format() -> None:
    limited, full = FMT, replace(FMT, color=ColorInfo(range=2))
    there = for_format(MEASURED, limited, full)
    back = for_format(there, full, limited)
    assert there.level == pytest.approx(MEASURED.level * 255 / 219, rel=0.01)
    assert back.level == pytest.approx(MEASURED.level, rel=0.02)
    whole = replace(FMT, sub_w=0, sub_h=0)
    fine = for_format(MEASURED, FMT, whole)
    assert fine.chroma.size == pytest.approx(2 * MEASURED.chroma.size)
    assert fine.chroma.cb == pytest.approx(MEASURED.chroma.cb)
    again = for_format(fine, whole, FMT)
    assert again.chroma.cb < fine.chroma.cb
    assert for_format(MEASURED, FMT, FMT) == MEASURED
