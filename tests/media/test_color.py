"""Colour, HDR10, aspect ratio and rotation: what goes in comes out, in the stream and in the container."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from filmgrain_codec.core.frame import ColorInfo, FrameFormat
from filmgrain_codec.media import color
from filmgrain_codec.media.probe import SourceInfo, probe
from tests import clients
from tests.media.samples import HDR10, clip, read, write

SEEN = [  # what ffprobe 5 opens: not FFV1 in MP4
    ("x264", "mkv"), ("x264", "mp4"), ("x265", "mkv"), ("x265", "mp4"), ("x265", "mov"), ("svtav1", "mkv"),
    ("svtav1", "mp4"), ("svtav1", "webm"), ("ffv1", "mkv"), ("prores", "mkv"), ("prores", "mov"),
]  # fmt: skip
COMBINATIONS = [*SEEN, ("ffv1", "mp4")]
COLORS = {
    "hdr10": HDR10,
    "hlg": ColorInfo(9, 18, 9, 1, 1),
    "bt709": ColorInfo(1, 1, 1, 1, 1),
    "bt601 full": ColorInfo(6, 6, 6, 2, 2),
}
NAMES = {
    "hdr10": ("tv", "bt2020nc", "smpte2084", "bt2020"),
    "hlg": ("tv", "bt2020nc", "arib-std-b67", "bt2020"),
    "bt709": ("tv", "bt709", "bt709", "bt709"),
    "bt601 full": ("pc", "smpte170m", "smpte170m", "smpte170m"),
}


def ffprobe(path: Path, what: str) -> list[dict[str, Any]]:
    done = clients.run(
        "ffprobe", "-v", "error", "-of", "json", "-select_streams", "v:0", f"-show_{what}",
        "-read_intervals", "%+#1", path,
    )  # fmt: skip
    found: list[dict[str, Any]] = json.loads(done.stdout)[what]
    return found


def written(path: Path, codec: str, colour: ColorInfo, source: SourceInfo | None = None) -> Path:
    sub_h = 0 if codec == "prores" else 1
    fmt = FrameFormat(64, 64, sub_h=sub_h, bits=10, color=colour)
    write(path, clip(fmt, range(3)), codec, source)
    return path


def expected(codec: str, ending: str, colour: ColorInfo) -> ColorInfo:
    """What the codec's and container's fields can hold of it."""
    if codec == "prores":  # limited by definition; MOV has no place for the chroma location of ProRes
        colour = replace(colour, range=1, chroma_location=colour.chroma_location if ending == "mkv" else 0)
    if codec == "ffv1" and ending == "mp4":
        colour = replace(colour, chroma_location=0)
    if codec == "svtav1" and colour.chroma_location not in (1, 3):  # AV1 knows left and top left only
        colour = replace(colour, chroma_location=colour.chroma_location if ending != "mp4" else 0)
    return colour


@pytest.mark.parametrize("name", COLORS)
@pytest.mark.parametrize(("codec", "ending"), COMBINATIONS)
def test_colour_comes_out_as_it_went_in(tmp_path: Path, codec: str, ending: str, name: str) -> None:
    path = written(tmp_path / f"a.{ending}", codec, COLORS[name])
    assert read(path)[0].video.fmt.color == expected(codec, ending, COLORS[name])


@pytest.mark.parametrize("name", COLORS)
@pytest.mark.parametrize(("codec", "ending"), SEEN)
def test_ffprobe_sees_the_same_colour(tmp_path: Path, codec: str, ending: str, name: str) -> None:
    path = written(tmp_path / f"a.{ending}", codec, COLORS[name])
    (stream,) = ffprobe(path, "streams")
    seen = tuple(stream.get(k) for k in ("color_range", "color_space", "color_transfer", "color_primaries"))
    assert seen == (("tv", *NAMES[name][1:]) if codec == "prores" else NAMES[name])


@pytest.mark.parametrize(("codec", "ending"), SEEN)
def test_ffprobe_sees_hdr10_in_the_container_and_the_stream(tmp_path: Path, codec: str, ending: str) -> None:
    path = written(tmp_path / f"a.{ending}", codec, HDR10)
    places = [ffprobe(path, "streams")[0]]
    if codec == "x265":  # ffprobe 5 shows neither H.264's messages nor AV1's; see the test below
        places.append(ffprobe(path, "frames")[0])
    for place in places:
        side = {s["side_data_type"]: s for s in place["side_data_list"]}
        mastering = side["Mastering display metadata"]
        assert Fraction(mastering["red_x"]) == Fraction(34000, 50000)
        assert Fraction(mastering["blue_y"]) == Fraction(3000, 50000)
        assert Fraction(mastering["max_luminance"]) == 1000
        assert Fraction(mastering["min_luminance"]) == Fraction(1, 10000)
        light = side["Content light level metadata"]
        assert (light["max_content"], light["max_average"]) == (1000, 400)


@pytest.mark.parametrize("codec", ["x264", "x265", "svtav1"])
def test_hdr10_is_in_the_coded_stream_itself(tmp_path: Path, codec: str) -> None:
    path = written(tmp_path / "a.mkv", codec, HDR10)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        mastering = color.mastering_display(bytes(frame.side_data["MASTERING_DISPLAY_METADATA"]))
        light = color.content_light(bytes(frame.side_data["CONTENT_LIGHT_LEVEL"]))
    assert mastering is not None
    assert HDR10.mastering is not None
    for ours, theirs in zip(mastering.red, HDR10.mastering.red, strict=True):
        assert abs(ours - theirs) < Fraction(1, 65536)  # AV1 has 16 fractional bits
    assert abs(mastering.max_luminance - 1000) < Fraction(1, 256)
    assert light == HDR10.content_light


def test_damaged_side_data_is_no_colour() -> None:
    assert color.mastering_display(b"") is None
    assert color.mastering_display(bytes(88)) is None
    assert color.content_light(b"\1") is None
    assert color.content_light(bytes(8)) is None


def source_with(tmp_path: Path, **changes: Any) -> SourceInfo:
    path = tmp_path / "source.mkv"
    write(path, clip(FrameFormat(64, 64), range(2)), "ffv1")
    info = probe(path)
    return replace(info, video=replace(info.video, **changes))


@pytest.mark.parametrize("sar", [Fraction(16, 15), Fraction(4, 3), Fraction(40, 33), Fraction(1)])
@pytest.mark.parametrize(("codec", "ending"), COMBINATIONS)
def test_the_pixel_aspect_ratio_is_kept(tmp_path: Path, codec: str, ending: str, sar: Fraction) -> None:
    info = source_with(tmp_path, sar=sar)
    path = tmp_path / f"a.{ending}"
    fmt = FrameFormat(64, 64, sub_h=0 if codec == "prores" else 1, bits=10)
    done = write(path, clip(fmt, range(3)), codec, info)
    if ending == "webm" and sar != 1:  # no room in the header that FFmpeg writes: said, not hidden
        assert str(sar) in done.dropped[-1]
    else:
        assert probe(path).video.sar == sar


def test_mkvinfo_and_ffprobe_see_the_aspect_ratio(tmp_path: Path) -> None:
    info = source_with(tmp_path, sar=Fraction(4, 3))
    path = written(tmp_path / "a.mkv", "ffv1", COLORS["bt709"], info)
    assert ffprobe(path, "streams")[0]["sample_aspect_ratio"] == "4:3"
    shown = clients.run("mkvinfo", path).stdout
    assert "Display width" in shown
    assert "rror" not in shown


@pytest.mark.parametrize(("codec", "ending"), [c for c in COMBINATIONS if c[1] != "webm"])
@pytest.mark.parametrize(("turn", "matrix"), [
    (90, (0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30)),
    (180, (-65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30)),
])  # fmt: skip
def test_rotation_is_kept(
    tmp_path: Path, codec: str, ending: str, turn: int, matrix: tuple[int, ...]
) -> None:
    info = source_with(tmp_path, display_matrix=matrix)
    found = probe(written(tmp_path / f"a.{ending}", codec, COLORS["bt709"], info)).video
    assert found.display_matrix == matrix
    assert abs(found.rotation) == turn


def test_progressive_is_written_as_progressive(tmp_path: Path) -> None:
    path = written(tmp_path / "a.mkv", "x265", COLORS["bt709"])
    video = probe(path).video
    assert (video.field_order, video.interlaced) == ("progressive", False)
