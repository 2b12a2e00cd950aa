"""Ordinary players and tools take a carrying file as if nothing were in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.carriage.conftest import Film
from tests.carriage.material import CODECS
from tests.clients import run

CONTAINERS = [(c, ".mkv") for c in CODECS] + [("h264", ".mp4"), ("hevc", ".mp4"), ("av1", ".mp4")]
CONTAINERS += [("h264", ".ts"), ("hevc", ".ts"), ("vp9", ".webm"), ("av1", ".webm")]


@pytest.mark.parametrize(("codec", "suffix"), CONTAINERS)
def test_ffmpeg_decodes_the_same_pictures_without_a_word(codec: str, suffix: str, film: Film) -> None:
    def decoded(path: Path) -> tuple[str, str]:
        done = run("ffmpeg", "-v", "warning", "-nostdin", "-i", path, "-map", "0:v", "-f", "framemd5", "-")
        return done.stdout, done.stderr

    carrying = decoded(film(codec, suffix))
    assert carrying == decoded(film(codec, suffix, in_band=False, tags=()))
    assert carrying[1] == ""


# mpv 0.35 does not know the codec id V_FFV1 that newer FFmpeg versions write, with or without our data.
@pytest.mark.parametrize(("codec", "suffix"), [c for c in CONTAINERS if c[0] != "ffv1"])
def test_mpv_decodes_the_same_pictures_without_a_word(
    codec: str, suffix: str, film: Film, tmp_path: Path
) -> None:
    def decoded(path: Path) -> tuple[str, str]:
        target = tmp_path / "pictures"
        output = ("--of=framemd5", "--ovc=rawvideo", "--no-audio", f"--o={target}")
        said = run("mpv", "--no-config", "--msg-level=all=warn", *output, path)
        return target.read_text(), said.stdout + said.stderr

    carrying = decoded(film(codec, suffix))
    assert carrying == decoded(film(codec, suffix, in_band=False, tags=()))
    assert carrying[1] == ""


@pytest.mark.parametrize("codec", CODECS)
def test_mediainfo_and_ffprobe_show_the_tag(codec: str, film: Film) -> None:
    path = film(codec)
    probed = run("ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", path).stdout
    assert probed.count("FILMGRAIN") == 2
    assert "FILMGRAIN" in run("mediainfo", "-f", path).stdout


@pytest.mark.parametrize("codec", CODECS)
def test_mkvmerge_identifies_the_file_without_a_warning(codec: str, film: Film) -> None:
    said = run("mkvmerge", "--identify", film(codec)).stdout
    assert "Warning" not in said
    assert "video" in said
