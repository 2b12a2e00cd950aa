"""Between integer codes and float32 planes, exactly.

Reading divides codes by 2^bits - 1; writing multiplies, rounds half to even and clips. The round trip
code -> float32 -> code is the identity at every depth from 8 to 16 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane

_ROWS = 64  # rows per block on writing: the scratch stays in the cache


def read_codes(view: NDArray[Any], peak: np.float32) -> Plane:
    """A fresh float32 plane of ``view`` / ``peak``."""
    out = np.empty(view.shape, np.float32)
    np.copyto(out, view)
    np.divide(out, peak, out=out)
    return out


def write_codes(source: Plane, target: NDArray[Any], peak: np.float32) -> None:
    """Round ``source`` * peak half to even, clip to 0..peak and store in ``target``."""
    scratch = np.empty((min(_ROWS, source.shape[0]), source.shape[1]), np.float32)
    for top in range(0, source.shape[0], _ROWS):
        part = source[top : top + _ROWS]
        work = scratch[: part.shape[0]]
        np.multiply(part, peak, out=work)
        np.rint(work, out=work)
        np.clip(work, 0, peak, out=work)
        np.copyto(target[top : top + _ROWS], work, casting="unsafe")
