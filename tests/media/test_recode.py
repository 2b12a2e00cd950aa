"""Frames through codecs in memory: as many, near, worse at a coarser quantiser, whose QP is told."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.quantiser import of_jpeg_table
from filmgrain_codec.media import recode as recode_module
from filmgrain_codec.media.order import mend
from filmgrain_codec.media.quantisers import jpeg_qp
from filmgrain_codec.media.recode import Coding, recode

FMT = FrameFormat(96, 64, "yuv", 1, 1, 10)
SETTINGS = {
    "x264": ({"crf": "20", "preset": "veryfast"}, {"crf": "40", "preset": "veryfast"}),
    "x265": ({"crf": "20", "preset": "fast"}, {"crf": "40", "preset": "fast"}),
    "svtav1": ({"crf": "20", "preset": "10"}, {"crf": "58", "preset": "10"}),
    "mpeg2": ({"qmin": "2", "qmax": "2", "b": "20M"}, {"qmin": "20", "qmax": "20", "b": "20M"}),
}


@pytest.fixture(scope="module")
def clip() -> list[Frame]:
    """A textured picture that moves."""
    rows, columns = np.mgrid[:80, :120].astype(np.float32)
    luma = (0.5 + 0.25 * np.sin(rows / 3) * np.cos(columns / 5 + rows / 9)).astype(np.float32)
    chroma = np.full((32, 48), 512 / 1023, np.float32)
    return [
        Frame(
            (np.ascontiguousarray(luma[k : k + 64, k : k + 96]), chroma, chroma), FMT, k, k, Fraction(1, 25)
        )
        for k in range(5)
    ]


@pytest.mark.parametrize("codec", SETTINGS)
def test_a_coarser_quantiser_has_a_higher_qp_and_a_larger_error(clip, codec):
    bits = 10 if codec in ("x265", "svtav1") else 8
    errors, qps, sizes = [], [], []
    for options in SETTINGS[codec]:
        made, size = recode(clip, Coding(codec, options, bits))
        assert [f.index for f in made] == [f.index for f in clip]
        assert {(f.fmt.bits, f.props["codec"]) for f in made} == {(bits, codec)}
        pairs = zip(clip, made, strict=True)
        errors.append(np.mean([np.mean((a.planes[0] - b.planes[0]) ** 2) for a, b in pairs]))
        qps.append([f.props["qp"] for f in made])
        sizes.append(size)
    assert errors[1] > 2 * errors[0]
    assert sizes[1] < sizes[0]
    assert np.mean(qps[1]) > np.mean(qps[0]) + 8
    assert min(qps[0]) > 0
    assert max(qps[1]) <= 63


@pytest.mark.parametrize("count", [1, 2, 3])
def test_clips_shorter_than_the_delay_of_b_frames_come_through(clip, count, monkeypatch):
    """libx265 leaves their decoding times undefined, and containers refuse some of what memory held."""
    muxed = []

    def noted(packets, base):
        mend(packets, base)
        muxed.extend((p.pts, p.dts) for p in packets)

    monkeypatch.setattr(recode_module, "mend", noted)
    made, _ = recode(clip[:count], Coding("x265", *SETTINGS["x265"][:1], 10))
    decoded = [dts for _, dts in muxed]
    assert len(made) == count
    assert decoded == sorted(set(decoded))
    assert all(-10 < dts <= pts for pts, dts in muxed), muxed


def test_a_jpeg_tells_its_table():
    table = bytes([16] * 64)
    assert jpeg_qp(b"\xff\xd8\xff\xdb\x00\x43\x00" + table) == of_jpeg_table(table)
    assert jpeg_qp(b"\xff\xd8\xff\xdb\x00\x43\x00" + table[:20]) is None
    assert jpeg_qp(b"nothing") is None


def test_ten_bit_h264_tells_qp_on_the_scale_of_eight(clip):
    found = [recode(clip, Coding("x264", {"qp": "30", "preset": "fast"}, bits))[0] for bits in (8, 10)]
    eight, ten = (np.mean([f.props["qp"] for f in made]) for made in found)
    assert eight == pytest.approx(30, abs=3)
    assert ten in (pytest.approx(eight, abs=1), pytest.approx(eight - 12, abs=1))


@pytest.mark.parametrize("codec", ["x264", "x265", "svtav1", "mpeg2"])
def test_what_a_reader_is_told_is_what_the_encoder_says(clip, codec):
    """x265 and SVT-AV1: at constant QP, where the headers hold all there is."""
    options = SETTINGS[codec][1] if codec in ("mpeg2", "svtav1") else {"qp": "36", "preset": "fast"}
    made, _ = recode(clip, Coding(codec, options))
    told = [(f.props["qp"], f.props["read_qp"]) for f in made if f.props["read_qp"] is not None]
    assert len(told) >= len(made) - 1
    assert all(read == pytest.approx(qp, abs=1.5) for qp, read in told)
