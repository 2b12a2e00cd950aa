"""Small sources with known grain, made once per worker; tests copy them before they hurt them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e import clips
from tests.reliability.command import fgcodec


@pytest.fixture(scope="session")
def grainy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight grainy 10-bit frames of 96x64 in FFV1."""
    path = tmp_path_factory.mktemp("grainy") / "in.mkv"
    return clips.write(path, clips.frames(clips.format_of(96, 64), 8))


@pytest.fixture(scope="session")
def encoded(grainy: Path) -> Path:
    """The base layer of ``grainy``, by the command line."""
    path = grainy.with_name("in.fg.mkv")
    done = fgcodec("encode", grainy, "-o", path, "--preset", "ultrafast", "-q")
    assert done.code == 0, done.err
    return path


@pytest.fixture
def source(grainy: Path, tmp_path: Path) -> Path:
    """``grainy`` in a folder of its own."""
    return Path(shutil.copy(grainy, tmp_path / "in.mkv"))


@pytest.fixture
def base(encoded: Path, tmp_path: Path) -> Path:
    """``encoded`` in a folder of its own."""
    return Path(shutil.copy(encoded, tmp_path / "in.fg.mkv"))
