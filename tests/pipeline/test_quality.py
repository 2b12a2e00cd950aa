"""A wanted quality is reached at as high a CRF as can be, and what cannot be reached is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from filmgrain_codec.cli.job import summary
from filmgrain_codec.errors import UsageError
from filmgrain_codec.media import scores
from filmgrain_codec.media.reader import Reader
from filmgrain_codec.pipeline import quality, trial
from filmgrain_codec.pipeline.decode import decode
from filmgrain_codec.pipeline.encode import encode, plan
from filmgrain_codec.pipeline.request import DecodeRequest, EncodeRequest
from filmgrain_codec.pipeline.search import MOST, Scale, Search
from tests.e2e import clips

HALF = Scale(1, 51, 0.5, 0.5, 0.05)


@pytest.mark.parametrize("wanted", [30.0, 36.2, 41.0, 44.9])
@pytest.mark.parametrize(
    "curve", [lambda c: 52 - 0.6 * c, lambda c: 60 - 10 * np.sqrt(c / 4), lambda c: 50 - c**2 / 70]
)
def test_the_search_ends_at_the_highest_crf_that_will_do(wanted, curve):
    search = Search(wanted, HALF)
    found = search.run(curve, 24.0)
    best = max(c for c in np.arange(1, 51.5, 0.5) if curve(c) >= wanted)
    assert len(search.tried) <= MOST
    assert found == best or 0 <= curve(found) - wanted <= HALF.near


def test_the_search_stays_on_its_scale():
    whole = Scale(1, 63, 1, 0.25, 0.05)
    search = Search(33.3, whole)
    assert search.run(lambda c: 45 - 0.3 * c, 34.0) == 39
    assert all(c == int(c) for c in search.tried)
    assert Search(10.0, whole).run(lambda c: 45 - 0.3 * c, 34.0) == 63
    assert Search(60.0, whole).run(lambda c: 45 - 0.3 * c, 34.0) is None


def test_a_curve_that_is_not_monotone_does_no_harm():
    search = Search(37.0, HALF)
    found = search.run(lambda c: 50 - 0.5 * c + 0.4 * np.sin(7 * c), 24.0)
    assert found is not None
    assert search.tried[found] >= 37.0


@pytest.mark.parametrize(
    ("text", "metric", "value"), [("93", "vmaf", 93), ("vmaf:80.5", "vmaf", 80.5), ("PSNR:42", "psnr", 42)]
)
def test_qualities_are_read(monkeypatch, text, metric, value):
    monkeypatch.setattr(scores, "available", lambda: True)
    assert quality.parse(text) == quality.Wanted(metric, value)


@pytest.mark.parametrize("text", ["", "good", "psnr", "ssim:0.9", "psnr:-3", "101", "vmaf:nan", "psnr:"])
def test_what_is_no_quality_is_refused(text):
    with pytest.raises(UsageError, match="--target-quality knows no"):
        quality.parse(text)


def test_vmaf_needs_libvmaf(monkeypatch):
    monkeypatch.setattr(scores, "available", lambda: False)
    with pytest.raises(UsageError, match="no libvmaf: give --target-quality psnr:42"):
        quality.parse("93")


def test_options_that_do_not_go_together_are_refused():
    with pytest.raises(UsageError, match="--crf states it"):
        quality.check("psnr:40", "codec", 20.0, "x265")
    with pytest.raises(UsageError, match="no CRF to look for"):
        quality.check("psnr:40", "codec", None, "ffv1")
    with pytest.raises(UsageError, match="--target-repair is one of off, codec, auto"):
        quality.check(None, "strong", None, "x265")


def test_windows_lie_all_over_the_clip_and_inside_of_shots():
    assert trial.windows([(0, 10), (10, 24)]) == [trial.Window(0, 24, 24)]
    shots = [(0, 1000), (1000, 1010), (1010, 6000)]
    found = trial.windows(shots)
    assert len(found) == trial.WINDOWS
    assert found[0].first <= 1000 < 4500 < found[-1].end
    assert all(any(a <= w.first and w.end <= b for a, b in shots) for w in found)
    assert all(w.last - w.end == trial.TAIL for w in found)
    short = [(9 * k, 9 * k + 9) for k in range(100)]
    assert all(0 <= w.first < w.end <= w.last <= 900 for w in trial.windows(short))


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """Longer than the windows, so that it is sampled; fine texture that moves, which costs bits."""
    fmt, rng = clips.format_of(96, 64), np.random.default_rng(4)
    texture = rng.normal(0, 0.04, (80, 160)).astype(np.float32)
    frames = clips.frames(fmt, 48, level=0.0, shots=2)
    made = []
    for n, frame in enumerate(frames):
        luma = frame.planes[0] + texture[:64, n : n + 96]
        made.append(frame.with_planes((luma, *frame.planes[1:])))
    return clips.write(tmp_path_factory.mktemp("quality") / "source.mkv", made)


@pytest.fixture(autouse=True)
def short_windows(monkeypatch) -> None:
    monkeypatch.setattr(trial, "WINDOWS", 3)
    monkeypatch.setattr(trial, "LENGTH", 8)
    monkeypatch.setattr(trial, "TAIL", 4)


def request(source: Path, output: Path, **extra) -> EncodeRequest:
    settings = {"codec": "x264", "preset": "veryfast", "level": 0.0, "threads": 1}
    return EncodeRequest(source=source, output=output, **{**settings, **extra})


@pytest.mark.parametrize("repair", ["off", "codec"])
def test_the_quality_of_what_decode_gives_is_as_predicted(source, tmp_path, repair):
    wanted = 36.0
    made = request(source, tmp_path / "base.mkv", target_quality=f"psnr:{wanted}", target_repair=repair)
    report = encode(made)
    found = report.quality
    assert report.plan["encoder"]["options"]["crf"] == f"{found['crf']:g}"
    assert wanted <= found["predicted"] < wanted + 0.6
    words = "" if repair == "off" else f" when decoded with --repair {repair}"
    assert f"CRF {found['crf']:g} for PSNR {found['predicted']:.2f} dB{words}" in summary(report.to_dict())
    decode(
        DecodeRequest(source=tmp_path / "base.mkv", output=tmp_path / "out.mkv", grain=False, repair=repair)
    )
    with Reader(source) as a, Reader(tmp_path / "out.mkv") as b:
        error = np.mean([np.mean((x.planes[0] - y.planes[0]) ** 2) for x, y in zip(a, b, strict=True)])
    assert -10 * np.log10(error) == pytest.approx(found["predicted"], abs=0.6)
    assert not list(tmp_path.glob(".fgcodec-search-*"))


def test_too_much_is_said_and_nothing_is_left(source, tmp_path):
    with pytest.raises(UsageError, match=r"x264 reaches PSNR .* dB at CRF 1 .* PSNR 90 dB was asked for"):
        encode(request(source, tmp_path / "x.mkv", target_quality="psnr:90"))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not scores.available(), reason="no libvmaf")
def test_vmaf_is_reached_with_a_base_layer_of_ones_own(source, tmp_path):
    report = encode(request(source, tmp_path / "x.mkv", level=None, ref=source, target_quality="80"))
    assert 80 <= report.quality["predicted"] < 85


def test_the_plan_says_what_is_looked_for(source, tmp_path):
    settings = plan(request(source, tmp_path / "x.mkv", target_quality="psnr:40")).settings
    assert (settings["target_quality"], settings["target_repair"]) == ("psnr:40", "codec")
    assert plan(request(source, tmp_path / "x.mkv")).settings["target_repair"] is None
