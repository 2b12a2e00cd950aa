"""Numbered stills and single pictures, read and written; RGB to Y'CbCr and back."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat
from filmgrain_codec.errors import InputError, OutputError, UsageError
from filmgrain_codec.media import atomic, rgb
from filmgrain_codec.media.encoders import encoder_for
from filmgrain_codec.media.probe import probe
from filmgrain_codec.media.writer import Writer
from tests.media.samples import clip, read, write

FULL = ColorInfo(range=2)


@pytest.mark.parametrize("ending", ["png", "tiff", "dpx", "exr"])
@pytest.mark.parametrize("family", ["rgb", "gray"])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_stills_keep_every_code(tmp_path: Path, ending: str, family: str, bits: int) -> None:
    fmt = FrameFormat(33, 17, family, 0, 0, bits, FULL)  # type: ignore[arg-type]
    frames = clip(fmt, range(3))
    pattern = tmp_path / f"shot.%03d.{ending}"
    write(pattern, frames, "ffv1")
    assert (tmp_path / f"shot.002.{ending}").exists()
    found = read(pattern)[1]
    assert len(found) == 3
    for ours, theirs in zip(frames, found, strict=True):
        for a, b in zip(ours.planes, theirs.planes, strict=True):
            assert np.array_equal(np.rint(a * fmt.peak), np.rint(b * np.float32(fmt.peak)))


def test_a_folder_a_pattern_and_a_still_are_sources(tmp_path: Path) -> None:
    frames = clip(FrameFormat(16, 8, "rgb", 0, 0, 8, FULL), range(4))
    write(tmp_path / "a.%04d.png", frames, "ffv1")
    assert len(read(tmp_path)[1]) == 4
    info, found = read(tmp_path / "a.%04d.png", rate=Fraction(18))
    assert info.video.rate == 18
    assert found[3].time == Fraction(3, 18)
    assert probe(tmp_path / "a.%04d.png").video.rate == 24
    assert len(read(tmp_path / "a.0003.png")[1]) == 1


def test_gaps_and_empty_patterns_are_said(tmp_path: Path) -> None:
    write(tmp_path / "a.%04d.png", clip(FrameFormat(16, 8, "rgb", 0, 0, 8, FULL), range(4)), "ffv1")
    (tmp_path / "a.0002.png").unlink()
    with pytest.raises(InputError, match="lacks picture 2"):
        read(tmp_path / "a.%04d.png")
    with pytest.raises(InputError, match="No pictures"):
        read(tmp_path / "b.%04d.png")


def test_several_frames_need_a_pattern(tmp_path: Path) -> None:
    frames = clip(FrameFormat(16, 8, "rgb", 0, 0, 8, FULL), range(2))
    with pytest.raises(UsageError, match="%04d"):
        write(tmp_path / "one.png", frames, "ffv1")
    write(tmp_path / "one.png", frames[:1], "ffv1")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.png"]


def test_stills_are_committed_together(tmp_path: Path) -> None:
    frames = clip(FrameFormat(16, 8, "rgb", 0, 0, 8, FULL), range(3))
    target = tmp_path / "a.%02d.png"
    for overwrite in (False, True):
        spec = encoder_for("ffv1", frames[0].fmt)
        with Writer(target, None, spec, frames[0].fmt, time_base=Fraction(1, 24), rate=None) as out:
            for frame in frames:
                out.write(frame)
        atomic.commit(out.temporary, target, overwrite)
    assert len(list(tmp_path.iterdir())) == 3
    out.temporary.mkdir()
    (out.temporary / "a.01.png").touch()
    with pytest.raises(OutputError, match=r"a\.01\.png"):
        atomic.commit(out.temporary, target, overwrite=False)
    atomic.discard(out.temporary)
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("matrix", [1, 6, 9])
def test_rgb_survives_the_detour_through_ycbcr(bits: int, matrix: int) -> None:
    fmt = FrameFormat(64, 48, "rgb", 0, 0, bits, FULL)
    rng = np.random.default_rng(bits)
    planes = tuple((np.rint(rng.random((48, 64)) * fmt.peak) / fmt.peak).astype(np.float32) for _ in range(3))
    target = rgb.yuv_format(replace(fmt, color=replace(FULL, matrix=matrix)))
    yuv = rgb.to_yuv(Frame(planes, fmt, 0, 0, Fraction(1, 24)), target)
    back = rgb.to_rgb(yuv)
    assert (target.color.matrix, target.color.range) == (matrix, 2)
    for a, b in zip(planes, back.planes, strict=True):
        assert np.array_equal(np.rint(a * fmt.peak), np.rint(b * fmt.peak))


def test_neutral_and_primary_colours_land_where_the_standard_says() -> None:
    fmt = FrameFormat(1, 1, "rgb", 0, 0, 8, FULL)
    target = rgb.yuv_format(fmt)
    known = {(1, 1, 1): (255, 128, 128), (0, 0, 0): (0, 128, 128), (1, 0, 0): (54, 99, 255.5)}
    for colour, expected in known.items():
        planes = tuple(np.full((1, 1), c, np.float32) for c in colour)
        out = rgb.to_yuv(Frame(planes, fmt, 0, 0, Fraction(1, 24)), target)
        assert [float(p[0, 0]) * 255 for p in out.planes] == pytest.approx(expected, abs=0.6)


def test_a_rgb_scan_is_coded_and_comes_back_as_stills(tmp_path: Path) -> None:
    fmt = FrameFormat(64, 48, "rgb", 0, 0, 10, FULL)
    frames = clip(fmt, range(3))
    write(tmp_path / "scan.%03d.dpx", frames, "ffv1")
    info, coded = read(tmp_path / "scan.%03d.dpx", yuv=True)
    assert info.video.fmt == coded[0].fmt
    assert (coded[0].fmt.family, coded[0].fmt.color.matrix, coded[0].fmt.color.range) == ("yuv", 1, 2)
    assert probe(tmp_path / "scan.%03d.dpx", yuv=True).video.fmt == coded[0].fmt
    write(tmp_path / "base.mkv", coded, "x265", info, crf=0)
    found = read(tmp_path / "base.mkv")[1]
    write(tmp_path / "back.%03d.dpx", found, "ffv1")
    for a, b in zip(frames, read(tmp_path / "back.%03d.dpx")[1], strict=True):
        for p, q in zip(a.planes, b.planes, strict=True):
            assert float(np.abs(p - q).mean()) * 1023 < 4  # nearly lossless coding


def test_linear_light_is_coded_on_a_curve_and_what_is_over_range_is_counted(tmp_path: Path) -> None:
    fmt = FrameFormat(32, 16, "rgb", 0, 0, 16, replace(FULL, transfer=rgb.LINEAR))
    light = np.linspace(0, 0.9, 512, dtype=np.float32).reshape(16, 32).copy()
    light[0, :5] = 3.0
    frames = [Frame((light, light * 0.5, light * 0.25), fmt, 0, 0, Fraction(1, 24))]
    write(tmp_path / "scan.%03d.exr", frames, "ffv1")
    plain = read(tmp_path / "scan.%03d.exr")
    assert plain[0].video.real
    assert float(plain[1][0].planes[0].max()) == 3.0
    info, coded = read(tmp_path / "scan.%03d.exr", yuv=True)
    assert info.video.fmt.color.transfer == rgb.SRGB
    assert coded[0].props["over_range"] == 10  # red at 3.0 and green at 1.5
    write(tmp_path / "base.mkv", coded, "ffv1", info, bits=12)
    write(tmp_path / "back.%03d.exr", read(tmp_path / "base.mkv")[1], "ffv1")
    back = read(tmp_path / "back.%03d.exr")[1][0].planes[0]
    assert float(np.abs(back[1:] - light[1:]).max()) < 0.002


def test_limited_range_pictures_become_full_range_stills(tmp_path: Path) -> None:
    fmt = FrameFormat(16, 8, "yuv", 1, 1, 8, ColorInfo(1, 1, 1, 1, 1))
    planes = tuple(np.full(fmt.shape(i), c / 255, np.float32) for i, c in enumerate((235, 128, 128)))
    write(tmp_path / "a.png", [Frame(planes, fmt, 0, 0, Fraction(1, 24))], "ffv1")
    assert [float(p.min()) for p in read(tmp_path / "a.png")[1][0].planes] == [1.0, 1.0, 1.0]
    gray = replace(fmt, family="gray", sub_w=0, sub_h=0)
    write(tmp_path / "b.png", [Frame(planes[:1], gray, 0, 0, Fraction(1, 24))], "ffv1")
    assert float(read(tmp_path / "b.png")[1][0].planes[0].min()) == 1.0


def test_full_range_pictures_become_limited_in_prores(tmp_path: Path) -> None:
    fmt = FrameFormat(32, 32, "yuv", 1, 0, 10, ColorInfo(1, 1, 1, 2, 1))
    planes = tuple(np.full(fmt.shape(i), c / 1023, np.float32) for i, c in enumerate((1023, 512, 512)))
    write(tmp_path / "a.mov", [Frame(planes, fmt, 0, 0, Fraction(1, 24))], "prores")
    info, frames = read(tmp_path / "a.mov")
    assert info.video.fmt.color.range == 1
    assert float(frames[0].planes[0].mean()) * 1023 == pytest.approx(940, abs=2)
