"""Savings at equal quality, from curves whose answer is known."""

from __future__ import annotations

import pytest

from benchmarks.bitrate import savings, summary


def curve(*points: tuple[int, int, float]) -> list[dict[str, float]]:
    """Encodes by (CRF, bytes, PSNR); VMAF is twice PSNR."""
    return [{"crf": c, "bytes": b, "psnr": q, "vmaf": 2 * q} for c, b, q in points]


BASE = curve((20, 4000, 40.0), (30, 1000, 36.0), (40, 250, 32.0))


def test_the_base_layer_needs_a_quarter_at_the_same_score():
    found = savings(curve((20, 4000, 36.0)), BASE)
    assert found["equal_psnr"] == pytest.approx(0.75)
    assert found["equal_vmaf"] == pytest.approx(0.75)
    assert found["same_crf"] == 0


def test_between_two_encodes_log_rate_is_linear_in_the_score():
    assert savings(curve((20, 4000, 38.0)), BASE)["equal_psnr"] == pytest.approx(0.5)


def test_below_the_lowest_rate_the_saving_is_a_bound_and_above_the_best_score_there_is_none():
    low = savings(curve((20, 1000, 30.0)), BASE)
    assert (low["equal_psnr"], low["bounded_psnr"], low["beyond_psnr"]) == (pytest.approx(0.75), 1, 0)
    high = savings(curve((20, 9000, 41.0)), BASE)
    assert (high["equal_psnr"], high["bounded_psnr"], high["beyond_vmaf"]) == (None, 0, 1)


def test_a_group_is_the_mean_of_its_clips():
    rows = []
    for clip, size in (("a", 4000), ("b", 2000)):
        rows += [
            {"clip": clip, "level": 0.05, "codec": "x264", "encode": kind, **each}
            for kind, group in (("plain", curve((20, size, 36.0))), ("base", BASE))
            for each in group
        ]
    (row,) = summary(rows, ("codec",))
    assert row["equal_psnr"] == pytest.approx((0.75 + 0.5) / 2)
