"""SVT-AV1's own denoiser: its film-grain estimation with denoising, at high quality, grain left out.

At so low a CRF what the coding itself loses is far below the grain (``crf`` says which); the
decoded picture is the denoised one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from benchmarks import material, quality
from benchmarks.peers.case import SCORED, Planes
from benchmarks.peers.peer import Settings
from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat
from filmgrain_codec.media.encoders import encoder_for
from filmgrain_codec.media.writer import Writer

CRF = 6
_RATE = Fraction(24)


@dataclass(frozen=True, slots=True)
class SvtAv1:
    """``candidates`` are strengths of film-grain, 1 to 50; chroma follows luma."""

    name: str = "SVT-AV1 denoiser"
    package: str = "av"
    frames: tuple[int, ...] = SCORED
    reach: int = 3

    def candidates(self, sigma: float, chroma: bool = False) -> Iterator[Settings]:
        for strength in () if chroma else (2, 4, 8, 12, 18, 25, 35, 50):
            yield {"film-grain": strength, "crf": CRF}

    def run(self, frames: Sequence[Planes], luma: Settings, chroma: Settings | None) -> list[Planes]:
        height, width = frames[0][0].shape
        fmt = FrameFormat(width, height, bits=material.BITS, color=ColorInfo(1, 1, 1, 1))
        spec = encoder_for("svtav1", fmt, crf=luma["crf"], preset="6", bits=10, threads=2, video=None)
        extra = f"film-grain={luma['film-grain']}:film-grain-denoise=1"
        options = {**spec.options, "svtav1-params": f"{spec.options['svtav1-params']}:{extra}"}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "denoised.mkv"
            target = replace(spec, options=options)
            with Writer(path, None, target, fmt, time_base=1 / _RATE, rate=_RATE) as writer:
                for n, planes in enumerate(frames):
                    writer.write(Frame(planes, fmt, n, n, 1 / _RATE, 1))
            writer.temporary.replace(path)
            return [f.planes for f in quality.frames(path, native_grain="export")]
