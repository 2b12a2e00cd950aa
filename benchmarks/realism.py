"""The parametric synthesizer against real stocks: ``python -m benchmarks realism``.

Four scanned grain tiles (TMAX 400, TMAX 3200, TRI-X 1600, ORWO NP20; 256 x 256, flat grey, measured
only) are each fitted by the estimator and synthesized again. Every realism metric of
``grain/metrics.py`` that a flat tile allows is printed between real and synthetic grain, beside its
floor: the same metric between the two halves of the real tile. A tile is contrast-normalised, so its
level means nothing; strength over luma, channels and time are judged by ``roundtrip`` instead.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import material
from benchmarks.report import save, table
from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.grain import metrics, parametric
from filmgrain_codec.grain.estimate import estimate_frames
from filmgrain_codec.grain.profile import LEVEL_MAX, GrainSegment

COLUMNS = ("stock", "level", "size", "psd dB", "floor psd dB", "acf", "floor acf", "skew", "floor skew",
           "kurtosis", "floor kurtosis", "jsd", "floor jsd", "nss", "floor nss")  # fmt: skip
DRAWS = 8
MIDDLE = 0.5
TARGET = 0.05
"""Tiles are brought to this level, because their own contrast is arbitrary."""


def real(path: Path) -> np.ndarray:
    """A tile as a grainy grey picture around 0.5, level 0.05, shape (1, rows, columns)."""
    tile = np.asarray(Image.open(path).convert("L"), np.float64)
    grain = tile - tile.mean()
    return (MIDDLE + grain / grain.std() * TARGET).astype(np.float32)[None]


def fitted(picture: np.ndarray) -> GrainSegment:
    """What the estimator makes of one picture."""
    rows, columns = picture.shape[1:]
    fmt = FrameFormat(columns, rows, "gray", 0, 0, 16)
    return estimate_frames([Frame((picture[0],), fmt, 0, 0, Fraction(1))])


def synthetic(segment: GrainSegment, shape: tuple[int, ...]) -> np.ndarray:
    """Several draws of a segment's grain on flat grey."""
    rows, columns = shape[1:]
    fmt = FrameFormat(columns, rows, "gray", 0, 0, 16)
    flat = (np.full((rows, columns), MIDDLE, np.float32),)
    level = min(segment.level, LEVEL_MAX)
    return np.stack([parametric.synthesize(flat, fmt, segment, n, level=level)[0] for n in range(DRAWS)])


def compare(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """The metrics between two sets of grainy pictures around 0.5."""
    ga, gb = a - MIDDLE, b - MIDDLE
    luma_a, luma_b = np.full(a.shape, MIDDLE), np.full(b.shape, MIDDLE)
    skew, kurtosis = metrics.marginal_difference((ga, luma_a), (gb, luma_b))
    return {
        "psd dB": metrics.psd_distance(ga, gb),
        "acf": metrics.autocorrelation_distance(ga, gb),
        "skew": skew,
        "kurtosis": kurtosis,
        "jsd": metrics.histogram_divergence((ga, luma_a), (gb, luma_b)).jsd,
        "nss": metrics.nss_divergence(a, b),
    }


def row(path: Path) -> dict[str, Any]:
    picture = real(path)
    segment = fitted(picture)
    (first,), (second,) = metrics.halves(picture)
    floors = {f"floor {k}": v for k, v in compare(first, second).items()}
    found = compare(picture, synthetic(segment, picture.shape))
    name = path.stem.removeprefix("gmic_")
    return {"stock": name, "level": segment.level, "size": segment.spectrum.size} | found | floors


def main(arguments: Sequence[str] | None = None) -> int:
    argparse.ArgumentParser(prog="python -m benchmarks realism", description=__doc__).parse_args(arguments)
    rows = [row(path) for path in sorted((material.data() / "grain_tiles").glob("*.png"))]
    print(table(rows, COLUMNS))
    print(save("realism", rows))
    return 0
