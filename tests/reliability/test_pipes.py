"""Pipes, sequences, samples, plans: every other way in and out."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from filmgrain_codec.media.reader import Reader
from tests.clients import run
from tests.e2e import clips
from tests.reliability.command import contents, fgcodec, refused, untouched

FAST = ("--preset", "ultrafast", "-q")


def md5(path: Path) -> str:
    """FFmpeg's checksum of the decoded pictures alone."""
    said = run(
        "ffmpeg", "-v", "error", "-i", path, "-map", "0:V:0", "-pix_fmt", "yuv420p10le", "-f", "md5", "-"
    )
    return said.stdout.strip()


def test_y4m_out_equals_ffv1_out(base: Path, tmp_path: Path) -> None:
    piped = fgcodec("decode", base, "-o", "-", "-q")
    assert piped.code == 0, piped.err
    (tmp_path / "out.y4m").write_bytes(piped.out)
    assert fgcodec("decode", base, "-o", tmp_path / "out.mkv", "-q").code == 0
    assert fgcodec("decode", base, "-o", tmp_path / "file.y4m", "-q").code == 0
    assert (tmp_path / "file.y4m").read_bytes() == piped.out
    assert md5(tmp_path / "out.y4m") == md5(tmp_path / "out.mkv")


def test_stdin_in(source: Path, tmp_path: Path) -> None:
    command = ["ffmpeg", "-v", "error", "-i", source, "-f", "yuv4mpegpipe", "-strict", "-1", "-"]
    feed = subprocess.run(command, capture_output=True, check=True).stdout
    out = tmp_path / "out.mkv"
    done = fgcodec("encode", "-", "-o", out, *FAST, input=feed)
    assert done.code == 0, done.err
    assert set(contents(tmp_path)) == {"in.mkv", "out.mkv"}
    assert fgcodec("decode", out, "-o", tmp_path / "back.mkv", "-q").code == 0
    with Reader(tmp_path / "back.mkv") as reader:
        assert len(list(reader)) == 8


@pytest.mark.parametrize(
    "feed", [b"", b"not y4m at all\n" * 100, b"YUV4MPEG2 W64 H48 F24:1 C420\nFRAME\nshort"]
)
def test_stdin_that_is_no_video(tmp_path: Path, feed: bytes) -> None:
    with untouched(tmp_path):
        done = fgcodec("encode", "-", "-o", tmp_path / "out.mkv", *FAST, input=feed)
    assert done.code in (3, 6), done.err
    assert "Traceback" not in done.err


def test_stdin_needs_an_output_and_cannot_be_decoded(tmp_path: Path) -> None:
    refused(tmp_path, 4, "encode", "-", input=b"", cwd=tmp_path)
    refused(tmp_path, 3, "decode", "-", "-o", tmp_path / "out.mkv", input=b"")


@pytest.mark.parametrize("kind", ["png", "dpx", "tiff"])
def test_a_sequence_in_and_out(source: Path, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "shots"
    folder.mkdir()
    run("ffmpeg", "-v", "error", "-i", source, "-start_number", "1001", folder / f"shot.%04d.{kind}")
    for given, out in ((folder / f"shot.%04d.{kind}", "a.mkv"), (folder, "b.mkv")):
        done = fgcodec("encode", given, "-o", tmp_path / out, *FAST)
        assert done.code == 0, done.err
    back = tmp_path / "back"
    back.mkdir()
    done = fgcodec("decode", tmp_path / "a.mkv", "-o", back / f"shot.%04d.{kind}", "-q")
    assert done.code == 0, done.err
    assert len(list(back.iterdir())) == 8


def test_a_sequence_has_a_name_to_derive(source: Path, tmp_path: Path) -> None:
    run("ffmpeg", "-v", "error", "-i", source, tmp_path / "shot.%04d.png")
    assert fgcodec("encode", tmp_path / "shot.%04d.png", *FAST).code == 0
    assert (tmp_path / "shot.fg.mkv").is_file()


def test_a_dry_run_writes_nothing(source: Path, tmp_path: Path) -> None:
    with untouched(tmp_path):
        done = fgcodec("encode", source, "--dry-run", "--json")
    assert done.code == 0
    plan = done.report
    assert plan["output"] == str(tmp_path / "in.fg.mkv")
    assert plan["settings"]["level"] == "auto"
    assert len(plan["digest"]) == 64


def test_a_sample(tmp_path: Path) -> None:
    source = clips.write(tmp_path / "in.mkv", clips.frames(clips.format_of(96, 64), 72))
    done = fgcodec("encode", source, "--sample", "0.5", "--json", *FAST)
    assert done.code == 0, done.err
    assert done.report["frames"] == 12
    assert done.report["output"] == str(tmp_path / "in.fg.sample.mkv")
    whole = fgcodec("encode", source, "--json", *FAST).report
    assert done.report["predicted_bytes"] == pytest.approx(whole["video_bytes"], rel=0.8)


def test_zones(source: Path, tmp_path: Path) -> None:
    done = fgcodec("encode", source, "--zones", "0-2:level=0.02;3-4:off;5-:auto", "--json", *FAST)
    assert done.code == 0, done.err
    shots = [(s["start"], s["end"], s["level"]) for s in done.report["shots"]]
    assert [s[:2] for s in shots] == [(0, 3), (3, 5), (5, 8)]
    assert [s[2] for s in shots[:2]] == [0.02, 0.0]
    assert shots[2][2] == pytest.approx(clips.LEVEL, rel=0.25)


def test_a_reference(source: Path, tmp_path: Path) -> None:
    """The user's own clean clip becomes the base layer, at the source's times whatever its own are."""
    fmt = clips.format_of(96, 64)
    fine = clips.write(tmp_path / "clean.mkv", clips.frames(fmt, 8, level=0.0, variable=True))
    done = fgcodec("encode", source, "--ref", fine, "--crf", "4", "--json", *FAST)
    assert done.code == 0, done.err
    assert done.report["shots"][0]["level"] == pytest.approx(clips.LEVEL, rel=0.15)
    with Reader(tmp_path / "in.fg.mkv") as coded, Reader(fine) as clean, Reader(source) as first:
        for a, b, c in zip(coded, clean, first, strict=True):
            assert a.time == c.time
            assert np.abs(a.planes[0] - b.planes[0]).mean() < 0.01


def test_strict_makes_a_loss_an_error(source: Path, tmp_path: Path) -> None:
    """MP4 cannot hold ASS subtitles."""
    (tmp_path / "words.srt").write_text("1\n00:00:00,000 --> 00:00:00,300\nA film.\n")
    film = tmp_path / "film.mkv"
    run("ffmpeg", "-v", "error", "-i", source, "-i", tmp_path / "words.srt", "-map", "0", "-map", "1",
        "-c:v", "copy", "-c:s", "ass", film)  # fmt: skip
    found = refused(tmp_path, 4, "encode", film, "-o", tmp_path / "out.mp4", "--strict", *FAST)
    assert "ass" in found
    done = fgcodec("encode", film, "-o", tmp_path / "out.mp4", "--preset", "ultrafast", "--progress", "none")
    assert done.code == 0, done.err
    assert done.err.count("warning:") == 1
    assert fgcodec("encode", film, "-o", tmp_path / "out.mkv", "--strict", *FAST).code == 0


def test_forms_without_a_container_name_what_they_lose(source: Path, tmp_path: Path) -> None:
    words = tmp_path / "chapters.txt"
    words.write_text(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=200\ntitle=One\n")
    film = tmp_path / "film.mkv"
    run("ffmpeg", "-v", "error", "-i", source, "-i", words, "-f", "lavfi", "-i", "sine=duration=0.3",
        "-map", "0:v", "-map", "2:a", "-map_metadata", "1", "-c:v", "copy", "-c:a", "flac", film)  # fmt: skip
    for name in ("out.y4m", "out.%04d.png"):
        done = fgcodec("decode", film, "--level", "0.03", "-o", tmp_path / name, "--json", "-q")
        assert done.code == 0, done.err
        said = " ".join(done.report["warnings"])
        assert "audio" in said
        assert "chapters" in said


def test_progress_as_json_lines(source: Path, tmp_path: Path) -> None:
    done = fgcodec("encode", source, "--preset", "ultrafast", "--progress", "json")
    events = [json.loads(line) for line in done.out.splitlines()]
    assert events[0]["type"] == "start"
    assert events[-1]["type"] == "report"
    assert {e["stage"] for e in events if e["type"] == "progress"} == {"analyse", "estimate", "encode"}


def test_names_that_are_not_plain(source: Path, tmp_path: Path) -> None:
    """Blanks, quotes, umlauts, percent signs and leading dashes are names like others."""
    for name in ("a film, l'été 100%.mkv", "-映画.mkv", "a:b.mkv"):
        folder = tmp_path / f"of {name}"
        folder.mkdir()
        shutil.copy(source, folder / name)
        done = fgcodec("encode", "-q", "--preset", "ultrafast", "--", name, cwd=folder)
        assert done.code == 0, (name, done.err)
        base = name.replace(".mkv", ".fg.mkv")
        done = fgcodec("decode", "-q", "--", base, cwd=folder)
        assert done.code == 0, (name, done.err)
