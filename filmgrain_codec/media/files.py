"""Opening files: which container a name means, and FFmpeg's failures as one clear sentence."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import av.error
from av.container import InputContainer

from filmgrain_codec.errors import InputError, OutputError, UsageError
from filmgrain_codec.media.sequence import STILLS, is_sequence, is_still, sequence_input

PIPE = "-"
_CONTAINERS = {
    ".mkv": "matroska", ".webm": "webm", ".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mxf": "mxf",
    ".ts": "mpegts", ".m2ts": "mpegts", ".mts": "mpegts", ".y4m": "yuv4mpegpipe",
}  # fmt: skip


def container_for(path: str) -> str:
    """FFmpeg's container name for an output path; ``sequence`` for stills, Y4M for ``-``."""
    if path == PIPE:
        return "yuv4mpegpipe"
    ending = Path(path).suffix.lower()
    if ending in STILLS:
        return "sequence"
    if ending not in _CONTAINERS:
        known = " ".join((*_CONTAINERS, *STILLS))
        raise UsageError(f"The ending of {path!r} names no container we can write; use one of {known}.")
    return _CONTAINERS[ending]


@contextmanager
def input_errors(path: str) -> Iterator[None]:
    """Turn FFmpeg's failures while opening or reading ``path`` into ``InputError``."""
    try:
        yield
    except (av.error.FileNotFoundError, FileNotFoundError) as e:
        raise InputError(f"There is no file {path!r}.") from e
    except (av.error.PermissionError, PermissionError) as e:
        raise InputError(f"The file {path!r} may not be read; check its permissions.") from e
    except (av.error.IsADirectoryError, IsADirectoryError) as e:
        raise InputError(f"{path!r} is a folder that holds no numbered pictures.") from e
    except (av.error.FFmpegError, OSError, ValueError) as e:
        why = getattr(e, "strerror", None) or str(e)
        raise InputError(f"{path!r} cannot be read as video ({why}); is it complete and a media file?") from e


@contextmanager
def output_errors(path: str) -> Iterator[None]:
    """Turn a full disk, a missing folder or refused access into ``OutputError``."""
    try:
        yield
    except (av.error.FFmpegError, OSError) as e:
        raise OutputError(_output_sentence(path, getattr(e, "errno", None), e)) from e


def _output_sentence(path: str, number: int | None, error: Exception) -> str:
    folder = os.path.dirname(path) or "."
    if number == errno.ENOSPC:
        return f"The disk of {folder!r} is full; free some space and run again."
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"The folder {folder!r} may not be written to; choose another with -o."
    if number in (errno.ENOENT, errno.ENOTDIR):
        return f"There is no folder {folder!r} to write into."
    if number == errno.EPIPE:
        return "The program that was reading our output has gone away."
    return f"Writing {path!r} failed ({getattr(error, 'strerror', None) or error})."


def check_target(path: str) -> None:
    """Raise ``OutputError`` if the target's folder is missing or cannot be written to."""
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        raise OutputError(_output_sentence(path, errno.ENOENT, OSError()))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(_output_sentence(path, errno.EACCES, OSError()))


def _check_source(path: str) -> None:
    if not os.path.exists(path):
        raise InputError(f"There is no file {path!r}.")
    if not os.path.isfile(path) and not os.path.isdir(path):
        return  # a named pipe or device: FFmpeg will tell
    if os.path.isfile(path) and os.path.getsize(path) == 0:
        raise InputError(f"The file {path!r} is empty.")


def open_input(path: str, **options: Any) -> InputContainer:
    """Open a file, a sequence or ``-`` (standard input) for reading.

    Only local files are ever opened, whatever a playlist inside says. Raises ``InputError``.
    """

    allowed = {"protocol_whitelist": "file,pipe,fd"}
    with input_errors(path):
        if path == PIPE:
            return av.open("pipe:0", container_options=allowed, **options)
        if is_sequence(path) or is_still(path):
            name, extra = sequence_input(path)
            return av.open(name, format="image2", container_options={**allowed, **extra}, **options)
        _check_source(path)
        return av.open(f"file:{path}", container_options=allowed, **options)
