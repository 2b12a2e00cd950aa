"""What is said of a clip's flicker, by the function and by the command."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from filmgrain_codec.cli.main import cli
from filmgrain_codec.cli.session import Session
from filmgrain_codec.errors import InputError, UsageError
from filmgrain_codec.pipeline.encode import encode
from filmgrain_codec.pipeline.flicker import flicker, index
from filmgrain_codec.pipeline.request import EncodeRequest

WIDTH, HEIGHT, FRAMES, CUT = 192, 128, 40, 22


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shots of a moving picture: the first one's light changes by chance, the second's is steady."""
    rng = np.random.default_rng(2)
    rough = rng.random((40, 60)).repeat(8, 0).repeat(8, 1)
    other = rng.random((40, 60)).repeat(8, 0).repeat(8, 1) ** 2
    path = tmp_path_factory.mktemp("flicker") / "two_shots.y4m"
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F24:1 Ip A1:1 Cmono\n".encode())
        for n in range(FRAMES):
            gain = rng.uniform(0.85, 1.15) if n < CUT else 1.0
            seen = (rough if n < CUT else other)[:HEIGHT, n : n + WIDTH]
            file.write(b"FRAME\n" + (60 + 130 * gain * seen).astype(np.uint8).tobytes())
    return path


def test_index_of_independent_changes_is_their_deviation() -> None:
    changes = np.random.default_rng(0).normal(0.5, 0.02, 20_000)
    assert index(changes) == pytest.approx(0.02 * 255, rel=0.02)
    assert index(np.linspace(0, 1, 50)) == pytest.approx(0, abs=1e-9)
    assert index([0.5, 0.6]) == 0


def test_shots_are_judged_apart(source: Path) -> None:
    found = flicker(source)
    first, second = found.shots
    assert (first.start, first.end, second.start, second.end) == (0, CUT, CUT, FRAMES)
    assert first.flicker > 3
    assert first.left < 0.5 * first.flicker
    assert second.left <= second.flicker + 0.25
    assert [row.frame for row in found.rows] == list(range(FRAMES))
    assert [row.shot for row in found.rows] == [0] * CUT + [1] * (FRAMES - CUT)


def test_command_writes_table_and_drawing(source: Path, tmp_path: Path) -> None:
    table, plot = tmp_path / "gains.csv", tmp_path / "light.svg"
    arguments = ["flicker", str(source), "--csv", str(table), "--plot", str(plot), "--json", "-q"]
    done = CliRunner().invoke(cli, arguments, obj=Session())
    assert done.exit_code == 0, done.output
    report = json.loads(done.output)
    assert [shot["start"] for shot in report["shots"]] == [0, CUT]
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert len(rows) == FRAMES
    luma, corrected = ([float(row[name]) for row in rows[:CUT]] for name in ("luma", "corrected"))
    assert index(corrected) < 0.5 * index(luma)
    assert plot.read_text(encoding="utf-8").count("<polyline") == 2


def test_encode_evens_out_the_light_first(source: Path, tmp_path: Path) -> None:
    made = {}
    for mode in ("off", "safe"):
        made[mode] = tmp_path / f"{mode}.mkv"
        encode(
            EncodeRequest(source=source, output=made[mode], deflicker=mode, codec="x264", crf=10, level=0.0)
        )
    seen = {mode: flicker(path).shots for mode, path in made.items()}
    assert [[shot.start for shot in shots] for shots in seen.values()] == [[0, CUT]] * 2
    assert seen["safe"][0].flicker < 0.5 * seen["off"][0].flicker


def test_encode_with_a_base_of_ones_own_refuses(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--deflicker"):
        encode(EncodeRequest(source=source, output=tmp_path / "x.mkv", ref=source, deflicker="auto"))


def test_bad_requests(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mode"):
        flicker(source, mode="hard")
    with pytest.raises(InputError):
        flicker(tmp_path / "none.mkv")
