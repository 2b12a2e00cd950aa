"""Cuts are found, and nothing else is taken for one: grain, flicker, flashes, fades, motion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, islice
from pathlib import Path

import numpy as np
import pytest

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.node import Analyzer
from filmgrain_codec.media.reader import Reader
from filmgrain_codec.pipeline.shots import LOOK, CutDetector
from tests.pipeline.moving import FORMAT, MOTIONS, Picture, frames, shot

LEVELS = (0.0, 0.05, 0.1)


def cuts(source: Iterable[Frame], fmt: FrameFormat = FORMAT) -> tuple[int, ...]:
    detector = CutDetector(fmt)
    for frame in source:
        detector.observe(frame)
    return detector.finish()


def blend(a: Sequence[Picture], b: Sequence[Picture], start: int, length: int) -> list[Picture]:
    shares = [np.float32(min(1, max(0, (n - start) / length))) for n in range(len(a))]
    return [x * (1 - s) + y * s for x, y, s in zip(a, b, shares, strict=True)]


@pytest.mark.parametrize(("level", "flicker"), [(0.0, 0.0), (0.05, 0.1), (0.1, 0.0)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_hard_cuts_between_shots_of_any_length_and_motion_are_found(seed, level, flicker):
    rng = np.random.default_rng(seed)
    lengths = [int(n) for n in rng.integers(5, 30, 5)]
    shots = [shot(100 * seed + k, n, MOTIONS[rng.integers(4)]) for k, n in enumerate(lengths)]
    joined = [p for pictures in shots for p in pictures]
    assert cuts(frames(joined, level, flicker)) == tuple(accumulate(lengths[:-1]))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("motion", MOTIONS)
def test_one_shot_is_one_shot(motion, level):
    assert cuts(frames(shot(5, 60, motion), level, flicker=0.1)) == ()


@pytest.mark.parametrize("level", [0.0, 0.05])
@pytest.mark.parametrize("motion", ["static", "shake", "zoom"])
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_flashes_are_no_cuts(motion, level, strength):
    pictures = shot(3, 60, motion)
    for n in (15, 27, 28, 40, 41, 42, 43):
        pictures[n] = np.clip(pictures[n] * (1 - 0.8 * strength) + 0.9 * strength, 0, 1).astype(np.float32)
    assert cuts(frames(pictures, level)) == ()


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("foreign", ["black", "white", "picture"])
def test_a_lost_or_foreign_frame_is_no_cut(foreign, level):
    pictures = shot(4, 40)
    pictures[20] = {"black": pictures[0] * 0, "white": pictures[0] * 0 + 1, "picture": shot(9, 1)[0]}[foreign]
    assert cuts(frames(pictures, level)) == ()


@pytest.mark.parametrize("level", [0.0, 0.05])
@pytest.mark.parametrize("length", [8, 12, 48])
def test_fades_and_dissolves_are_no_cuts(length, level):
    picture, other = shot(1, 66), shot(2, 66, "pan")
    black, white = ([p * 0 + c for p in picture] for c in (0, 1))
    for a, b in ((black, picture), (picture, black), (picture, white), (picture, other)):
        assert cuts(frames(blend(a, b, 9, length), level)) == ()


@pytest.mark.parametrize("level", LEVELS)
def test_a_cut_with_one_blended_frame_is_one_cut(level):
    found = cuts(frames(blend(shot(1, 60), shot(2, 60, "pan"), 19, 2), level))
    assert found in ((20,), (21,))


@pytest.mark.parametrize("level", [0.0, 0.02])
@pytest.mark.parametrize("bars", [(24, 0), (0, 60)])
def test_black_bars_hide_no_cut(bars, level):
    down, across = bars
    pictures = [p.copy() for k in range(4) for p in shot(k, 20)]
    for p in pictures:
        p[:down], p[len(p) - down :] = 0, 0
        p[:, :across], p[:, p.shape[1] - across :] = 0, 0
    assert cuts(frames(pictures, level)) == (20, 40, 60)


def test_cuts_between_dark_pictures_and_from_black_are_found():
    dark = [p * np.float32(0.1) for k in (1, 2, 3) for p in shot(k, 20)]
    assert cuts(frames(dark, 0.005)) == (20, 40)
    lit = shot(1, 20)
    assert cuts(frames([p * 0 for p in lit] + lit + [p * 0 for p in lit])) == (20, 40)


def test_shots_of_a_few_frames_are_not_told_apart():
    a, b, c = shot(1, 20), shot(2, 2), shot(3, 20)
    assert len(cuts(frames(a + b + c))) == 1


def test_no_cut_is_named_at_the_very_ends():
    a, b = shot(1, 20), shot(2, 20)
    assert cuts(frames(a[:2] + b)) == ()
    assert cuts(frames(a + b[:2])) == ()


def test_frame_numbers_are_absolute():
    moved = (replace(f, index=f.index + 1000) for f in frames(shot(1, 20) + shot(2, 20)))
    assert cuts(moved) == (1020,)


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (2, 300), (90, 160)])
@pytest.mark.parametrize("family", ["gray", "rgb", "yuv"])
def test_any_size_and_family(size, family):
    fmt = FrameFormat(size[1], size[0], family, 0, 0, 8)
    rng = np.random.default_rng(1)
    looks = rng.random((2, fmt.planes, *size), np.float32)
    made = (Frame(tuple(looks[n // 12]), fmt, n, n, Fraction(1, 24)) for n in range(24))
    assert cuts(made, fmt) == (() if size == (1, 1) else (12,))


def test_broken_samples_do_no_harm():
    pictures = [p.copy() for p in shot(1, 20) + shot(2, 20)]
    pictures[7][:] = np.nan
    pictures[30][5, 5] = np.inf
    assert cuts(frames(pictures)) == (20,)


@pytest.mark.parametrize("length", [0, 1, 3])
def test_clips_without_room_for_a_cut(length):
    assert cuts(frames(shot(1, length))) == ()


def test_only_the_frames_around_are_kept():
    detector = CutDetector(FORMAT)
    assert isinstance(detector, Analyzer)
    for frame in frames(shot(1, 30, "pan") * 4):
        detector.observe(frame)
        assert len(detector._recent) <= 2 * LOOK + 1


def read(path: Path, count: int, first: int = 0) -> list[Frame]:
    with Reader(path) as reader:
        return list(islice(reader, first, first + count))


ONE_SHOT = (
    "film_video/friday.mp4",
    "film_video/chaplin.mp4",
    "clean_video/set8_hypersmooth_540p.mkv",
    "clean_video/set8_motorbike_540p.mkv",
    "clean_video/vid4_walk.mkv",
    "derived/crowdrun_dnxhr_hqx_10bit422.mov",
)


@pytest.mark.parametrize("name", ONE_SHOT)
def test_real_clips_of_one_shot(shared_data, name):
    clip = read(shared_data / "test" / name, 60)
    assert cuts(clip, clip[0].fmt) == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("film_video/a-bomb_blast_effects_part.mp4", (44, 134, 299)),
        ("codecs/nasa_13013_hdr.mp4", (202,)),
        ("codecs/roadtrip-vp92-10bit.webm", (42,)),
    ],
)
def test_real_clips_with_cuts(shared_data, name, expected):
    """Expected cuts were found by eye."""
    with Reader(shared_data / "test" / name) as reader:
        assert cuts(reader, reader.info.video.fmt) == expected


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5), (5, 2, 0, 4, 1, 3)])
def test_real_clips_joined_are_cut_at_the_joins(shared_data, order):
    parts = [read(shared_data / "test" / ONE_SHOT[k], 9 + 2 * k) for k in order]
    joined = [replace(f, index=n) for n, f in enumerate(f for part in parts for f in part)]
    ends = tuple(accumulate(len(p) for p in parts[:-1]))
    assert cuts(joined, joined[0].fmt) == ends
