"""Peers: the same source encoded as it is, grain and all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from filmgrain_codec.core.graph import Graph
from filmgrain_codec.media.encoders import EncoderSpec, encoder_for
from filmgrain_codec.media.writer import Writer
from filmgrain_codec.nodes.convert import Depth
from filmgrain_codec.pipeline.clip import Clip, opened
from filmgrain_codec.pipeline.progress import Meter
from filmgrain_codec.pipeline.render import Rendered, render

TRIALS = 7
CLOSE = 0.02


def encode(
    source: Path, output: Path, codec: str, crf: float | None = None, options: dict[str, str] | None = None
) -> Rendered:
    """A plain 10-bit encode of ``source``; ``options`` are merged into the encoder's."""
    with opened(source, output.parent) as clip:
        spec = _spec(clip, codec, crf, options or {})
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


def _spec(clip: Clip, codec: str, crf: float | None, options: dict[str, str]) -> EncoderSpec:
    video = clip.info.video
    spec = encoder_for(codec, video.fmt, crf=crf, preset=None, bits=10, threads=None, video=video)
    merged = dict(spec.options)
    for key, value in options.items():
        merged[key] = f"{merged[key]}:{value}" if key.endswith("-params") and merged.get(key) else value
    return replace(spec, options=merged)


def encode_to_size(
    source: Path, output: Path, codec: str, target: int, options: dict[str, str] | None = None
) -> tuple[float, Rendered]:
    """The CRF (bisected, to 2 %) and result of a plain encode whose video takes ``target`` bytes."""
    low, high = 10.0, 63.0 if codec == "svtav1" else 51.0
    best: tuple[float, Rendered] | None = None
    for _ in range(TRIALS):
        crf = round((low + high) / 2, 1 if codec != "svtav1" else 0)
        done = encode(source, output, codec, crf, options)
        if best is None or abs(done.video_bytes - target) < abs(best[1].video_bytes - target):
            best = crf, done
        if abs(done.video_bytes / target - 1) < CLOSE:
            break
        low, high = (crf, high) if done.video_bytes > target else (low, crf)
    assert best is not None
    if best[0] != crf:
        return best[0], encode(source, output, codec, best[0], options)
    return best
