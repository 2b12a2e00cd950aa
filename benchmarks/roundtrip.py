"""The whole job against the truth: ``python -m benchmarks roundtrip [--quick]``.

Clean clips with real motion are grained by two generator families that share no code with the
synthesizer, encoded with ``--level auto`` and decoded again. Reported per case: level error,
strength-curve error, radial spectrum distance and temporal correlation of the grain that came back
(regrained minus base) against the grain that was there (source minus clean), each beside its
real-vs-real floor. Then, for three codecs, the size of base layer plus metadata against a plain
encode of the grainy source at the same CRF, and base-layer PSNR and VMAF against the clean clip
beside a plain encode at the same size and SVT-AV1's own film grain with denoising.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks import material, plain, quality
from benchmarks.report import save
from filmgrain_codec.core.frame import Frame
from filmgrain_codec.grain import metrics
from filmgrain_codec.media.encoders import encoder_for
from filmgrain_codec.media.writer import Writer
from filmgrain_codec.pipeline.decode import decode
from filmgrain_codec.pipeline.encode import encode
from filmgrain_codec.pipeline.report import Report
from filmgrain_codec.pipeline.request import DecodeRequest, EncodeRequest

LEVELS = (0.01, 0.025, 0.05, 0.1)
SIZES = {"spectral": 0.8, "boolean": 0.7}
FRAMES = 12
RATE_LEVELS = (0.025, 0.05)
CODECS = ("x264", "x265", "svtav1")
TICK = Fraction(1, 24)
OWN = {"vid4_walk": 0.004, "set8_hypersmooth_540p": 0.0025}
"""Noise of the clean clips themselves, by the standard deviation of their flat blocks (fraction of full
scale). The motorbike has no flat blocks to read it from, so none is counted there."""


@dataclass(frozen=True, slots=True)
class Case:
    """One clip with one kind of grain. Frames are 10-bit; ``own`` is the clean clip's own noise."""

    clip: str
    family: str
    level: float
    clean: list[Frame]
    grainy: list[Frame]
    own: float

    @property
    def true_level(self) -> float:
        return float(np.hypot(self.level, self.own))


def cases(levels: Sequence[float], count: int, families: Sequence[str] = material.FAMILIES) -> Iterator[Case]:
    """Every clip with every family and level."""
    for name in material.clips():
        clean = [replace(f, time_base=TICK) for f in material.clip(name, count)]
        for family, level in product(families, levels):
            grain = material.Grain(family, level, SIZES[family])
            yield Case(name, family, level, clean, list(material.grained(clean, grain)), OWN.get(name, 0.0))


def write(path: Path, frames: Sequence[Frame]) -> Path:
    """Frames into a lossless file."""
    fmt = frames[0].fmt
    with Writer(path, None, encoder_for("ffv1", fmt), fmt, time_base=TICK, rate=1 / TICK) as writer:
        for frame in frames:
            writer.write(frame)
    writer.temporary.replace(path)
    return path


def accuracy(case: Case, folder: Path) -> dict[str, Any]:
    """Encode, decode, compare the grain."""
    source = write(folder / "source.mkv", case.grainy)
    base, again = folder / "base.mkv", folder / "again.mkv"
    report = encode(EncodeRequest(source=source, output=base, overwrite=True))
    decode(DecodeRequest(source=base, output=again, overwrite=True))
    layer, regrained = quality.frames(base), quality.frames(again)
    truth = _luma(case.grainy) - _luma(case.clean)
    result = _luma(regrained) - _luma(layer)
    level = report.shots[0]["level"]
    row: dict[str, Any] = {
        "clip": case.clip,
        "family": case.family,
        "level": case.level,
        "own_noise": round(case.own, 5),
        "estimated": round(level, 5),
        "level_error": abs(level / case.true_level - 1),
        "base_psnr": quality.psnr(_codes(case.clean), _codes(layer)),
    }
    return row | _compare(truth, result, _luma(case.clean), _luma(layer), case.own)


def _compare(
    truth: np.ndarray, result: np.ndarray, clean: np.ndarray, layer: np.ndarray, own: float
) -> dict[str, float]:
    """Each figure, and its floor between two halves of the true grain."""
    real, made = metrics.strength_curve(truth, clean), metrics.strength_curve(result, layer)
    shown = np.hypot(real.sigma, own)
    error = metrics.curve_error(made.sigma, shown, real.occupancy)

    def curve_floor(a: tuple[np.ndarray, ...], b: tuple[np.ndarray, ...]) -> float:
        one, two = metrics.strength_curve(*a), metrics.strength_curve(*b)
        return metrics.curve_error(one.sigma, two.sigma, np.minimum(one.occupancy, two.occupancy)).mean

    return {
        "curve_error": error.mean,
        "curve_worst": error.worst,
        "curve_floor": metrics.floor(curve_floor, truth, clean),
        "psd_db": metrics.psd_distance(truth, result),
        "psd_floor_db": metrics.floor(lambda a, b: metrics.psd_distance(a[0], b[0]), truth),
        "temporal": metrics.temporal_correlation(result),
        "temporal_floor": metrics.temporal_correlation(truth),
        "effective_samples": metrics.effective_samples(result),
    }


def _luma(frames: Sequence[Frame]) -> np.ndarray:
    return np.stack([f.planes[0] for f in frames])


def _codes(frames: Sequence[Frame]) -> list[quality.Codes]:
    return [quality.codes(f) for f in frames]


def rates(case: Case, folder: Path, codec: str) -> list[dict[str, Any]]:
    """Sizes and quality for one codec: ours, plain at the same CRF, plain at the same size."""
    source = write(folder / "source.mkv", case.grainy)
    base, same_crf, same_size = (folder / f"{n}.mkv" for n in ("base", "crf", "size"))
    ours = encode(EncodeRequest(source=source, output=base, codec=codec, overwrite=True))
    grainy = plain.encode(source, same_crf, codec)
    crf, equal = plain.encode_to_size(source, same_size, codec, ours.video_bytes)
    common = {"clip": case.clip, "family": case.family, "level": case.level, "codec": codec}
    rows = [
        common | {"encode": "ours"} | _ours(ours) | _scores(case, base),
        common | {"encode": "plain, same CRF", "bytes": grainy.video_bytes} | _scores(case, same_crf),
        common
        | {"encode": f"plain, same size (CRF {crf:g})", "bytes": equal.video_bytes}
        | _scores(case, same_size),
    ]
    if codec == "svtav1":
        rows.append(common | _native(case, source, folder, ours.video_bytes))
    return rows


def _ours(report: Report) -> dict[str, Any]:
    return {"bytes": report.video_bytes, "metadata_bytes": report.metadata_bytes}


def _native(case: Case, source: Path, folder: Path, size: int) -> dict[str, Any]:
    """SVT-AV1's own film grain with denoising, at the same size; its base layer is scored."""
    strength = min(50, max(1, round(case.level * 500)))
    options = {"svtav1-params": f"film-grain={strength}:film-grain-denoise=1"}
    path = folder / "native.mkv"
    crf, done = plain.encode_to_size(source, path, "svtav1", size, options)
    label = f"SVT film-grain={strength}, same size (CRF {crf:g})"
    return {"encode": label, "bytes": done.video_bytes} | _scores(case, path)


def _scores(case: Case, path: Path) -> dict[str, float]:
    """Luma PSNR and VMAF of the layer without its grain, against the clean clip."""
    clean, layer = _codes(case.clean), _codes(quality.frames(path, native_grain="export"))
    return {"psnr": quality.psnr(clean, layer), "vmaf": quality.vmaf(clean, layer)}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks roundtrip", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one level per family, no rates")
    options = parser.parse_args(arguments)
    levels = (0.05,) if options.quick else LEVELS
    rows = [_accuracy_row(case) for case in cases(levels, FRAMES)]
    summary = summarise(rows)
    found = [] if options.quick else _rate_rows()
    save("roundtrip", rows, summary=summary, rates=found)


def _accuracy_row(case: Case) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        row = accuracy(case, Path(folder))
    print(
        f"{row['clip']:12} {row['family']:9} {row['level']:.3f} level {row['level_error']:6.1%} "
        f"curve {row['curve_error']:6.1%} (floor {row['curve_floor']:.1%}) psd {row['psd_db']:.2f} dB "
        f"(floor {row['psd_floor_db']:.2f}) temporal {row['temporal']:.4f} base {row['base_psnr']:.2f} dB",
        flush=True,
    )
    return row


def summarise(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Medians and worst cases over all accuracy rows."""
    names = ("level_error", "curve_error", "psd_db", "temporal")
    found = {f"median_{n}": median(r[n] for r in rows) for n in names}
    found |= {f"worst_{n}": max(r[n] for r in rows) for n in names}
    found["fewest_effective_samples"] = min(r["effective_samples"] for r in rows)
    for name, value in found.items():
        print(f"{name:28} {value:.4f}")
    return found


def _rate_rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for case in cases(RATE_LEVELS, FRAMES * 2, ("spectral",)):
        for codec in CODECS:
            with tempfile.TemporaryDirectory() as folder:
                rows += rates(case, Path(folder), codec)
            for row in rows[-4 if codec == "svtav1" else -3 :]:
                _print_rate(row)
    return rows


def _print_rate(row: dict[str, Any]) -> None:
    print(
        f"{row['clip']:12} {row['level']:.3f} {row['codec']:7} {row['encode']:42} "
        f"{row['bytes']:9d} bytes  PSNR {row['psnr']:.2f}  VMAF {row['vmaf']:.1f}",
        flush=True,
    )
