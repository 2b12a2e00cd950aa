"""Estimated strength of real grain beside a hand measurement: ``python -m benchmarks scans [--crops DIR]``.

The patches below were picked by eye as flat: sky, plaster, an evenly lit wall. By hand: standard deviation
of luma about a fitted quadratic surface, root mean square over a source's patches. By the estimator:
the strength curve of the whole picture (single frames; the 65 mm clip by pairs) at the patches' luma.
``--crops`` writes every patch, four times as large, contrast raised about its mean.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from benchmarks import material
from benchmarks.report import table
from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.grain.estimate import estimate_frames
from filmgrain_codec.grain.profile import GrainSegment
from filmgrain_codec.pipeline import opinion
from filmgrain_codec.pipeline.follow import follower

SIDE = 48
COLUMNS = (
    "source",
    "luma",
    "patches",
    "by hand",
    "classical",
    "classical %",
    "shipped",
    "shipped %",
    "confidence",
)
_GAIN, _ZOOM = 4.0, 4


@dataclass(frozen=True, slots=True)
class Scan:
    """A file below the folder of test and training material, its flat patches (y, x), frames to read."""

    path: str
    places: tuple[tuple[int, int], ...]
    frames: int = 1

    @property
    def name(self) -> str:
        return Path(self.path).stem


SCANS = (
    Scan("test/film_stills/201805-001-008.jpg", ((0, 32), (32, 96), (0, 160), (64, 0))),
    Scan("test/film_stills/201805-001-008.jpg", ((0, 1792), (0, 1856), (0, 1920))),
    Scan("train/grain_real/fymmot_201805-001-013_1.png", ((144, 144), (112, 80), (160, 208), (32, 128))),
    Scan("train/grain_real/fymmot_201805-001-013_5.png", ((0, 0), (0, 112), (0, 160))),
    Scan("train/grain_real/fymmot_201805-001-017_4.png", ((176, 80), (160, 208), (96, 64))),
    Scan("train/grain_real/amoslu-photo_Gamma1_0.png", ((32, 128), (80, 96), (208, 160), (0, 80))),
    Scan("train/grain_real/amoslu-photo_Gamma1_1.png", ((208, 144), (48, 64), (96, 176), (48, 112))),
    Scan("train/grain_real/amoslu-photo_Gamma1_5.png", ((80, 208), (96, 0), (208, 0), (176, 128))),
    Scan(
        "test/film_video/svt65mm_10bit/PPH10I4_Panasonic_A.264",
        ((48, 1792), (128, 1536), (112, 1824), (112, 1632), (128, 1744)),
        3,
    ),
)


def rows(crops: Path | None = None) -> list[dict[str, Any]]:
    """One row per scan; sources that are not there are left out."""
    found = [scan for scan in SCANS if (material.data().parent / scan.path).exists()]
    return [_row(scan, crops) for scan in found]


def _row(scan: Scan, crops: Path | None) -> dict[str, Any]:
    frames = _read(material.data().parent / scan.path, scan.frames)
    luma = frames[0].planes[0]
    patches = [luma[y : y + SIDE, x : x + SIDE] for y, x in scan.places]
    if crops is not None:
        _show(crops, scan, patches)
    at = float(np.mean(patches))
    hand = float(np.sqrt(np.mean([_residual(p).var() for p in patches])))
    classical = estimate_frames(frames, follower())
    shipped = estimate_frames(frames, follower(), opinion.judge())
    return {
        "source": scan.name, "luma": at, "patches": len(patches), "by hand": hand,
        "spread by hand": [float(_residual(p).std()) for p in patches],
        "classical": _sigma(classical, at), "classical %": 100 * (_sigma(classical, at) / hand - 1),
        "shipped": _sigma(shipped, at), "shipped %": 100 * (_sigma(shipped, at) / hand - 1),
        "confidence": shipped.confidence, "size": shipped.spectrum.size,
    }  # fmt: skip


def _sigma(segment: GrainSegment, luma: float) -> float:
    return float(segment.sigma(np.array([luma]))[0])


def _read(path: Path, count: int) -> list[Frame]:
    """Luma of the first frames as gray 10-bit frames, full range for pictures."""
    found: list[Frame] = []
    with av.open(str(path)) as container:
        for picture in container.decode(video=0):
            luma = _luma(picture)
            fmt = FrameFormat(luma.shape[1], luma.shape[0], "gray", bits=10)
            found.append(Frame((luma,), fmt, len(found), len(found), Fraction(1, 25)))
            if len(found) == count:
                break
    return found


def _luma(picture: av.VideoFrame) -> Plane:
    if picture.format.name == "yuv420p10le":
        plane = picture.planes[0]
        codes = np.frombuffer(plane, "<u2").reshape(plane.height, -1)[:, : plane.width]
        return np.asarray(codes / 1023, np.float32)
    full = picture.reformat(format="yuv444p10le", dst_colorspace=1, dst_color_range=2)
    codes = np.frombuffer(full.planes[0], "<u2").reshape(full.height, -1)[:, : full.width]
    return np.asarray(codes / 1023, np.float32)


def _residual(patch: Plane) -> NDArray[np.float64]:
    """A patch minus its fitted quadratic surface."""
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    terms = np.stack([x**i * y**j for i in range(3) for j in range(3 - i)], -1).reshape(SIDE**2, -1)
    values = np.asarray(patch, np.float64).ravel()
    return values - terms @ np.linalg.lstsq(terms, values, rcond=None)[0]


def _show(folder: Path, scan: Scan, patches: Sequence[Plane]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    large = [np.kron(np.clip((p - p.mean()) * _GAIN + 0.5, 0, 1), np.ones((_ZOOM, _ZOOM))) for p in patches]
    codes = np.ascontiguousarray(np.rint(np.hstack(large) * 255).astype(np.uint8))
    y, x = scan.places[0]
    with av.open(str(folder / f"{scan.name}_{y}_{x}.png"), "w") as out:
        stream = out.add_stream("png", width=codes.shape[1], height=codes.shape[0], pix_fmt="gray")
        out.mux([*stream.encode(av.VideoFrame.from_ndarray(codes, "gray")), *stream.encode()])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks scans", description=__doc__)
    parser.add_argument("--crops", type=Path, help="folder for pictures of the patches")
    found = rows(parser.parse_args(arguments).crops)
    print(table(found, COLUMNS))
    return 0
