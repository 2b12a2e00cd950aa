"""What other people's programs leave of a carried profile: the table of docs/carriage.md, measured.

Every picture shows its number, so each surviving file proves that its frames get the right index and shot.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from filmgrain_codec.grain import wire
from filmgrain_codec.grain.profile import GrainProfile, GrainSegment
from filmgrain_codec.media import carriage
from tests.carriage.conftest import Film
from tests.carriage.material import CODECS, CUT, FRAMES, IN_BAND, shown
from tests.clients import run

Shown = list[tuple[int, int, int | None]]
Job = Callable[[Path, Path], Path]


def ffmpeg(source: object, target: Path, *options: object, before: tuple[object, ...] = ()) -> Path:
    inputs = ("-v", "error", "-nostdin", "-y", *before, "-i", source)
    run("ffmpeg", *inputs, "-map", "0", "-c", "copy", *options, target)
    return target


def copied(suffix: str, *options: object) -> Job:
    return lambda source, folder: ffmpeg(source, folder / f"copy{suffix}", *options)


def there_and_back(suffix: str) -> Job:
    def job(source: Path, folder: Path) -> Path:
        return ffmpeg(ffmpeg(source, folder / f"there{suffix}"), folder / "back.mkv")

    return job


def mkvmerge(source: Path, folder: Path) -> Path:
    run("mkvmerge", "-q", "-o", folder / "merged.mkv", source)
    return folder / "merged.mkv"


def mp4_to_mkvmerge(source: Path, folder: Path) -> Path:
    return mkvmerge(ffmpeg(source, folder / "there.mp4"), folder)


WITH_TAGS = ("-movflags", "use_metadata_tags")
COPIES: dict[str, tuple[Job, str]] = {
    "mkv": (copied(".mkv"), "h264 hevc av1 vp9 ffv1"),
    "mkvmerge": (mkvmerge, "h264 hevc av1 vp9 ffv1"),
    "webm": (copied(".webm"), "av1 vp9"),
    "mp4": (copied(".mp4"), "h264 hevc av1"),
    "mp4 with use_metadata_tags": (copied(".mp4", *WITH_TAGS), "h264 hevc av1 vp9"),
    "mov": (copied(".mov"), "h264 hevc"),
    "mov with use_metadata_tags": (copied(".mov", *WITH_TAGS), "h264 hevc ffv1"),
    "mp4, back to mkv": (there_and_back(".mp4"), "h264 hevc av1"),
    "mp4, mkvmerge": (mp4_to_mkvmerge, "h264 hevc av1"),
    "ts": (copied(".ts"), "h264 hevc"),
    "ts, back to mkv": (there_and_back(".ts"), "h264 hevc"),
    "flv": (copied(".flv"), "h264"),
    "nut": (copied(".nut"), "h264 hevc av1 vp9 ffv1"),
    "ivf": (copied(".ivf"), "av1"),
    "obu": (copied(".obu"), "av1"),
}
SURVIVING = [(name, codec) for name, (_, codecs) in COPIES.items() for codec in codecs.split()]


def numbered(first: int, count: int, seed: int, start: int = 0) -> Shown:
    """The truth about ``count`` frames from ``first`` of a film whose pictures begin at ``start``."""
    return [(n, n, seed if n < start + CUT else seed + 1) for n in range(first, first + count)]


@pytest.mark.parametrize(("name", "codec"), SURVIVING)
def test_a_stream_copy_keeps_the_grain(name: str, codec: str, film: Film, tmp_path: Path) -> None:
    copy = COPIES[name][0](film(codec), tmp_path)
    assert shown(copy) == numbered(0, FRAMES, 1)
    assert not carriage.find(copy).stale


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "vp9"), (".mov", "ffv1"), (".avi", "ffv1")])
def test_what_a_copy_without_tags_loses_is_lost_cleanly(
    suffix: str, codec: str, film: Film, tmp_path: Path
) -> None:
    found = carriage.find(ffmpeg(film(codec), tmp_path / f"copy{suffix}"))
    assert (found.source, found.stale, found.runs) == ("none", False, ())


TRIMS = [(codec, ".mkv") for codec in CODECS] + [(codec, ".mp4") for codec in IN_BAND]


@pytest.mark.parametrize(("codec", "suffix"), TRIMS)
def test_a_trim_keeps_the_numbers_of_the_film(codec: str, suffix: str, film: Film, tmp_path: Path) -> None:
    cut = ffmpeg(film(codec), tmp_path / f"cut{suffix}", before=("-ss", "1.1"))
    frames = shown(cut)
    assert len(frames) >= 20
    assert frames == numbered(frames[0][0], len(frames), 1)
    assert frames[-1][0] == FRAMES - 1


@pytest.mark.parametrize("codec", CODECS)
def test_a_trim_of_the_end_keeps_the_numbers_too(codec: str, film: Film, tmp_path: Path) -> None:
    frames = shown(ffmpeg(film(codec), tmp_path / "head.mkv", "-t", "0.8"))
    assert 15 < len(frames) < 30
    assert frames == numbered(0, len(frames), 1)


def test_a_tag_alone_survives_a_trim_of_the_end(film: Film, tmp_path: Path) -> None:
    head = ffmpeg(film("vp9", in_band=False), tmp_path / "head.mkv", "-t", "0.8")
    frames = shown(head)
    assert carriage.find(head).source == "stream-tag"
    assert frames == numbered(0, len(frames), 1)


def test_a_tag_alone_survives_an_edit_list(film: Film, tmp_path: Path) -> None:
    cut = ffmpeg(film("vp9", in_band=False), tmp_path / "cut.mp4", *WITH_TAGS, before=("-ss", "0.2"))
    frames = shown(cut)
    assert carriage.find(cut).source == "global-tag"
    assert 0 < frames[0][0] < 12
    assert frames == numbered(frames[0][0], len(frames), 1)


@pytest.mark.parametrize("codec", CODECS)
def test_a_tag_alone_is_stale_after_a_trim_of_the_start(codec: str, film: Film, tmp_path: Path) -> None:
    found = carriage.find(ffmpeg(film(codec, in_band=False), tmp_path / "cut.mkv", before=("-ss", "1.1")))
    assert (found.stale, found.runs) == (True, ())
    assert "first keyframe" in found.reason


@pytest.mark.parametrize("codec", CODECS)
def test_split_parts_keep_the_numbers_of_the_film(codec: str, film: Film, tmp_path: Path) -> None:
    run("mkvmerge", "-q", "-o", tmp_path / "part.mkv", "--split", "timestamps:1s", film(codec))
    parts = sorted(tmp_path.glob("part-*.mkv"))
    assert len(parts) == 2
    for part in parts:
        frames = shown(part)
        assert frames == numbered(frames[0][0], len(frames), 1)
    assert shown(parts[1])[-1][0] == FRAMES - 1


def concat(parts: list[Path], folder: Path) -> Path:
    listing = folder / "list.txt"
    listing.write_text("".join(f"file '{part}'\n" for part in parts))
    return ffmpeg(listing, folder / "joined.mkv", before=("-f", "concat", "-safe", "0"))


def append(parts: list[Path], folder: Path) -> Path:
    run("mkvmerge", "-q", "-o", folder / "joined.mkv", parts[0], *(f"+{part}" for part in parts[1:]))
    return folder / "joined.mkv"


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("join", [concat, append])
def test_joined_films_keep_their_own_grain(
    codec: str, join: Callable[[list[Path], Path], Path], film: Film, tmp_path: Path
) -> None:
    other = film(codec, first=100, seed=5)
    joined = join([film(codec), other, film(codec)], tmp_path)
    one, two = numbered(0, FRAMES, 1), numbered(100, FRAMES, 5, start=100)
    assert shown(joined) == one + two + one


@pytest.mark.parametrize("codec", CODECS)
def test_a_foreign_part_gets_no_grain(codec: str, film: Film, tmp_path: Path) -> None:
    foreign = film(codec, first=100, in_band=False, tags=())
    frames = shown(append([foreign, film(codec), foreign], tmp_path))
    assert frames[FRAMES : 2 * FRAMES] == numbered(0, FRAMES, 1)
    assert {s for _, _, s in frames[:FRAMES] + frames[2 * FRAMES :]} == {None}


@pytest.mark.parametrize("codec", CODECS)
def test_a_tag_alone_is_stale_when_something_was_appended(codec: str, film: Film, tmp_path: Path) -> None:
    bare = film(codec, in_band=False)
    found = carriage.find(append([bare, bare], tmp_path))
    assert found.stale
    assert found.reason == f"the stream holds {2 * FRAMES} frames and had {FRAMES}"


# FFV1 into FFV1 by the same encoder gives the same bits, and then the tag rightly stays valid.
TRANSCODES = [(c, e) for c in CODECS for e in ("libx264", "libx265", "ffv1") if (c, e) != ("ffv1", "ffv1")]


@pytest.mark.parametrize(("codec", "encoder"), TRANSCODES)
def test_a_transcode_is_noticed(codec: str, encoder: str, film: Film, tmp_path: Path) -> None:
    target = tmp_path / "transcoded.mkv"
    options = ("-preset", "ultrafast") if encoder != "ffv1" else ()
    source = film(codec)
    run("ffmpeg", "-v", "error", "-y", "-i", source, "-map", "0", "-c:v", encoder, *options, target)
    found = carriage.find(target)
    assert found.stale
    assert found.source == "stream-tag"
    assert {s for _, _, s in shown(target)} == {None}


@pytest.mark.parametrize(("codec", "suffix"), [("ffv1", ".mkv"), ("vp9", ".webm"), ("vp9", ".mp4")])
def test_a_tag_of_thousands_of_shots_survives(codec: str, suffix: str, film: Film, tmp_path: Path) -> None:
    curve = (0.1, 0.9, 1.3, 1.1, 0.9, 0.7, 0.4, 0.2)
    shots = tuple(GrainSegment(k, k + 1, 0.05, curve, seed=k) for k in range(3000))
    text = wire.to_json(GrainProfile(shots))
    long = film(codec, suffix, in_band=False, json_text=text)
    found = carriage.find(ffmpeg(long, tmp_path / f"copy{suffix}", *WITH_TAGS[: 2 * (suffix == ".mp4")]))
    assert len(text) > 300_000
    assert found.profile is not None
    assert found.profile.segments == shots
    assert "no fingerprint" in found.reason


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_tags_replace_records_that_somebody_filtered_out(codec: str, film: Film, tmp_path: Path) -> None:
    units = {"h264": "6", "hevc": "39-40"}[codec]
    bare = ffmpeg(film(codec), tmp_path / "bare.mkv", "-bsf:v", f"filter_units=remove_types={units}")
    assert carriage.find(bare).source == "stream-tag"
    assert shown(bare) == numbered(0, FRAMES, 1)
