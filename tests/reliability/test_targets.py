"""Targets that may not or cannot be written: refused, with every file as it was."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reliability.command import (
    arguments,
    contents,
    environment,
    fgcodec,
    one_sentence,
    refused,
    together,
    untouched,
)

FAST = ("--preset", "ultrafast", "-q")


def test_input_and_output_may_not_be_the_same_file(source: Path, base: Path, tmp_path: Path) -> None:
    link, twin = tmp_path / "link.mkv", tmp_path / "twin.mkv"
    link.symlink_to(source)
    os.link(source, twin)
    dotted = tmp_path / "." / "in.mkv"
    jobs = [["encode", source, "-o", out, "-y", *FAST] for out in (source, dotted, link, twin)]
    jobs += [["encode", link, "-o", source, "-y", *FAST], ["decode", base, "-o", base, "-y", "-q"]]
    jobs += [["filter", source, source, "-y", "-f", "grain:level=0.02"]]
    with untouched(tmp_path):
        outcomes = together(jobs)
    assert [o.code for o in outcomes] == [4] * len(jobs)
    assert all("same file" in one_sentence(o) for o in outcomes)
    assert link.is_symlink()


def test_a_reference_may_not_be_overwritten(source: Path, tmp_path: Path) -> None:
    clean = Path(shutil.copy(source, tmp_path / "clean.mkv"))
    refused(tmp_path, 4, "encode", source, "--ref", clean, "-o", clean, "-y", *FAST)


def test_a_frame_of_the_source_may_not_be_the_output(tmp_path: Path) -> None:
    for n in (1, 2):
        subprocess.run(
            ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48", "-frames:v", "1",
             tmp_path / f"shot.{n:04d}.png"], check=True)  # fmt: skip
    pattern = tmp_path / "shot.%04d.png"
    assert "same" in refused(tmp_path, 4, "filter", pattern, pattern, "-y", "-f", "grain:level=0.02", "-q")


def test_an_existing_output_is_kept_without_leave(source: Path, tmp_path: Path) -> None:
    (tmp_path / "in.fg.mkv").write_text("precious")
    assert "-y" in refused(tmp_path, 4, "encode", source, *FAST)
    assert fgcodec("encode", source, "-y", *FAST).code == 0
    assert (tmp_path / "in.fg.mkv").stat().st_size > 1000


def test_a_failed_job_keeps_the_existing_output(source: Path, tmp_path: Path) -> None:
    (tmp_path / "in.fg.mkv").write_text("precious")
    source.write_bytes(source.read_bytes()[:-3000])
    refused(tmp_path, 6, "encode", source, "-y", *FAST)


def test_targets_that_cannot_be(source: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    targets = {
        tmp_path / "folder": 4,
        tmp_path / "nowhere" / "out.mkv": 4,
        source / "out.mkv": 4,
        tmp_path / "out.xyz": 2,
        tmp_path / "out": 2,
        tmp_path / f"{'x' * 260}.mkv": 4,
    }
    with untouched(tmp_path):
        outcomes = together([["encode", source, "-o", out, *FAST] for out in targets])
    assert [o.code for o in outcomes] == list(targets.values()), [o.err for o in outcomes]
    for outcome in outcomes:
        one_sentence(outcome)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A small file system of 128 KiB of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", folder], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_folder_that_may_not_be_written(source: Path, mounted: Path, tmp_path: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)
    found = refused(tmp_path, 4, "encode", source, "-o", mounted / "out.mkv", *FAST)
    assert "writ" in found
    refused(tmp_path, 4, "filter", source, mounted / "out%04d.png", "-f", "grain:level=0.02", "-q")


def test_a_full_disk(source: Path, base: Path, mounted: Path, tmp_path: Path) -> None:
    """Grainy FFV1, stills and Y4M need more than there is; the folder is as empty as before."""
    (mounted / "filler").write_bytes(bytes(100_000))
    for name, codec in {
        "out.mkv": "ffv1",
        "out.y4m": "ffv1",
        "out%04d.png": "ffv1",
        "out.mov": "prores",
    }.items():
        found = refused(tmp_path, 4, "decode", base, "-o", mounted / name, "--codec", codec, "-q")
        assert "full" in found, name
    assert fgcodec("inspect", base).code == 0


def limited(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize(("ending", "parts"), [("mkv", (0, 0.5)), ("mp4", (0.5,))])
def test_a_disk_that_fills_up_at_any_byte(
    source: Path, tmp_path: Path, ending: str, parts: tuple[float, ...]
) -> None:
    """Files may not grow beyond a limit: first none at all, last all but the very last byte."""
    out = tmp_path / f"out.{ending}"
    assert fgcodec("encode", source, "-o", out, *FAST).code == 0
    whole = out.stat().st_size
    out.unlink()
    for size in (*(int(part * whole) for part in parts), whole - 1):
        found = refused(tmp_path, 4, "encode", source, "-o", out, *FAST, preexec_fn=lambda n=size: limited(n))
        assert "failed" in found or "large" in found or "full" in found


def test_a_source_on_stdin_that_does_not_fit(source: Path, tmp_path: Path) -> None:
    pipe = subprocess.run(["ffmpeg", "-v", "error", "-i", source, "-f", "yuv4mpegpipe", "-strict", "-1", "-"],
                          capture_output=True, check=True).stdout  # fmt: skip
    before = contents(tmp_path)
    done = subprocess.run(
        arguments("encode", "-", "-o", tmp_path / "out.mkv", *FAST),
        input=pipe, capture_output=True, env=environment(), preexec_fn=lambda: limited(5000),
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert contents(tmp_path) == before
