"""Peers: the same source encoded as it is, grain and all."""

from __future__ import annotations

from dataclasses import replace
from math import log
from pathlib import Path

from filmgrain_codec.core.graph import Graph
from filmgrain_codec.media.encoders import EncoderSpec, encoder_for
from filmgrain_codec.media.writer import Writer
from filmgrain_codec.nodes.convert import Depth
from filmgrain_codec.pipeline.clip import Clip, opened
from filmgrain_codec.pipeline.progress import Meter
from filmgrain_codec.pipeline.render import Rendered, render

TRIALS = 5
CLOSE = 0.02
START, SLOPE = 30.0, -0.12
"""First CRF tried, and the usual change of log size with CRF."""


def encode(
    source: Path,
    output: Path,
    codec: str,
    crf: float | None = None,
    options: dict[str, str] | None = None,
    bits: int | None = 10,
) -> Rendered:
    """A plain encode of ``source``; ``options`` join the encoder's own, ``bits`` None is its usual depth."""
    with opened(source, output.parent) as clip:
        spec = _spec(clip, codec, crf, options or {}, bits)
        video = clip.info.video
        graph = Graph([Depth(spec.bits)])
        fmt = graph.configure(video.fmt)
        writer = Writer(output, clip.info, spec, fmt, time_base=video.time_base, rate=video.rate)
        return render(
            clip.frames(),
            graph,
            writer,
            Meter("encode", None, None),
            output=output,
            overwrite=True,
            strict=False,
            threads=None,
            checks=lambda done: [],
        )


def _spec(
    clip: Clip, codec: str, crf: float | None, options: dict[str, str], bits: int | None
) -> EncoderSpec:
    video = clip.info.video
    spec = encoder_for(codec, video.fmt, crf=crf, preset=None, bits=bits, threads=None, video=video)
    merged = dict(spec.options)
    for key, value in options.items():
        merged[key] = f"{merged[key]}:{value}" if key.endswith("-params") and merged.get(key) else value
    return replace(spec, options=merged)


def encode_to_size(
    source: Path, output: Path, codec: str, target: int, options: dict[str, str] | None = None
) -> tuple[float, Rendered]:
    """A plain encode whose video takes about ``target`` bytes, and its CRF.

    The CRF is found by secants on log size, which falls nearly linearly with CRF, to 2 % or as near
    as five trials bring it; the last trial is what is returned.
    """
    tried: list[tuple[float, float]] = []
    crf = START
    while True:
        done = encode(source, output, codec, crf, options)
        tried.append((crf, log(done.video_bytes / target)))
        if abs(tried[-1][1]) < CLOSE or len(tried) == TRIALS:
            return crf, done
        following = _next_crf(tried, 63.0 if codec == "svtav1" else 51.0)
        if following == crf:
            return crf, done
        crf = following


def _next_crf(tried: list[tuple[float, float]], most: float) -> float:
    """Where the line through the last two trials meets the target."""
    slope = SLOPE
    if len(tried) > 1:
        (x0, y0), (x1, y1) = tried[-2:]
        slope = min((y1 - y0) / (x1 - x0), SLOPE / 4) if x1 != x0 else SLOPE
    crf = tried[-1][0] - tried[-1][1] / slope
    return round(min(max(crf, 5.0), most), 1)
