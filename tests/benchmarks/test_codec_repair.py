"""Figures of codec repair, from rows whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("PIL.Image")

from benchmarks import codec_repair
from benchmarks.codec.cases import in_bits
from tests.nodes.test_codec_repair import scene


def curve(gain: float) -> list[dict[str, float]]:
    """Bytes double with every four points of VMAF."""
    return [{"bytes": 1000 * 2**k, "vmaf": 60 + 4 * k + gain, "psnr": 30.0 + k} for k in range(4)]


def test_half_a_step_of_vmaf_is_half_an_octave_of_bits():
    assert codec_repair.bits_saved(curve(0), curve(2), "vmaf") == pytest.approx(1 - 2**-0.5)
    assert codec_repair.bits_saved(curve(0), curve(0), "vmaf") == pytest.approx(0)
    assert codec_repair.bits_saved(curve(2), curve(0), "vmaf") < 0
    assert codec_repair.bits_saved(curve(0), curve(2), "psnr") == pytest.approx(0)


def test_depths_are_shifted_as_video_does():
    eight = scene(1)[0]
    ten = in_bits(eight, 10)
    assert ten.fmt.bits == 10
    np.testing.assert_allclose(ten.planes[0] * 1023, eight.planes[0] * 255 * 4, rtol=1e-5)


def test_the_worst_counts_not_only_the_mean():
    row = {"codec": "x265", "mode": "qp", "value": 37, "method": codec_repair.READ, "clip": "a"}
    rows = [{**row, "dpsnr": 0.5, "dssim": 0.1, "dflicker": -0.1}, {**row, "dpsnr": -0.02, "dssim": 0.1}]
    found = {t["target"]: t for t in codec_repair.targets(rows, [], None)}
    assert found["x265 QP 37, dB"]["reached"]
    assert not found["least gain anywhere, dB"]["reached"]
    assert found["frames a second, 1080p (two cores, by processor time)"]["reached"] is None


def test_half_of_the_contrast_is_six_decibels_of_detail():
    rng = np.random.default_rng(4)
    clean = (512 + 100 * rng.standard_normal((64, 72))).astype(np.uint16)
    faint = (512 + 0.5 * (clean.astype(float) - 512)).round().astype(np.uint16)
    assert codec_repair.detail([(clean,)], [(faint,)]) == pytest.approx(-6.02, abs=0.05)
    assert codec_repair.detail([(clean,)], [(clean,)]) == 0
