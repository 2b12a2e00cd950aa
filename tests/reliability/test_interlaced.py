"""Interlaced pictures are refused with the way out; progressive ones wrongly marked are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients import run
from tests.reliability.command import fgcodec, refused

MOVING = "testsrc2=size=192x128:rate=50:duration=1"
CODED = ("-c:v", "libx264", "-crf", "12", "-preset", "veryfast")


def film(path: Path, filters: str, *options: object) -> Path:
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", MOVING, "-vf", filters, *options, *CODED, path)
    return path


@pytest.mark.parametrize("filters", ["interlace=scan=tff", "interlace=scan=bff", "telecine,setfield=tff"])
def test_interlaced_pictures_are_refused(tmp_path: Path, filters: str) -> None:
    source = film(tmp_path / "in.mkv", filters, "-flags", "+ildct+ilme")
    for command in (["encode"], ["decode", "--level", "0.03"], ["filter", "-f", "grain:level=0.03"]):
        out = ["out.mkv"] if command[0] == "filter" else ["-o", "out.mkv"]
        found = refused(tmp_path, 3, *command, source, *out, "-q", cwd=tmp_path)
        assert "bwdif" in found


def test_the_way_out_works(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mkv", "interlace=scan=tff", "-flags", "+ildct+ilme")
    clean = tmp_path / "clean.mkv"
    run("ffmpeg", "-v", "error", "-i", source, "-vf", "bwdif", "-c:v", "ffv1", "-c:a", "copy", clean)
    assert fgcodec("encode", clean, "--preset", "ultrafast", "-q").code == 0


def test_progressive_pictures_marked_as_interlaced_are_taken(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mkv", "format=yuv420p", "-x264-params", "tff=1")
    done = fgcodec("encode", source, "--preset", "ultrafast", "--progress", "none")
    assert done.code == 0, done.err
    assert "marked as interlaced" in done.err
