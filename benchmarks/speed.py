"""Speed and memory of whole commands at 1080p 10 bit: ``python -m benchmarks speed [--frames 200 2000]``.

``--filter`` times grain removal alone: ``fgcodec filter IN -f denoise:level=0.05 - > /dev/null`` on every
backend there is, and what each one's rounding costs the picture (``benchmarks.rounding``).

The clip is a sub-pixel pan and zoom over clean stills with independent grain on every frame (made
by our parametric synthesizer: this measures speed, not quality). Each command runs as a process of
its own; peak memory is the operating system's figure for it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import rounding
from benchmarks.report import save, table
from filmgrain_codec.core.frame import ColorInfo, Frame, FrameFormat
from filmgrain_codec.grain import parametric
from filmgrain_codec.grain.profile import DEFAULT_CURVE, Chroma, GrainSegment, Spectrum
from filmgrain_codec.infer.backend import found
from filmgrain_codec.media.encoders import encoder_for
from filmgrain_codec.media.writer import Writer
from filmgrain_codec.train.damage.clip import Damage

FORMAT = FrameFormat(1920, 1080, bits=10, color=ColorInfo(1, 1, 1, 1))
RATE = Fraction(24)
LOOP = 48
"""Distinct pictures; longer clips run back and forth through them with new grain each time."""
LEVEL = 0.03
REMOVED = 0.05
"""The level that the removal command is given."""
FILTERED = {"fast": 120, "balanced": 36, "best": 12}
"""Frames that each tier is timed over: the slower, the fewer."""
TIMES = 3


@dataclass(frozen=True, slots=True)
class Run:
    """One command: wall and processor seconds, peak resident memory in MiB."""

    command: str
    frames: int
    wall: float
    cpu: float
    peak_mib: float

    @property
    def fps(self) -> float:
        return self.frames / self.wall


def still(seed: int = 1) -> np.ndarray:
    """A textured picture (rows, columns) with edges and gradients, 0.1..0.9."""
    rng = np.random.default_rng(seed)
    rows, columns = 1240, 2120
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32) / columns
    picture = 0.3 + 0.4 * x + 0.2 * y
    for _ in range(60):
        cy, cx, radius = rng.uniform(0, 0.6), rng.uniform(0, 1), rng.uniform(0.01, 0.12)
        inside = (y - cy) ** 2 + (x - cx) ** 2 < radius**2
        picture = np.where(inside, 0.5 * picture + 0.5 * rng.uniform(0.1, 0.9), picture)
    picture += 0.02 * np.sin(180 * x) * np.sin(140 * y)
    return np.clip(picture, 0.1, 0.9).astype(np.float32)


def pictures() -> list[tuple[np.ndarray, ...]]:
    """The pan: every picture shifted by a fraction of a sample against the one before."""
    source = still()
    found: list[tuple[np.ndarray, ...]] = []
    for n in range(LOOP):
        shift = 1.3 * n
        whole, part = int(shift), np.float32(shift % 1)
        window = source[80 : 80 + 1080, 60 + whole : 60 + whole + 1921]
        luma = (1 - part) * window[:, :-1] + part * window[:, 1:]
        blue = 0.5 + 0.1 * (luma[::2, ::2] - 0.5)
        found.append((luma, blue, 1 - blue))
    return found


def frames(count: int) -> Iterator[Frame]:
    """``count`` grainy frames."""
    segment = GrainSegment(0, count, LEVEL, DEFAULT_CURVE, Spectrum(0.8), Chroma(0.5, 0.5, 0.6), seed=7)
    loop = pictures()
    for n in range(count):
        k = n % (2 * LOOP)
        planes = loop[k if k < LOOP else 2 * LOOP - 1 - k]
        frame = Frame(planes, FORMAT, n, n, 1 / RATE, 1)
        yield parametric.apply(frame, segment, threads=2)


def make_clip(path: Path, count: int, damage: Damage | None = None) -> None:
    """A fast, nearly lossless 10-bit H.264 clip, damaged if asked."""
    spec = encoder_for("x264", FORMAT, crf=12, preset="ultrafast", bits=10, threads=2, video=None)
    with Writer(path, None, spec, FORMAT, time_base=1 / RATE, rate=RATE) as writer:
        for frame in frames(count):
            writer.write(damage.apply(frame)[0] if damage else frame)
    writer.temporary.replace(path)


def run(label: str, count: int, *arguments: str) -> Run:
    """Run ``fgcodec`` with arguments; its stdout is thrown away."""
    began = time.monotonic()
    command = [sys.executable, "-m", "filmgrain_codec", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"speed: {' '.join(arguments)} failed")
    wall = time.monotonic() - began
    return Run(label, count, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def measure(folder: Path, count: int) -> list[Run]:
    """Encode, decode to a pipe with and without grain, and a plain decode, of ``count`` frames."""
    source, base = folder / "source.mkv", folder / "source.fg.mkv"
    make_clip(source, count)
    encode = ("encode", str(source), "-o", str(base), "--codec", "x264", "--preset", "ultrafast", "-y", "-q")
    return [
        run("encode auto, x264 ultrafast", count, *encode),
        run("decode -o - (parametric)", count, "decode", str(base), "-o", "-", "-q"),
        run("decode -o - --no-grain", count, "decode", str(base), "-o", "-", "--no-grain", "-q"),
    ]


def removal(model: str, count: int) -> list[dict[str, Any]]:
    """Grain removal on every backend usable here: the run of median speed, of three."""
    backends = [b.name for b in found() if not b.problem]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.mkv"
        make_clip(source, count)
        runs = {name: [_filter(source, count, model, name) for _ in range(TIMES)] for name in backends}
    # Last, because a child's peak memory counts what its parent holds when it starts.
    losses = rounding.losses(model)
    return [_removed(runs[name], name, losses[name]) for name in backends]


def filtered(text: str, count: int, damage: Damage | None = None) -> list[Run]:
    """Runs of ``fgcodec filter IN -`` at 1080p 10 bit to nowhere, of a damaged clip if asked."""
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mkv"
        make_clip(clip, count, damage)
        return [run(text, count, "filter", str(clip), "-", "-q", "-f", text) for _ in range(TIMES)]


def frames_per_second(runs: Sequence[Run]) -> float:
    """The median of some runs of one command."""
    fps = median(r.fps for r in runs)
    print(f"{runs[0].command}: {fps:.1f} frames a second at 1080p, load {os.getloadavg()[0]:.1f}")
    return round(fps, 2)


def _filter(source: Path, count: int, model: str, backend: str) -> Run:
    chain = f"denoise:level={REMOVED},model={model},backend={backend}"
    return run(f"filter {chain}", count, "filter", str(source), "-f", chain, "-", "-q")


def _removed(runs: list[Run], backend: str, loss: float) -> dict[str, Any]:
    middle = sorted(runs, key=lambda r: r.fps)[len(runs) // 2]
    return {
        **asdict(middle),
        "fps": middle.fps,
        "fps_of_all": [r.fps for r in runs],
        "cpu_per_frame": median(r.cpu / r.frames for r in runs),
        "backend": backend,
        "psnr_loss_db": loss,
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks speed", description=__doc__)
    parser.add_argument("--frames", type=int, nargs="+", default=[200, 2000])
    parser.add_argument("--filter", action="store_true", help="grain removal only, on every backend")
    parser.add_argument("--tiers", nargs="+", choices=FILTERED, default=list(FILTERED), help="of --filter")
    options = parser.parse_args(arguments)
    if options.filter:
        rows = [row for tier in options.tiers for row in removal(tier, FILTERED[tier])]
        columns = ("command", "fps", "cpu_per_frame", "peak_mib", "psnr_loss_db")
        print(table(rows, columns))
        save("removal_speed", rows)
        return
    rows = []
    for count in options.frames:
        with tempfile.TemporaryDirectory() as folder:
            rows += measure(Path(folder), count)
        for row in rows[-3:]:
            print(
                f"{row.command:30} {row.frames:5d} frames {row.fps:6.1f} fps {row.peak_mib:7.0f} MiB",
                flush=True,
            )
    save("speed", [{**asdict(row), "fps": row.fps} for row in rows])
