"""Memory does not grow with length."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e import clips
from tests.reliability.command import arguments, environment

pytestmark = pytest.mark.release
TOLERATED = 1.10


def peak(*given: object) -> int:
    """Largest resident size in bytes of one run of the command."""
    job = subprocess.Popen(arguments(*given, "-q"), env=environment(), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(job.pid, 0)
    job.returncode = os.waitstatus_to_exitcode(status)
    assert job.returncode == 0
    return usage.ru_maxrss * 1024


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A hundred and a thousand frames of 320x180 in one shot."""
    folder = tmp_path_factory.mktemp("memory")
    fmt = clips.format_of(320, 180)
    return [clips.stream(folder / f"{count}.mkv", fmt, count) for count in (100, 1000)]


def test_encode_and_decode_need_no_more_for_longer_films(films: list[Path]) -> None:
    found: dict[str, list[int]] = {"encode": [], "decode": [], "pipe": []}
    for film in films:
        base, back = film.with_suffix(".fg.mkv"), film.with_suffix(".back.mkv")
        found["encode"].append(peak("encode", film, "-o", base, "--preset", "veryfast"))
        found["decode"].append(peak("decode", base, "-o", back))
        found["pipe"].append(peak("decode", base, "-o", "-"))
    print({name: [round(b / 2**20) for b in sizes] for name, sizes in found.items()})
    for name, (short, long) in found.items():
        assert long <= TOLERATED * short, name
