"""The fingerprint: blind to what stream copies change, not to other pictures."""

from __future__ import annotations

import av
import pytest

from filmgrain_codec.media import carriage
from tests.carriage.conftest import Film
from tests.carriage.material import CODECS, FRAMES, HEIGHT, IN_BAND, WIDTH


def mark(path: object, codec: str, frames: int | None = FRAMES) -> str:
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        first = next(p for p in container.demux(video) if p.is_keyframe)
        return carriage.fingerprint(codec, bytes(first), video.codec_context.extradata, WIDTH, HEIGHT, frames)


@pytest.mark.parametrize("codec", CODECS)
def test_our_records_do_not_change_it(codec: str, film: Film) -> None:
    assert mark(film(codec), codec) == mark(film(codec, in_band=False), codec)


@pytest.mark.parametrize("codec", CODECS)
def test_other_pictures_do(codec: str, film: Film) -> None:
    other = mark(film(codec, first=100, seed=5), codec)
    assert "first keyframe" in carriage.difference(mark(film(codec), codec), other)


@pytest.mark.parametrize("codec", IN_BAND)
def test_matroska_and_mp4_agree(codec: str, film: Film) -> None:
    assert mark(film(codec), codec) == mark(film(codec, ".mp4"), codec)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_start_codes_and_lengths_agree(codec: str, film: Film) -> None:
    assert mark(film(codec), codec) == mark(film(codec, ".ts"), codec)


@pytest.mark.parametrize(
    ("recorded", "reason"),
    [
        ("1/hevc/64x48/10/aa", ""),
        ("1/hevc/64x48/-/aa", ""),
        ("1/hevc/64x48/12/aa", ""),
        ("1/hevc/64x48/9/aa", "holds 10 frames and had 9"),
        ("1/h264/64x48/10/aa", "the codec is hevc and was h264"),
        ("1/hevc/64x50/10/aa", "the picture size is 64x48 and was 64x50"),
        ("1/hevc/64x48/10/ab", "the first keyframe is not the recorded one"),
        ("", "no fingerprint"),
        ("2/hevc/64x48/10/aa", "unknown form"),
        ("nonsense", "unknown form"),
    ],
)
def test_differences_are_named(recorded: str, reason: str) -> None:
    found = carriage.difference(recorded, "1/hevc/64x48/10/aa")
    assert reason in found
    assert bool(found) == bool(reason)


@pytest.mark.parametrize("codec", [*CODECS, "prores"])
@pytest.mark.parametrize("data", [b"", b"\x00\x00\x01", b"\xff" * 50])
def test_garbage_has_a_fingerprint_too(codec: str, data: bytes) -> None:
    assert carriage.fingerprint(codec, data, None, 2, 2, None).startswith(f"1/{codec}/2x2/-/")
