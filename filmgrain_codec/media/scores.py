"""VMAF, SSIM and MS-SSIM of frames against a clean reference, as libvmaf computes them.

libvmaf (Netflix) is reached through FFmpeg's filter of that name; its SSIM and MS-SSIM are of luma, the
former after the usual downscaling to about 256 rows (Wang et al. 2004, Wang, Simoncelli and Bovik 2003).
"""

from __future__ import annotations

import gc
import json
import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import av.error

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.errors import InputError
from filmgrain_codec.media.convert import planar_format, to_av

NAMES = {"vmaf": "vmaf", "float_ssim": "ssim", "float_ms_ssim": "ms_ssim"}
"""libvmaf's metrics, and what they are called here."""
_SMALLEST_MS_SSIM = 176
"""MS-SSIM halves a picture four times and needs 11 samples a side then."""
_TICK = Fraction(1, 24)


def available() -> bool:
    """Whether this build of FFmpeg has libvmaf."""
    return "libvmaf" in av.filter.filters_available


def scores(reference: Sequence[Frame], distorted: Sequence[Frame]) -> list[dict[str, float]]:
    """``vmaf`` (0 to 100), ``ssim`` and ``ms_ssim`` of each frame; no ``ms_ssim`` below 176 rows or columns.

    Frames of one format each, as many on both sides, 8 or 10 bit; they are scored in time order, since
    VMAF looks at the motion of the reference. Raises ``InputError`` where libvmaf is missing.
    """
    if not available():
        raise InputError("This build of FFmpeg has no libvmaf: install PyAV's own wheel to score pictures.")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "vmaf.json"
        _run(reference, distorted, log)
        gc.collect()  # the log is written when the filter is freed
        frames = json.loads(log.read_text())["frames"]
    return [{NAMES[k]: float(v) for k, v in f["metrics"].items() if k in NAMES} for f in frames]


def _run(reference: Sequence[Frame], distorted: Sequence[Frame], log: Path) -> None:
    fmt = reference[0].fmt
    sub = (fmt.sub_w, fmt.sub_h) if fmt.family == "yuv" else (1, 1)
    pix_fmt = planar_format("yuv", *sub, 8 if fmt.bits == 8 else 10)
    graph = av.filter.Graph()
    layout = av.VideoFormat(pix_fmt, fmt.width, fmt.height)
    made, clean = (
        graph.add_buffer(width=fmt.width, height=fmt.height, format=layout, time_base=_TICK) for _ in range(2)
    )
    extra = ["float_ssim", "float_ms_ssim"][: 1 + (min(fmt.width, fmt.height) >= _SMALLEST_MS_SSIM)]
    features = "|".join(f"name={name}" for name in extra)
    score = graph.add("libvmaf", log_path=str(log), log_fmt="json", n_threads="2", feature=features)
    sink = graph.add("buffersink")
    made.link_to(score, 0, 0)
    clean.link_to(score, 0, 1)
    score.link_to(sink)
    graph.configure()
    for n, (r, d) in enumerate(zip(reference, distorted, strict=True)):
        made.push(_picture(d, pix_fmt, n))
        clean.push(_picture(r, pix_fmt, n))
    for end in (made, clean):
        end.push(None)
    _drain(sink)


def _picture(frame: Frame, pix_fmt: str, n: int) -> av.VideoFrame:
    picture = to_av(frame, pix_fmt)
    picture.pts, picture.time_base = n, _TICK
    return picture


def _drain(sink: av.filter.context.FilterContext) -> None:
    while True:
        try:
            sink.pull()
        except (av.error.EOFError, av.error.BlockingIOError):
            return
