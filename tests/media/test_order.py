"""Clips shorter than an encoder's delay have decoding times that a muxer takes."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from filmgrain_codec.media.order import mend
from tests.e2e import clips

BASE = Fraction(1, 1000)


def packets(*times: tuple[int, int | None]) -> list[av.Packet]:
    made = []
    for pts, dts in times:
        packet = av.Packet(b"x")
        packet.pts, packet.dts = pts, dts
        made.append(packet)
    return made


@pytest.mark.parametrize("rubbish", [4812700408230487125, -4497274264704391311, None])
def test_undefined_times_are_replaced(rubbish: int | None) -> None:
    found = packets((0, rubbish), (120, rubbish), (40, rubbish), (80, rubbish))
    mend(found, BASE)
    times = [p.dts for p in found]
    assert all(a < b for a, b in pairwise(times))
    assert all(p.dts <= p.pts for p in found)
    assert times[0] > -1000


def test_sound_times_are_kept() -> None:
    found = packets((0, -80), (120, -40), (40, 0), (80, 40))
    mend(found, BASE)
    assert [p.dts for p in found] == [-80, -40, 0, 40]


@pytest.mark.parametrize("codec", ["x264", "x265", "svtav1"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_clip_of_few_frames_is_written_with_sane_times(tmp_path: Path, codec: str, count: int) -> None:
    pictures = clips.frames(clips.format_of(64, 64), count)
    path = clips.write(tmp_path / "short.mp4", pictures, codec)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        base = Fraction(stream.time_base.numerator, stream.time_base.denominator)
        found = [(p.pts * base, p.dts * base) for p in container.demux(stream) if p.size]
    assert len(found) == count
    assert all(0 <= pts - dts < 1 for pts, dts in found)
