"""HDR10+ goes along with its pictures, byte for byte, whatever order they are coded in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import ProfileError
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.media.carriage import hdr10plus, nal, obu
from filmgrain_codec.media.carriage.bits import Bits
from filmgrain_codec.media.carriage.hdr10plus import HDR10PLUS, T35
from tests.clients import run
from tests.media.samples import clip, read, write

FMT = FrameFormat(160, 96, bits=10)
REAL = ("ToS-s09.h265", "hdr10-video-with-sdr-container.mp4")
payloads = st.binary(max_size=600).map(lambda b: T35 + b)


def told(path: Path) -> list[bytes | None]:
    return [f.props.get(HDR10PLUS) for f in read(path)[1]]


def says(brightness: int) -> bytes:
    """A payload with one window and no more in it than mean brightness (ST 2094-40, version 1)."""
    bits = Bits(T35)
    for value, length in ((1, 8), (1, 2), (400, 27), (0, 1)):  # version, windows, target, its peaks
        bits.put(value, length)
    for value, length in ((0, 51), (brightness, 17), (0, 4), (0, 10), (0, 3)):  # MaxSCL, mean, others
        bits.put(value, length)
    return bits.padded()


def marked(frames: Sequence[Frame]) -> list[Frame]:
    """Frames whose payloads hold their numbers, every third without one."""
    return [
        replace(f, props=f.props | ({HDR10PLUS: says(100 + n)} if n % 3 else {}))
        for n, f in enumerate(frames)
    ]


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("codec", ["x265", "svtav1"])
def test_what_a_real_film_says_of_each_picture_stays_with_it(
    shared_data: Path, tmp_path: Path, name: str, codec: str
) -> None:
    source = shared_data / "test/codecs" / name
    info, frames = read(source)
    done = write(tmp_path / "a.mkv", frames, codec, info, bits=10)
    assert not any("HDR10+" in note for note in done.dropped)
    before, after = told(source), told(tmp_path / "a.mkv")
    assert all(before)
    assert after == before


@pytest.mark.parametrize("name", REAL)
def test_ffprobe_reads_the_same_of_both(shared_data: Path, tmp_path: Path, name: str) -> None:
    source, out = shared_data / "test/codecs" / name, tmp_path / "a.mp4"
    info, frames = read(source)
    write(out, frames, "x265", info, bits=10)
    ours, theirs = (dynamic(path) for path in (out, source))
    assert len(theirs) == len(frames)
    assert ours == theirs


def dynamic(path: Path) -> list[dict[str, object]]:
    """HDR10+ of all pictures as Debian's ffprobe reads it."""
    asked = ("-select_streams", "v", "-show_frames", "-show_entries", "frame=side_data_list", "-of", "json")
    frames = json.loads(run("ffprobe", "-v", "error", *asked, path).stdout)["frames"]
    side = [s for f in frames for s in f["side_data_list"]]
    return [s for s in side if "2094-40" in s["side_data_type"]]


@pytest.mark.parametrize("codec", ["x265", "svtav1"])
def test_frames_keep_theirs_through_reordering_beside_player_grain(tmp_path: Path, codec: str) -> None:
    frames = marked(clip(FMT, range(12)))
    grain = GrainSegment(0, 12, 0.03, seed=5)
    write(
        tmp_path / "a.mkv",
        frames,
        codec,
        bits=10,
        writer={"shown": lambda _: grain},
        preset="medium" if codec == "x265" else "8",
    )
    assert told(tmp_path / "a.mkv") == [f.props.get(HDR10PLUS) for f in frames]
    with av.open(str(tmp_path / "a.mkv")) as container:
        container.streams.video[0].codec_context.options = {"export_side_data": "film_grain"}
        shown = [f.side_data.get("FILM_GRAIN_PARAMS") is not None for f in container.decode(video=0)]
    assert all(shown)


def test_what_no_decoder_understands_is_left_behind(tmp_path: Path) -> None:
    """FFmpeg does not show an AV1 picture of which such a thing is said."""
    frames = [replace(f, props=f.props | {HDR10PLUS: T35 + b"\1"}) for f in clip(FMT, range(3))]
    write(tmp_path / "a.mkv", frames, "x265", bits=10)
    assert told(tmp_path / "a.mkv") == [None] * 3


def test_a_codec_without_a_place_drops_it(tmp_path: Path) -> None:
    frames = marked(clip(FMT, range(3)))
    write(tmp_path / "a.mkv", frames, "x264", bits=10)
    assert told(tmp_path / "a.mkv") == [None] * 3


@given(payload=payloads, size=st.sampled_from((0, 2, 4)))
def test_any_payload_comes_back_from_hevc(payload: bytes, size: int) -> None:
    picture = bytes([1 << 1, 1]) + b"\x80picture"
    packet = av.Packet(nal.framed(picture, size))
    extradata = None if size == 0 else bytes(21) + bytes([size - 1]) + bytes(1)
    packet.pts, packet.time_base = 7, Fraction(1, 25)
    made = hdr10plus.added("hevc", packet, extradata, payload)
    assert hdr10plus.read("hevc", bytes(made), extradata) == payload
    assert bytes(made).endswith(bytes(packet))
    assert made.pts == 7


@given(payload=payloads)
def test_any_payload_comes_back_from_av1(payload: bytes) -> None:
    delimiter, picture = b"\x12\x00", bytes([6 << 3 | 2, 3]) + b"abc"
    made = hdr10plus.added("av1", av.Packet(delimiter + picture), None, payload)
    assert hdr10plus.read("libdav1d", bytes(made), None) == payload
    assert [u.kind for u in obu.obus(bytes(made))] == [2, obu.METADATA, 6]
    with pytest.raises(ProfileError, match="without a picture"):
        hdr10plus.added("av1", av.Packet(delimiter), None, payload)


@given(data=st.binary(max_size=200), codec=st.sampled_from(("hevc", "av1", "h264", "vp9")))
def test_rubbish_says_nothing_or_something_of_this_kind(data: bytes, codec: str) -> None:
    found = hdr10plus.read(codec, data, None)
    assert found is None or found.startswith(T35)
