"""Shares of the answers of codec repair's nets are what fits whole frames best."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("PIL.Image")

from filmgrain_codec.core.quantiser import FAMILIES
from filmgrain_codec.nodes.codec_repair import ALONE, BESIDE, CodecRepair
from filmgrain_codec.train import codec_shares
from filmgrain_codec.train.codec import pool
from tests.train.photographs import photographs

pytestmark = pytest.mark.train


def test_every_family_has_shares() -> None:
    assert set(ALONE) == set(BESIDE) == set(FAMILIES)
    assert {len(s) for s in ALONE.values()} == {1}
    assert {len(s) for s in BESIDE.values()} == {2}


def test_shares_of_least_squares_are_found_and_gain_most() -> None:
    rng = np.random.default_rng(1)
    said = rng.normal(0, 1, (40, 2, 500))
    lost = np.einsum("k,nki->ni", (0.8, 0.3), said) + rng.normal(0, 0.5, (40, 500))
    each = np.concatenate([said, lost[:, None]], 1)
    grams = np.einsum("nai,nbi->nab", each, each)
    grams /= grams[:, -1:, -1:]
    found = codec_shares.best(grams)
    np.testing.assert_allclose(found, (0.8, 0.3), atol=0.03)
    gains = [codec_shares.gain(grams, s) for s in (found, found * (1.2, 1), found * (1, 0.7), np.zeros(2))]
    assert gains[0] == max(gains)
    assert gains[3] == pytest.approx(0)


@pytest.mark.parametrize("model", ["fast", "best"])
def test_a_frame_gets_the_sum_of_what_its_nets_say(tmp_path: Path, model: str) -> None:
    data = photographs(tmp_path, cells=40)
    seen = pool.clean_material(pool.Recipe(data, 1, 1, held_out=True))
    node = CodecRepair(model=model)
    shares = node.shares["x264"]
    window, _ = next(codec_shares.windows(seen, "x264", np.random.default_rng(4)))
    each = codec_shares.answers(node, window, "x264")
    node.shares = dict.fromkeys(FAMILIES, shares)
    added = node.process(window, 0).planes[0] - window[len(window) // 2].planes[0]
    wanted = sum(s * a for s, a in zip(shares, each, strict=True))
    assert np.abs(added).max() > 1e-3
    assert np.mean(np.abs(added - wanted) > 2e-4) < 0.02  # all but what is limited by its surroundings


def test_the_command_measures_every_codec(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = photographs(tmp_path, cells=40)
    codec_shares.main(["--data", str(data), "--scenes", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == list(pool.CHANCES)
