"""Grain in the codecs' own syntax: what ordinary players show, measured on what FFmpeg makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain.av1_filter import TAPS
from filmgrain_codec.grain.av1_model import fitted, seed_of
from filmgrain_codec.grain.filters import grain_filter
from filmgrain_codec.grain.profile import BENT_CURVE, BENT_LAW, Chroma, GrainProfile, GrainSegment, Spectrum
from filmgrain_codec.media import carriage
from filmgrain_codec.media.carriage import players
from filmgrain_codec.media.decode import has_native_grain
from filmgrain_codec.media.encoders import encoder_for
from filmgrain_codec.media.reader import Reader
from filmgrain_codec.media.writer import Writer
from filmgrain_codec.pipeline.decode import decode
from filmgrain_codec.pipeline.encode import encode
from filmgrain_codec.pipeline.inspect import inspect
from filmgrain_codec.pipeline.label import Label
from filmgrain_codec.pipeline.request import DecodeRequest, EncodeRequest
from tests.clients import run
from tests.e2e import clips

WIDTH, HEIGHT, SHOT = 320, 192, 8
TICK, RATE = Fraction(1, 24), Fraction(24)
GRAIN = GrainSegment(
    0, SHOT, 0.03, BENT_CURVE, Spectrum(0.8), Chroma(0.5, 0.4, 0.6, 0.3, -0.3), law=BENT_LAW, seed=5
)
SHOTS = (
    GRAIN,
    replace(GRAIN, start=SHOT, end=2 * SHOT, level=0.0),
    replace(GRAIN, start=2 * SHOT, end=3 * SHOT, level=0.06, spectrum=Spectrum(1.2), seed=6),
)
CASES = [
    ("svtav1", 10, 1),
    ("svtav1", 8, 1),
    ("x265", 10, 1),
    ("x265", 8, 1),
    ("x265", 10, 0),
    ("x264", 8, 1),
]
Film = Callable[..., Path]


def frames(fmt: FrameFormat) -> list[Frame]:
    """A slope of grey that drifts, with one keyframe a shot."""
    across = np.linspace(0.25, 0.75, WIDTH + 3 * SHOT, dtype=np.float32)
    made = []
    for n in range(3 * SHOT):
        luma = np.tile(across[n : n + WIDTH], (HEIGHT, 1))
        planes = (luma, *(np.full(fmt.shape(k), 0.5, np.float32) for k in (1, 2)))
        props = {"force_keyframe": True} if n % SHOT == 0 else {}
        made.append(Frame(planes, fmt, n, n, TICK, props=props))
    return made


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """Writes a film of three shots once for each way."""
    made: dict[object, Path] = {}

    def written(codec: str, bits: int, sub_h: int, *, shown: bool = True, suffix: str = ".mkv") -> Path:
        key = codec, bits, sub_h, shown, suffix
        if key not in made:
            path = tmp_path_factory.mktemp("film") / f"film{suffix}"
            fmt = FrameFormat(WIDTH, HEIGHT, "yuv", 1, sub_h, bits=bits)
            label = Label(GrainProfile(SHOTS), fmt)
            spec = encoder_for(codec, fmt, crf=30, preset=None, bits=bits, threads=1, video=None)
            with Writer(
                path, None, spec, fmt, time_base=TICK, rate=RATE, frames=3 * SHOT,
                in_band=label.record, header_tags=label.tags, shown=GrainProfile(SHOTS).at if shown else None,
            ) as writer:  # fmt: skip
                for frame in frames(fmt):
                    writer.write(frame)
            writer.temporary.rename(path)
            made[key] = path
        return made[key]

    return written


def pictures(path: Path, grain: str) -> list[np.ndarray]:
    """Every plane over all frames, in 8-bit codes."""
    with Reader(path, native_grain=grain) as reader:
        planes = list(zip(*(f.planes for f in reader), strict=True))
    return [np.stack(p).astype(np.float64) * 255 for p in planes]


def shot(planes: np.ndarray, number: int) -> np.ndarray:
    return planes[SHOT * number : SHOT * (number + 1)]


def wanted(segment: GrainSegment, luma: np.ndarray) -> float:
    return 255 * float(np.sqrt(np.mean(segment.sigma(luma / 255) ** 2)))


@pytest.mark.parametrize(("codec", "bits", "sub_h"), CASES)
def test_players_show_the_grain_of_every_shot(codec, bits, sub_h, film: Film) -> None:
    path = film(codec, bits, sub_h)
    assert has_native_grain(str(path))
    base, seen = pictures(path, "export"), pictures(path, "apply")
    grain = [b - a for a, b in zip(base, seen, strict=True)]
    for n in (0, 2):
        luma, now = shot(base[0], n), shot(grain[0], n)
        close = 0.15 if codec == "x264" else 0.1  # bands of frequencies, in eight steps
        assert now.std() == pytest.approx(wanted(SHOTS[n], luma), rel=close)
        assert abs(now.mean()) < 0.6
        chroma = [shot(g, n).std() / now.std() for g in grain[1:]]
        assert chroma == pytest.approx([0.5, 0.4], rel=0.25)
        here, after = now[:-1].ravel(), now[1:].ravel()
        assert abs(np.corrcoef(here, after)[0, 1]) < 0.02
    assert all(not shot(g, 1).any() for g in grain)


@pytest.mark.parametrize("codec", ["svtav1", "x265"])
def test_its_size_and_its_share_of_luma_follow_the_profile(codec, film: Film) -> None:
    path = film(codec, 10, 1)
    pairs = zip(pictures(path, "export"), pictures(path, "apply"), strict=True)
    grain = [shot(b - a, 0) for a, b in pairs]
    kernel = grain_filter(GRAIN.spectrum)
    for lag in (1, 2):
        found = np.mean(grain[0][..., lag:] * grain[0][..., :-lag]) / grain[0].var()
        assert found == pytest.approx(kernel.autocorrelation(lag, 0), abs=0.08)
    under = grain[0].reshape(SHOT, HEIGHT // 2, 2, WIDTH // 2, 2).mean((2, 4))
    shares = [np.corrcoef(under.ravel(), g.ravel())[0, 1] for g in grain[1:]]
    assert shares == pytest.approx([0.3, -0.3], abs=0.08)


@pytest.mark.parametrize(("codec", "bits", "sub_h"), CASES)
def test_the_base_layer_stays_as_it_was_coded(codec, bits, sub_h, film: Film) -> None:
    plain, grained = film(codec, bits, sub_h, shown=False), film(codec, bits, sub_h)
    assert not has_native_grain(str(plain))
    for a, b in zip(pictures(plain, "apply"), pictures(grained, "export"), strict=True):
        np.testing.assert_array_equal(a, b)
    for path in (plain, grained):
        found = carriage.find(path)
        assert not found.stale
        assert found.source == "in-band"


@pytest.mark.parametrize(("codec", "bits"), [("svtav1", 10), ("x265", 10), ("x264", 8)])
@pytest.mark.parametrize("tool", ["ffmpeg", "mkvmerge"])
def test_it_survives_being_copied(codec, bits, tool, film: Film, tmp_path: Path) -> None:
    path, copy = film(codec, bits, 1), tmp_path / ("copy.mp4" if tool == "ffmpeg" else "copy.mkv")
    if tool == "ffmpeg":
        run("ffmpeg", "-v", "error", "-i", path, "-c", "copy", copy)
    else:
        run("mkvmerge", "-q", "-o", copy, path)
    for a, b in zip(pictures(path, "apply"), pictures(copy, "apply"), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("codec", "bits"), [("svtav1", 10), ("x264", 8)])
def test_debians_ffmpeg_and_mpv_show_it(codec, bits, film: Film, tmp_path: Path) -> None:
    """They are older than AFGS1 in HEVC, which they pass over."""

    def decoded(path: Path, *options: str) -> str:
        return run("ffmpeg", "-v", "error", *options, "-i", path, "-f", "framemd5", "-").stdout

    def played(path: Path) -> str:
        target = tmp_path / "pictures"
        run("mpv", "--no-config", "--of=framemd5", "--ovc=rawvideo", "--no-audio", f"--o={target}", path)
        return target.read_text()

    path, plain = film(codec, bits, 1), film(codec, bits, 1, shown=False)
    assert decoded(path) != decoded(plain)
    assert decoded(path, "-export_side_data", "film_grain") == decoded(plain)
    assert played(path) != played(plain)


def test_gray_film_has_grain_in_av1(tmp_path: Path) -> None:
    fmt = FrameFormat(192, 128, "gray", 0, 0)
    source = clips.write(tmp_path / "in.mkv", clips.frames(fmt, 6))
    encode(EncodeRequest(source=source, output=tmp_path / "out.mkv", codec="svtav1", player_grain=True))
    segment = carriage.find(tmp_path / "out.mkv").profile.segments[0]
    base, seen = (pictures(tmp_path / "out.mkv", grain)[0] for grain in ("export", "apply"))
    assert (seen - base).std() == pytest.approx(wanted(segment, base), rel=0.1)


def test_a_seek_shows_the_same_grain(film: Film) -> None:
    path = film("svtav1", 10, 1)
    whole = pictures(path, "apply")[0]
    with Reader(path, native_grain="apply", start=2 * SHOT) as reader:
        later = np.stack([f.planes[0] for f in reader]).astype(np.float64) * 255
    np.testing.assert_array_equal(later, whole[2 * SHOT :])


@pytest.mark.parametrize(("codec", "bits"), [("svtav1", 10), ("x265", 10), ("x264", 8)])
def test_decode_puts_on_its_own_grain_alone(codec, bits, film: Film, tmp_path: Path) -> None:
    made = []
    for shown in (False, True):
        output = tmp_path / f"{shown}.mkv"
        decode(DecodeRequest(source=film(codec, bits, 1, shown=shown), output=output))
        made.append(pictures(output, "apply"))
    for a, b in zip(*made, strict=True):
        np.testing.assert_array_equal(a, b)


def test_encode_writes_it_where_it_is_asked_for(tmp_path: Path) -> None:
    source = clips.write(tmp_path / "in.mkv", clips.frames(FrameFormat(192, 128, "yuv", 1, 1), 6))
    asked = EncodeRequest(source=source, output=tmp_path / "out.mkv", codec="svtav1", level=0.04)
    encode(replace(asked, player_grain=True))
    shown = inspect(tmp_path / "out.mkv")["grain"]
    assert shown["players"]
    assert shown["source"] == "in-band"
    encode(replace(asked, overwrite=True))
    assert not inspect(tmp_path / "out.mkv")["grain"]["players"]
    with pytest.raises(UsageError, match="--bits 8"):
        encode(replace(asked, codec="x264", player_grain=True, overwrite=True))
    assert [p.name for p in tmp_path.iterdir() if p != source] == ["out.mkv"]


@pytest.mark.parametrize(
    ("codec", "family", "bits", "says"),
    [
        ("h264", "yuv", 10, "--bits 8"),
        ("ffv1", "yuv", 10, "no syntax"),
        ("h264", "gray", 8, "take svtav1"),
        ("av1", "422", 10, "4:2:0"),
        ("hevc", "gray", 8, "gray film"),
    ],
)
def test_what_players_cannot_show_is_refused(codec, family, bits, says) -> None:
    subs = {"yuv": (1, 1), "422": (1, 0), "gray": (0, 0)}[family]
    fmt = FrameFormat(64, 64, "gray" if family == "gray" else "yuv", *subs)
    with pytest.raises(UsageError, match=says):
        players.check(codec, fmt, bits)


numbers = st.floats(0.0, 1.0)


@given(
    level=st.floats(0.0031, 0.15),
    size=st.floats(0.3, 4.0),
    stretch=st.floats(0.5, 2.0),
    weight=st.floats(-0.5, 0.5),
    curve=st.lists(st.floats(0.0, 4.0), min_size=8, max_size=8),
    chroma=st.tuples(
        numbers, numbers, st.floats(0.3, 3.0), st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1)
    ),
    subs=st.sampled_from([(1, 1), (1, 0), (0, 0)]),
)
@settings(max_examples=30, deadline=None)
def test_any_profile_gives_parameters_that_the_syntax_holds(
    level, size, stretch, weight, curve, chroma, subs
):
    segment = GrainSegment(0, 9, level, tuple(curve), Spectrum(size, stretch, weight), Chroma(*chroma))
    grain = fitted(segment, subs)
    assert grain is not None
    for points, most in ((grain.luma, 14), (grain.cb, 10), (grain.cr, 10)):
        codes = [code for code, _ in points]
        assert len(points) <= most
        assert codes == sorted(set(codes))
        assert all(0 <= value <= 255 for point in points for value in point)
    assert len(grain.ar_luma) == len(TAPS) == len(grain.ar_cb) - 1
    assert all(-128 <= tap <= 127 for tap in (*grain.ar_luma, *grain.ar_cb, *grain.ar_cr))
    assert grain.ar_shift in range(6, 10)
    assert grain.scaling in range(8, 12)
    assert grain.coarseness in range(4)


def test_every_frame_has_a_seed_of_its_own_and_none_stands_still() -> None:
    seeds = [seed_of(replace(GRAIN, seed=s), n) for s in range(4) for n in range(500)]
    assert not {0, 0xB524, 0x49D8} & set(seeds)
    assert all(a != b for a, b in pairwise(seeds))
    assert len(set(seeds)) > 0.95 * len(seeds)
