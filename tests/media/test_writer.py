"""Times, keyframes, tags and failures of writing, with each encoder and container."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from filmgrain_codec.core.frame import ColorInfo, FrameFormat
from filmgrain_codec.errors import EncoderError, OutputError, UsageError
from filmgrain_codec.media import atomic, carriage
from filmgrain_codec.media.encoders import available, encoder_for
from filmgrain_codec.media.writer import Writer
from tests.media.samples import FAST, clip, read, write

FMT = FrameFormat(96, 64, bits=8, color=ColorInfo(range=1))
LOSSY = ["x264", "x265", "svtav1"]
RECORD = b"a grain record \x00\x00\x01\x00 of bytes" * 4

TIMINGS = {
    "constant": [i * 1001 for i in range(30)],
    "variable": [0, 1001, 1500, 6000, 6100, 9000, 20000, 20500, 21500, 30000, 30100, 47000],
    "offset": [135135 + i * 1001 for i in range(20)],
}


@pytest.mark.parametrize("timing", TIMINGS)
@pytest.mark.parametrize("ending", ["mkv", "mp4"])
@pytest.mark.parametrize("codec", [*LOSSY, "ffv1"])
def test_times_in_are_times_out(tmp_path: Path, codec: str, ending: str, timing: str) -> None:
    path = tmp_path / f"a.{ending}"
    frames = clip(FMT, TIMINGS[timing], Fraction(1, 24000))
    write(path, frames, codec)
    found = [f.time for f in read(path)[1]]
    assert len(found) == len(frames)
    slack = Fraction(1, 2000) if ending == "mkv" else Fraction(0)  # Matroska keeps milliseconds
    assert max(abs(a - f.time) for a, f in zip(found, frames, strict=True)) <= slack


@pytest.mark.parametrize("ending", ["mkv", "mp4", "mov"])
@pytest.mark.parametrize("codec", ["x264", "x265"])
def test_a_start_before_zero_is_moved_and_said(tmp_path: Path, codec: str, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    frames = clip(FMT, range(-3, 12), Fraction(1, 25))
    done = write(path, frames, codec)
    assert [f.time for f in read(path)[1]] == [Fraction(i, 25) for i in range(15)]
    assert len(done.dropped) == 1
    assert "0.120 s" in done.dropped[0]


@pytest.mark.parametrize("codec", [*LOSSY, "ffv1", "prores"])
@pytest.mark.parametrize("bits", [8, 10])
def test_pictures_survive_the_encoder(tmp_path: Path, codec: str, bits: int) -> None:
    sub_h = 0 if codec == "prores" else 1
    frames = clip(FrameFormat(160, 96, sub_h=sub_h, bits=bits, color=ColorInfo(range=1)), range(12))
    depth = 10 if codec == "prores" else bits
    write(tmp_path / "a.mkv", frames, codec, bits=depth)
    info, found = read(tmp_path / "a.mkv")
    assert info.video.fmt.bits == depth
    scale = (1 << depth) / (1 << bits) * frames[0].fmt.peak / info.video.fmt.peak
    worst = max(
        float(np.abs(a * scale - b).mean())
        for x, y in zip(frames, found, strict=True)
        for a, b in zip(x.planes, y.planes, strict=True)
    )
    assert worst < (1e-6 if codec == "ffv1" else 0.02)


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (318, 190)])
@pytest.mark.parametrize("codec", [*LOSSY, "ffv1", "prores"])
def test_odd_sizes_come_back_as_they_were(tmp_path: Path, codec: str, size: tuple[int, int]) -> None:
    fmt = FrameFormat(*size, bits=10, color=ColorInfo(range=1))
    frames = clip(fmt, range(3))
    for ending in ("mkv", "mov" if codec == "prores" else "mp4"):
        path = tmp_path / f"a.{ending}"
        write(path, frames, codec)
        info, found = read(path)
        assert (info.video.fmt.width, info.video.fmt.height) == size
        assert found[0].planes[0].shape == (size[1], size[0])
        assert len(found) == 3
        if codec == "ffv1":
            assert all(np.array_equal(a, b) for a, b in zip(frames[2].planes, found[2].planes, strict=True))


@pytest.mark.parametrize("codec", ["x265", "svtav1", "ffv1"])
def test_grey_stays_grey(tmp_path: Path, codec: str) -> None:
    frames = clip(FrameFormat(64, 64, "gray", 0, 0, 10, ColorInfo(range=1)), range(3))
    write(tmp_path / "a.mkv", frames, codec)
    info, found = read(tmp_path / "a.mkv")
    assert info.video.fmt.family == "gray"
    assert float(np.abs(found[1].planes[0] - frames[1].planes[0]).mean()) < 0.02


@pytest.mark.parametrize("codec", LOSSY)
def test_keyframes_come_where_they_are_asked_for(tmp_path: Path, codec: str) -> None:
    frames = clip(FMT, range(60))
    for i in (7, 8, 29, 41):
        frames[i].props["force_keyframe"] = True
    write(tmp_path / "a.mkv", frames, codec)
    with av.open(str(tmp_path / "a.mkv")) as found:
        keys = sorted(p.pts for p in found.demux(video=0) if p.is_keyframe and p.size)
    assert keys == [round(Fraction(i * 1000, 24)) for i in (0, 7, 8, 29, 41)]


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
@pytest.mark.parametrize("codec", LOSSY)
def test_records_and_tags_reach_the_file(tmp_path: Path, codec: str, ending: str) -> None:
    path, asked, prints = tmp_path / f"a.{ending}", [], []
    frames = clip(FMT, range(30))
    frames[11].props["force_keyframe"] = True

    def record(index: int) -> bytes:
        asked.append(index)
        return RECORD + bytes([index])

    def tags(fingerprint: str) -> dict[str, str]:
        prints.append(fingerprint)
        return {"FILMGRAIN": '{"v":1}'}

    write(path, frames, codec, writer={"in_band": record, "header_tags": tags, "frames": 30})
    assert asked == [0, 11]
    with av.open(str(path)) as found:
        stream = found.streams.video[0]
        assert {k.upper(): v for k, v in found.metadata.items()}["FILMGRAIN"] == '{"v":1}'
        if ending == "mkv":
            assert {k.upper(): v for k, v in stream.metadata.items()}["FILMGRAIN"] == '{"v":1}'
        extradata = bytes(stream.codec_context.extradata or b"")
        packets = [p for p in found.demux(stream) if p.size]
        name = carriage.codec_name(stream.codec_context.codec.canonical_name)
        keys = [p for p in packets if p.is_keyframe]
        assert [carriage.extract_packet(name, p, extradata) for p in keys] == [
            RECORD + bytes([0]), RECORD + bytes([11])
        ]  # fmt: skip
        again = carriage.fingerprint(name, bytes(keys[0]), extradata, 96, 64, len(packets))
    assert [carriage.difference(p, again) for p in prints] == [""]


def test_equal_input_gives_equal_files(tmp_path: Path) -> None:
    for name in ("a.mkv", "b.mkv"):
        write(tmp_path / name, clip(FMT, range(10)), "x265")
    assert (tmp_path / "a.mkv").read_bytes() == (tmp_path / "b.mkv").read_bytes()


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.y4m", "a.%03d.png"])
def test_nothing_is_left_after_a_failure(tmp_path: Path, name: str) -> None:
    spec = encoder_for("ffv1", FMT)
    out = Writer(tmp_path / name, None, spec, FMT, time_base=Fraction(1, 24), rate=None)
    with pytest.raises(KeyboardInterrupt):
        interrupted(out)
    assert os.listdir(tmp_path) == []


def interrupted(out: Writer) -> None:
    with out:
        out.write(clip(FMT, range(1))[0])
        assert out.temporary.exists()
        raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.y4m"])
@pytest.mark.parametrize("length", [2, 60])
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, name: str, length: int) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full on this system")
    os.symlink("/dev/full", atomic.temporary_for(tmp_path / name))
    with pytest.raises(OutputError, match="full"):
        write(tmp_path / name, clip(FMT, range(length)), "ffv1")
    assert os.listdir(tmp_path) == []


def test_targets_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    frames = clip(FMT, range(2))
    with pytest.raises(OutputError, match="no folder"):
        write(tmp_path / "none" / "a.mkv", frames, "ffv1")
    with pytest.raises(UsageError, match=r"\.mkv"):
        write(tmp_path / "a.avi", frames, "ffv1")
    with pytest.raises(UsageError, match="webm"):
        write(tmp_path / "a.webm", frames, "x264")
    if os.geteuid() != 0:  # root may write anywhere
        tmp_path.chmod(0o555)
        with pytest.raises(OutputError, match="may not be written"):
            write(tmp_path / "a.mkv", frames, "ffv1")
        tmp_path.chmod(0o755)


def test_frames_out_of_order_and_empty_files_are_refused(tmp_path: Path) -> None:
    frames = clip(FMT, [0, 2, 1])
    with pytest.raises(UsageError, match="not later"):
        write(tmp_path / "a.mkv", frames, "ffv1")
    spec = encoder_for("ffv1", FMT)
    with (
        pytest.raises(OutputError, match="no frames"),
        Writer(tmp_path / "a.mkv", None, spec, FMT, time_base=Fraction(1, 24), rate=None),
    ):
        pass
    assert os.listdir(tmp_path) == []


def test_commit_and_check_guard_the_target(tmp_path: Path) -> None:
    source, target, part = tmp_path / "a", tmp_path / "b", tmp_path / "part"
    source.write_text("a")
    part.write_text("new")
    with pytest.raises(OutputError, match="same file"):
        atomic.check(source, source, overwrite=True)
    atomic.check(source, target, overwrite=False)
    atomic.commit(part, target, overwrite=False)
    assert target.read_text() == "new"
    with pytest.raises(OutputError, match="-y"):
        atomic.check(source, target, overwrite=False)
    part.write_text("newer")
    with pytest.raises(OutputError, match="-y"):
        atomic.commit(part, target, overwrite=False)
    atomic.commit(part, target, overwrite=True)
    assert target.read_text() == "newer"
    with pytest.raises(OutputError, match="folder"):
        atomic.check(source, tmp_path, overwrite=True)


@pytest.mark.parametrize(
    ("codec", "settings", "error", "word"),
    [
        ("h266", {}, EncoderError, "x265"),
        ("x264", {"bits": 12}, EncoderError, "8, 10"),
        ("x264", {"preset": "best"}, UsageError, "medium"),
        ("svtav1", {"preset": "medium"}, UsageError, "13"),
        ("x265", {"crf": 60}, UsageError, "51"),
        ("ffv1", {"crf": 3}, UsageError, "no CRF"),
        ("prores", {"preset": "ultra"}, UsageError, "hq"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    codec: str, settings: dict[str, object], error: type[Exception], word: str
) -> None:
    with pytest.raises(error, match=word):
        encoder_for(codec, FMT, **settings)  # type: ignore[arg-type]


def test_formats_that_cannot_be_are_refused() -> None:
    with pytest.raises(EncoderError, match="x265"):
        encoder_for("svtav1", FrameFormat(64, 64, "yuv", 0, 0, 10))
    with pytest.raises(EncoderError, match="RGB"):
        encoder_for("x265", FrameFormat(64, 64, "rgb", 0, 0, 8))


def test_every_codec_is_there_and_records_its_threads() -> None:
    assert set(available()) == set(FAST)
    spec = encoder_for("x265", FMT, threads=3)
    assert (spec.threads, spec.bits) == (3, 10)
    assert "pools=3" in spec.options["x265-params"]
    assert "film-grain=0" in encoder_for("svtav1", FMT).options["svtav1-params"]
