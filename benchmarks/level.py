"""How well a shot's level is measured: ``python -m benchmarks level [--levels ...] [--sizes ...]``.

Grain of the held-out Boolean family on the clean clips, 4:2:0 in 10 bits, two bursts of three frames.
Truth is added grain and the clip's own noise in quadrature (sigma of its flat blocks). Ways of measuring:

coarse     block statistics, blocks matched to 4 samples (what runs where OpenCV is not installed)
followed   block statistics, blocks matched by optical flow
shipped    as ``fgcodec estimate`` and ``encode --level auto`` measure
single     the same on one frame alone, with the level net; ``single, statistics`` without it

Then pictures without grain (photographs a quarter of their size, as one frame and panned; the clean
clips), real scans against patches measured by hand, closing the loop, and the time a 1080p frame takes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks import loop_closed, material, scans
from benchmarks.material import Grain
from benchmarks.report import save, table
from filmgrain_codec.core.frame import Frame
from filmgrain_codec.grain.estimate import estimate_frames
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.pipeline import analyse, opinion
from filmgrain_codec.pipeline.follow import follower

LEVELS = (0.005, 0.0075, 0.01, 0.025, 0.06, 0.12)
SIZES = (0.45, 0.8, 1.2, 1.6)
BURSTS = (4, 5, 6, 18, 19, 20)
OWN = {"set8_hypersmooth_540p": 0.0025, "vid4_walk": 0.004}
"""Sigma of flat blocks of the clean clips, fractions of full scale; motorbike has none to read it from."""
HD = (1920, 1080)
Way = Callable[[Sequence[Frame]], GrainSegment]
WAYS: dict[str, Way] = {
    "coarse": lambda frames: estimate_frames(frames),
    "followed": lambda frames: estimate_frames(frames, follower()),
    "shipped": analyse.of_frames,
    "single, statistics": lambda frames: estimate_frames(frames[:1]),
    "single": lambda frames: analyse.of_frames(frames[:1]),
}
RANGES = {"0.005 to 0.01": (0.004, 0.0101), "0.01 to 0.12": (0.0099, 0.13)}


def grained(levels: Sequence[float], sizes: Sequence[float]) -> Iterator[dict[str, Any]]:
    """One row per clip, level and size: true and found level and size in every way."""
    for name in material.clips():
        clean = [f for f in material.clip(name, max(BURSTS) + 1) if f.index in BURSTS]
        for level in levels:
            for size in sizes:
                frames = list(material.grained(clean, Grain("boolean", level, size)))
                truth = float(np.hypot(level, OWN.get(name, 0.0)))
                row: dict[str, Any] = {"source": name, "level": level, "size": size, "truth": truth}
                for way, measure in WAYS.items():
                    found = measure(frames)
                    row |= {way: found.level, f"{way} %": 100 * (found.level / truth - 1)}
                    row |= {f"{way} size": found.spectrum.size, f"{way} confidence": found.confidence}
                yield row


def summary(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Median and 95th percentile of the error, per way and range of levels."""
    out = []
    for label, (low, high) in RANGES.items():
        within = [r for r in rows if low < r["level"] < high]
        for way in WAYS if within else ():
            errors = np.abs([r[f"{way} %"] for r in within])
            sizes = 100 * np.abs([r[f"{way} size"] / r["size"] - 1 for r in within])
            out.append(
                {
                    "what": f"{way}, levels {label}",
                    "median %": float(np.median(errors)),
                    "95th %": float(np.quantile(errors, 0.95)),
                    "worst %": float(errors.max()),
                    "median size %": float(np.median(sizes)),
                    "runs": len(within),
                }
            )
    return out


def grainless() -> Iterator[dict[str, Any]]:
    """Pictures without grain: what is measured, and what an automatic encode makes of it."""
    for name in material.stills():
        whole = material.still(name)
        small = material.still(name, whole.fmt.width // 4)
        yield _clean(f"{name} / 4", [small])
        if small.fmt.width > 180:
            yield _clean(f"{name} / 4, panned", material.panned(small, 6))
    for name in material.clips():
        yield _clean(name, [f for f in material.clip(name, max(BURSTS) + 1) if f.index in BURSTS])


def _clean(source: str, frames: Sequence[Frame]) -> dict[str, Any]:
    found, plain = WAYS["shipped"](frames), WAYS["followed"](frames)
    (used,) = analyse.settle([found], level=None, zones=(), digest="")
    return {
        "source": source,
        "frames": len(frames),
        "statistics": plain.level,
        "measured": found.level,
        "confidence": found.confidence,
        "used": used.level,
    }


def seconds() -> list[dict[str, Any]]:
    """Seconds per measured 1080p frame, median of five, for pairs and for a single frame."""
    still = material.still(material.stills()[0], None)
    tall = np.tile(still.planes[0], (3, 3))[: HD[1], : HD[0]]
    chroma = [np.full((HD[1] // 2, HD[0] // 2), 0.5, np.float32)] * 2
    fmt = material.still(material.stills()[0]).fmt
    from dataclasses import replace

    fmt = replace(fmt, width=HD[0], height=HD[1])
    clean = [Frame((tall, *chroma), fmt, i, i, still.time_base) for i in range(3)]
    frames = list(material.grained(clean, Grain("spectral", 0.03)))
    out = []
    for way, count in (("coarse", 3), ("followed", 3), ("single, statistics", 1), ("single", 1)):
        times = []
        for _ in range(5):
            began = time.perf_counter()
            WAYS[way](frames)
            times.append((time.perf_counter() - began) / count)
        out.append({"what": f"1080p, {way}", "seconds per frame": float(np.median(times))})
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks level", description=__doc__)
    parser.add_argument("--levels", type=float, nargs="*", default=LEVELS)
    parser.add_argument("--sizes", type=float, nargs="*", default=SIZES)
    options = parser.parse_args(arguments)
    rows = []
    for row in grained(options.levels, options.sizes):
        rows.append(row)
        print(
            table([row], ("source", "level", "size", *(f"{w} %" for w in WAYS))).splitlines()[-1], flush=True
        )
    found = summary(rows)
    clean, real, loop, speed = list(grainless()), scans.rows(), list(loop_closed.rows()), seconds()
    print(table(found, ("what", "median %", "95th %", "worst %", "median size %", "runs")))
    print(table(clean, ("source", "statistics", "measured", "confidence", "used")))
    print(table(real, scans.COLUMNS))
    print(table(loop, loop_closed.COLUMNS))
    print(table(speed, ("what", "seconds per frame")))
    print(
        save(
            "level",
            rows,
            summary=found,
            grainless=clean,
            scans=real,
            loop=loop,
            loop_summary=loop_closed.summary(loop),
            seconds=speed,
            net=opinion.missing() or "level net installed",
            flow=follower() is not None,
        )
    )
    return 0
