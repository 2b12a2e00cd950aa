"""Frames come with exact times and indices, from any start, and damage is noticed."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.errors import InputError
from filmgrain_codec.media.decode import has_native_grain
from filmgrain_codec.media.index import count_streams, presentation_times, video_times
from filmgrain_codec.media.probe import probe
from filmgrain_codec.media.reader import Reader
from tests.media.samples import clip, read, write

FMT = FrameFormat(96, 64, bits=8)


def test_lossless_frames_come_back_bit_for_bit(tmp_path: Path) -> None:
    frames = clip(FMT, range(12))
    write(tmp_path / "a.mkv", frames, "ffv1")
    info, found = read(tmp_path / "a.mkv")
    assert info.video.codec == "ffv1"
    assert [f.index for f in found] == list(range(12))
    for ours, theirs in zip(frames, found, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(ours.planes, theirs.planes, strict=True))


@pytest.mark.parametrize("codec", ["x264", "x265", "svtav1", "ffv1"])
def test_any_start_gives_the_frames_of_a_whole_read(tmp_path: Path, codec: str) -> None:
    times = [i * 40 + i % 3 for i in range(40)]
    path = tmp_path / "a.mkv"
    frames = clip(FMT, times, Fraction(1, 1000))
    for i in (9, 23):
        frames[i].props["force_keyframe"] = True
    write(path, frames, codec)
    whole = read(path)[1]
    for start in (0, 1, 8, 9, 10, 22, 31, 39):
        with Reader(path, start=start) as reader:
            part = list(islice(reader, 3))
        assert [f.index for f in part] == list(range(start, min(start + 3, 40)))
        for frame in part:
            assert frame.pts == whole[frame.index].pts
            assert np.array_equal(frame.planes[0], whole[frame.index].planes[0])


def test_a_start_past_the_end_gives_nothing(tmp_path: Path) -> None:
    write(tmp_path / "a.mkv", clip(FMT, range(10)), "ffv1")
    with Reader(tmp_path / "a.mkv", start=50) as reader:
        assert list(reader) == []


def test_raw_streams_are_timed_by_counting(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    write(path, clip(FMT, range(8)), "x264")
    raw = tmp_path / "a.h264"
    with av.open(str(path)) as source, av.open(str(raw), "w", format="h264") as out:
        stream = out.add_stream_from_template(source.streams.video[0], opaque=True)
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    info, frames = read(raw)
    assert [f.time * info.video.rate for f in frames] == list(range(8))


def test_keyframes_of_the_source_are_marked(tmp_path: Path) -> None:
    frames = clip(FMT, range(10))
    frames[4].props["force_keyframe"] = True
    write(tmp_path / "a.mkv", frames, "x264")
    marks = [f.props["keyframe"] for f in read(tmp_path / "a.mkv")[1]]
    assert [i for i, m in enumerate(marks) if m] == [0, 4]


def test_a_change_of_size_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.h264"
    with path.open("wb") as out:
        for size in (64, 96):
            write(tmp_path / "b.mkv", clip(FrameFormat(size, 64), range(6)), "x264")
            annex = tmp_path / "b.h264"
            with av.open(str(tmp_path / "b.mkv")) as source, av.open(str(annex), "w", format="h264") as raw:
                stream = raw.add_stream_from_template(source.streams.video[0], opaque=True)
                for packet in source.demux(video=0):
                    if packet.size:
                        packet.stream = stream
                        raw.mux(packet)
            out.write(annex.read_bytes())
    with Reader(path) as reader, pytest.raises(InputError, match=r"64x64.*96x64.*frame 6"):
        list(reader)


def test_the_index_agrees_with_the_decoder(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write(path, clip(FMT, [0, 3, 4, 9, 20, 21]), "x265")
    times = [f.time for f in read(path)[1]]
    assert video_times(path) == times
    found = presentation_times(str(path))
    assert found is not None
    assert len(found) == 6
    assert count_streams(path).video == 1


def test_probe_and_reader_agree(tmp_path: Path) -> None:
    path = tmp_path / "a.mov"
    write(path, clip(FrameFormat(64, 48, sub_h=0, bits=10), range(5)), "prores")
    with Reader(path) as reader:
        assert probe(path) == reader.info
    assert probe(path).video.frames == 5


def test_native_grain_is_found_and_can_be_left_out(shared_data: Path) -> None:
    path = str(shared_data / "test/av1_filmgrain/av1-1-b8-23-film_grain-50.ivf")
    assert has_native_grain(path)
    with Reader(path) as shown, Reader(path, native_grain="export") as bare:
        a, b = next(iter(shown)), next(iter(bare))
    assert np.abs(a.planes[0] - b.planes[0]).max() > 0.02


def test_memory_does_not_hold_the_clip(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    write(path, clip(FMT, range(30)), "ffv1")
    with Reader(path) as reader:
        planes = [id(f.planes[0].base) for f in reader if f.planes[0].base is not None]
    assert planes == []  # every frame owns its samples, nothing is kept behind it
