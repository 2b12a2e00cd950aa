"""One scale for how coarsely a picture was quantised, whatever coded it.

QP here is that of H.264 and HEVC at 8 bit, told by the quantiser's step: QP = 4 + 6 log2(step), step in
8-bit codes of an orthonormal transform (ITU-T H.264, 8.5.9). By it

=============  ==========================================  =======================================
codec          step                                        QP 20, 32, 44 are about
=============  ==========================================  =======================================
H.264, HEVC    2^((QP - 4) / 6)                            QP 20, 32, 44
AV1            AC quantiser of base_q_idx / 8              base_q_idx 44, 143, 217
MPEG-2         2 x quantiser_scale_code (flat 16)          quantiser_scale_code 3, 13, 51
JPEG           20 x the quality's scale of its tables      quality 84, 37, 10 (libjpeg)
=============  ==========================================  =======================================

The scale ends at 0 and 63. JPEG's tables rise with frequency; 20 is about their mean over the fifteen lowest.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log2

FAMILIES = ("x264", "x265", "svtav1", "mpeg2", "jpeg", "other")
"""Codec families that a picture may come from; the last one is what is not told."""
HIGHEST = 63.0
_AV1 = ((0, 4), (1, 8), (95, 102), (120, 152), (137, 203), (150, 255), (160, 305), (169, 359), (182, 456),
        (193, 560), (224, 1026), (255, 1828))  # fmt: skip
"""Knots of AV1's AC quantisers at 8 bit (AV1 specification, 7.12.2), straight in the logarithm between."""
_LOWEST, _PRINTED = 15, 226 / 15
"""Frequencies of a JPEG's table that count, and their mean in the table of ITU-T T.81, K.1."""
_NAMES = {
    "h264": "x264", "hevc": "x265", "av1": "svtav1", "mpeg2video": "mpeg2", "mpeg1video": "mpeg2",
    "mjpeg": "jpeg",
}  # fmt: skip


def family(codec: str) -> str:
    """The family of FFmpeg's codec name (``h264``, ``mjpeg``), 'other' if it has none here."""
    return _NAMES.get(codec, FAMILIES[-1])


def of_step(step: float) -> float:
    """QP of a quantiser's step in 8-bit codes."""
    return min(max(4 + 6 * log2(max(step, 1e-3)), 0.0), HIGHEST)


def of_av1(index: float) -> float:
    """QP of AV1's base_q_idx (0 to 255)."""
    for (low, first), (high, last) in pairwise(_AV1):
        if index <= high:
            part = max(0.0, index - low) / (high - low)
            return of_step(2 ** (log2(first) * (1 - part) + log2(last) * part) / 8)
    return of_step(_AV1[-1][1] / 8)


def of_mpeg2(code: float) -> float:
    """QP of MPEG-2's linear quantiser_scale_code (1 to 31)."""
    return of_step(2 * code)


def of_jpeg_table(table: Sequence[int]) -> float:
    """QP of a JPEG's luma table, as its file holds it: in zigzag order."""
    lowest = table[:_LOWEST]
    return of_step(20 / _PRINTED * sum(lowest) / len(lowest))


def of_jpeg(quality: float) -> float:
    """QP of libjpeg's quality (1 to 100)."""
    scale = 50 / quality if quality < 50 else 2 - quality / 50
    return of_step(20 * max(scale, 0.01))
