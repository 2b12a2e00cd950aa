"""Where a job's output goes, and the rules that keep the user's files safe."""

from __future__ import annotations

import os
from pathlib import Path

from filmgrain_codec.errors import InputError, OutputError
from filmgrain_codec.media.files import output_errors
from filmgrain_codec.media.sequence import is_sequence
from filmgrain_codec.pipeline.request import PIPE, PathLike


def existing(source: PathLike) -> Path:
    """The source as a path; a pattern (``shot.%04d.png``) is returned as it is."""
    path = Path(source)
    if not is_sequence(str(path)) and not path.exists():
        raise InputError(f"{source}: no such file; check the path")
    return path


def resolve(source: PathLike, output: PathLike | None, suffix: str, overwrite: bool) -> Path:
    """The output path: the one given, or the source's name with ``suffix`` in the same folder.

    Raises ``OutputError`` if it is the source itself, exists without ``overwrite``, or lies in
    a folder that is missing or not writable.
    """
    if output is None and str(source) == PIPE:
        raise OutputError("stdin has no name to derive an output from; give one with -o FILE")
    path = Path(output) if output is not None else default(Path(source), suffix)
    with output_errors(str(path)):  # a name too long to be asked about
        path.exists()
    another_file(Path(source), path)
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; give a file name")
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists already; use -y to replace it")
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"{folder}: no such folder; create it first")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"{folder}: folder is not writable; choose another with -o")
    return path


def default(source: Path, suffix: str) -> Path:
    """``IN`` + ``suffix``: the source's name without its extension, or the pattern's stem."""
    stem = source.stem
    if is_sequence(str(source)) and not source.is_dir():
        stem = source.name.split("%")[0].rstrip("._-") or "sequence"
    return source.parent / f"{stem}{suffix}"


def another_file(source: Path, output: Path) -> None:
    """Raise ``OutputError`` if the output is the source by any name."""
    same = output.exists() and source.exists() and output.samefile(source)
    if same or output.absolute() == source.absolute():
        raise OutputError(f"{output}: input and output are the same file; give another with -o")
