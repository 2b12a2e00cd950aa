"""Decode: read the base layer, find its profile, put the grain back."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.core.node import Node
from filmgrain_codec.errors import InputError, ProfileError
from filmgrain_codec.grain import adjust, presets
from filmgrain_codec.grain.profile import GrainProfile, GrainSegment
from filmgrain_codec.media import carriage
from filmgrain_codec.media.carriage import Carried
from filmgrain_codec.media.encoders import EncoderSpec, encoder_for
from filmgrain_codec.media.writer import Writer
from filmgrain_codec.nodes.convert import Depth
from filmgrain_codec.nodes.synth import Grain, Stock
from filmgrain_codec.pipeline import codec_repair, origin, regrain, target, verify
from filmgrain_codec.pipeline.clip import Clip, opened
from filmgrain_codec.pipeline.encode_plan import level as check_level
from filmgrain_codec.pipeline.interlace import progressive
from filmgrain_codec.pipeline.plan import Plan, source_digest, versions
from filmgrain_codec.pipeline.progress import Listener, Meter
from filmgrain_codec.pipeline.render import Check, Rendered, pipe, render
from filmgrain_codec.pipeline.report import Report, bytes_of, shots
from filmgrain_codec.pipeline.request import PIPE, DecodeRequest

SUFFIX = ".regrained.mkv"


@dataclass(frozen=True, slots=True)
class DecodeJob:
    """A decode with everything resolved; ``output`` None is stdout."""

    request: DecodeRequest
    clip: Clip
    carried: Carried
    output: Path | None
    spec: EncoderSpec
    plan: Plan
    warnings: list[str]


def decode(request: DecodeRequest, on_event: Listener | None = None) -> Report:
    """Run a decode job; see ``DecodeRequest``. Raises the errors of ``errors.py``."""
    began = time.monotonic()
    check_level(request.level)
    adjust.check(request.size, request.chroma)
    repair = codec_repair.node_of(request.repair)
    if request.grain_preset is not None:
        presets.stock(request.grain_preset)
    with _job(request) as job:
        graph, frames = Graph(_nodes(job, repair)), _frames(job)
        meter = Meter("decode", job.clip.expected, on_event)
        if job.output is None:
            done = pipe(frames, graph, job.clip, meter, request.threads)
        else:
            done = _filed(job, job.output, graph, frames, meter)
        return _report(job, done, time.monotonic() - began)


@contextmanager
def _job(request: DecodeRequest) -> Iterator[DecodeJob]:
    if str(request.source) == PIPE:
        raise InputError("decode cannot read stdin: a y4m pipe carries no grain profile; give the file")
    output = None
    if str(request.output) != PIPE:
        output = target.resolve(request.source, request.output, SUFFIX, request.overwrite)
    with opened(request.source, Path.cwd(), "export") as clip:
        clip = replace(clip, quantisers=request.repair != codec_repair.OFF)
        marked, carried = progressive(clip), _carried(clip, request)
        spec = _encoder(request, clip)
        plan = _plan(request, clip, carried, output, spec)
        yield DecodeJob(request, clip, carried, output, spec, plan, marked + _warnings(request, carried))


def _carried(clip: Clip, request: DecodeRequest) -> Carried:
    """What the file carries; damage does not matter where no grain is wanted, or typical or preset grain."""
    try:
        return carriage.find(clip.path)
    except ProfileError as error:
        if request.grain and request.level is None and request.grain_preset is None:
            raise
        return Carried(stale=True, reason=str(error))


def _encoder(request: DecodeRequest, clip: Clip) -> EncoderSpec:
    source = origin.read(clip.info.metadata)
    video = clip.info.video
    bits = request.bits or (source.bits if source else video.fmt.bits)
    return encoder_for(
        request.codec,
        video.fmt,
        crf=request.crf,
        preset=request.preset,
        bits=bits,
        threads=request.threads,
        video=video,
    )


def _plan(
    request: DecodeRequest, clip: Clip, carried: Carried, output: Path | None, spec: EncoderSpec
) -> Plan:
    settings = {
        "level": request.level,
        "gain": request.gain,
        "size": request.size,
        "chroma": request.chroma,
        "grain_preset": request.grain_preset,
        "seed": request.seed,
        "grain": request.grain,
        "synth": regrain.check_synthesis(request.synth, carried) if request.grain else None,
        "profile": carried.source,
        "repair": request.repair,
    }
    return Plan(
        kind="decode",
        source=str(request.source),
        source_digest=source_digest(clip.path),
        output=str(output or PIPE),
        settings=settings,
        encoder=asdict(spec),
        versions=versions(),
    )


def _warnings(request: DecodeRequest, carried: Carried) -> list[str]:
    if request.grain and request.grain_preset is None and carried.stale:
        return [f"the grain profile was ignored: {carried.reason}"]
    return []


def _frames(job: DecodeJob) -> Iterable[Frame]:
    frames = job.clip.frames()
    if not job.request.grain or job.request.grain_preset is not None:
        return frames
    if job.carried.runs:
        return regrain.located(frames, job.carried, job.request.level)
    return frames


def _grain(job: DecodeJob) -> Grain:
    """The synthesizer: of a preset, of each frame's recorded grain, or typical where nothing is recorded."""
    request = job.request
    grain: GrainProfile | GrainSegment | Stock = GrainProfile(())
    if request.grain_preset is not None:
        grain = presets.grain_of(request.grain_preset)
    elif not job.carried.runs:
        grain = regrain.fallback(job.clip.path.name, request.level)
    return Grain(
        grain,
        level=request.level,
        gain=request.gain,
        size=request.size,
        chroma=request.chroma,
        seed=request.seed,
        synthesis=job.plan.settings["synth"],
    )


def _nodes(job: DecodeJob, repair: Node | None) -> list[Node]:
    request, nodes = job.request, [repair] if repair else []
    if request.grain:
        nodes.append(_grain(job))
    nodes.append(Depth(job.spec.bits))
    return nodes


def _filed(job: DecodeJob, output: Path, graph: Graph, frames: Iterable[Frame], meter: Meter) -> Rendered:
    video = job.clip.info.video
    writer = Writer(
        output,
        job.clip.info,
        job.spec,
        graph.configure(video.fmt),
        time_base=video.time_base,
        rate=video.rate,
        copy_streams=True,
        without_tags=(carriage.TAG, origin.TAG),
    )
    return render(
        frames,
        graph,
        writer,
        meter,
        output=output,
        overwrite=job.request.overwrite,
        strict=job.request.strict,
        threads=job.request.threads,
        checks=lambda done: _checks(job, done),
    )


def _checks(job: DecodeJob, done: Rendered) -> list[Check]:
    return [
        lambda path: verify.timestamps(path, done.times),
        lambda path: verify.streams(path, job.clip.path, done.streams_dropped),
    ]


def _report(job: DecodeJob, done: Rendered, seconds: float) -> Report:
    return Report(
        kind="decode",
        source=str(job.request.source),
        output=str(job.output or PIPE),
        frames=done.frames,
        seconds=seconds,
        source_bytes=bytes_of(job.clip.path),
        output_bytes=done.output_bytes,
        video_bytes=done.video_bytes,
        shots=shots(_put(job, done)),
        warnings=[*job.warnings, *done.dropped],
        plan=job.plan.to_dict(),
    )


def _put(job: DecodeJob, done: Rendered) -> GrainProfile:
    """The grain put on: a preset's, or as recorded."""
    if not job.request.grain:
        return GrainProfile(())
    if job.request.grain_preset is None:
        return job.carried.profile or GrainProfile(())
    made = presets.grain_of(job.request.grain_preset)(job.clip.info.video.fmt)
    return GrainProfile((replace(made, end=done.frames),))
