"""Time: pictures and sound stay together through encode and decode, with ffprobe as the judge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients import run
from tests.reliability.command import together

TOLERANCE = 0.00101
"""A millisecond, the unit of Matroska, and the sixth decimal that ffprobe rounds to."""


def packets(path: Path, stream: str, hidden: bool = False) -> list[float]:
    """Sorted presentation times of a stream's packets in seconds, with those that an edit list hides?"""
    said = run("ffprobe", "-v", "error", "-select_streams", stream, "-show_packets",
               "-show_entries", "packet=pts_time,flags", "-of", "json", path).stdout  # fmt: skip
    found = json.loads(said)["packets"]
    return sorted(float(p["pts_time"]) for p in found if hidden or "D" not in p["flags"])


def video(path: Path, *options: object, sound: str = "") -> Path:
    """A film of moving bars with a tone, written by FFmpeg; ``sound`` goes before the tone's input."""
    tone = [*sound.split(), "-f", "lavfi", "-i", "sine=duration=1.2"]
    run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=1",
        *tone, *options, path)  # fmt: skip
    return path


def variable(path: Path) -> Path:
    """Irregular times, as a phone writes them."""
    return video(path, "-vf", "select='not(eq(mod(n\\,7)\\,3))',setpts='PTS+0.007*random(1)/TB'",
                 "-vsync", "vfr", "-c:v", "libx264", "-bf", "0", "-c:a", "aac")  # fmt: skip


SOURCES = {
    "bframes.mp4": ("-c:v", "libx264", "-bf", "3", "-c:a", "aac"),
    "bframes.mkv": ("-c:v", "libx264", "-bf", "3", "-c:a", "flac"),
    "open.ts": ("-c:v", "mpeg2video", "-bf", "2", "-q:v", "2", "-c:a", "mp2"),
    "ntsc.mov": ("-r", "24000/1001", "-c:v", "prores_ks", "-c:a", "pcm_s16le"),
    "film.mxf": ("-c:v", "mpeg2video", "-q:v", "2", "-c:a", "pcm_s16le", "-ar", "48000"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-c:a", "libopus"),
}


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path, Path]]:
    """Every source with its base layer and its regrained result."""
    folder = tmp_path_factory.mktemp("timing")
    paths = [video(folder / name, *options) for name, options in SOURCES.items()]
    paths.append(variable(folder / "variable.mp4"))
    late = video(folder / "late.mkv", "-c:v", "libx264", "-c:a", "flac", sound="-itsoffset 0.357")
    early = video(folder / "early.mkv", "-c:v", "libx264", "-c:a", "flac", sound="-itsoffset -0.2")
    paths += [late, early, negative(folder), moved(folder)]
    made = {p.name: (p, folder / f"{p.name}.fg.mkv", folder / f"{p.name}.back.mkv") for p in paths}
    jobs: list[list[object]] = []
    for source, base, back in made.values():
        jobs.append(["encode", source, "-o", base, "--preset", "ultrafast", "--level", "0.03", "-q"])
        jobs.append(["decode", base, "-o", back, "-q"])
    for job, outcome in zip(jobs, together(jobs, 300), strict=True):
        assert outcome.code == 0, (job, outcome.err)
    return made


def negative(folder: Path) -> Path:
    """Streams that start before zero, as far as a container can say so."""
    early = (
        "-output_ts_offset",
        "-0.5",
        "-avoid_negative_ts",
        "disabled",
        "-muxdelay",
        "0",
        "-muxpreload",
        "0",
    )
    return video(folder / "negative.ts", *early, "-c:v", "libx264", "-bf", "2", "-c:a", "mp2")


def moved(folder: Path) -> Path:
    """A stream that starts an hour late, as cuts from a broadcast do."""
    return video(folder / "hour.ts", "-output_ts_offset", "3600", "-c:v", "libx264", "-c:a", "aac")


NAMES = [*SOURCES, "variable.mp4", "late.mkv", "early.mkv", "negative.ts", "hour.ts"]


@pytest.mark.parametrize("name", NAMES)
def test_pictures_keep_their_distances(films: dict[str, tuple[Path, Path, Path]], name: str) -> None:
    source, *results = (packets(p, "v:0") for p in films[name])
    assert len(source) > 15
    for found in results:
        assert len(found) == len(source)
        shift = found[0] - source[0]
        assert max(abs(b - a - shift) for a, b in zip(source, found, strict=True)) <= TOLERANCE


@pytest.mark.parametrize("name", NAMES)
def test_sound_stays_with_the_pictures(films: dict[str, tuple[Path, Path, Path]], name: str) -> None:
    """The distance from the first picture to every packet of sound, those before the start too."""
    source, *results = (offsets(path) for path in films[name])
    for found in results:
        assert len(found) == len(source)
        assert max(abs(b - a) for a, b in zip(source, found, strict=True)) <= 2 * TOLERANCE


def offsets(path: Path) -> list[float]:
    first = packets(path, "v:0")[0]
    return [t - first for t in packets(path, "a:0", hidden=True)]


@pytest.mark.parametrize("name", ["bframes.mp4", "variable.mp4", "late.mkv", "early.mkv", "ntsc.mov"])
def test_start_times_are_kept(films: dict[str, tuple[Path, Path, Path]], name: str) -> None:
    source, *results = (packets(p, "v:0")[0] for p in films[name])
    assert all(abs(found - source) <= TOLERANCE for found in results)


def test_mp4_out_keeps_them_together_too(films: dict[str, tuple[Path, Path, Path]]) -> None:
    source = films["variable.mp4"][0]
    out = source.with_name("out.mp4")
    done = together([["encode", source, "-o", out, "--preset", "ultrafast", "--level", "0.03", "-q"]])
    assert done[0].code == 0, done[0].err
    assert max(abs(a - b) for a, b in zip(offsets(source), offsets(out), strict=True)) <= TOLERANCE
