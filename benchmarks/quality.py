"""Picture quality against a clean reference: PSNR and VMAF, on codes as decoded."""

from __future__ import annotations

import gc
import json
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.media.decode import NativeGrain
from filmgrain_codec.media.reader import Reader

FORMAT = "yuv420p10le"
PEAK = 1023
RATE = Fraction(1, 24)
Codes = tuple[NDArray[np.uint16], ...]


def frames(path: Path, limit: int | None = None, native_grain: NativeGrain = "apply") -> list[Frame]:
    """All (or the first ``limit``) frames of a file."""
    found: list[Frame] = []
    with Reader(path, native_grain=native_grain) as reader:
        for frame in reader:
            if limit is not None and len(found) >= limit:
                break
            found.append(frame)
    return found


def codes(frame: Frame) -> Codes:
    """Planes as 10-bit codes (limited range scaling for 8-bit sources)."""
    scale = frame.fmt.peak * 2.0 ** (10 - frame.fmt.bits)
    return tuple(np.clip(np.rint(p * scale), 0, PEAK).astype(np.uint16) for p in frame.planes)


def psnr(reference: Sequence[Codes], distorted: Sequence[Codes]) -> float:
    """Luma PSNR in dB: peak 1023, mean squared error pooled over all frames."""
    error = [
        np.mean((r[0].astype(np.float64) - d[0]) ** 2) for r, d in zip(reference, distorted, strict=True)
    ]
    return float(10 * np.log10(PEAK**2 / max(float(np.mean(error)), 1e-9)))


def vmaf(reference: Sequence[Codes], distorted: Sequence[Codes]) -> float:
    """Mean VMAF (libvmaf's default model, as built into FFmpeg's filter)."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "vmaf.json"
        _run_vmaf(reference, distorted, log)
        gc.collect()
        return float(json.loads(log.read_text())["pooled_metrics"]["vmaf"]["mean"])


def _run_vmaf(reference: Sequence[Codes], distorted: Sequence[Codes], log: Path) -> None:
    height, width = reference[0][0].shape
    graph = av.filter.Graph()
    layout = av.VideoFormat(FORMAT, width, height)
    first, second = (
        graph.add_buffer(width=width, height=height, format=layout, time_base=RATE) for _ in range(2)
    )
    score = graph.add("libvmaf", f"log_path={log}:log_fmt=json:n_threads=2")
    sink = graph.add("buffersink")
    first.link_to(score, 0, 0)
    second.link_to(score, 0, 1)
    score.link_to(sink)
    graph.configure()
    for n, (r, d) in enumerate(zip(reference, distorted, strict=True)):
        first.push(picture(d, n))
        second.push(picture(r, n))
    first.push(None)
    second.push(None)
    _drain(sink)


def _drain(sink: av.filter.context.FilterContext) -> None:
    while True:
        try:
            sink.pull()
        except (av.error.EOFError, av.error.BlockingIOError):
            return


def picture(planes: Codes, n: int) -> av.VideoFrame:
    """10-bit 4:2:0 codes as an av frame number ``n``."""
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, FORMAT)
    for target, source in zip(frame.planes, planes, strict=True):
        rows = np.zeros((target.height, target.line_size // 2), np.uint16)
        rows[:, : source.shape[1]] = source
        target.update(rows.tobytes())
    frame.pts, frame.time_base = n, RATE
    return frame
