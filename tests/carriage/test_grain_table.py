"""Grain tables, read by libaom's encoder: what its stream shows is the grain of the profile."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.grain.av1_table import table
from filmgrain_codec.media.y4m import header
from tests.carriage.test_players import GRAIN, HEIGHT, SHOT, SHOTS, WIDTH, frames, pictures, shot, wanted
from tests.clients import run

FORMAT = FrameFormat(WIDTH, HEIGHT, "yuv", 1, 1, bits=8)
ENDS = [(Fraction(SHOT * n, 24), Fraction(SHOT * (n + 1), 24)) for n in range(3)]


def test_a_table_has_a_piece_for_every_shot_with_grain() -> None:
    lines = table((s, *ends) for s, ends in zip(SHOTS, ENDS, strict=True)).splitlines()
    assert lines[0] == "filmgrn1"
    pieces = [line.split() for line in lines if line.startswith("E ")]
    assert [p[1:3] for p in pieces] == [["0", "3333333"], ["6666666", "10000000"]]
    assert [line.split()[0] for line in lines[2:9]] == ["p", "sY", "sCb", "sCr", "cY", "cCb", "cCr"]
    numbers = {m[1]: len(m[2].split()) for m in re.finditer(r"^\t(\w+) (.*)$", "\n".join(lines[2:9]), re.M)}
    assert (numbers["p"], numbers["cY"], numbers["cCb"], numbers["cCr"]) == (12, 24, 25, 25)
    assert table([(replace(GRAIN, level=0.0), *ENDS[0])]) == "filmgrn1\n"


def test_aomenc_shows_the_grain_of_a_table(tmp_path: Path) -> None:
    clip = frames(FORMAT)
    source, written, coded = (tmp_path / name for name in ("in.y4m", "grain.tbl", "out.mkv"))
    with source.open("wb") as out:
        out.write(header(FORMAT, Fraction(24), Fraction(1)))
        for frame in clip:
            planes = (np.rint(p * 255).astype(np.uint8) for p in frame.planes)
            out.write(b"FRAME\n" + b"".join(p.tobytes() for p in planes))
    written.write_text(table((s, *ends) for s, ends in zip(SHOTS, ENDS, strict=True)))
    options = ("--end-usage=q", "--cq-level=30", "--cpu-used=8", "--threads=1", "--lag-in-frames=0")
    run("aomenc", source, "-o", coded, f"--film-grain-table={written}", *options)
    base, seen = pictures(coded, "export")[0], pictures(coded, "apply")[0]
    grain = seen - base
    for n in (0, 2):
        assert shot(grain, n).std() == pytest.approx(wanted(SHOTS[n], shot(base, n)), rel=0.1)
        one, other = shot(grain, n)[:2]
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.05
    assert not shot(grain, 1).any()
