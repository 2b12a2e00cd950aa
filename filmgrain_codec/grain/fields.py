"""Grain noise as a counter-based hash of (seed, frame index, plane, x, y).

Every sample is a pure function of its own coordinates, so a crop, a band of rows or a frame
reached by seeking holds exactly the samples the whole clip would hold there. Nothing comes from
a library's random generator, whose stream may change between versions.

Definition. ``mix64`` is the SplitMix64 finaliser (Steele, Lea, Flood, "Fast splittable
pseudorandom number generators", OOPSLA 2014; constants: Stafford's Mix13), G = 0x9E3779B97F4A7C15,
all arithmetic modulo 2^64, negative numbers in two's complement:

    key     = mix64(mix64(mix64(seed + G) + frame + G) + plane + G)
    row(y)  = mix64(key + G * (y + 1))
    col(w)  = mix64(COLUMN_SEED + G * (w + 1)),   w = floor(x / 4)
    word    = mix64(row(y) ^ col(w))
    sample  = TABLE[16-bit lane x mod 4 of word, lowest bits first]

``TABLE`` holds 65536 Gaussian quantiles (see ``gaussian_table``): zero mean, unit variance,
largest value 4.3.
"""

from __future__ import annotations

import math
import threading
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

WORD_SAMPLES = 4
"""Samples drawn from one 64-bit word: four lanes of 16 bits."""
TABLE_BITS = 16
TABLE_STEP = 2.0**-16
COLUMN_SEED = 0x66676F6C756D6E73
_MASK = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15
_MUL1 = 0xBF58476D1CE4E5B9
_MUL2 = 0x94D049BB133111EB
# little-endian types, so that lane 0 is the lowest 16 bits on every machine
_WORD = np.dtype("<u8")
_LANE = np.dtype("<u2")


class _Local(threading.local):
    """Buffers of one thread, reused from call to call: allocation would cost more than the work."""

    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}


_local = _Local()


def scratch(name: str, size: int, dtype: DTypeLike) -> NDArray[Any]:
    """This thread's flat buffer ``name`` with ``size`` elements; its content is undefined."""
    array = _local.arrays.get(name)
    if array is None or array.size < size or array.dtype != dtype:
        array = _local.arrays[name] = np.empty(size, dtype)
    return array[:size]


def mix64(z: int) -> int:
    """SplitMix64's finaliser: a bijection of 64-bit integers."""
    z &= _MASK
    z = ((z ^ (z >> 30)) * _MUL1) & _MASK
    z = ((z ^ (z >> 27)) * _MUL2) & _MASK
    return z ^ (z >> 31)


def plane_key(seed: int, frame: int, plane: int) -> int:
    """The 64-bit key of one plane of one frame; any integers, taken modulo 2^64."""
    return mix64(mix64(mix64(seed + _GAMMA) + frame + _GAMMA) + plane + _GAMMA)


@lru_cache(maxsize=1)
def gaussian_table() -> NDArray[np.float32]:
    """65536 Gaussian quantiles, read-only float32, antisymmetric, unit variance within 1e-6.

    q(i) = inverse normal distribution at (i + 1/2) / 65536 (Wichura, algorithm AS 241), divided by
    the root mean square of all q, rounded to a multiple of 2^-16. The rounding makes the table
    the same on every machine whatever the last bit of its logarithm; a test pins its sha256.
    """
    half = 1 << (TABLE_BITS - 1)
    normal = NormalDist()
    upper = [normal.inv_cdf(0.5 + (i + 0.5) / (2 * half)) for i in range(half)]
    scale = 1 / (TABLE_STEP * math.sqrt(math.fsum(q * q for q in upper) / half))
    positive = np.array([round(q * scale) for q in upper], np.float64) * TABLE_STEP
    table = np.concatenate((-positive[::-1], positive)).astype(np.float32)
    table.flags.writeable = False
    return table


def white(seed: int, frame: int, plane: int, x: int, y: int, width: int, height: int) -> NDArray[np.float32]:
    """White Gaussian noise of unit variance on a rectangle, shape (height, width), float32.

    The top-left sample has coordinates (``x``, ``y``), which may be negative: the field has no
    edges. Overlapping rectangles hold equal samples where they overlap.
    """
    first = x // WORD_SAMPLES
    words = -(-(x + width) // WORD_SAMPLES) - first
    block = np.empty((height, words * WORD_SAMPLES), np.float32)
    white_words(plane_key(seed, frame, plane), first, y, words, block)
    start = x - first * WORD_SAMPLES
    return np.ascontiguousarray(block[:, start : start + width])


def white_words(key: int, word: int, y: int, words: int, out: NDArray[np.float32]) -> None:
    """Fill ``out``, a C-contiguous (rows, 4 * words) array, with the field of ``plane_key`` ``key``.

    Columns start at x = 4 * ``word``, rows at ``y``. The fast path beneath ``white``: it allocates
    nothing large and releases the interpreter lock in every step.
    """
    rows = out.shape[0]
    bits = scratch("words", rows * words, _WORD).reshape(rows, words)
    shifted = scratch("shifted", rows * words, _WORD).reshape(rows, words)
    np.bitwise_xor(_stream(key, y, rows)[:, None], _columns(word, words), out=bits)
    _mix(bits, shifted)
    lanes = scratch("lanes", bits.size * WORD_SAMPLES, np.intp).reshape(out.shape)
    np.copyto(lanes, bits.view(_LANE))
    # 16-bit lanes cannot leave the table; 'wrap' only spares the checks of 'raise'
    np.take(gaussian_table(), lanes, out=out, mode="wrap")


def _mix(z: NDArray[Any], tmp: NDArray[Any]) -> None:
    """``mix64`` of every element, in place."""
    for shift, factor in ((30, _MUL1), (27, _MUL2), (31, None)):
        np.right_shift(z, np.uint64(shift), out=tmp)
        np.bitwise_xor(z, tmp, out=z)
        if factor is not None:
            np.multiply(z, np.uint64(factor), out=z)


def _stream(state: int, start: int, count: int) -> NDArray[Any]:
    """Outputs ``start`` .. ``start + count - 1`` of the SplitMix64 stream of ``state``."""
    first = np.array((state + _GAMMA * (start + 1)) & _MASK, np.uint64)
    z = (np.arange(count, dtype=np.uint64) * np.uint64(_GAMMA) + first).astype(_WORD)
    _mix(z, np.empty_like(z))
    return z


@lru_cache(maxsize=64)
def _columns(word: int, words: int) -> NDArray[Any]:
    return _stream(COLUMN_SEED, word, words)
