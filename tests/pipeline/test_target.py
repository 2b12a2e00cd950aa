"""Where outputs go, and that the user's files are safe."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from filmgrain_codec.errors import InputError, OutputError
from filmgrain_codec.pipeline import target


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in.mov"
    path.write_bytes(b"film")
    return path


def test_default_name_lies_beside_the_source(source: Path) -> None:
    assert target.resolve(source, None, ".fg.mkv", False) == source.parent / "in.fg.mkv"


def test_pattern_gives_a_plain_name(tmp_path: Path) -> None:
    assert target.default(tmp_path / "shot.%04d.dpx", ".fg.mkv").name == "shot.fg.mkv"


def test_input_is_never_the_output(source: Path) -> None:
    with pytest.raises(OutputError, match="same file"):
        target.resolve(source, source, "", True)


def test_a_link_to_the_input_is_the_input(source: Path) -> None:
    link = source.parent / "link.mov"
    link.symlink_to(source)
    with pytest.raises(OutputError, match="same file"):
        target.resolve(source, link, "", True)


def test_existing_output_needs_consent(source: Path) -> None:
    out = source.parent / "out.mkv"
    out.write_bytes(b"precious")
    with pytest.raises(OutputError, match="-y"):
        target.resolve(source, out, "", False)
    assert target.resolve(source, out, "", True) == out
    assert out.read_bytes() == b"precious"


def test_missing_folder_and_folder_as_output(source: Path) -> None:
    with pytest.raises(OutputError, match="no such folder"):
        target.resolve(source, source.parent / "nowhere" / "out.mkv", "", False)
    with pytest.raises(OutputError, match="is a folder"):
        target.resolve(source, source.parent, "", True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_folder(source: Path) -> None:
    folder = source.parent / "locked"
    folder.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="not writable"):
        target.resolve(source, folder / "out.mkv", "", False)


def test_missing_source(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        target.existing(tmp_path / "absent.mov")
