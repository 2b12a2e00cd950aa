"""Corrections of a whole clip in a file, and the filter that applies them.

What must see a clip at length, like the atlas, leaves a table; the filter then is a pure function of it.
The file is NumPy's ``.npz`` without pickles, of version, digest, family, means, curves and field.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import InputError, OutputError, UsageError
from filmgrain_codec.nodes.flicker.correction import (
    COLUMNS,
    DEPTHS,
    KNOTS,
    ROWS,
    Array,
    Correction,
    corrected,
)

VERSION = 3
FIELDS = {1: (18, 24), 2: (24, 32), VERSION: (ROWS, COLUMNS)}
"""Rows and columns of the field in files of each version."""
FAMILIES = {"gray": 1, "yuv": 3, "rgb": 3}
LIMIT = 4 << 30
"""Bytes that a table may take in memory: 300 000 frames take less."""
FURTHEST_CODE, FURTHEST_GAIN = 2.0, 4.0
"""Beyond these (codes of full scale, natural logarithm) no correction is sane."""
SAME = 0.02
"""A frame is the one measured if its mean luma differs by less, of full scale: grain removal changes it by
a tenth of that, a wrong frame of a flickering film seldom by so little for long."""
_KEYS = ("version", "digest", "family", "means", "curves", "field")
_BROKEN = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Corrections of frames 0, 1, ...: ``curves`` (frames, planes, KNOTS), ``field`` (frames, DEPTHS, rows,
    columns), as in ``Correction``, of older files with fewer cells; ``means`` (frames): mean luma of the
    frames they were measured on.

    ``digest`` names the source (``pipeline.plan.source_digest``), '' if there was no file.
    """

    digest: str
    family: str
    means: Array
    curves: Array
    field: Array

    def __len__(self) -> int:
        return len(self.means)

    def __getitem__(self, n: int) -> Correction:
        return Correction(self.curves[n], self.field[n])

    @classmethod
    def of(cls, corrections: Sequence[Correction], means: Sequence[float], family: str, digest: str) -> Self:
        """A table of one correction a frame."""
        curves = np.stack([c.curves for c in corrections])
        return cls(
            digest, family, np.array(means, np.float32), curves, np.stack([c.field for c in corrections])
        )

    def check_format(self, fmt: FrameFormat) -> None:
        """Raises ``UsageError`` for a clip of another family; size and depth may differ."""
        if fmt.family != self.family:
            raise UsageError(
                f"This table of corrections was measured on a {self.family} clip and this one is "
                f"{fmt.family}: measure the clip as it comes here."
            )

    def check_length(self, frames: int) -> None:
        """Raises ``UsageError`` for a clip of another length."""
        if frames != len(self):
            raise UsageError(
                f"This table of corrections has {len(self)} frames and the clip {frames}: measure this clip."
            )

    def write(self, path: Path) -> None:
        """Write the file, replacing an older one at once. Raises ``OutputError``."""
        part = path.with_name(f".{path.name}.part-{os.getpid()}")
        values = (VERSION, self.digest, self.family, self.means, self.curves, self.field)
        try:
            with part.open("wb") as out:
                np.savez_compressed(out, **dict(zip(_KEYS, values, strict=True)))  # type: ignore[arg-type]
            part.replace(path)
        except OSError as error:
            raise OutputError(f"The table {str(path)!r} cannot be written: {error.strerror}.") from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def read(path: str | os.PathLike[str]) -> Table:
    """The table in a file. Raises ``InputError`` for anything that is none."""
    name = os.fspath(path)
    if not os.path.isfile(name):
        raise InputError(f"There is no table of corrections at {name!r}: make it with fgcodec train atlas.")
    try:
        with zipfile.ZipFile(name) as packed:
            large = sum(item.file_size for item in packed.infolist()) > LIMIT
        if large:
            raise ValueError("too large")
        with np.load(name, allow_pickle=False) as file:
            values = {key: file[key] for key in _KEYS}
        return _checked(values)
    except _BROKEN as error:
        raise InputError(
            f"{name!r} is no table of corrections, or a damaged one ({error}): make it again with "
            f"fgcodec train atlas."
        ) from error


def _checked(values: dict[str, Any]) -> Table:
    """A table of what a file held; raises ValueError in one or two words."""
    version = int(values["version"])
    if version not in FIELDS:
        raise ValueError(f"its version is {version}, known are 1 to {VERSION}")
    family, means = str(values["family"]), values["means"]
    if family not in FAMILIES:
        raise ValueError(f"its family is {family[:20]!r}")
    frames = len(np.atleast_1d(means))
    means = _numbers(means, (frames,), 1e3)
    curves = _numbers(values["curves"], (frames, FAMILIES[family], KNOTS), FURTHEST_CODE)
    field = _numbers(values["field"], (frames, DEPTHS, *FIELDS[version]), FURTHEST_GAIN)
    return Table(str(values["digest"]), family, means, curves, field)


def _numbers(found: Any, shape: tuple[int, ...], furthest: float) -> Array:
    if found.shape != shape or found.dtype != np.float32 or not shape[0]:
        raise ValueError(f"{found.dtype} of shape {found.shape} where float32 of {shape} belongs")
    if not (np.abs(found) <= furthest).all():
        raise ValueError("numbers out of range")
    return np.asarray(found, np.float32)


class Corrected:
    """The frames of a clip with a table's corrections applied. Pure: (frame, its number) decide."""

    radius = 0

    def __init__(self, table: Table, strength: float = 1.0) -> None:
        self.table, self.strength = table, strength

    def configure(self, fmt: FrameFormat) -> FrameFormat:
        """The same format; raises ``UsageError`` if the table is of another family."""
        self.table.check_format(fmt)
        return fmt

    def process(self, window: Sequence[Frame], n: int) -> Frame:
        """Raises ``InputError`` where the table ends before the clip, or was measured on another frame."""
        frame = window[0]
        if not 0 <= n < len(self.table):
            raise InputError(
                f"The table of corrections has {len(self.table)} frames and the clip more: measure this clip."
            )
        if abs(mean_luma(frame) - float(self.table.means[n])) > SAME:
            raise InputError(
                f"Frame {n} is not the one that the table of corrections was measured on: measure this clip, "
                f"and apply the table before other filters."
            )
        return corrected(frame, self.table[n].scaled(self.strength)) if self.strength else frame


def mean_luma(frame: Frame) -> float:
    """Mean of luma over a frame, of full scale; of the three planes of RGB."""
    planes = frame.planes if frame.fmt.family == "rgb" else frame.planes[:1]
    return float(np.mean([float(p.mean(dtype=np.float64)) for p in planes]))


def from_file(*, file: str = "", strength: float) -> Corrected:
    """The filter ``deflicker_table``. Raises ``InputError`` for a file that is no table."""
    if not file:
        raise UsageError("The filter 'deflicker_table' needs a table: deflicker_table:file=NAME.npz.")
    return Corrected(read(file), strength)
