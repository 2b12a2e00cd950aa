"""Encoders leave threads as they were scheduled; as root SVT-AV1 would make them real-time."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.media import opening
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
    with opening.quietly():
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_recoding_writes_nothing_to_the_terminal() -> None:
    script = (
        "from fractions import Fraction; import numpy as np;"
        "from filmgrain_codec.core.frame import Frame, FrameFormat;"
        "from filmgrain_codec.media.recode import Coding, recode;"
        "fmt = FrameFormat(64, 64, 'yuv', 1, 1, 8);"
        "planes = tuple(np.full(fmt.shape(k), 0.4, np.float32) for k in range(3));"
        "recode([Frame(planes, fmt, 0, 0, Fraction(1, 25))], Coding('svtav1', {'crf': '40', 'preset': '8'}))"
    )
    env = {k: v for k, v in os.environ.items() if k != "SVT_LOG"}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, check=True)
    assert done.stdout + done.stderr == b""
