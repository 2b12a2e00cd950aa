"""Small sharp specks, as scans of negatives have them: of a few samples, most of them bright and weak.

Of the evident damage in retouched scans (Strubel et al., QCAV 2019) four pieces in five are brighter than the
film, half have fewer than six samples and most differ by 10 to 40 codes of 8 bit.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Plane
from filmgrain_codec.nodes.opencv import opencv
from filmgrain_codec.train.damage.film import Layers

COUNTS, AREAS, OPACITIES = (1.0, 20.0), (2.0, 60.0), (0.06, 0.8)
"""Specks a sample, samples a speck, opacities; the logarithm of each is uniform."""
MEDIAN, SPREAD = 6.0, 0.8
"""Area in samples, log-normal within ``AREAS``."""
BRIGHT = 0.8
EDGES = (0.3, 0.6)
"""Sigma of a speck's edge in samples: the scanner's alone, since it lies on the film, not in the scene."""
SOFTNESS = (0.6, 2.2)
"""Sigma of the scene's in samples."""
_FINE = 8


def specks(layers: Layers, rng: Generator) -> None:
    """Stamp specks of one film onto ``layers``: in one sample in ten of either polarity, else of one."""
    count = 1 + rng.poisson(_log_uniform(COUNTS, rng))
    usual, mixed = rng.random() < BRIGHT, rng.random() < 0.1
    edge, strength = rng.uniform(*EDGES), _log_uniform(OPACITIES, rng)
    for _ in range(count):
        area = float(np.clip(MEDIAN * np.exp(rng.normal(0, SPREAD)), *AREAS))
        opacity = float(np.clip(strength * np.exp(rng.normal(0, 0.4)), *OPACITIES))
        at = rng.random(2) * layers.white.shape
        patch = np.float32(opacity) * shape(area, at % 1, edge, rng)
        half = patch.shape[0] // 2
        white = usual if not mixed else rng.random() < BRIGHT
        layers.stamp(patch, int(at[0]) - half, int(at[1]) - half, bool(white))


def shape(area: float, at: NDArray[np.float64], edge: float, rng: Generator) -> Plane:
    """Cover of a lump of one to three ellipses, drawn finely; its middle lies ``at`` in the middle sample."""
    cv = opencv()
    half = int(np.ceil(1.6 * np.sqrt(area) + 3 * edge)) + 1
    side, middle = (2 * half + 1) * _FINE, (half + at) * _FINE
    fine = np.zeros((side, side), np.float32)
    parts = int(rng.integers(1, 4))
    radius = np.sqrt(area / np.pi / parts) * _FINE * 1.1
    for _ in range(parts):
        longer = np.exp(rng.uniform(0, 0.5))
        place = middle + (rng.normal(0, 0.7, 2) * radius if parts > 1 else 0.0)
        along, across, x, y = (
            round(float(v)) for v in (radius * longer, radius / longer, place[1], place[0])
        )
        cv.ellipse(fine, (x, y), (along, across), rng.uniform(0, 180), 0, 360, 1.0, -1)
    soft = cv.GaussianBlur(fine, (0, 0), edge * _FINE)
    return np.asarray(cv.resize(soft, None, fx=1 / _FINE, fy=1 / _FINE, interpolation=cv.INTER_AREA))


def softened(plane: Plane, rng: Generator) -> Plane:
    """A scene as a lens and a film draw it: its detail is coarser than a sample."""
    return np.asarray(opencv().GaussianBlur(plane, (0, 0), rng.uniform(*SOFTNESS)))


def _log_uniform(span: tuple[float, float], rng: Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(span))))
