"""Real files of many kinds: through encode and decode, compared by ffprobe, or refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.formats import FOLDERS, Outcome, examine, sources
from tests.clients import client

QUICK = {
    "codecs/natron_prores_apco.mov": 0,
    "codecs/sunset-hlg.mov": 0,
    "codecs/test.prores.mov": 0,
    "codecs/FRExt2_Panasonic.avc": 3,
    "codecs/test.mkv": 6,
    "av1_filmgrain/av1-1-b10-23-film_grain-50.ivf": 0,
    "derived/crowdrun_dnxhr_hqx_10bit422.mov": 0,
}
REFUSED = {
    "FRExt2_Panasonic.avc": 3,
    "separate_fields_gop.h264": 3,
    "friday_telecine_2997i_mpeg2.ts": 3,
    "test.mkv": 6,
}


def equal(outcome: Outcome, code: int) -> None:
    """Nothing differs that no warning names; a refusal is one sentence with the right code."""
    assert outcome.code == code, outcome.sentence
    assert outcome.base == outcome.result == outcome.leftovers == []
    assert outcome.sentence.count("\n") == 0
    assert bool(outcome.sentence) == bool(code)


@pytest.mark.parametrize("name", QUICK)
def test_a_few_kinds(shared_data: Path, name: str) -> None:
    client("ffprobe")
    equal(examine(shared_data / "test" / name, "x265", "ultrafast"), QUICK[name])


@pytest.mark.release
@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize(
    ("codec", "preset"), [("x265", "ultrafast"), ("x264", "ultrafast"), ("svtav1", "12")]
)
def test_every_kind(shared_data: Path, folder: str, codec: str, preset: str) -> None:
    """x265 takes everything; what x264 and SVT-AV1 cannot code, they refuse."""
    client("ffprobe")
    for source in sources([shared_data / "test" / folder]):
        outcome = examine(source, codec, preset)
        if codec != "x265" and outcome.code == 5:
            assert "cannot encode" in outcome.sentence
            continue
        expected = REFUSED.get(source.name, 0)
        equal(outcome, expected)
