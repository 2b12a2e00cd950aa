"""Match: measure the grain of one clip and put it onto another."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from filmgrain_codec.core.graph import Graph
from filmgrain_codec.core.node import Node
from filmgrain_codec.errors import InputError, UsageError
from filmgrain_codec.grain import adjust, layout, wire
from filmgrain_codec.grain.profile import GrainProfile, GrainSegment
from filmgrain_codec.infer import backend, store
from filmgrain_codec.media import carriage
from filmgrain_codec.media.carriage import Carried
from filmgrain_codec.media.encoders import EncoderSpec, encoder_for
from filmgrain_codec.media.writer import Writer
from filmgrain_codec.nodes.convert import Depth
from filmgrain_codec.nodes.denoise import Denoise
from filmgrain_codec.nodes.synth import Grain
from filmgrain_codec.pipeline import analyse, origin, regrain, target, verify
from filmgrain_codec.pipeline.clip import Clip, opened
from filmgrain_codec.pipeline.encode_plan import level as check_level
from filmgrain_codec.pipeline.interlace import progressive
from filmgrain_codec.pipeline.plan import Plan, source_digest, versions
from filmgrain_codec.pipeline.progress import Listener, Meter
from filmgrain_codec.pipeline.render import Check, Rendered, pipe, render
from filmgrain_codec.pipeline.report import Report, bytes_of, shots
from filmgrain_codec.pipeline.request import PIPE, MatchRequest

SUFFIX = ".matched.mkv"


@dataclass(slots=True)
class MatchJob:
    """``grain``: what is put on, in the format of ``clip``; ``cleaned``: how its own grain is removed."""

    request: MatchRequest
    clip: Clip
    output: Path | None
    spec: EncoderSpec
    grain: GrainSegment
    synthesis: str
    cleaned: Graph | None = None
    notes: list[str] = field(default_factory=list)


def match(request: MatchRequest, on_event: Listener | None = None) -> Report:
    """Run a match job; see ``MatchRequest``. Raises the errors of ``errors.py``."""
    began = time.monotonic()
    output = _checked(request)
    scratch = output.parent if output else Path.cwd()
    with ExitStack() as stack:
        model, clip = (stack.enter_context(opened(p, scratch)) for p in (request.source, request.to))
        job = _job(request, replace(model, as_yuv=True), clip, output, on_event)
        plan = _plan(job, model)
        done = _run(job, on_event)
    return Report(
        kind="match",
        source=str(request.source),
        output=str(output or PIPE),
        frames=done.frames,
        seconds=time.monotonic() - began,
        source_bytes=0 if job.clip.script else bytes_of(job.clip.path),
        output_bytes=done.output_bytes,
        video_bytes=done.video_bytes,
        shots=shots(GrainProfile((replace(job.grain, start=0, end=done.frames),))),
        warnings=job.notes + done.dropped,
        plan=plan.to_dict(),
    )


def _checked(request: MatchRequest) -> Path | None:
    """Refuse what cannot be done before anything is read; the output's path, None for stdout."""
    check_level(request.level)
    adjust.check(request.size, request.chroma)
    if str(request.source) == str(request.to) == PIPE:
        raise UsageError("only one of the two clips can come from stdin; give a file for the other")
    if str(request.output) == PIPE:
        return None
    output = target.resolve(request.to, request.output, SUFFIX, request.overwrite)
    target.another_file(Path(request.source), output)
    return output


def _job(
    request: MatchRequest, model: Clip, clip: Clip, output: Path | None, on_event: Listener | None
) -> MatchJob:
    notes = progressive(clip)
    if request.clean_first:
        # removal works on Y'CbCr only
        clip = replace(clip, as_yuv=True)
    carried = carriage.find(model.path) if model.path.is_file() and not model.script else Carried()
    synthesis = regrain.check_synthesis(request.synth, carried)
    found = grain_of(model, carried, request.shot, on_event)
    grain = wire.quantise(layout.for_format(found, model.fmt, clip.fmt), clamp=True)
    spec = encoder_for(
        request.codec,
        clip.fmt,
        crf=request.crf,
        preset=request.preset,
        bits=request.bits or clip.fmt.bits,
        threads=request.threads,
        video=clip.info.video,
    )
    notes += [*_doubts(grain, model), *_apart(model, clip)]
    cleaned = _cleaning(request, clip, on_event) if request.clean_first else None
    return MatchJob(request, clip, output, spec, grain, synthesis, cleaned, notes)


def grain_of(
    clip: Clip, carried: Carried, shot: int | None, on_event: Listener | None = None
) -> GrainSegment:
    """The grain of one shot of a clip: as its profile records it, else as measured.

    ``shot`` counts from 0; None takes the one with the most frames times confidence. Raises ``InputError``
    where there is no grain, ``UsageError`` for a shot that is not there.
    """
    found = carried.profile.segments if carried.profile else _measured(clip, on_event)
    chosen = choose(found, shot, clip.path.name)
    grain = analyse.settle([chosen], level=None, zones=(), digest=source_digest(clip.path))[0]
    if not grain.grainy:
        raise InputError(
            f"{clip.path.name}: no grain was found that could be told from texture; choose another clip, "
            f"another shot with --shot, or a film stock with fgcodec filter -f grain:preset=NAME"
        )
    return grain


def choose(found: Sequence[GrainSegment], shot: int | None, name: str) -> GrainSegment:
    """The segment asked for, or the longest and most certain one."""
    if shot is None:
        return max(found, key=lambda s: (s.grainy, (s.end - s.start) * s.confidence))
    if not 0 <= shot < len(found):
        raise UsageError(f"{name}: there is no shot {shot}; it has shots 0 to {len(found) - 1}")
    return found[shot]


def _measured(clip: Clip, on_event: Listener | None) -> list[GrainSegment]:
    survey = analyse.survey(clip.frames(), clip.fmt, Meter("analyse", clip.expected, on_event))
    if not survey.frames:
        raise InputError(f"{clip.path.name}: there is no frame to measure; give another clip")
    meter = Meter("estimate", survey.frames, on_event)
    return analyse.measure(clip.frames(), survey.shots(), clip.fmt, meter)


def _doubts(grain: GrainSegment, model: Clip) -> list[str]:
    if grain.confidence >= analyse.TRUSTED:
        return []
    return [
        f"the grain of {model.path.name} was measured with little evidence (level {grain.level:.4f}, "
        f"confidence {grain.confidence:.2f}): look at it, or state it with --level"
    ]


def _apart(model: Clip, clip: Clip) -> list[str]:
    """Sentences where two clips differ in what a sample or a code stands for."""
    notes, a, b = [], model.fmt, clip.fmt
    if a.width != b.width:
        notes.append(
            f"{model.path.name} is {a.width} wide and {clip.path.name} {b.width}: grain is matched sample by "
            f"sample; --size {b.width / a.width:.2g} gives it the same size on the screen"
        )
    if {a.color.transfer, b.color.transfer} & {16, 18} and a.color.transfer != b.color.transfer:
        notes.append(
            f"{model.path.name} and {clip.path.name} have different transfer curves (HDR and not): grain "
            f"keeps its strength in codes, so it will not look the same"
        )
    return notes


def _cleaning(request: MatchRequest, clip: Clip, on_event: Listener | None) -> Graph:
    """What removes the grain that a clip has already, as an encode would."""
    survey = analyse.survey(clip.frames(), clip.fmt, Meter("analyse", clip.expected, on_event))
    meter = Meter("estimate", survey.frames, on_event)
    found = analyse.measure(clip.frames(), survey.shots(), clip.fmt, meter)
    own = analyse.settle(found, level=None, zones=(), digest=source_digest(clip.path))
    chosen = backend.chosen(request.backend)
    removal = Denoise(GrainProfile(own), model=store.resolve(request.model).id, backend=chosen)
    return Graph((removal,), cuts=survey.cuts)


def _graph(job: MatchJob) -> Graph:
    request = job.request
    put = Grain(
        replace(job.grain, start=0, end=wire.MAX_FRAME),
        level=request.level,
        gain=request.gain,
        size=request.size,
        chroma=request.chroma,
        seed=request.seed,
        synthesis=job.synthesis,
    )
    nodes: tuple[Node, ...] = (put, Depth(job.spec.bits))
    if job.cleaned is None:
        return Graph(nodes)
    return Graph((*job.cleaned.nodes, *nodes), cuts=job.cleaned.shots)


def _run(job: MatchJob, on_event: Listener | None) -> Rendered:
    clip, request, graph = job.clip, job.request, _graph(job)
    meter = Meter("match", clip.expected, on_event)
    if job.output is None:
        return pipe(clip.frames(), graph, clip, meter, request.threads)
    video = clip.info.video
    writer = Writer(
        job.output,
        clip.info,
        job.spec,
        graph.configure(clip.fmt),
        time_base=video.time_base,
        rate=video.rate,
        copy_streams=job.clip.script is None,
        without_tags=(carriage.TAG, origin.TAG),
    )
    return render(
        clip.frames(),
        graph,
        writer,
        meter,
        output=job.output,
        overwrite=request.overwrite,
        strict=request.strict,
        threads=request.threads,
        checks=lambda done: _checks(job, done),
    )


def _checks(job: MatchJob, done: Rendered) -> list[Check]:
    checks: list[Check] = [lambda path: verify.timestamps(path, done.times)]
    if job.clip.script is None:
        checks.append(lambda path: verify.streams(path, job.clip.path, done.streams_dropped))
    return checks


def _plan(job: MatchJob, model: Clip) -> Plan:
    kept = ("level", "gain", "size", "chroma", "seed", "shot", "clean_first", "model")
    settings = {k: getattr(job.request, k) for k in kept} | {"synth": job.synthesis}
    return Plan(
        kind="match",
        source=str(job.request.source),
        source_digest=source_digest(model.path),
        output=str(job.output or PIPE),
        settings={**settings, "to": source_digest(job.clip.path)},
        encoder=asdict(job.spec),
        versions=versions(),
    )
