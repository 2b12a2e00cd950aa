"""The pipe format, written by us and read by FFmpeg."""

from __future__ import annotations

import io
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filmgrain_codec.core.frame import ColorInfo, FrameFormat
from filmgrain_codec.errors import OutputError, UsageError
from filmgrain_codec.media.y4m import Y4mWriter
from tests import clients
from tests.media.samples import clip, read, write


@pytest.mark.parametrize("sub", [(1, 1), (1, 0), (0, 0)])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_ffmpeg_reads_what_we_write(tmp_path: Path, sub: tuple[int, int], bits: int) -> None:
    frames = clip(FrameFormat(34, 18, "yuv", *sub, bits, ColorInfo(range=1)), range(3))
    write(tmp_path / "a.y4m", frames, "ffv1")
    info, found = read(tmp_path / "a.y4m")
    assert info.video.fmt.bits == bits
    for a, b in zip(frames, found, strict=True):
        assert all(np.array_equal(p, q) for p, q in zip(a.planes, b.planes, strict=True))


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("size", [(1, 1), (17, 33)])
def test_odd_and_grey_pictures(tmp_path: Path, bits: int, size: tuple[int, int]) -> None:
    for fmt in (FrameFormat(*size, bits=bits), FrameFormat(*size, "gray", 0, 0, bits)):
        frames = clip(fmt, range(2))
        write(tmp_path / "a.y4m", frames, "ffv1")
        found = read(tmp_path / "a.y4m")[1]
        assert np.array_equal(found[1].planes[0], frames[1].planes[0])


def test_rgb_and_changing_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="RGB"):
        write(tmp_path / "a.y4m", clip(FrameFormat(8, 8, "rgb", 0, 0), range(1)), "ffv1")
    out = Y4mWriter(io.BytesIO(), FrameFormat(8, 8))
    with pytest.raises(UsageError, match="one size"):
        out.write(clip(FrameFormat(8, 6), range(1))[0])


def test_a_reader_that_goes_away_is_said() -> None:
    class Gone(io.BytesIO):
        def write(self, data: Any) -> int:
            raise BrokenPipeError(32, "Broken pipe")

    with pytest.raises(OutputError, match="gone away"):
        Y4mWriter(Gone(), FrameFormat(8, 8)).write(clip(FrameFormat(8, 8), range(1))[0])


def test_standard_input_is_a_source(tmp_path: Path) -> None:
    frames = clip(FrameFormat(32, 16, bits=10), range(5), Fraction(1, 25))
    write(tmp_path / "a.y4m", frames, "ffv1")
    program = (
        "from filmgrain_codec.media.reader import Reader\n"
        "with Reader('-') as r: print(sum(1 for _ in r), r.info.video.fmt.bits); r.check_complete()"
    )
    with (tmp_path / "a.y4m").open("rb") as source:
        done = subprocess.run(
            [sys.executable, "-c", program], stdin=source, capture_output=True, text=True, timeout=60
        )
    assert done.stdout.split() == ["5", "10"], done.stderr


def test_ffmpeg_takes_our_pipe(tmp_path: Path) -> None:
    frames = clip(FrameFormat(64, 48, bits=10, color=ColorInfo(range=1)), range(4))
    write(tmp_path / "a.y4m", frames, "ffv1")
    done = clients.run("ffprobe", "-v", "error", "-count_frames", "-of", "csv=p=0", "-show_entries",
                       "stream=width,height,pix_fmt,nb_read_frames", tmp_path / "a.y4m")  # fmt: skip
    assert done.stdout.strip() == "64,48,yuv420p10le,4"
