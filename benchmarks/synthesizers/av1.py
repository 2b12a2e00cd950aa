"""AV1 film grain as two encoders fit it to the grainy source, SVT-AV1 and aomenc, and as we do; by dav1d.

Each encodes the grainy excerpt and describes what its own denoiser took off as AV1 grain. What is judged is
the decoded picture with that grain minus the same without. Both are tried at several denoising strengths, on
each excerpt; the one whose luma grain comes nearest to the true strength is kept: a user, who does not know
the truth, would do no better.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import material, quality
from benchmarks.peers.case import Case, Planes, codes
from benchmarks.peers.peer import Settings
from benchmarks.synthesizers.ours import SEED, code, estimated
from benchmarks.synthesizers.synthesizer import added
from filmgrain_codec.core.frame import Frame
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.media import y4m
from filmgrain_codec.media.encoders import encoder_for
from filmgrain_codec.media.writer import Writer

CRF = 20
STRENGTHS = (50, 25, 12, 6)
PRESET = 6
AOMENC = "aomenc"
Encode = Callable[[Sequence[Frame], int, Path], Path]


@dataclass(frozen=True)
class Av1Grain:
    """``encode``: frames and denoising strength to a file in a folder. ``version``: the encoder's."""

    name: str
    encode: Encode
    version: str
    chosen: dict[str, int] = field(default_factory=dict)

    def settings(self, case: Case) -> Settings:
        return {"encoder": self.version, "strengths": STRENGTHS, "crf": CRF, "speed": PRESET}

    def grain(self, case: Case) -> list[Planes]:
        wanted = rms([added(n.planes, c.planes) for n, c in zip(case.grainy, case.clean, strict=True)])
        tried = {}
        for strength in STRENGTHS:
            tried[strength] = self._grain(case.grainy[:], strength)
            if rms(tried[strength]) <= wanted:  # less denoising finds less grain
                break
        best = min(tried, key=lambda s: abs(math.log(max(rms(tried[s]), 1e-6) / wanted)))
        self.chosen[case.key] = best
        return tried[best]

    def _grain(self, frames: Sequence[Frame], strength: int) -> list[Planes]:
        with tempfile.TemporaryDirectory() as folder:
            return shown(self.encode(frames, strength, Path(folder)))


@dataclass(frozen=True)
class Players:
    """What ordinary players show of our estimate: AV1's model fitted to it (``encode --player-grain``)."""

    name: str = "AV1 grain, ours"

    def settings(self, case: Case) -> Settings:
        return {"crf": CRF, "speed": PRESET, "told": "estimated", "seed": SEED, "code": code()}

    def grain(self, case: Case) -> list[Planes]:
        segment = replace(estimated(case), start=0, end=len(case.clean), seed=SEED)
        with tempfile.TemporaryDirectory() as folder:
            path = svt(case.clean[:], 0, Path(folder), segment)
            return shown(path)


def shown(path: Path) -> list[Planes]:
    """The grain that a decoder puts on: its pictures less those without."""
    plain, grainy = (quality.frames(path, native_grain=how) for how in ("export", "apply"))
    return [added(s.planes, p.planes) for s, p in zip(grainy, plain, strict=True)]


def rms(grain: Sequence[Planes]) -> float:
    """Root mean square of luma grain."""
    return float(np.sqrt(np.mean([np.mean(np.square(p[0])) for p in grain])))


def svt(frames: Sequence[Frame], strength: int, folder: Path, grain: GrainSegment | None = None) -> Path:
    """SVT-AV1 through PyAV, its denoiser on; with ``grain`` of ours it is off."""
    fmt, tick = frames[0].fmt, 1 / material.RATE
    spec = encoder_for("svtav1", fmt, crf=CRF, preset=str(PRESET), bits=material.BITS, threads=1, video=None)
    options = dict(spec.options)
    if grain is None:
        options["svtav1-params"] += f":film-grain={strength}:film-grain-denoise=1"
    path = folder / "svt.mkv"
    spec = replace(spec, options=options)
    with Writer(
        path, None, spec, fmt, time_base=tick, rate=material.RATE, shown=grain and (lambda n: grain)
    ) as writer:
        for frame in frames:
            writer.write(frame)
    writer.temporary.replace(path)
    return path


def aomenc(frames: Sequence[Frame], strength: int, folder: Path) -> Path:
    """The reference encoder's own command."""
    source, path = folder / "source.y4m", folder / "aom.ivf"
    with source.open("wb") as out:
        out.write(y4m.header(frames[0].fmt, material.RATE, Fraction(1)))
        for frame in frames:
            out.write(b"FRAME\n" + b"".join(codes(p).tobytes() for p in frame.planes))
    command = [AOMENC, str(source), "--ivf", "-o", str(path), f"--denoise-noise-level={strength}",
               "--end-usage=q", f"--cq-level={CRF}", f"--cpu-used={PRESET}", "--threads=1",
               "--bit-depth=10", "--quiet"]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return path


@cache
def aom_version() -> str:
    shown = subprocess.run([AOMENC, "--help"], capture_output=True, text=True, check=False)
    lines = [line for line in (shown.stdout + shown.stderr).splitlines() if "AOMedia" in line]
    return " ".join(lines[0].split()) if lines else AOMENC


def available() -> list[Any]:
    """The encoders that can run here."""
    found: list[Any] = [Players(), Av1Grain("AV1 grain, SVT-AV1", svt, f"av {metadata.version('av')}")]
    if shutil.which(AOMENC):
        found.append(Av1Grain("AV1 grain, aomenc", aomenc, aom_version()))
    return found
