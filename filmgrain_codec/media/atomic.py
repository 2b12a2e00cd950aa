"""Outputs appear whole or not at all: temporary name beside the target, then one rename."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filmgrain_codec.errors import OutputError
from filmgrain_codec.media.files import check_target, output_errors


def temporary_for(final: str | os.PathLike[str]) -> Path:
    """The temporary name for a target, in the same folder so that the rename cannot copy."""
    path = Path(final)
    return path.with_name(f".{path.name}.part-{os.getpid()}")


def check(source: str | os.PathLike[str] | None, final: str | os.PathLike[str], overwrite: bool) -> None:
    """Refuse a target that is the source, exists without leave, or lies where we may not write.

    Raises ``OutputError`` with one sentence; does nothing if the target can be made.
    """
    target = Path(final)
    if source is not None and os.path.exists(source) and target.exists() and os.path.samefile(source, target):
        raise OutputError(f"Input and output are the same file {str(final)!r}; choose another output.")
    if target.is_dir():
        raise OutputError(f"The output {str(final)!r} is a folder; name a file in it.")
    check_target(str(final))
    if target.exists() and not overwrite:
        raise OutputError(f"The output {str(final)!r} exists; pass -y to replace it.")


def commit(temporary: str | os.PathLike[str], final: str | os.PathLike[str], overwrite: bool) -> None:
    """Rename a finished temporary file to its final name, durably; raises ``OutputError``."""
    if Path(final).exists() and not overwrite:
        raise OutputError(f"The output {str(final)!r} exists; pass -y to replace it.")
    if Path(temporary).is_dir():
        _commit_folder(Path(temporary), Path(final), overwrite)
        return
    with output_errors(str(final)):
        descriptor = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, final)


def _commit_folder(temporary: Path, final: Path, overwrite: bool) -> None:
    """Numbered stills: each moves into the target folder, after all are known to be free to go there."""
    names = sorted(p.name for p in temporary.iterdir())
    taken = [n for n in names if (final.parent / n).exists()]
    if taken and not overwrite:
        raise OutputError(f"The output {str(final.parent / taken[0])!r} exists; pass -y to replace it.")
    with output_errors(str(final)):
        for name in names:
            os.replace(temporary / name, final.parent / name)
        temporary.rmdir()


def discard(temporary: str | os.PathLike[str]) -> None:
    """Remove a temporary file or folder if it is there."""
    if Path(temporary).is_dir():
        shutil.rmtree(temporary, ignore_errors=True)
        return
    with suppress(FileNotFoundError):
        os.unlink(temporary)


@contextmanager
def removing(*temporaries: str | os.PathLike[str]) -> Iterator[None]:
    """Remove the temporary files if the body fails in any way, Ctrl-C included."""
    try:
        yield
    except BaseException:
        for path in temporaries:
            discard(path)
        raise
