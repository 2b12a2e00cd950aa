"""Planes packed at half size, each one's four phases side by side, as the removal nets take and give them.

Arrays are (1, 4 * planes, rows / 2, columns / 2); in memory the channels come first or last, as the
runtime wants them. Neighbouring samples of a row are neighbouring channels, so with the channels last
they are moved in pairs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.nodes.opencv import opencv

Array = NDArray[np.float32]
PHASES = 4
PAIR = np.float64
"""Any type of eight bytes that OpenCV knows."""


def channels_last(array: Array) -> bool:
    """Whether the channels (third axis from the end) of an array lie side by side in memory."""
    return array.strides[-3] == array.itemsize


def pack(planes: Array, out: Array, top: int) -> None:
    """A stripe (planes, rows, columns) into ``out``, from row ``top`` of the whole on; even numbers."""
    count, rows, columns = planes.shape
    part = out[0, :, top // 2 : (top + rows) // 2]
    if channels_last(part):
        lines = [line for plane in planes for line in (plane[0::2].view(PAIR), plane[1::2].view(PAIR))]
        opencv().merge(lines, part.transpose(1, 2, 0).view(PAIR))
        return
    phases = planes.reshape(count, rows // 2, 2, columns // 2, 2).transpose(0, 2, 4, 1, 3)
    np.copyto(part.reshape(count, 2, 2, rows // 2, columns // 2), phases)


def unpack(phases: Array, rows: slice) -> Array:
    """Rows of the plane that lies packed in ``phases`` (4, rows / 2, columns / 2); starts at an even one."""
    part = phases[:, rows.start // 2 : -(-rows.stop // 2)]
    height, width = part.shape[1:]
    out = np.empty((2 * height, 2 * width), np.float32)
    if channels_last(part):
        pairs = part.transpose(1, 2, 0).view(PAIR)
        out[0::2].view(PAIR)[:], out[1::2].view(PAIR)[:] = pairs[..., 0], pairs[..., 1]
    else:
        for k, phase in enumerate(part):
            out[k // 2 :: 2, k % 2 :: 2] = phase
    return out[: rows.stop - rows.start]
