"""Real files of other encoders: variable frame rate, HDR10, HLG, open groups of pictures."""

from __future__ import annotations

from bisect import bisect_left
from pathlib import Path

import av
import pytest

from filmgrain_codec.grain import wire
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.media import carriage
from tests.carriage.material import time_of
from tests.clients import run

FILES = [
    "derived/bomb_vfr.mkv",
    "derived/friday_multi_a2_s3_chapters.mkv",
    "codecs/sunset-hlg.mov",
    "codecs/hdr10-av1.mp4",
    "codecs/sample_android_slow_motion.mp4",
    "codecs/test.prores.mov",
]


def remuxed(source: Path, target: Path, records: bool) -> tuple[str, str]:
    """The video of ``source`` in Matroska, with or without records; the fingerprints before and after."""
    mark = ""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        video = old.streams.video[0]
        name, extradata = video.codec_context.codec.canonical_name, video.codec_context.extradata
        packets = [p for p in old.demux(video) if p.size]
        times = sorted(p.pts for p in packets if p.pts is not None)
        stream = new.add_stream_from_template(video, opaque=True)
        for packet in packets:
            if records and packet.is_keyframe:
                mark = mark or carriage.fingerprint(name, bytes(packet), extradata, 1, 1, None)
                index = bisect_left(times, packet.pts or 0)
                record = wire.to_bytes(wire.Record(GrainSegment(0, len(times), 0.05, seed=9), index))
                packet = carriage.attach(name, packet, extradata, record)
            packet.stream = stream
            new.mux(packet)
    return mark, first_mark(target)


def first_mark(path: Path) -> str:
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        first = next(p for p in container.demux(video) if p.is_keyframe)
        name = video.codec_context.codec.canonical_name
        return carriage.fingerprint(name, bytes(first), video.codec_context.extradata, 1, 1, None)


def pictures(path: Path) -> str:
    return run("ffmpeg", "-v", "error", "-nostdin", "-i", path, "-map", "0:v", "-f", "framemd5", "-").stdout


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_carries_records_and_keeps_its_pictures(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    source = shared_data / "test" / name
    if not source.exists():
        pytest.skip(f"{source} is not there")
    before, after = remuxed(source, tmp_path / "carrying.mkv", records=True)
    remuxed(source, tmp_path / "plain.mkv", records=False)
    assert before == after
    assert pictures(tmp_path / "carrying.mkv") == pictures(tmp_path / "plain.mkv")
    with av.open(str(tmp_path / "carrying.mkv")) as container:
        times = [time_of(frame) for frame in container.decode(video=0)]
    places = list(carriage.find(tmp_path / "carrying.mkv").places(times))
    assert [p.index for p in places] == list(range(len(times)))
    assert {p.segment.seed if p.segment else None for p in places} == {9}
