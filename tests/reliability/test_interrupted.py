"""Jobs that are stopped: Ctrl-C, termination, a reader that goes away."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e import clips
from tests.reliability.command import arguments, environment, untouched

PATIENCE = 60.0
SLOW = ("--preset", "veryslow", "--level", "0.05")


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hundred and twenty frames: seconds of work at a slow preset."""
    path = tmp_path_factory.mktemp("long") / "in.mkv"
    return clips.write(path, clips.frames(clips.format_of(160, 96), 120))


def stopped(command: list[str], ready: Callable[[], bool], number: int) -> tuple[int, str]:
    """Start a job in a process group of its own, stop the group once ``ready``: exit code and words."""
    job = subprocess.Popen(
        command, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    patience = threading.Timer(PATIENCE, job.kill)
    patience.start()
    try:
        while not ready() and job.poll() is None:
            time.sleep(0.01)
        assert job.poll() is None, "the job ended before it could be stopped"
        os.killpg(job.pid, number)
        assert job.stderr is not None
        words = job.stderr.read().decode()
        return job.wait(60), words
    finally:
        patience.cancel()
        job.kill()
        job.communicate()


def being_written(folder: Path) -> Callable[[], bool]:
    """Whether a temporary file is there: the job is in the middle of writing."""
    return lambda: any(folder.glob(".*part*"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_while_writing(long: Path, tmp_path: Path, number: int, code: int) -> None:
    with untouched(tmp_path):
        command = arguments("encode", long, "-o", tmp_path / "out.mkv", *SLOW)
        found, words = stopped(command, being_written(tmp_path), number)
    assert found == code, words
    assert "Traceback" not in words


def test_stopped_while_replacing_an_output(long: Path, tmp_path: Path) -> None:
    (tmp_path / "out.mkv").write_text("precious")
    with untouched(tmp_path):
        command = arguments("encode", long, "-o", tmp_path / "out.mkv", "-y", *SLOW)
        found, _ = stopped(command, being_written(tmp_path), signal.SIGINT)
    assert found == 130


def searching(folder: Path) -> Callable[[], bool]:
    """Whether windows of a sampled search lie there."""
    return lambda: any(f for d in folder.glob(".fgcodec-search-*") for f in d.iterdir())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_while_a_quality_is_searched(long: Path, tmp_path: Path, number: int, code: int) -> None:
    with untouched(tmp_path):
        command = arguments("encode", long, "-o", tmp_path / "out.mkv", *SLOW, "--target-quality", "psnr:35")
        found, words = stopped(command, searching(tmp_path), number)
    assert found == code, words
    assert "Traceback" not in words


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_while_waiting_for_stdin(tmp_path: Path, number: int, code: int) -> None:
    with untouched(tmp_path):
        command = arguments("encode", "-", "-o", tmp_path / "out.mkv")
        found, words = stopped(command, lambda: any(tmp_path.glob(".fgcodec-stdin*")), number)
    assert found == code, words


def test_stopped_while_decoding(long: Path, tmp_path: Path) -> None:
    with untouched(tmp_path):
        command = arguments(
            "decode",
            long,
            "--level",
            "0.05",
            "-o",
            tmp_path / "out.mkv",
            "--codec",
            "x265",
            "--preset",
            "placebo",
        )
        found, _ = stopped(command, being_written(tmp_path), signal.SIGINT)
    assert found == 130


def test_a_reader_that_goes_away(long: Path, tmp_path: Path) -> None:
    """``decode -o - | head -c 100`` ends at once, with an exit code and without a complaint."""
    command = arguments("decode", long, "--level", "0.05", "-o", "-", "-q")
    with untouched(long.parent):
        job = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        head = subprocess.run(["head", "-c", "100"], stdin=job.stdout, capture_output=True, check=True)
        assert job.stdout is not None
        job.stdout.close()
        _, words = job.communicate(timeout=60)
    assert head.stdout.startswith(b"YUV4MPEG2 W160 H96")
    assert job.returncode == 4
    assert b"Traceback" not in words
