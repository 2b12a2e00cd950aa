"""Files a command writes beside what it prints: drawings and tables."""

from __future__ import annotations

from pathlib import Path

from filmgrain_codec.errors import OutputError, UsageError


def check(*paths: Path | None, plot: Path | None = None) -> None:
    """Raise, before the work: ``OutputError`` if a folder takes no file, ``UsageError`` if no SVG."""
    from filmgrain_codec.media.files import check_target

    if plot is not None and plot.suffix.lower() != ".svg":
        raise UsageError(f"--plot draws SVG: name the file {plot.with_suffix('.svg').name}, not {plot.name}.")
    for path in (*paths, plot):
        if path is not None:
            check_target(str(path))


def save(path: Path, text: str, what: str = "drawing") -> None:
    """Write a file that appears whole; raises ``OutputError`` if it cannot be written."""
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OutputError(
            f"The {what} {path} cannot be written ({error.strerror}): choose another place."
        ) from error
