"""Sources that cannot be used: refused with the right code, nothing left, nothing touched."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import av
import pytest

from tests.clients import run
from tests.e2e import clips
from tests.reliability.command import fgcodec, one_sentence, refused, together, untouched

FAST = ("--preset", "ultrafast", "-q")


@pytest.mark.parametrize("command", ["encode", "decode", "inspect", "estimate"])
def test_what_is_no_video_is_refused(tmp_path: Path, command: str) -> None:
    (tmp_path / "empty.mkv").touch()
    (tmp_path / "text.mkv").write_text("Once upon a time there was a film.\n" * 40)
    (tmp_path / "zeros.mp4").write_bytes(bytes(100_000))
    (tmp_path / "folder").mkdir()
    names = ("empty.mkv", "text.mkv", "zeros.mp4", "folder", "missing.mkv", "shot.%04d.png")
    with untouched(tmp_path):
        outcomes = together([[command, tmp_path / name] for name in names])
    assert [o.code for o in outcomes] == [3] * len(names)
    for name, outcome in zip(names, outcomes, strict=True):
        assert name in one_sentence(outcome)


def test_a_file_without_video_is_refused(tmp_path: Path) -> None:
    sound = tmp_path / "sound.mkv"
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=duration=1", "-c:a", "flac", sound)
    assert "no video" in refused(tmp_path, 3, "encode", sound)
    assert "no video" in refused(tmp_path, 3, "decode", sound)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same pictures as Matroska and as MP4 (whose index lies at its end)."""
    folder = tmp_path_factory.mktemp("films")
    pictures = clips.frames(clips.format_of(96, 64, bits=8), 24)
    return [clips.write(folder / name, pictures, "x264", 20) for name in ("film.mkv", "film.mp4")]


@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.9])
def test_a_truncated_source_is_noticed(films: list[Path], tmp_path: Path, part: float) -> None:
    for film in films:
        whole = film.read_bytes()
        (tmp_path / film.name).write_bytes(whole[: int(part * len(whole))])
    names = [f.name for f in films]
    with untouched(tmp_path):
        outcomes = together([["encode", tmp_path / name, *FAST] for name in names])
    assert all(o.code in (3, 6) for o in outcomes), outcomes
    for outcome in outcomes:
        one_sentence(outcome)


def test_a_truncated_base_layer_is_noticed(base: Path, tmp_path: Path) -> None:
    with av.open(str(base)) as container:
        places = [p.pos for p in container.demux(video=0) if p.size]
    base.write_bytes(base.read_bytes()[: places[len(places) // 2]])
    assert "incomplete" in refused(tmp_path, 6, "decode", base)


def damaged(data: bytes, seed: int, flips: int) -> bytes:
    """``data`` with some of its bits turned over."""
    rng, out = random.Random(seed), bytearray(data)
    for _ in range(flips):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def survives(film: Path, folder: Path, command: str, seeds: range, flips: int) -> None:
    """However damaged, a file gives a whole output or one sentence and nothing."""
    for seed in seeds:
        (folder / f"{seed}{film.suffix}").write_bytes(damaged(film.read_bytes(), seed, flips))
    sources = sorted(folder.iterdir())
    out = [folder / f"{source.name}.out.mkv" for source in sources]
    done = together([[command, s, "-o", o, "-q"] for s, o in zip(sources, out, strict=True)], 600)
    for outcome, path in zip(done, out, strict=True):
        assert outcome.code in (0, 3, 5, 6, 7), outcome.err
        assert path.exists() == (outcome.code == 0)
        if outcome.code:
            one_sentence(outcome)
    left = {p for p in folder.iterdir() if p not in sources and p not in out}
    assert not left


def test_bit_flips_in_sources(films: list[Path], tmp_path: Path) -> None:
    for film in films:
        folder = tmp_path / film.suffix
        folder.mkdir()
        survives(film, folder, "encode", range(8), 3)


def test_bit_flips_in_base_layers(encoded: Path, tmp_path: Path) -> None:
    survives(encoded, tmp_path, "decode", range(16), 3)


@pytest.mark.release
@pytest.mark.parametrize("flips", [1, 8, 64])
def test_many_bit_flips(films: list[Path], encoded: Path, tmp_path: Path, flips: int) -> None:
    for film, command in ((films[0], "encode"), (films[1], "encode"), (encoded, "decode")):
        folder = tmp_path / f"{film.name}-{command}"
        folder.mkdir()
        survives(film, folder, command, range(100, 160), flips)


@pytest.mark.release
def test_truncated_at_every_hundredth(films: list[Path], encoded: Path, tmp_path: Path) -> None:
    for film, command in ((films[0], "encode"), (films[1], "encode"), (encoded, "decode")):
        folder = tmp_path / f"{film.name}-{command}"
        folder.mkdir()
        whole = film.read_bytes()
        cut = [folder / f"{n}{film.suffix}" for n in range(100)]
        for n, path in enumerate(cut):
            path.write_bytes(whole[: n * len(whole) // 100])
        done = together([[command, p, "-o", p.with_name(f"{p.name}.out.mkv"), "-q"] for p in cut], 900)
        assert {o.code for o in done} <= {0, 3, 6, 7}
        assert all(
            (o.code == 0) == p.with_name(f"{p.name}.out.mkv").exists() for o, p in zip(done, cut, strict=True)
        )


def test_a_still_picture_is_a_clip_of_one_frame(source: Path, tmp_path: Path) -> None:
    still = tmp_path / "one.png"
    run("ffmpeg", "-v", "error", "-i", source, "-frames:v", "1", still)
    assert fgcodec("encode", still, *FAST).code == 0
    assert fgcodec("decode", tmp_path / "one.fg.mkv", "-o", tmp_path / "back.png", "-q").code == 0
    assert (tmp_path / "back.png").stat().st_size > 0


def test_pictures_that_change_size_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "shots"
    folder.mkdir()
    for n, size in enumerate(("64x48", "64x48", "64x48", "64x48", "80x48")):
        run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc=size={size}", "-frames:v", "1",
            folder / f"shot.{n:04d}.png")  # fmt: skip
    assert "changes" in refused(tmp_path, 3, "encode", folder / "shot.%04d.png", *FAST)


def test_a_gap_in_a_sequence_is_refused(tmp_path: Path) -> None:
    for n in (1, 2, 4):
        run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48", "-frames:v", "1",
            tmp_path / f"shot.{n:04d}.png")  # fmt: skip
    assert "lacks picture 3" in refused(tmp_path, 3, "encode", tmp_path / "shot.%04d.png", *FAST)


def test_the_source_is_never_written(source: Path, tmp_path: Path) -> None:
    source.chmod(0o444)
    copy = shutil.copy(source, tmp_path / "copy.mkv")
    assert fgcodec("encode", source, *FAST).code == 0
    assert source.read_bytes() == Path(copy).read_bytes()
