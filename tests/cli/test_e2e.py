"""The command as people run it: real processes, real files, real pipes and real interrupts."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.e2e import clips

FGCODEC = (sys.executable, "-m", "filmgrain_codec")
FAST = ("--preset", "ultrafast")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
PATIENCE = 120


def fgcodec(*arguments: object, **more: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*FGCODEC, *map(str, arguments)], capture_output=True, env=ENVIRONMENT, timeout=PATIENCE, **more
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """Sixteen grainy 10-bit frames in two shots, in a folder of their own."""
    return clips.write(
        tmp_path_factory.mktemp("cli") / "in.mkv", clips.frames(clips.format_of(128, 96), 16, shots=2)
    )


@pytest.fixture(scope="module")
def encoded(source) -> Path:
    """What ``fgcodec encode in.mkv`` made, under the default name."""
    done = fgcodec("encode", source, *FAST, "--json", "-q")
    assert (done.returncode, done.stderr) == (0, b""), done.stderr
    report = json.loads(done.stdout)
    path = source.with_name("in.fg.mkv")
    assert report["output"] == str(path)
    assert report["frames"] == 16
    assert report["output_bytes"] == path.stat().st_size
    assert len(report["plan"]["digest"]) == 64
    return path


def test_estimate_measures_the_grain_that_is_there(source):
    done = fgcodec("estimate", source, "--json", "-q")
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert found["frames"] == 16
    for shot in found["shots"]:
        assert abs(shot["level"] / clips.LEVEL - 1) < 0.15


def test_estimate_for_people(source):
    done = fgcodec("estimate", source, "-q")
    rows = [line.split() for line in done.stdout.decode().splitlines()]
    assert [row[:2] for row in rows] == [["shot", "frames"], ["0", "0-7"], ["1", "8-15"]]
    assert all(abs(float(row[2]) / clips.LEVEL - 1) < 0.15 for row in rows[1:])


def test_estimate_says_what_encode_carries(source, encoded, tmp_path):
    plot = tmp_path / "curves.svg"
    found = json.loads(fgcodec("estimate", source, "--json", "-q", "--plot", plot).stdout)
    carried = json.loads(fgcodec("inspect", encoded, "--json").stdout)["grain"]["shots"]
    assert found["shots"] == carried
    assert plot.read_text().count("<polyline") == len(carried)


def test_inspect_shows_the_profile(encoded):
    found = json.loads(fgcodec("inspect", encoded, "--json").stdout)
    assert found["grain"]["source"] == "in-band"
    assert [(s["start"], s["end"]) for s in found["grain"]["shots"]] == [(0, 8), (8, 16)]
    text = fgcodec("inspect", encoded).stdout.decode().splitlines()
    assert text[0].startswith("in.fg.mkv: matroska")
    assert text[1].startswith("#0  video  hevc  128x96, yuv420p10le, ")
    assert text[2].startswith("grain profile: in-band; removed by removal-")
    assert [line.split()[:2] for line in text[3:]] == [["shot", "frames"], ["0", "0-7"], ["1", "8-15"]]


def test_inspect_of_a_file_without_profile_says_so(source):
    assert fgcodec("inspect", source).stdout.decode().splitlines()[-1].startswith("no grain profile")


def test_decode_goes_to_the_default_name_and_says_so(encoded):
    done = fgcodec("decode", encoded)
    path = encoded.with_name("in.fg.regrained.mkv")
    assert done.returncode == 0
    assert path.stat().st_size > 0
    assert done.stdout == b""
    last = done.stderr.decode().splitlines()[-1]
    assert last.startswith(f"fgcodec: {path}: 16 frames in ")
    again = fgcodec("decode", encoded)
    assert again.returncode == 4
    assert b"-y" in again.stderr
    assert fgcodec("decode", encoded, "-y", "-q").returncode == 0


def test_decode_to_a_pipe_is_y4m(encoded):
    done = fgcodec("decode", encoded, "-o", "-", "-q")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"YUV4MPEG2 W128 H96 ")
    header = done.stdout.index(b"\n") + 1
    frame = len(b"FRAME\n") + 128 * 96 * 3 // 2 * 2
    assert len(done.stdout) - header == 16 * frame


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(encoded):
    first, second, other = (
        fgcodec("decode", encoded, "-o", "-", "-q", "--seed", seed).stdout for seed in (1, 1, 2)
    )
    assert first == second
    assert first != other
    assert len(first) == len(other)


def test_a_pipe_feeds_encode(encoded, tmp_path):
    video = fgcodec("decode", encoded, "-o", "-", "-q").stdout
    done = fgcodec("encode", "-", "-o", tmp_path / "again.mkv", *FAST, "-q", "--json", input=video)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frames"] == 16
    assert [p.name for p in tmp_path.iterdir()] == ["again.mkv"]


def test_a_reader_that_leaves_early_ends_decode_quietly(source, tmp_path):
    long = clips.write(tmp_path / "long.mkv", clips.frames(clips.format_of(320, 240), 40))
    read, write = os.pipe()
    with subprocess.Popen(
        [*FGCODEC, "decode", str(long), "--level", "0.05", "-o", "-", "-q"],
        stdout=write,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
    ) as process:
        os.close(write)
        assert os.read(read, 9) == b"YUV4MPEG2"
        os.close(read)
        assert process.stderr is not None
        said = process.stderr.read()
        assert (process.wait(PATIENCE), said) == (4, b"")


def test_progress_json_tells_the_whole_story(source, tmp_path):
    done = fgcodec("encode", source, "-o", tmp_path / "out.mkv", *FAST, "--progress", "json", "-q")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["type"] == "start"
    assert events[-1]["type"] == "report"
    assert (tmp_path / "out.mkv").stat().st_size == events[-1]["output_bytes"]
    progress = [event for event in events if event["type"] == "progress"]
    assert {"analyse", "estimate", "encode"} <= {event["stage"] for event in progress}
    last = [event for event in progress if event["stage"] == "encode"][-1]
    assert (last["frame"], last["frames"], last["percent"]) == (16, 16, 100.0)


def test_dry_run_writes_nothing(source, tmp_path):
    target = tmp_path / "out.mkv"
    first, second = (
        json.loads(fgcodec("encode", source, "-o", target, "--dry-run", "--json", "--crf", crf).stdout)
        for crf in (20, 21)
    )
    assert list(tmp_path.iterdir()) == []
    assert first["digest"] != second["digest"]
    assert first["output"] == str(target)


def test_filter_adds_grain(source, tmp_path):
    done = fgcodec("filter", source, tmp_path / "out.mkv", "-f", "grain:level=0.04", "-q", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frames"] == 16


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("encode {in} -o {in} -y", 4),
        ("encode {dir}/none.mkv", 3),
        ("encode {in} -o {dir}/none/out.mkv", 4),
        ("encode {in} -o {dir}/x.mkv --zones 9-3:off", 2),
        ("encode {in} -o {dir}/x.mkv --model nonesuch", 7),
        ("encode {in} -o {dir}/x.mkv -f nonesuch", 2),
        ("encode {in} -o {dir}/x.mkv --preset nonesuch", 2),
        ("decode {in} -o {dir}/x.mkv --synth nonesuch --level 0.05", 7),
        ("decode {text}", 3),
        ("inspect {text}", 3),
        ("inspect {dir}/none", 3),
        ("estimate {text}", 3),
        ("estimate {in} -q --grain-table {dir}/none/grain.tbl", 4),
    ],
)
def test_what_cannot_be_done_is_one_sentence(source, tmp_path, line, code):
    text = tmp_path / "text.mkv"
    text.write_text("this is no video")
    before = sorted(tmp_path.iterdir())
    done = fgcodec(*line.format(**{"in": source, "dir": tmp_path, "text": text}).split())
    said = done.stderr.decode()
    assert done.returncode == code, said
    assert said.startswith("fgcodec: error: ")
    assert said.count("\n") == 1
    assert "internal error" not in said
    assert sorted(tmp_path.iterdir()) == before


@pytest.fixture(scope="module")
def slow(tmp_path_factory) -> Path:
    """A clip that takes seconds to encode."""
    return clips.write(
        tmp_path_factory.mktemp("slow") / "slow.mkv", clips.frames(clips.format_of(320, 240), 60)
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_leaves_no_file(slow, tmp_path, number, code):
    process = subprocess.Popen(
        [*FGCODEC, "encode", str(slow), "-o", str(tmp_path / "out.mkv"), "--preset", "veryslow",
         "--progress", "json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        event = json.loads(line)
        if event["type"] == "progress" and event["stage"] == "encode":
            break
    process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, said
    assert list(tmp_path.iterdir()) == []
    assert b"Traceback" not in said


def test_the_bar_is_drawn_on_a_terminal(source, tmp_path):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*FGCODEC, "encode", str(source), "-o", str(tmp_path / "out.mkv"), *FAST],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**ENVIRONMENT, "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(theirs)
    said = read_terminal(ours)
    assert process.wait(PATIENCE) == 0
    assert "encode" in said
    assert "100% 16/16 frames" in said
    assert "16 frames in" in said.splitlines()[-1]


def read_terminal(descriptor: int) -> str:
    """All that was written to a terminal until its last writer left."""
    said, end = b"", time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if not select.select([descriptor], [], [], 1.0)[0]:
            continue
        try:
            piece = os.read(descriptor, 65536)
        except OSError:  # Linux says EIO where the last writer is gone
            break
        if not piece:
            break
        said += piece
    os.close(descriptor)
    return said.decode()
