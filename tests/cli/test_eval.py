"""``fgcodec eval removal`` on clips and trees made on the spot."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat
from filmgrain_codec.media.encoders import encoder_for
from filmgrain_codec.media.writer import Writer

RATE = Fraction(24)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A folder with one clean moving clip."""
    folder = tmp_path_factory.mktemp("clips")
    fmt = FrameFormat(160, 128, color=ColorInfo(1, 1, 1, 1))
    y, x = np.mgrid[:128, :160] / 128
    path = folder / "clean.mkv"
    with Writer(path, None, encoder_for("ffv1", fmt), fmt, time_base=1 / RATE, rate=RATE) as writer:
        for n in range(7):
            luma = (0.5 + 0.2 * np.sin(2 * x + 0.1 * n) * np.cos(2 * y)).astype(np.float32)
            half = np.full((64, 80), 0.5, np.float32)
            writer.write(Frame((luma, half, half), fmt, n, n, 1 / RATE, 1))
    writer.temporary.replace(path)
    return folder


def test_told_removal_beats_the_input_and_writes_what_the_card_shows(fgcodec, clip, tmp_path):
    out = tmp_path / "metrics.json"
    grain = ("--family", "boolean", "--size", "0.8", "--level", "0.05")
    done = fgcodec("eval", "removal", "--data", str(clip), *grain, "--out", str(out))
    assert done.code == 0, done.err
    assert done.out.splitlines()[0].split()[:3] == ["family", "size", "level"]
    (row,) = json.loads(out.read_text())
    assert row["luma_noisy"] == pytest.approx(26, abs=0.7)
    assert row["luma_known"] > row["luma_noisy"] + 3
    assert 0.7 < row["removed_flat_known"] < 1.1
    assert {f"{plane}_{mode}" for plane in ("luma", "chroma") for mode in ("noisy", "known", "blind")} <= set(
        row
    )
    assert {"removed_known", "removed_blind"} <= set(row)


def test_a_tree_is_taken_as_it_is(fgcodec, tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(2)
    clean = np.full((64, 96, 3), 120.0)
    for folder, picture in (("org", clean), ("fg/05", clean + rng.normal(0, 12.75, (64, 96, 1)))):
        (tmp_path / folder).mkdir(parents=True)
        pillow.fromarray(np.rint(picture).astype(np.uint8)).save(tmp_path / folder / "1_a.png")
    done = fgcodec("eval", "removal", "--data", str(tmp_path), "--json")
    assert done.code == 0, done.err
    (row,) = json.loads(done.out)
    assert (row["family"], row["level"]) == ("tree", 0.05)
    assert row["luma_known"] > row["luma_noisy"] + 1


def test_a_folder_without_clips_is_one_clear_error(fgcodec, tmp_path):
    done = fgcodec("eval", "removal", "--data", str(tmp_path))
    assert done.code == 3
    assert done.err.count("\n") == 1
    assert "no clips or pictures" in done.err


def test_an_unknown_family_names_the_known_ones(fgcodec, clip):
    done = fgcodec("eval", "removal", "--data", str(clip), "--family", "marble")
    assert done.code == 2
    assert "boolean" in done.err


def test_synthesis_told_the_truth_is_nearer_than_another_grain_and_stands_beside_its_floor(
    fgcodec, clip, tmp_path
):
    out = tmp_path / "metrics.json"
    grain = ("--family", "spectral", "--size", "0.8", "--level", "0.05")
    done = fgcodec("eval", "synthesis", "--data", str(clip), *grain, "--out", str(out))
    assert done.code == 0, done.err
    assert done.out.splitlines()[0].split()[:5] == ["family", "size", "level", "model", "told"]
    floor, ideal, estimated = json.loads(out.read_text())
    assert [r["told"] for r in (floor, ideal, estimated)] == ["", "ideal", "estimated"]
    assert ideal["psd_db"] < 2 * floor["psd_db"]
    assert ideal["curve"] < 0.05
    assert ideal["temporal"] < 0.05
    assert floor["effective"] > 10_000
    assert all(r["met"].endswith(("/13", "/14")) for r in (ideal, estimated))


def test_synthesis_of_pictures_too_small_is_refused(fgcodec, tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    pillow.fromarray(np.full((100, 300, 3), 120, np.uint8)).save(tmp_path / "small.png")
    done = fgcodec("eval", "synthesis", "--data", str(tmp_path))
    assert done.code != 0
    assert "too small" in done.err
    missing = fgcodec("eval", "synthesis", "--data", str(tmp_path), "--model", "nothing")
    assert missing.code != 0
