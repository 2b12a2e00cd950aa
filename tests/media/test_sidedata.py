"""Cropping, time codes and side data that is named when it is lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.media import sidedata
from filmgrain_codec.media.decode import Tally, decoded
from filmgrain_codec.media.encoders import encoder_for
from filmgrain_codec.media.notes import not_carried
from filmgrain_codec.media.probe import probe
from tests import clients
from tests.media.samples import clip, read, write


@pytest.mark.parametrize("ending", ["mkv", "mp4", "mov"])
@pytest.mark.parametrize("crop", [(2, 4, 6, 8), (0, 0, 8, 0)])
def test_the_containers_cropping_is_kept(tmp_path: Path, ending: str, crop: Any) -> None:
    frames = clip(FrameFormat(64, 48), range(3))
    write(tmp_path / "plain.mkv", frames, "ffv1")
    info = probe(tmp_path / "plain.mkv")
    info = replace(info, video=replace(info.video, crop=crop))
    write(tmp_path / f"a.{ending}", frames, "x264", info)
    found, pictures = read(tmp_path / f"a.{ending}")
    assert found.video.crop == crop
    assert pictures[0].planes[0].shape == (48, 64)  # filters still see the whole picture


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_players_are_told_of_padding_and_we_take_it_off(tmp_path: Path, ending: str) -> None:
    frames = clip(FrameFormat(17, 33), range(3))
    path = tmp_path / f"a.{ending}"
    write(path, frames, "x264")
    info = read(path)[0]
    assert (info.video.fmt.width, info.video.fmt.height, info.video.crop) == (17, 33, (0, 0, 0, 0))
    with av.open(str(path)) as container:
        raw = bytes(container.streams.video[0].codec_context.coded_side_data["frame_cropping"])
    assert [raw[i] for i in (0, 4, 8, 12)] == [0, 1, 0, 1]


def test_mkvinfo_sees_the_cropping(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    write(path, clip(FrameFormat(17, 33), range(3)), "svtav1")
    assert "Crop" in clients.run("mkvinfo", path).stdout or "crop" in clients.run("mkvinfo", path).stdout


def test_the_coded_time_code_is_found(shared_data: Path) -> None:
    assert probe(shared_data / "test/codecs/separate_fields_gop.h264").video.timecode == "00:00:00:00"


def test_a_zero_mpeg_time_code_is_none(shared_data: Path) -> None:
    path = str(shared_data / "test/derived/friday_telecine_2997i_mpeg2.ts")
    with av.open(path) as container:
        stream = container.streams.video[0]
        first = next(decoded(container, stream, path, Tally()))
        assert first.side_data.get("GOP_TIMECODE") is not None
        assert sidedata.coded_timecode(first) is None


def test_what_is_lost_is_named(shared_data: Path, tmp_path: Path) -> None:
    info = probe(shared_data / "test/codecs/sunset-hlg.mov")
    spec = encoder_for("x265", info.video.fmt)
    notes = not_carried(info, spec, "matroska")
    assert any("Dolby Vision" in n for n in notes)
    assert any("ambient viewing environment" in n for n in notes)
    alpha = replace(info, video=replace(info.video, alpha=True, hdr10plus=True, other=()))
    words = " ".join(not_carried(alpha, spec, "matroska"))
    assert "alpha" in words
    assert "HDR10+" not in words
    x264 = encoder_for("x264", info.video.fmt)
    assert any("HDR10+" in n for n in not_carried(alpha, x264, "matroska"))
    vp9 = replace(alpha, video=replace(alpha.video, codec="vp9"))
    assert any("HDR10+" in n for n in not_carried(vp9, spec, "matroska"))


def test_every_note_is_one_sentence(shared_data: Path) -> None:
    for name in ("codecs/sunset-hlg.mov", "codecs/ToS-s09.h265"):
        info = probe(shared_data / "test" / name)
        for note in not_carried(info, encoder_for("svtav1", info.video.fmt), "matroska"):
            assert note.endswith(".")
            assert "\n" not in note
