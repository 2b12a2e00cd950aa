"""Repair as commands do it: reports, warnings, and the order of things in an encode."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from filmgrain_codec.cli.main import cli
from filmgrain_codec.cli.session import Session
from filmgrain_codec.errors import UsageError
from filmgrain_codec.pipeline.encode import encode
from filmgrain_codec.pipeline.filter import filter_clip
from filmgrain_codec.pipeline.repair import chain, look
from filmgrain_codec.pipeline.request import EncodeRequest, FilterRequest
from tests.nodes.repair.scenes import frames, spoiled

DIRTY = 4
PLACES = [(20, 30), (70, 90), (100, 140)]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grey pan with three specks in one frame."""
    path = tmp_path_factory.mktemp("repair") / "dirty.y4m"
    clip = frames(9)
    clip[DIRTY] = spoiled(clip[DIRTY], PLACES)
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W160 H120 F24:1 Ip A1:1 Cmono\n")
        for frame in clip:
            codes = np.clip(np.rint(frame.planes[0] * 255), 0, 255).astype(np.uint8)
            file.write(b"FRAME\n" + codes.tobytes())
    return path


def test_look_says_what_is_found(source: Path) -> None:
    rows = look(source)
    assert [n for n, r in enumerate(rows) if r.specks] == [DIRTY]
    assert 3 <= rows[DIRTY].specks <= 4
    assert 0.002 < rows[DIRTY].damaged < 0.01
    with pytest.raises(UsageError, match="no repair"):
        look(source, ("depth:bits=8",))


def test_the_command_writes_a_table(source: Path, tmp_path: Path) -> None:
    table = tmp_path / "specks.csv"
    arguments = ["repair", str(source), "--csv", str(table), "--json", "-q"]
    done = CliRunner().invoke(cli, arguments, obj=Session())
    assert done.exit_code == 0, done.output
    specks = json.loads(done.stdout)["specks"]
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [int(r["specks"]) for r in rows] == [specks if n == DIRTY else 0 for n in range(9)]
    words = CliRunner().invoke(cli, ["repair", str(source), "-f", "dust", "-q"], obj=Session())
    assert f"{specks} specks in 9 frames" in words.stdout


def test_filter_warns_where_a_frame_is_left_alone(source: Path, tmp_path: Path) -> None:
    request = FilterRequest(source=source, output=tmp_path / "x.mkv", filters=("dust:max_coverage=0.1",))
    assert any("1 frame had more specks" in w for w in filter_clip(request).warnings)


def test_encode_repairs_before_grain_is_measured(source: Path, tmp_path: Path) -> None:
    request = EncodeRequest(
        source=source, output=tmp_path / "x.mkv", repair="dust,scratches", codec="x264", crf=10, level=0.0
    )
    done = encode(request)
    assert done.plan["settings"]["repair"] == "dust,scratches"
    assert [r.specks for r in look(tmp_path / "x.mkv", ("dust",))] == [0] * 9


def test_words_of_repair(source: Path, tmp_path: Path) -> None:
    assert chain("off") == []
    assert chain("scratches, dust") == ["scratches", "dust"]
    assert chain("best") == ["dust:detector=net,passes=2", "scratches"]
    for words, match in (("best,dust", "no 'best'"), ("grain", "no 'grain'"), ("dust,dust", "twice")):
        with pytest.raises(UsageError, match=match):
            chain(words)
    with pytest.raises(UsageError, match="--repair"):
        encode(EncodeRequest(source=source, output=tmp_path / "y.mkv", ref=source, repair="dust"))
