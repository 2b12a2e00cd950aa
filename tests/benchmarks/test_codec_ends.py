"""What repair saves end to end is read off two curves of rate and quality, clip by clip."""

from __future__ import annotations

import pytest

from benchmarks import codec_ends


def test_repair_that_is_worth_a_fixed_share_of_the_bits_saves_that_share():
    rows = []
    for clip, share in (("a", 0.9), ("b", 0.8)):
        for crf, size in ((40, 1000), (34, 2000), (28, 4000)):
            same = {"clip": clip, "level": 0.01, "codec": "x264", "crf": crf}
            score = 60.0 + size / 100
            rows.append({**same, "repair": "off", "bytes": size, **dict.fromkeys(codec_ends.SCORES, score)})
            rows.append(
                {**same, "repair": "codec", "bytes": size * share, **dict.fromkeys(codec_ends.SCORES, score)}
            )
    *each, means = codec_ends.saved(rows)
    assert [e["clip"] for e in each] == ["a", "b"]
    assert [e["final_vmaf"] for e in each] == pytest.approx([0.1, 0.2], abs=1e-3)
    assert means["clip"] == "all"
    assert means["base_psnr"] == pytest.approx(0.15, abs=1e-3)
