"""Encoders leave threads as they were scheduled; as root SVT-AV1 would make them real-time."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import pytest

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.media import schedule
from filmgrain_codec.media.encode import VideoEncoder
from filmgrain_codec.media.encoders import encoder_for

pytestmark = pytest.mark.skipif(
    not hasattr(os, "sched_getscheduler"), reason="this system does not tell how threads are scheduled"
)


def policies() -> dict[int, int]:
    return {int(t.name): os.sched_getscheduler(int(t.name)) for t in Path("/proc/self/task").iterdir()}


@pytest.mark.parametrize("codec", ["x264", "x265", "svtav1"])
def test_an_encoder_leaves_all_threads_as_they_were(codec: str) -> None:
    before = policies()
    fmt = FrameFormat(320, 180, "yuv", 1, 1, 10)
    encoder = VideoEncoder(encoder_for(codec, fmt), fmt, Fraction(1, 24), Fraction(24))
    assert encoder.extradata
    assert len(policies()) > len(before)
    assert set(policies().values()) == {os.SCHED_OTHER}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root may")
def test_a_real_time_thread_is_put_back() -> None:
    with schedule.kept():
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
