"""Everything beside the video is carried byte for byte, or named."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.errors import UsageError
from filmgrain_codec.media.index import count_streams
from filmgrain_codec.media.probe import probe
from filmgrain_codec.media.reader import Reader
from tests.media.samples import clip, read, rich_source, write


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rich_source(tmp_path_factory.mktemp("rich") / "rich.mkv")


def reencoded(source: Path, target: Path, codec: str = "x264", **writer: Any) -> Any:
    info, frames = read(source)
    return write(target, frames, codec, info, writer=writer)


def packets(path: Path, kind: str, number: int = 0) -> list[tuple[Fraction, bytes]]:
    """(time, bytes) of every packet of a stream."""
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[number]
        base = Fraction(stream.time_base.numerator, stream.time_base.denominator)
        return [(p.pts * base, bytes(p)) for p in container.demux(stream) if p.size and p.pts is not None]


def test_matroska_carries_every_stream(rich: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.mkv"
    done = reencoded(rich, out, "x265")
    assert done.dropped == []
    assert count_streams(out) == count_streams(rich)
    for kind, number in (("audio", 0), ("audio", 1), ("subtitles", 0), ("subtitles", 1)):
        ours, theirs = packets(out, kind, number), packets(rich, kind, number)
        assert [b for _, b in ours] == [b for _, b in theirs]
        assert max(abs(a - b) for (a, _), (b, _) in zip(ours, theirs, strict=True)) <= Fraction(1, 1000)


def test_names_languages_dispositions_chapters_and_tags(rich: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.mkv"
    reencoded(rich, out)
    before, after = probe(rich), probe(out)
    kept = ("kind", "language", "title", "disposition")
    for a, b in zip(before.streams[1:], after.streams[1:], strict=True):
        assert [getattr(a, k) for k in kept] == [getattr(b, k) for k in kept]
    assert after.chapters == before.chapters
    assert [c.title for c in after.chapters] == ["Part 1", "Part 2"]
    assert after.metadata["title"] == "A film"
    assert after.streams[0].title == "Main picture"
    with av.open(str(rich)) as a, av.open(str(out)) as b:
        assert a.streams.attachments[0].data == b.streams.attachments[0].data
        assert b.streams.attachments[0].name == "font.ttf"


def test_stale_tags_stay_behind(rich: Path, tmp_path: Path) -> None:
    info, frames = read(rich)
    info = replace(info, metadata={**info.metadata, "FILMGRAIN": "{}", "MINE": "x", "ENCODER": "old"})
    write(tmp_path / "a.mkv", frames, "x264", info, writer={"without_tags": ["mine"]})
    found = {k.upper(): v for k, v in probe(tmp_path / "a.mkv").metadata.items()}
    assert "FILMGRAIN" not in found
    assert "MINE" not in found
    assert found["ENCODER"] != "old"


def test_mp4_names_what_it_cannot_take(rich: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.mp4"
    done = reencoded(rich, out)
    count = count_streams(out)
    assert (count.audio, count.subtitle, count.attachment) == (2, 0, 0)
    assert len(done.dropped) == 3
    assert all(".mkv" in sentence for sentence in done.dropped)
    assert len(probe(out).chapters) == 2
    assert [b for _, b in packets(out, "audio", 1)] == [b for _, b in packets(rich, "audio", 1)]


@pytest.mark.parametrize("name", ["a.y4m", "a.%03d.png", "a.webm"])
def test_other_targets_name_it_too(rich: Path, tmp_path: Path, name: str) -> None:
    done = reencoded(rich, tmp_path / name, "svtav1" if name.endswith("webm") else "ffv1")
    assert done.dropped


def test_streams_can_be_left_out(rich: Path, tmp_path: Path) -> None:
    reencoded(rich, tmp_path / "a.mkv", copy_streams=False)
    assert count_streams(tmp_path / "a.mkv").audio == 0


def test_sound_keeps_its_distance_to_an_offset_picture(rich: Path, tmp_path: Path) -> None:
    info, frames = read(rich)
    shifted = [replace(f, pts=f.pts - 100) for f in frames]  # 0.1 s before zero in this time base
    done = write(tmp_path / "a.mkv", shifted, "x264", info)
    assert "0.100 s" in done.dropped[-1]
    first = packets(tmp_path / "a.mkv", "audio", 0)[0][0]
    assert first - packets(rich, "audio", 0)[0][0] == Fraction(1, 10)
    assert probe(tmp_path / "a.mkv").chapters[1].start == Fraction(11, 10)


def test_a_cover_picture_becomes_an_attachment(tmp_path: Path) -> None:
    source = tmp_path / "cover.mp4"
    _with_cover(source)
    done = reencoded(source, tmp_path / "a.mkv")
    assert done.dropped == []
    with av.open(str(tmp_path / "a.mkv")) as container:
        cover = container.streams.video[1]
        assert cover.disposition & av.stream.Disposition.attached_pic
    assert probe(tmp_path / "a.mkv").video.index == 0


def _with_cover(path: Path) -> None:
    plain = path.with_name("plain.mp4")
    write(plain, clip(FrameFormat(64, 48), range(6)), "x264")
    still = path.with_name("still.png")
    write(still, clip(FrameFormat(16, 16, "rgb", 0, 0), range(1)), "ffv1")
    with av.open(str(plain)) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0], opaque=True)
        with av.open(str(still)) as picture:
            cover = out.add_stream_from_template(picture.streams.video[0], opaque=True)
        cover.disposition = av.stream.Disposition.attached_pic
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
        image = av.Packet(still.read_bytes())
        image.stream, image.pts, image.dts, image.time_base = cover, 0, 0, Fraction(1, 24)
        out.mux(image)


def test_timed_text_becomes_subrip(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "test/codecs/nasa_13013.mp4"
    with Reader(source) as reader:
        frames = [f for f in reader if f.index < 20]
        done = write(tmp_path / "a.mkv", frames, "x264", reader.info)
    assert done.dropped == []
    count = count_streams(tmp_path / "a.mkv")
    assert (count.video, count.audio, count.subtitle) == (2, 2, 2)
    original = [b[2:] for _, b in packets(source, "subtitles") if len(b) > 2]
    ours = [b for _, b in packets(tmp_path / "a.mkv", "subtitles")]
    assert len(ours) == len(original)
    assert all(o.startswith(m) for m, o in zip(ours, original, strict=True))
    assert probe(tmp_path / "a.mkv").video.index == 0


def test_the_timecode_goes_along(tmp_path: Path) -> None:
    path = tmp_path / "source.mov"
    write(path, clip(FrameFormat(64, 48), range(6)), "x264", writer={"metadata": {"timecode": "01:02:03:04"}})
    info, frames = read(path)
    assert info.video.timecode == "01:02:03:04"
    for name in ("a.mkv", "a.mov", "a.mp4"):
        write(tmp_path / name, frames, "x264", info)
        assert probe(tmp_path / name).video.timecode == "01:02:03:04"


def test_containers_and_codecs_that_do_not_fit(tmp_path: Path) -> None:
    frames = clip(FrameFormat(64, 48), range(2))
    for name, codec in (("a.mp4", "prores"), ("a.mov", "svtav1"), ("a.ts", "ffv1"), ("a.mxf", "x265")):
        with pytest.raises(UsageError, match=r"\.mkv"):
            write(tmp_path / name, frames, codec)


@pytest.mark.parametrize(("name", "codec"), [
    ("a.mxf", "prores"), ("a.mxf", "ffv1"), ("a.ts", "x264"), ("a.ts", "x265"), ("a.m4v", "x264"),
])  # fmt: skip
def test_broadcast_containers_hold_the_frames(tmp_path: Path, name: str, codec: str) -> None:
    fmt = FrameFormat(64, 48, sub_h=0, bits=10) if codec == "prores" else FrameFormat(64, 48)
    frames = clip(fmt, range(12))
    write(tmp_path / name, frames, codec)
    found = [f.time for f in read(tmp_path / name)[1]]
    times = [Fraction(i, 24) for i in range(12)]
    assert [t - found[0] for t in found] == times


@pytest.mark.parametrize(("name", "codec", "sound"), [
    ("a.webm", "svtav1", "libopus"), ("a.mxf", "prores", "pcm_s16le"), ("a.mxf", "ffv1", "pcm_s16le"),
    ("a.ts", "x264", "aac"), ("a.mov", "prores", "pcm_s16le"), ("a.mov", "x265", "aac"),
    ("a.mp4", "svtav1", "aac"), ("a.mkv", "x265", "pcm_s16le"), ("a.avi", "", "pcm_s16le"),
])  # fmt: skip
def test_each_container_keeps_its_sound(tmp_path: Path, name: str, codec: str, sound: str) -> None:
    source = sounding(tmp_path / ("source.avi" if name == "a.avi" else "source.mkv"), sound)
    if not codec:  # AVI is read, never written
        assert len(read(source)[1]) == 24
        return
    done = reencoded(source, tmp_path / name, codec)
    assert done.dropped == []
    ours, theirs = (b"".join(b for _, b in packets(p, "audio")) for p in (tmp_path / name, source))
    if name == "a.ts":  # AAC gets ADTS headers in transport streams
        assert len(ours) > len(theirs)
    else:
        assert ours == theirs
    first = [packets(p, "audio")[0][0] - packets(p, "video")[0][0] for p in (tmp_path / name, source)]
    assert abs(first[0] - first[1]) <= Fraction(1, 1000)


def sounding(path: Path, codec: str) -> Path:
    """One second of picture with one second of sound of a codec."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("ffv1", rate=24, width=64, height=48, pix_fmt="yuv420p10le")
        audio = out.add_stream(codec, rate=48000)
        for i in range(24):
            picture = av.VideoFrame(64, 48, "yuv420p10le")
            for plane in picture.planes:
                plane.update(bytes([i * 8, 1]) * (plane.buffer_size // 2))
            picture.pts, picture.time_base = i, Fraction(1, 24)
            out.mux(video.encode(picture))
        wave = (np.sin(np.arange(96000) / 20) * 8000).astype(np.int16)[None]
        tone = av.AudioFrame.from_ndarray(wave, format="s16", layout="stereo")
        tone.sample_rate, tone.pts, tone.time_base = 48000, 0, Fraction(1, 48000)
        resampler = av.AudioResampler(format=audio.codec_context.format, layout="stereo", rate=48000)
        for part in [*resampler.resample(tone), None]:
            out.mux(audio.encode(part))
        out.mux(video.encode(None))
    return path
