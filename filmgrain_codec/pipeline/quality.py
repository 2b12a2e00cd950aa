"""``encode --target-quality``: the CRF at which the base layer, decoded and repaired, is as good as wanted.

What is compared is what the encoder is given, the picture without grain, with what ``decode --no-grain
--repair`` will give back. It is searched on a few windows of the clip (``pipeline.trial``).
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filmgrain_codec.core.executor import process
from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.errors import UsageError
from filmgrain_codec.media import scores
from filmgrain_codec.media.encoders import EncoderSpec
from filmgrain_codec.pipeline import trial
from filmgrain_codec.pipeline.codec_repair import checked, node_of
from filmgrain_codec.pipeline.progress import Listener, Meter
from filmgrain_codec.pipeline.search import Scale, Search

METRICS = {"vmaf": 100.0, "psnr": 100.0}
"""By name: what figures are called, and the highest that may be asked for."""
_SCALES = {
    ("x264", "vmaf"): Scale(1, 51, 0.5, 1.5, 0.2),
    ("x265", "vmaf"): Scale(1, 51, 0.5, 1.5, 0.2),
    ("svtav1", "vmaf"): Scale(1, 63, 1, 0.8, 0.2),
    ("x264", "psnr"): Scale(1, 51, 0.5, 0.5, 0.05),
    ("x265", "psnr"): Scale(1, 51, 0.5, 0.5, 0.05),
    ("svtav1", "psnr"): Scale(1, 63, 1, 0.25, 0.05),
}
"""SVT-AV1 takes whole CRFs; slopes are those of the clean test clips around VMAF 90."""
FIRST = {"x264": 22.0, "x265": 24.0, "svtav1": 34.0}
Read = Callable[[int, int], Iterator[Frame]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A quality: ``metric`` is vmaf or psnr. As text: 93, vmaf:93, psnr:42."""

    metric: str
    value: float

    def __str__(self) -> str:
        return in_words(self.metric, self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """``crf`` reaches ``predicted`` on the windows; ``trials`` are (crf, quality, bytes a frame)."""

    metric: str
    wanted: float
    predicted: float
    crf: float
    repair: str
    bytes_per_frame: float
    trials: tuple[tuple[float, float, float], ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def in_words(metric: str, value: float) -> str:
    """``VMAF 93``, or ``PSNR 42 dB``."""
    return f"VMAF {value:.4g}" if metric == "vmaf" else f"PSNR {value:.4g} dB"


def parse(text: str) -> Wanted:
    """Raises ``UsageError`` for what is no quality, or cannot be measured here."""
    metric, colon, number = text.rpartition(":")
    metric = metric.strip().lower() if colon else "vmaf"
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if metric not in METRICS or not 0 < value < METRICS[metric]:
        raise UsageError(
            f"--target-quality knows no {text!r}: give a VMAF such as 93, or luma's PSNR in dB as psnr:42"
        )
    if metric == "vmaf" and not scores.available():
        raise UsageError(
            "VMAF cannot be measured here, since this build of FFmpeg has no libvmaf: give --target-quality "
            "psnr:42, or install PyAV's own wheel"
        )
    return Wanted(metric, value)


def check(text: str | None, repair: str, crf: float | None, codec: str) -> Wanted | None:
    """The quality that is asked for, None for none. Raises ``UsageError`` where it cannot be honoured."""
    checked(repair, "--target-repair")
    if text is None:
        return None
    if crf is not None:
        raise UsageError("--target-quality looks for the CRF, and --crf states it: leave one of them out")
    wanted = parse(text)
    if (codec, wanted.metric) not in _SCALES:
        raise UsageError(f"{codec} has no CRF to look for: leave --target-quality out")
    return wanted


def find(
    wanted: Wanted,
    codec: str,
    repair: str,
    kept: Sequence[trial.Excerpt],
    spec_at: Callable[[float], EncoderSpec],
    frames: int,
    on_event: Listener | None = None,
) -> Found:
    """Search over CRF on the ``kept`` windows of ``frames`` frames in all.

    Raises ``UsageError`` where not even the lowest CRF is good enough.
    """
    node = node_of(repair)
    outcomes: dict[float, trial.Outcome] = {}

    def measured(crf: float) -> float:
        meter = Meter("search", frames, on_event)
        outcomes[crf] = trial.measure(kept, spec_at(crf), node, wanted.metric, meter)
        return outcomes[crf].quality

    search = Search(wanted.value, _SCALES[codec, wanted.metric])
    crf = search.run(measured, FIRST[codec])
    if crf is None:
        raise UsageError(_too_much(wanted, codec, search))
    trials = tuple((c, o.quality, o.bytes_per_frame) for c, o in outcomes.items())
    best = outcomes[crf]
    return Found(
        metric=wanted.metric,
        wanted=wanted.value,
        predicted=best.quality,
        crf=crf,
        repair=repair,
        bytes_per_frame=best.bytes_per_frame,
        trials=trials,
    )


def _too_much(wanted: Wanted, codec: str, search: Search) -> str:
    crf, reached = max(search.tried.items(), key=lambda each: each[1])
    most = in_words(wanted.metric, reached)
    return f"{codec} reaches {most} at CRF {crf:g} on this clip and {wanted} was asked for: ask for less"


def kept(
    read: Read,
    graph: Graph,
    shots: Sequence[tuple[int, int]],
    fmt: FrameFormat,
    folder: Path,
    rate: Any,
    meter: Meter,
    threads: int | None,
) -> list[trial.Excerpt]:
    """The windows of a clip behind ``graph``, lossless in ``folder``. ``fmt``: what comes out of it."""
    length, found = shots[-1][1], list[trial.Excerpt]()
    for n, window in enumerate(trial.windows(shots)):
        start, stop = graph.span(window.first, window.last, length)
        made = process(read(start, stop), graph, workers=threads, start=window.first, stop=window.last)
        path = folder / f"{n}.mkv"
        trial.keep(made, path, fmt, rate, meter)
        found.append(trial.Excerpt(path, window.end - window.first))
    return found


def scratch(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """Where the windows are kept meanwhile."""
    return tempfile.TemporaryDirectory(prefix=".fgcodec-search-", dir=folder)
