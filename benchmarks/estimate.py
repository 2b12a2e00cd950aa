"""How well grain is measured: ``python -m benchmarks estimate [--frames N] [--levels ...] [--stills N]``.

Each clean clip is grained by both families, measured by ``grain.estimate``, and grained again on the
clean frames by the parametric synthesizer with what was measured. Then, per run:

level   estimated against true level at luma 0.5, in percent
curve   strength curve of the new grain (new minus clean) against that of the old, 20 luma bins,
        occupancy-weighted mean |ln ratio|, in percent
worst   the largest |ln ratio| of a bin that holds at least 1 % of the picture, in percent
psd     radial power spectrum of the new grain against the old, dB RMS over .02 to .5 cycles per sample
skew    estimated third moment

The truth is added grain and the clip's own noise in quadrature; own noise is what the estimator finds
in the clean clip (given as ``own``), since it measures whatever differs from frame to frame.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from benchmarks import material
from benchmarks.material import Grain
from benchmarks.report import save, table
from filmgrain_codec.core.frame import Frame
from filmgrain_codec.grain import metrics, parametric
from filmgrain_codec.grain.estimate import estimate_frames
from filmgrain_codec.grain.profile import GrainSegment

COLUMNS = (
    "source",
    "family",
    "true",
    "size",
    "level",
    "level %",
    "curve %",
    "worst %",
    "psd dB",
    "confidence",
    "s",
)
CENTRES = (np.arange(metrics.BINS) + 0.5) / metrics.BINS


def run(source: str, frames: Sequence[Frame], grains: Iterable[Grain]) -> list[dict[str, Any]]:
    """One row per grain for the clean ``frames`` of a clip."""
    own = estimate_frames(frames)
    rows = [_clean_row(source, own)]
    for grain in grains:
        rows.append(_row(source, frames, grain, own))
        print(table(rows[-1:], COLUMNS).splitlines()[-1], flush=True)
    return rows


def _clean_row(source: str, own: GrainSegment) -> dict[str, Any]:
    return {"source": source, "family": "none", "true": 0.0, "level": own.level, "confidence": own.confidence}


def _row(source: str, frames: Sequence[Frame], grain: Grain, own: GrainSegment) -> dict[str, Any]:
    grainy = list(material.grained(frames, grain))
    began = time.perf_counter()
    found = estimate_frames(grainy)
    seconds = time.perf_counter() - began
    truth = float(np.hypot(grain.level, own.sigma(np.array([0.5]))[0]))
    old, luma = _residual(grainy, frames), np.stack([f.planes[0] for f in frames])
    new = _residual([_regrained(f, found) for f in frames], frames)
    curve = metrics.strength_curve(old, luma)
    reference = np.hypot(curve.sigma, own.sigma(CENTRES))
    error = metrics.curve_error(metrics.strength_curve(new, luma).sigma, reference, curve.occupancy, 0.01)
    return {
        "source": source, "family": grain.family, "true": grain.level, "size": grain.size, "tone": grain.tone,
        "own": own.level, "level": found.level, "level %": 100 * (found.level / truth - 1),
        "curve %": 100 * error.mean, "worst %": 100 * error.worst, "psd dB": metrics.psd_distance(new, old),
        "confidence": found.confidence, "s": seconds / len(frames), "skew": found.skew,
        "fitted size": found.spectrum.size, "weight": found.spectrum.weight, "curve": found.curve,
        "chroma": (found.chroma.cb, found.chroma.cr, found.chroma.size),
    }  # fmt: skip


def _residual(frames: Sequence[Frame], clean: Sequence[Frame]) -> np.ndarray:
    return np.stack([a.planes[0] - b.planes[0] for a, b in zip(frames, clean, strict=True)])


def _regrained(frame: Frame, segment: GrainSegment) -> Frame:
    planes = parametric.synthesize(frame.planes, frame.fmt, segment, frame.index)
    peak = frame.fmt.peak
    return frame.with_planes(tuple(np.clip(np.rint(p * peak), 0, peak) / np.float32(peak) for p in planes))


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Medians and maxima over all grained runs."""
    out = {}
    for key in ("level %", "curve %", "psd dB"):
        values = np.abs([r[key] for r in rows if key in r])
        out[f"median {key}"], out[f"90th {key}"], out[f"worst {key}"] = (
            float(np.quantile(values, q)) for q in (0.5, 0.9, 1.0)
        )
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks estimate", description=__doc__)
    parser.add_argument("--frames", type=int, default=8, help="consecutive frames per clip")
    parser.add_argument("--levels", type=float, nargs="*", default=material.LEVELS)
    parser.add_argument("--sizes", type=float, nargs="*", default=material.SIZES)
    parser.add_argument("--families", nargs="*", default=material.FAMILIES, choices=material.FAMILIES)
    parser.add_argument("--clips", nargs="*", default=None)
    parser.add_argument("--stills", type=int, default=0, help="also so many stills, panned")
    options = parser.parse_args(arguments)
    grains = [Grain(f, v, s) for f in options.families for v in options.levels for s in options.sizes]
    sources = {n: material.clip(n, options.frames, 4) for n in (options.clips or material.clips())}
    for name in material.stills()[: options.stills]:
        sources[name] = material.panned(material.still(name, 960), options.frames)
    rows = [row for name, frames in sources.items() for row in run(name, frames, grains)]
    print(table(rows, COLUMNS))
    found = summary(rows)
    print("\n".join(f"{k}: {v:.2f}" for k, v in found.items()))
    print(save("estimate", rows, summary=found))
    return 0
