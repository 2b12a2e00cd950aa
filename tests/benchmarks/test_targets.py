"""What the removal benchmark claims follows from its rows alone."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.peers.targets import INPUT, ORACLE, targets

LEVELS = (0.01, 0.1)


def rows(**luma: float) -> list[dict[str, Any]]:
    """Two levels of one grain; methods by PSNR, with harmless other figures."""
    names = {
        "told": "m-1, told",
        "blind": "m-1, blind",
        "oracle": ORACLE,
        "noisy": INPUT,
        "other": "dfttest2",
    }
    common = {"family": "boolean", "size": 0.8, "removed_flat": 0.95, "slope_flat": 0.9}
    return [
        {"method": names[k], "level": level, "luma": value, "leakage": 0.1, **common}
        for level in LEVELS
        for k, value in luma.items()
    ]


def judge(found: list[dict[str, Any]], words: str) -> dict[str, Any]:
    (row,) = [t for t in found if words in t["target"]]
    return row


def run(table: list[dict[str, Any]], tier: str = "fast", **more: Any) -> list[dict[str, Any]]:
    given = {"quiet": [], "speed": {}, "steps": {}} | more
    return targets(table, {tier: ("m-1", 4.0)}, given["quiet"], given["speed"], given["steps"])


def test_gains_are_means_over_levels_against_the_oracle_and_the_nearest_other():
    table = rows(told=31, blind=30, oracle=30.4, noisy=27, other=29.5)
    table[0]["luma"] = 31.4
    found = run(table)
    oracle = judge(found, "told, above BM3D, true spectrum")
    assert (oracle["measured"], oracle["passed"]) == (0.8, True)
    blind = judge(found, "blind, above BM3D, true spectrum")
    assert (blind["measured"], blind["passed"]) == (-0.4, False)
    other = judge(found, "every non-oracle")
    assert "dfttest2" in other["target"]
    assert (other["measured"], other["passed"]) == (1.7, False)


def test_one_bad_level_misses_the_flat_block_target():
    table = rows(told=31, oracle=30, noisy=27)
    assert judge(run(table), "removed/true sigma")["passed"]
    table[0]["removed_flat"] = 0.8
    missed = judge(run(table), "removed/true sigma")
    assert (missed["measured"], missed["passed"]) == ([0.8, 0.95], False)


def test_what_was_not_measured_is_not_judged():
    found = run(rows(told=31, noisy=27))
    for words in ("told, above BM3D", "blind, above BM3D", "frames a second"):
        assert (judge(found, words)["measured"], judge(found, words)["passed"]) == (None, None)


@pytest.mark.parametrize(("steps", "passed"), [(20_000, True), (5_000, None)])
def test_a_claim_against_a_net_needs_its_training(steps, passed):
    table = rows(told=32, blind=31.9, oracle=29, noisy=27)
    table += [{**r, "method": "DeepFilmGrain", "luma": 30.5} for r in table[:1] + table[4:5]]
    found = run(table, "best", steps={"DeepFilmGrain": steps})
    assert judge(found, "above DeepFilmGrain")["passed"] is passed


def test_harm_at_no_grain_is_the_worst_clip_of_each_mode():
    quiet = [{"method": "m-1, blind", "level": n, "change": c} for n, c in ((0.001, -0.3), (0.003, 0.0))]
    found = judge(run(rows(told=31, oracle=30, noisy=27), quiet=quiet), "levels up to 0.003, blind")
    assert (found["measured"], found["passed"]) == (-0.3, False)
