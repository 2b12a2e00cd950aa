"""What find says about files with records, tags, both, neither, and damaged ones."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import pytest

from filmgrain_codec.errors import InputError, ProfileError
from filmgrain_codec.grain import wire
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.media import carriage
from filmgrain_codec.media.carriage import Carried, Place, Run
from tests.carriage import material
from tests.carriage.conftest import Film
from tests.carriage.material import CODECS, FRAMES, GOP, IN_BAND, profile, shown

WHOLE = [(n, n, 1 if n < material.CUT else 2) for n in range(FRAMES)]


def rewritten(source: Path, target: Path, records: dict[int, bytes]) -> Path:
    """A copy whose k-th keyframe carries ``records[k]``."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        video = old.streams.video[0]
        name = carriage.codec_name(video.codec_context.codec.canonical_name)
        stream = new.add_stream_from_template(video, opaque=True)
        new.metadata.update(old.metadata)
        keys = 0
        for packet in old.demux(video):
            if not packet.size:
                continue
            if packet.is_keyframe:
                if keys in records:
                    packet = carriage.attach(name, packet, video.codec_context.extradata, records[keys])
                keys += 1
            packet.stream = stream
            new.mux(packet)
    return target


@pytest.mark.parametrize("codec", CODECS)
def test_records_give_every_frame_its_index_and_shot(codec: str, film: Film) -> None:
    found = carriage.find(film(codec))
    assert found.source == ("in-band" if codec in IN_BAND else "block")
    assert found.records == (FRAMES if codec == "ffv1" else FRAMES // GOP)
    assert not found.stale
    assert found.profile is not None
    assert found.profile.segments == profile().segments
    assert shown(film(codec)) == WHOLE


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("where", ["stream", "file"])
def test_a_tag_alone_is_enough_while_it_fits(codec: str, where: str, film: Film) -> None:
    path = film(codec, in_band=False, tags=(where,))
    found = carriage.find(path)
    assert (found.source, found.stale) == ({"stream": "stream-tag", "file": "global-tag"}[where], False)
    assert shown(path) == WHOLE


@pytest.mark.parametrize("codec", IN_BAND)
def test_records_alone_are_enough(codec: str, film: Film) -> None:
    found = carriage.find(film(codec, tags=()))
    assert found.profile is not None
    assert found.profile.segments == profile().segments
    assert shown(film(codec, tags=())) == WHOLE


def test_nothing_is_found_where_nothing_is(film: Film) -> None:
    path = film("h264", in_band=False, tags=())
    assert carriage.find(path) == Carried()
    assert {(i, s) for _, i, s in shown(path)} == {(0, None)}


def test_records_win_over_a_tag_that_contradicts_them(film: Film) -> None:
    other = wire.to_json(profile(seed=7))
    found = carriage.find(film("h264", json_text=other))
    assert (found.source, found.stale) == ("in-band", False)
    assert [s.seed for s in found.profile or ()] == [1, 2]


@pytest.mark.parametrize(
    ("fingerprint", "reason"),
    [
        ("", "no fingerprint"),
        ("1/h264/128x96/48/00000000000000000000000000000000", "first keyframe"),
        ("1/av1/128x96/48/00000000000000000000000000000000", "the codec is h264 and was av1"),
    ],
)
def test_a_stale_tag_is_named_and_grains_nothing(fingerprint: str, reason: str, film: Film) -> None:
    path = film("h264", in_band=False, json_text=wire.to_json(profile(fingerprint=fingerprint)))
    found = carriage.find(path)
    assert (found.stale, found.runs) == (True, ())
    assert reason in found.reason
    assert {s for _, _, s in shown(path)} == {None}


@pytest.mark.parametrize("text", ["", "{", "[1]", json.dumps({"filmgrain": 99})])
def test_a_malformed_tag_alone_is_an_error(text: str, film: Film) -> None:
    text = text or " "
    with pytest.raises(ProfileError, match=r"h264.*nothing else in the file"):
        carriage.find(film("h264", in_band=False, json_text=text))


def test_a_malformed_tag_beside_records_does_no_harm(film: Film) -> None:
    assert shown(film("h264", json_text="{")) == WHOLE


def test_a_damaged_record_leaves_its_frames_to_the_run_before(film: Film, tmp_path: Path) -> None:
    good = {k: material.record(profile(), k * GOP) for k in range(4)}
    damaged = good | {1: good[1][:-1] + bytes([good[1][-1] ^ 1])}
    path = rewritten(film("h264", in_band=False, tags=()), tmp_path / "damaged.mkv", damaged)
    found = carriage.find(path)
    assert (found.records, found.damaged) == (3, 1)
    assert shown(path) == WHOLE


@pytest.mark.parametrize("codec", IN_BAND)
def test_only_damaged_records_are_an_error(codec: str, film: Film, tmp_path: Path) -> None:
    source = film(codec, in_band=False, tags=())
    path = rewritten(source, tmp_path / "damaged.mkv", dict.fromkeys(range(4), b"no record"))
    with pytest.raises(ProfileError):
        carriage.find(path)


def test_keyframes_without_a_record_after_one_with_are_left_alone(film: Film, tmp_path: Path) -> None:
    source = film("hevc", in_band=False, tags=())
    records = {0: material.record(profile(), 0), 3: material.record(profile(), 36)}
    path = rewritten(source, tmp_path / "gaps.mkv", records)
    seeds = [s for _, _, s in shown(path)]
    assert seeds == [1] * GOP + [None] * 2 * GOP + [2] * GOP


def test_a_cut_inside_a_group_of_pictures_uses_what_the_next_keyframe_says(
    film: Film, tmp_path: Path
) -> None:
    first, second = GrainSegment(0, 20, 0.03, seed=1), GrainSegment(20, FRAMES, 0.06, seed=2)
    records = {k: wire.to_bytes(wire.Record(first if k * GOP < 20 else second, k * GOP)) for k in range(4)}
    path = rewritten(film("h264", in_band=False, tags=()), tmp_path / "cut.mkv", records)
    assert [s for _, _, s in shown(path)] == [1] * 20 + [2] * 28


def test_every_keyframe_can_be_sought(film: Film) -> None:
    path = film("hevc")
    found = carriage.find(path)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        container.seek(int(Fraction(30, 24) / stream.time_base), stream=stream)
        frames = list(container.decode(stream))
    places = found.places(material.time_of(f) for f in frames)
    assert [p.index for p in places] == [material.number_of(f) for f in frames]


def test_raw_streams_without_timestamps_are_counted(film: Film, tmp_path: Path) -> None:
    path = tmp_path / "raw.h264"
    with av.open(str(film("h264"))) as old, av.open(str(path), "w", format="h264") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(old.streams.video[0]):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    found = carriage.find(path)
    assert [run.index for run in found.runs] == [0, 12, 24, 36]
    assert len({run.start for run in found.runs}) == 4


def test_a_truncated_file_keeps_what_came_before(film: Film, tmp_path: Path) -> None:
    path = tmp_path / "half.mkv"
    data = film("h264").read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    numbers = shown(path)
    assert numbers == WHOLE[: len(numbers)]
    assert len(numbers) > GOP


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("h264", ".mkv"), ("h264", ".ts"), ("hevc", ".mp4"), ("av1", ".mkv"), ("vp9", ".webm")],
)
def test_damaged_files_raise_nothing_unexpected(codec: str, suffix: str, film: Film, tmp_path: Path) -> None:
    data = film(codec, suffix).read_bytes()
    path = tmp_path / f"damaged{suffix}"
    chance = random.Random(codec + suffix)
    for _ in range(40):
        damaged = bytearray(data)
        reach = chance.choice([3000, len(data)])
        for _ in range(chance.choice([1, 10, 100])):
            damaged[chance.randrange(min(reach, len(data)))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.choice([len(data), chance.randrange(len(data))])])
        with suppress(ProfileError, InputError):
            found = carriage.find(path)
            assert not found.stale or not found.runs


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "noise.mkv"
    path.write_bytes(bytes(range(256)) * 8)
    with pytest.raises(InputError, match="noise"):
        carriage.find(path)
    with pytest.raises(InputError, match="absent"):
        carriage.find(tmp_path / "absent.mkv")


def test_a_stream_can_be_named(film: Film) -> None:
    assert carriage.find(film("h264"), stream=0) == carriage.find(film("h264"))
    with pytest.raises(InputError, match="no video stream number 3"):
        carriage.find(film("h264"), stream=3)


def test_a_file_without_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame(format="s16", layout="mono", samples=800)
        frame.sample_rate = 8000
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="no video stream"):
        carriage.find(path)


def test_places_before_the_first_run_and_between_runs() -> None:
    one, two = GrainSegment(100, 110, 0.03, seed=1), GrainSegment(0, 5, 0.03, seed=2)
    runs = (Run(Fraction(1), 104, one), Run(Fraction(2), 3, two), Run(Fraction(3), 0, None))
    found = Carried(source="in-band", runs=runs)
    times = [Fraction(k, 2) for k in range(8)]
    assert list(found.places(times)) == [
        Place(0, None),
        Place(0, None),
        Place(104, one),
        Place(105, one),
        Place(3, two),
        Place(4, two),
        Place(0, None),
        Place(1, None),
    ]
