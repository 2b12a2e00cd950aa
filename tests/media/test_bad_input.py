"""Bad files end in one sentence and the right exit code, never in a crash."""

from __future__ import annotations

import os
import random
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.errors import FgcodecError, InputError, VerifyError
from filmgrain_codec.media import aspect
from filmgrain_codec.media.probe import probe
from filmgrain_codec.media.reader import Reader
from filmgrain_codec.media.whole import missing_bytes
from tests.media.samples import clip, rich_source, write

FMT = FrameFormat(96, 64)


def outcome(path: Path) -> FgcodecError | None:
    """How a whole read of the file ends: None, or our error; anything else is a bug and raises."""
    try:
        with Reader(path) as reader:
            for _ in reader:
                pass
            reader.check_complete()
    except FgcodecError as error:
        text = str(error)
        assert text.endswith((".", "?"))
        assert "\n" not in text
        return error
    return None


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("empty.mkv", b"", "empty"),
        ("text.mp4", b"this is no film\n" * 50, "cannot be read"),
        ("noise.mkv", random.Random(1).randbytes(20000), "cannot be read"),
        ("half.mkv", bytes.fromhex("1a45dfa3a34286810142f7810142f2"), "cannot be read"),
        ("empty.png", b"", "empty"),
    ],
)
def test_garbage_is_refused(tmp_path: Path, name: str, content: bytes, word: str) -> None:
    (tmp_path / name).write_bytes(content)
    for attempt in (probe, Reader):
        with pytest.raises(InputError, match=word):
            attempt(tmp_path / name)


def test_missing_files_folders_and_soundtracks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        probe(tmp_path / "none.mkv")
    with pytest.raises(InputError, match="folder"):
        probe(tmp_path)
    with av.open(str(tmp_path / "sound.mka"), "w", format="matroska") as out:
        stream = out.add_stream("flac", rate=48000)
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.int16), format="s16", layout="stereo")
        tone.sample_rate, tone.pts, tone.time_base = 48000, 0, Fraction(1, 48000)
        out.mux(stream.encode(tone))
        out.mux(stream.encode(None))
    with pytest.raises(InputError, match=r"no video stream.*audio"):
        probe(tmp_path / "sound.mka")


def test_playlists_cannot_reach_out(tmp_path: Path) -> None:
    secret = tmp_path / "secret.mkv"
    write(secret, clip(FMT, range(2)), "ffv1")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    (tmp_path / "list.ffconcat").write_text(f"ffconcat version 1.0\nfile {secret}\n")
    for name in ("list.m3u8", "list.ffconcat"):
        with pytest.raises(InputError):
            probe(tmp_path / name)


def test_a_colon_in_a_name_is_no_protocol(tmp_path: Path) -> None:
    path = tmp_path / "take 2: close-up.mkv"
    write(path, clip(FMT, range(3)), "ffv1")
    assert outcome(path) is None


@pytest.mark.parametrize("codec", ["x264", "ffv1"])
@pytest.mark.parametrize("ending", ["mkv", "mp4", "y4m"])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.9, 0.99])
def test_a_cut_file_is_noticed(tmp_path: Path, codec: str, ending: str, part: float) -> None:
    path = tmp_path / f"a.{ending}"
    write(path, clip(FMT, range(24)), codec)
    assert outcome(path) is None
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    error = outcome(path)
    assert isinstance(error, InputError | VerifyError)
    assert error.exit_code in (3, 6)


def test_a_cut_is_noticed_to_the_byte(tmp_path: Path) -> None:
    for ending in ("mkv", "mp4", "mov", "y4m"):
        path = tmp_path / f"a.{ending}"
        write(path, clip(FMT, range(6)), "x264")
        data = path.read_bytes()
        assert missing_bytes(str(path)) == 0
        path.write_bytes(data[:-1])
        assert missing_bytes(str(path)) == 1


def test_a_file_with_sound_that_lost_its_picture_is_noticed(tmp_path: Path) -> None:
    path = rich_source(tmp_path / "a.mkv")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert isinstance(outcome(path), VerifyError)


@pytest.mark.parametrize("codec", ["x264", "x265", "svtav1", "ffv1"])
def test_flipped_bits_never_crash(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "a.mkv"
    write(path, clip(FMT, range(12)), codec)
    data, seen = path.read_bytes(), set()
    for seed in range(25):
        rng, damaged = random.Random(seed), bytearray(data)
        for _ in range(rng.randint(1, 30)):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        seen.add(type(outcome(path)).__name__)
    assert seen & {"InputError", "VerifyError"}
    assert seen <= {"InputError", "VerifyError", "NoneType"}


def test_damage_in_the_middle_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    write(path, clip(FMT, range(12)), "x264")
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 2, len(data) // 2 + 400):
        data[at] ^= 0xFF
    path.write_bytes(data)
    with Reader(path) as reader:
        assert sum(1 for _ in reader) > 0
        assert reader.problems
        with pytest.raises(VerifyError, match="damaged"):
            reader.check_complete()


def test_element_sizes_from_strangers_cannot_hurt(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    write(path, clip(FMT, range(2)), "ffv1")
    data = path.read_bytes()
    for seed in range(200):
        rng, damaged = random.Random(seed), bytearray(data[:600])
        for _ in range(rng.randint(1, 8)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        assert missing_bytes(str(path)) >= 0
        aspect.set_display_size(path, Fraction(4, 3))


def test_nothing_opens_a_device(tmp_path: Path) -> None:
    if not os.path.exists("/dev/null"):
        pytest.skip("no /dev/null on this system")
    with pytest.raises(InputError):
        probe("/dev/null")
