"""Filter: any chain of nodes over a clip, without carriage."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.core.node import Node
from filmgrain_codec.core.registry import build_chain
from filmgrain_codec.errors import UsageError
from filmgrain_codec.media.encoders import EncoderSpec, encoder_for
from filmgrain_codec.media.writer import Writer
from filmgrain_codec.nodes.convert import Depth
from filmgrain_codec.pipeline import target, verify
from filmgrain_codec.pipeline.ahead import watched
from filmgrain_codec.pipeline.clip import Clip, opened
from filmgrain_codec.pipeline.interlace import progressive
from filmgrain_codec.pipeline.plan import Plan, source_digest, versions
from filmgrain_codec.pipeline.progress import Listener, Meter
from filmgrain_codec.pipeline.render import Rendered, pipe, render
from filmgrain_codec.pipeline.repair import tallied
from filmgrain_codec.pipeline.report import Report
from filmgrain_codec.pipeline.request import PIPE, FilterRequest


def filter_clip(request: FilterRequest, on_event: Listener | None = None) -> Report:
    """Run a filter job; see ``FilterRequest``. Raises the errors of ``errors.py``."""
    if not request.filters:
        raise UsageError("no filter given; name at least one with -f NODE:key=value,...")
    return run_nodes(request, build_chain(request.filters), on_event)


def run_nodes(
    request: FilterRequest, nodes: list[Node], on_event: Listener | None = None, kind: str = "filter"
) -> Report:
    """As ``filter_clip``, with nodes that are made already; ``kind`` of the report."""
    began = time.monotonic()
    piped = str(request.output) == PIPE
    output = None if piped else target.resolve(request.source, request.output, "", request.overwrite)
    with opened(request.source, Path(request.output).parent) as clip:
        clip = clip.asked_by(nodes)
        marked = progressive(clip)
        tally = tallied(nodes)
        nodes = nodes if tally is None else [*nodes, tally]
        fmt = Graph(nodes).configure(clip.info.video.fmt)
        spec = _encoder(request, fmt, clip)
        plan = _plan(request, clip, spec)
        done = _run(request, clip, output, nodes, spec, on_event)
    return Report(
        kind=kind,
        source=str(request.source),
        output=str(request.output),
        frames=done.frames,
        seconds=time.monotonic() - began,
        output_bytes=done.output_bytes,
        video_bytes=done.video_bytes,
        warnings=marked + done.dropped + (tally.warnings if tally else []),
        plan=plan.to_dict(),
    )


def _encoder(request: FilterRequest, fmt: FrameFormat, clip: Clip) -> EncoderSpec:
    return encoder_for(
        request.codec,
        fmt,
        crf=request.crf,
        preset=request.preset,
        bits=request.bits or fmt.bits,
        threads=request.threads,
        video=clip.info.video,
    )


def _plan(request: FilterRequest, clip: Clip, spec: EncoderSpec) -> Plan:
    return Plan(
        kind="filter",
        source=str(request.source),
        source_digest=source_digest(clip.path),
        output=str(request.output),
        settings={"filters": list(request.filters)},
        encoder=asdict(spec),
        versions=versions(),
    )


def _run(
    request: FilterRequest,
    clip: Clip,
    output: Path | None,
    nodes: list[Node],
    spec: EncoderSpec,
    on_event: Listener | None,
) -> Rendered:
    frames, graph = watched(clip.frames(), clip.info.video.fmt, [*nodes, Depth(spec.bits)])
    meter = Meter("filter", clip.expected, on_event)
    if output is None:
        return pipe(frames, graph, clip, meter, request.threads)
    video = clip.info.video
    writer = Writer(
        output,
        clip.info,
        spec,
        graph.configure(video.fmt),
        time_base=video.time_base,
        rate=video.rate,
        copy_streams=clip.script is None,
    )
    return render(
        frames,
        graph,
        writer,
        meter,
        output=output,
        overwrite=request.overwrite,
        strict=request.strict,
        threads=request.threads,
        checks=lambda done: [lambda path: verify.timestamps(path, done.times)],
    )
