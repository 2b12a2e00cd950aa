"""What the files of scans went through that film did not: JPEG, whose blocks a judge sees at once."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from filmgrain_codec.train.generators import scans

Array = NDArray[np.float32]
SIDE = 8
SEEN = 1.15
"""Differences across the edges of blocks over all others, from which on a stock was coded."""
QUALITIES = range(75, 100)
GRAY = 128.0
REVISION = 1


def edges(pieces: Array) -> float:
    """How much larger neighbours' differences are across the edges of blocks of 8 than elsewhere, on average;
    pieces (n, rows, columns) begin on the grid.
    """
    steps = np.abs(np.diff(pieces, axis=2)).mean((0, 1))
    at = np.arange(len(steps)) % SIDE == SIDE - 1
    return float(steps[at].mean() / steps[~at].mean())


def coded(made: Sequence[Array], film: Array, codes: Array) -> list[Array]:
    """Pieces of unit variance through JPEG of the quality that shows blocks as the film's scans do.

    ``codes``: strengths of the film's pieces in 8-bit codes, which those of ``made`` get in turn.
    """
    wanted, some = edges(film), made[0][: 4 * len(codes)]
    quality = min(QUALITIES, key=lambda q: abs(edges(through(some, codes, q)) - wanted))
    return [through(part, codes, quality) for part in made]


def through(pieces: Array, codes: Array, quality: int) -> Array:
    """Pieces through JPEG at these strengths, again without their quadratic surface, of unit variance."""
    found = np.stack([_jpeg(p * codes[k % len(codes)], quality) for k, p in enumerate(pieces)])
    flat = scans.detrended(found)
    return np.asarray(flat / flat.std((1, 2), keepdims=True), np.float32)


def _jpeg(grain: Array, quality: int) -> Array:
    out = io.BytesIO()
    Image.fromarray(np.rint(grain + GRAY).clip(0, 255).astype(np.uint8)).save(out, "jpeg", quality=quality)
    return np.asarray(Image.open(out), np.float32) - np.float32(GRAY)
