"""Encode and decode as a whole, on clips whose grain is known."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.errors import UsageError
from filmgrain_codec.media import carriage
from filmgrain_codec.media.reader import Reader
from filmgrain_codec.pipeline.decode import decode
from filmgrain_codec.pipeline.encode import encode
from filmgrain_codec.pipeline.request import DecodeRequest, EncodeRequest
from tests.clients import run
from tests.e2e import clips

FAST = {"x264": "veryfast", "x265": "veryfast", "svtav1": "10"}


def read(path: Path) -> list[Frame]:
    with Reader(path, native_grain="export") as reader:
        return list(reader)


def digest(frames: list[Frame]) -> list[str]:
    return [hashlib.sha256(b"".join(p.tobytes() for p in f.planes)).hexdigest() for f in frames]


def encoded(source: Path, codec: str = "x265", **more: object) -> Path:
    output = source.with_suffix(f".{codec}.fg.mkv")
    encode(
        EncodeRequest(source=source, output=output, codec=codec, preset=FAST[codec], overwrite=True, **more)
    )
    return output


def decoded(base: Path, name: str = "out.mkv", **more: object) -> list[Frame]:
    output = base.with_name(name)
    decode(DecodeRequest(source=base, output=output, overwrite=True, **more))
    return read(output)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shots of 12 frames with irregular timestamps, level 0.05."""
    path = tmp_path_factory.mktemp("source") / "in.mkv"
    return clips.write(path, clips.frames(clips.format_of(), 24, shots=2, variable=True))


@pytest.mark.parametrize("codec", ["x264", "x265", "svtav1"])
def test_grain_goes_and_comes_back(source: Path, codec: str) -> None:
    base = encoded(source, codec)
    grainy, clean, again = read(source), read(base), decoded(base)
    assert [f.time for f in again] == [f.time for f in grainy] == [f.time for f in clean]
    truth = np.stack(
        [f.planes[0] - clips.picture(f.fmt, f.index * 2 // 24, f.index)[0] for f in grainy]
    ).std()
    left = np.stack([f.planes[0] - clips.picture(f.fmt, f.index * 2 // 24, f.index)[0] for f in clean]).std()
    back = np.stack([a.planes[0] - b.planes[0] for a, b in zip(again, clean, strict=True)]).std()
    assert left < 0.5 * truth
    assert abs(back / truth - 1) < 0.15
    assert base.stat().st_size < 0.5 * source.stat().st_size


def test_every_shot_has_its_own_record(source: Path) -> None:
    carried = carriage.find(encoded(source))
    assert carried.source == "in-band"
    assert carried.profile is not None
    assert [(s.start, s.end) for s in carried.profile] == [(0, 12), (12, 24)]


def test_decoding_is_repeatable_and_grain_is_fresh_on_every_frame(source: Path) -> None:
    base = encoded(source)
    first, second = decoded(base, "a.mkv"), decoded(base, "b.mkv", threads=1)
    assert digest(first) == digest(second)
    clean = read(base)
    grain = [(a.planes[0] - b.planes[0]).ravel() for a, b in zip(first, clean, strict=True)]
    worst = max(abs(np.corrcoef(x, y)[0, 1]) for x, y in pairwise(grain))
    # 24576 samples, correlated over about 8: chance gives 0.018 at one sigma; frozen grain gives 1
    assert worst < 0.06


def test_no_grain_is_the_base_layer(source: Path) -> None:
    base = encoded(source)
    assert digest(decoded(base, grain=False)) == digest(read(base))


def test_overrides(source: Path) -> None:
    base = encoded(source)
    clean = read(base)

    def strength(frames: list[Frame]) -> float:
        return float(np.stack([a.planes[0] - b.planes[0] for a, b in zip(frames, clean, strict=True)]).std())

    plain = strength(decoded(base))
    assert strength(decoded(base, gain=0.5)) == pytest.approx(0.5 * plain, rel=0.02)
    assert digest(decoded(base, seed=1)) != digest(decoded(base, seed=2))
    assert strength(decoded(base, level=0.1)) == pytest.approx(2 * plain, rel=0.15)


def test_a_trimmed_copy_has_the_same_grain_on_the_same_pictures(source: Path, tmp_path: Path) -> None:
    base, cut = encoded(source), tmp_path / "cut.mkv"
    whole = decoded(base)
    start = float(whole[12].time) + 0.2  # ffmpeg seeks 3/23 s early where there are B-frames
    run("ffmpeg", "-v", "error", "-ss", start, "-i", base, "-map", "0", "-c", "copy", "-y", cut)
    tail = decoded(cut, "tail.mkv")
    assert digest(tail) == digest(whole[12:])


def test_clean_clip_is_left_alone(tmp_path: Path) -> None:
    source = clips.write(tmp_path / "clean.mkv", clips.frames(clips.format_of(), 8, level=0.0))
    base = encoded(source)
    carried = carriage.find(base)
    assert carried.profile is not None
    assert not carried.profile.grainy
    assert digest(decoded(base)) == digest(read(base))


def test_user_denoised_clip_becomes_the_base(tmp_path: Path) -> None:
    fmt = clips.format_of()
    source = clips.write(tmp_path / "in.mkv", clips.frames(fmt, 9))
    clean = clips.write(tmp_path / "clean.mkv", clips.frames(fmt, 9, level=0.0))
    carried = carriage.find(encoded(source, ref=clean))
    assert carried.profile is not None
    assert carried.profile.segments[0].level == pytest.approx(clips.LEVEL, rel=0.1)


@pytest.mark.parametrize(("bits", "sub"), [(8, (1, 1)), (10, (1, 0)), (10, (0, 0)), (12, (1, 1))])
def test_source_depth_and_chroma_come_back(tmp_path: Path, bits: int, sub: tuple[int, int]) -> None:
    source = clips.write(tmp_path / "in.mkv", clips.frames(clips.format_of(bits=bits, sub=sub), 6))
    again = decoded(encoded(source))
    fmt = again[0].fmt
    assert (fmt.bits, fmt.sub_w, fmt.sub_h) == (bits, *sub)


@pytest.mark.parametrize("size", [(1, 1), (17, 33), (318, 190)])
def test_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    source = clips.write(tmp_path / "in.mkv", clips.frames(clips.format_of(*size), 5))
    again = decoded(encoded(source))
    assert len(again) == 5
    assert (again[0].fmt.width, again[0].fmt.height) == size


def test_size_chroma_and_preset_change_the_grain_that_comes_back(source: Path) -> None:
    base = encoded(source, "x264")
    clean = read(base)

    def grain(plane: int, **more: object) -> np.ndarray:
        found = decoded(base, bits=16, **more)
        return np.stack([a.planes[plane] - b.planes[plane] for a, b in zip(found, clean, strict=True)])

    def neighbours(g: np.ndarray) -> float:
        return float((g[..., 1:] * g[..., :-1]).mean() / g.var())

    assert neighbours(grain(0, size=2.0)) > neighbours(grain(0)) + 0.15
    assert grain(1, chroma=0.5).std() == pytest.approx(0.5 * grain(1).std(), rel=0.1)
    assert grain(1, chroma=0.0).std() < 1e-3
    stock = grain(0, grain_preset="super16-500t", level=0.03)
    assert stock.std() < 0.04
    assert grain(1, grain_preset="35mm-bw").std() < 1e-3


def test_a_film_without_a_profile_takes_a_preset(source: Path) -> None:
    made = decoded(source, "stock.mkv", grain_preset="8mm-500t", gain=2.0)
    added = np.stack([a.planes[0] - b.planes[0] for a, b in zip(made, read(source), strict=True)])
    assert added.std() > 1 / 1023
    with pytest.raises(UsageError, match="35mm-50d"):
        decode(DecodeRequest(source=source, output=source.with_name("no.mkv"), grain_preset="nothing"))
    assert not source.with_name("no.mkv").exists()
