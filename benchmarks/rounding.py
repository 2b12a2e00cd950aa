"""What a backend's rounding costs the picture: PSNR against the clean picture, beside ONNX Runtime's.

Synthetic moving pictures with parametric grain of known strength; the nets are told that strength.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.grain import parametric
from filmgrain_codec.grain.profile import DEFAULT_CURVE, Chroma, GrainSegment, Spectrum
from filmgrain_codec.infer.backend import found
from filmgrain_codec.infer.names import ORT
from filmgrain_codec.nodes.denoise import Denoise

FORMAT = FrameFormat(960, 544, bits=10)
LEVELS = (0.01, 0.05)
COUNT = 7


def losses(model: str) -> dict[str, float]:
    """Decibels lost on luma by every backend usable here, at the level where it loses most."""
    names = [b.name for b in found() if not b.problem]
    scores = {name: [score(model, name, level) for level in LEVELS] for name in names}
    return {name: max(np.subtract(scores[ORT], scores[name]).tolist()) for name in names}


def score(model: str, backend: str, level: float) -> float:
    """Luma PSNR of the cleaned frames against the clean ones, the squared error pooled over frames."""
    segment = GrainSegment(0, COUNT, level, DEFAULT_CURVE, Spectrum(0.8), Chroma(0.5, 0.5, 0.6), seed=7)
    grainy = (parametric.apply(frame, segment, threads=1) for frame in clean())
    made = Graph([Denoise(segment, model, backend=backend)]).stream(grainy)
    pairs = zip(made, clean(), strict=True)
    errors = [np.mean((ours.planes[0] - truth.planes[0]) ** 2) for ours, truth in pairs]
    return float(-10 * np.log10(np.mean(errors)))


def clean() -> Iterator[Frame]:
    """Gradients, soft texture and hard edges, moving by a fraction of a sample a frame."""
    rows, columns = FORMAT.shape(0)
    y, x = np.mgrid[:rows, :columns].astype(np.float32) / columns
    for n in range(COUNT):
        moved = x + np.float32(1.3 * n / columns)
        luma = 0.3 + 0.3 * x + 0.2 * y + 0.03 * np.sin(170 * moved) * np.sin(90 * y)
        luma += 0.1 * np.sign(np.sin(24 * moved) * np.sin(31 * y))
        luma = luma.astype(np.float32)
        blue = 0.5 + 0.1 * (luma[::2, ::2] - 0.5)
        yield Frame((luma, blue, 1 - blue), FORMAT, n, n, Fraction(1, 24), 1)
