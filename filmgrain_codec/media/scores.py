"""VMAF, SSIM and MS-SSIM of frames against a clean reference, as libvmaf computes them.

libvmaf (Netflix) is reached through FFmpeg's filter of that name; its SSIM and MS-SSIM are of luma, the
former after the usual downscaling to about 256 rows (Wang et al. 2004, Wang, Simoncelli and Bovik 2003).
"""

from __future__ import annotations

import gc
import json
import tempfile
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import av.error

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import InputError
from filmgrain_codec.media.convert import planar_format, to_av

Pairs = Iterable[tuple[Frame, Frame]]
NAMES = {"vmaf": "vmaf", "vmaf_neg": "vmaf_neg", "float_ssim": "ssim", "float_ms_ssim": "ms_ssim"}
"""libvmaf's metrics, and what they are called here."""
MODELS = {"vmaf": "vmaf_v0.6.1", "vmaf_neg": "vmaf_v0.6.1neg"}
"""VMAF, and the one that takes no enhancement of contrast for quality ("no enhancement gain")."""
_SMALLEST_MS_SSIM = 176
"""MS-SSIM halves a picture four times and needs 11 samples a side then."""
_TICK = Fraction(1, 24)


def available() -> bool:
    """Whether this build of FFmpeg has libvmaf."""
    return "libvmaf" in av.filter.filters_available


def scores(
    reference: Iterable[Frame], distorted: Iterable[Frame], *, neg: bool = False
) -> list[dict[str, float]]:
    """``vmaf`` (0 to 100), ``ssim`` and ``ms_ssim`` of each frame; no ``ms_ssim`` below 176 rows or columns.

    Frames of one format each, as many on both sides, 8 or 10 bit; they are scored in time order, since
    VMAF looks at the motion of the reference. ``neg``: ``vmaf_neg`` too. Raises ``InputError`` where libvmaf
    is missing.
    """
    return _scored(zip(reference, distorted, strict=True), ("vmaf", "vmaf_neg")[: 1 + neg], ssim=True)


def vmaf(pairs: Pairs) -> list[float]:
    """VMAF of each (reference, distorted), which are not kept. As ``scores``."""
    return [each["vmaf"] for each in _scored(pairs, ("vmaf",), ssim=False)]


def _scored(pairs: Pairs, models: tuple[str, ...], ssim: bool) -> list[dict[str, float]]:
    if not available():
        raise InputError("This build of FFmpeg has no libvmaf: install PyAV's own wheel to score pictures.")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "vmaf.json"
        _run(iter(pairs), log, models, ssim)
        gc.collect()  # the log is written when the filter is freed
        frames = json.loads(log.read_text())["frames"]
    return [{NAMES[k]: float(v) for k, v in f["metrics"].items() if k in NAMES} for f in frames]


def _run(pairs: Iterator[tuple[Frame, Frame]], log: Path, models: tuple[str, ...], ssim: bool) -> None:
    first = next(pairs)
    fmt = first[0].fmt
    sub = (fmt.sub_w, fmt.sub_h) if fmt.family == "yuv" else (1, 1)
    pix_fmt = planar_format("yuv", *sub, 8 if fmt.bits == 8 else 10)
    graph = av.filter.Graph()
    layout = av.VideoFormat(pix_fmt, fmt.width, fmt.height)
    made, clean = (
        graph.add_buffer(width=fmt.width, height=fmt.height, format=layout, time_base=_TICK) for _ in range(2)
    )
    score = graph.add(
        "libvmaf", log_path=str(log), log_fmt="json", n_threads="2", **_asked(fmt, models, ssim)
    )
    sink = graph.add("buffersink")
    made.link_to(score, 0, 0)
    clean.link_to(score, 0, 1)
    score.link_to(sink)
    graph.configure()
    for n, (r, d) in enumerate(chain([first], pairs)):
        made.push(_picture(d, pix_fmt, n))
        clean.push(_picture(r, pix_fmt, n))
        _drain(sink)
    for end in (made, clean):
        end.push(None)
    _drain(sink)


def _asked(fmt: FrameFormat, models: tuple[str, ...], ssim: bool) -> dict[str, str]:
    """The filter's options for models and metrics."""
    asked = {"model": "|".join(f"version={MODELS[name]}:name={name}" for name in models)}
    if not ssim:
        return asked
    extra = ["float_ssim", "float_ms_ssim"][: 1 + (min(fmt.width, fmt.height) >= _SMALLEST_MS_SSIM)]
    return asked | {"feature": "|".join(f"name={name}" for name in extra)}


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
