"""A53 captions ride on the decoded picture into x264 and x265, and are named elsewhere."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.media.carriage import nal
from tests.media.samples import clip, read, write

# ATSC A/53 part 4: country, provider, 'GA94', cc_data, one valid CEA-608 pair
CAPTION = b"\xb5\x00\x31GA94\x03\xc1\xff\xfc\x94\x2c\xff"


@pytest.fixture
def captioned(tmp_path: Path) -> Path:
    plain, path = tmp_path / "plain.mkv", tmp_path / "captions.h264"
    write(plain, clip(FrameFormat(64, 48), range(8)), "x264")
    message = bytes([4, len(CAPTION)]) + CAPTION + b"\x80"
    unit = b"\x00\x00\x00\x01\x06" + nal.escape(message)
    with av.open(str(plain)) as source, path.open("wb") as out:
        stream = source.streams.video[0]
        to_annex_b = av.BitStreamFilterContext("h264_mp4toannexb", stream)
        for packet in source.demux(stream):
            if packet.size:
                out.write(unit + b"".join(bytes(p) for p in to_annex_b.filter(packet)))
    return path


def caption_of(frame: av.VideoFrame) -> bytes:
    return bytes(frame.side_data["A53_CC"])


@pytest.mark.parametrize("codec", ["x264", "x265"])
@pytest.mark.parametrize("bits", [8, 10])
def test_captions_are_carried(captioned: Path, tmp_path: Path, codec: str, bits: int) -> None:
    info, frames = read(captioned)
    assert info.video.captions
    done = write(tmp_path / "a.mkv", frames, codec, info, bits=bits)
    assert done.dropped == []
    found = read(tmp_path / "a.mkv")[1]
    assert [caption_of(f.props["carrier"]) for f in found] == [b"\xfc\x94\x2c"] * 8


@pytest.mark.parametrize("codec", ["svtav1", "ffv1"])
def test_captions_that_cannot_be_carried_are_named(captioned: Path, tmp_path: Path, codec: str) -> None:
    info, frames = read(captioned)
    done = write(tmp_path / "a.mkv", frames, codec, info)
    assert any("captions" in sentence for sentence in done.dropped)


def test_a_carrier_does_not_leak_old_samples(captioned: Path, tmp_path: Path) -> None:
    info, frames = read(captioned)
    black = [f.with_planes(tuple(p * 0 for p in f.planes)) for f in frames]
    write(tmp_path / "a.mkv", black, "x264", info)
    assert max(float(f.planes[0].max()) for f in read(tmp_path / "a.mkv")[1]) == 0
