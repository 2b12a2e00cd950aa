"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of shared test material, or a skip that names it."""
    base = Path(os.environ.get("FGCODEC_SHARED", ROOT.parent / "shared"))
    if not (base / "data").is_dir():
        pytest.skip(f"test material not found at {base}/data (set FGCODEC_SHARED)")
    return base / "data"


@pytest.fixture(autouse=True)
def ordinary_schedule() -> Iterator[None]:
    """No test leaves this thread real-time: what it starts would starve whatever runs beside it."""
    yield
    if hasattr(os, "sched_getscheduler"):
        assert os.sched_getscheduler(0) == os.SCHED_OTHER
