"""Encode: measure the grain, strip it, encode the base layer, send the profile along."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path

from filmgrain_codec.core.executor import process
from filmgrain_codec.core.frame import Frame
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain.profile import GrainProfile
from filmgrain_codec.infer import store
from filmgrain_codec.media.writer import Writer
from filmgrain_codec.nodes.convert import Depth
from filmgrain_codec.nodes.denoise import Denoise
from filmgrain_codec.pipeline import ahead, analyse, quality, trial, verify
from filmgrain_codec.pipeline.analyse import Survey
from filmgrain_codec.pipeline.clip import opened
from filmgrain_codec.pipeline.encode_plan import EncodeJob, encoder_at, output_for, resolve, scratch_folder
from filmgrain_codec.pipeline.label import Label
from filmgrain_codec.pipeline.levels import Levels, Notes, watched
from filmgrain_codec.pipeline.plan import Plan
from filmgrain_codec.pipeline.progress import Listener, Meter
from filmgrain_codec.pipeline.reference import matched
from filmgrain_codec.pipeline.refine import Refined, refine
from filmgrain_codec.pipeline.render import Check, Rendered, render
from filmgrain_codec.pipeline.report import Report, bytes_of, shots
from filmgrain_codec.pipeline.request import EncodeRequest


def plan(request: EncodeRequest) -> Plan:
    """Resolve every setting without touching the pictures; nothing is written."""
    with _job(request) as job:
        return job.plan


def encode(request: EncodeRequest, on_event: Listener | None = None) -> Report:
    """Run an encode job; see ``EncodeRequest``. Raises the errors of ``errors.py``."""
    began = time.monotonic()
    with _job(request) as job:
        survey, told = _survey(job, on_event)
        measured = _profile(job, survey, told, on_event)
        profile, refined = _refined(job, survey, measured, on_event)
        graph = _graph(job, survey, measured, off=told is not None and bool(told.removal))
        job, found = _aimed(job, survey, graph, on_event)
        rendered = _render(job, survey, graph, profile, on_event)
        doubts = _doubts(job, profile) if told is None else []
        report = _report(job, profile, rendered, doubts, time.monotonic() - began)
        report.quality = None if found is None else found.to_dict()
        report.refined = [asdict(change) for change in refined]
        return report


@contextmanager
def _job(request: EncodeRequest) -> Iterator[EncodeJob]:
    output, folder = output_for(request), scratch_folder(request)
    reference = opened(request.ref, folder) if request.ref is not None else nullcontext(None)
    with opened(request.source, folder) as clip, reference as ref:
        yield resolve(request, output, replace(clip, as_yuv=True), ref and replace(ref, as_yuv=True))


def _source(job: EncodeJob, survey: Survey) -> Iterable[Frame]:
    """The source's frames after the filters that run before grain is measured."""
    return _filtered(job, job.clip.frames(), Graph(job.filters, cuts=survey.cuts))


def _filtered(job: EncodeJob, frames: Iterable[Frame], graph: Graph) -> Iterable[Frame]:
    return process(frames, graph, workers=job.request.threads) if job.filters else frames


def _surveyed(job: EncodeJob, notes: Notes, meter: Meter) -> Survey:
    """A first look at every frame. Cuts that temporal filters must know are those of the source itself."""
    source, graph = ahead.watched(job.clip.frames(), job.clip.fmt, job.filters)
    survey = analyse.survey(watched(_filtered(job, source, graph), notes), job.fmt, meter)
    return replace(survey, cuts=graph.shots.cuts) if graph.halo else survey


def _survey(job: EncodeJob, on_event: Listener | None) -> tuple[Survey, Levels | None]:
    """Times and cuts, and the grain where the user or the source's own frames tell of it."""
    notes, meter = Notes(), Meter("analyse", job.clip.expected, on_event)
    survey = _surveyed(job, notes, meter)
    if job.base is not None:
        return survey, None
    told = job.levels or (notes.finish() if notes.frames else None)
    if told is None:
        return survey, None
    told.check(survey.frames, str(job.request.levels or job.clip.path.name))
    return (survey if told.cuts is None else replace(survey, cuts=told.cuts)), told


def _reference(job: EncodeJob, survey: Survey) -> Iterator[Frame]:
    assert job.base is not None
    return matched(job.base, survey.times, job.clip.info.video.time_base)


def _profile(job: EncodeJob, survey: Survey, told: Levels | None, on_event: Listener | None) -> GrainProfile:
    if told is not None:
        return _told(job, told)
    reference = _reference(job, survey) if job.base else None
    meter = Meter("estimate", survey.frames, on_event)
    measured = analyse.measure(_source(job, survey), survey.shots(), job.fmt, meter, reference)
    segments = analyse.settle(
        measured, level=job.request.level, zones=job.zones, digest=job.plan.source_digest
    )
    return GrainProfile(segments, removal="" if job.base else job.plan.settings["model"])


def _told(job: EncodeJob, told: Levels) -> GrainProfile:
    if job.request.refine:
        raise UsageError(
            "--refine corrects what was measured here, but the grain is told: leave --refine out"
        )
    segments = told.settled(level=job.request.level, zones=job.zones, digest=job.plan.source_digest)
    known = told.removal in {model.id for model in store.catalogue()}
    done = told.removal if known else ""
    return GrainProfile(segments, removal=done if told.removal else job.plan.settings["model"])


def _refined(
    job: EncodeJob, survey: Survey, profile: GrainProfile, on_event: Listener | None
) -> tuple[GrainProfile, list[Refined]]:
    """The profile to carry: as measured, or refined where that is asked for."""
    if not job.request.refine:
        return profile, []
    measured = [analyse.stated(s, job.request.level, job.zones) is None for s in profile]
    removal = (_removal(job, profile), Depth(job.spec.bits))
    meter = Meter("refine", survey.frames, on_event)
    frames = _source(job, survey)
    segments, changes = refine(profile.segments, measured, frames, removal, meter, profile.synthesis)
    return replace(profile, segments=segments), changes


def _aimed(
    job: EncodeJob, survey: Survey, graph: Graph, on_event: Listener | None
) -> tuple[EncodeJob, quality.Found | None]:
    """The job at the CRF that gives the quality asked for, and what was found on the way to it."""
    if job.wanted is None:
        return job, None

    def read(first: int, end: int) -> Iterator[Frame]:
        if job.base:
            return islice(_reference(job, survey), first, end)
        part = replace(job.clip, first=job.clip.first + first, count=end - first)
        return (replace(frame, index=frame.index + first) for frame in part.frames())

    request, fmt, rate = job.request, graph.configure(job.clip.fmt), job.clip.info.video.rate
    shots, repair = survey.shots(), request.target_repair
    with quality.scratch(job.output.parent) as folder:
        frames = sum(window.last - window.first for window in trial.windows(shots))
        meter = Meter("samples", frames, on_event)
        kept = quality.kept(read, graph, shots, fmt, Path(folder), rate, meter, request.threads)
        found = quality.find(
            job.wanted,
            request.codec,
            repair,
            kept,
            lambda crf: encoder_at(request, fmt, job.clip, crf),
            frames,
            on_event,
        )
    spec = encoder_at(request, job.fmt, job.clip, found.crf)
    return replace(job, spec=spec, plan=replace(job.plan, encoder=asdict(spec))), found


def _render(
    job: EncodeJob, survey: Survey, graph: Graph, profile: GrainProfile, on_event: Listener | None
) -> Rendered:
    """Remove the grain by ``graph``, carry ``profile``."""
    fmt = graph.configure(job.clip.fmt)
    label = Label(profile, job.clip.info.video.fmt)
    writer = Writer(
        job.output,
        job.clip.info,
        job.spec,
        fmt,
        time_base=job.clip.info.video.time_base,
        rate=job.clip.info.video.rate,
        copy_streams=_carries_streams(job),
        frames=survey.frames,
        in_band=label.record,
        shown=profile.at if job.request.player_grain else None,
        header_tags=label.tags,
    )
    source = _reference(job, survey) if job.base else job.clip.frames()
    frames = _keyed(source, {s.start for s in profile})
    done = render(
        frames,
        graph,
        writer,
        Meter("encode", survey.frames, on_event),
        output=job.output,
        overwrite=job.request.overwrite,
        strict=job.request.strict,
        threads=job.request.threads,
        checks=lambda done: _checks(job, survey, done),
    )
    done.metadata_bytes = label.bytes
    return done


def _graph(job: EncodeJob, survey: Survey, profile: GrainProfile, *, off: bool = False) -> Graph:
    """What makes the base layer; ``off``: its source has no grain any more."""
    depth = Depth(job.spec.bits)
    if job.base:
        return Graph((depth,))
    if off:
        return Graph((*job.filters, depth), cuts=survey.cuts)
    return Graph((*job.filters, _removal(job, profile), depth), cuts=survey.cuts)


def _removal(job: EncodeJob, profile: GrainProfile) -> Denoise:
    return Denoise(
        profile,
        model=job.request.model,
        blind=job.request.blind,
        backend=job.plan.settings["backend"],
    )


def _keyed(frames: Iterable[Frame], cuts: set[int]) -> Iterator[Frame]:
    """Ask for a keyframe where a segment starts, so that each begins with its own record."""
    for frame in frames:
        if frame.index in cuts:
            frame.props["force_keyframe"] = True
        yield frame


def _checks(job: EncodeJob, survey: Survey, done: Rendered) -> list[Check]:
    checks: list[Check] = [
        lambda path: verify.timestamps(path, survey.times),
        lambda path: verify.profile(path, survey.frames),
    ]
    if _carries_streams(job):
        checks.append(lambda path: verify.streams(path, job.clip.path, done.streams_dropped))
    return checks


def _carries_streams(job: EncodeJob) -> bool:
    """A part of a clip goes without its sound, and a script has none."""
    return job.request.sample is None and job.clip.script is None


def _report(
    job: EncodeJob, profile: GrainProfile, done: Rendered, doubts: list[str], seconds: float
) -> Report:
    predicted = None
    if job.clip.count is not None and job.whole:
        predicted = round(done.video_bytes / max(done.frames, 1) * job.whole)
    return Report(
        kind="encode",
        source=str(job.request.source),
        output=str(job.output),
        frames=done.frames,
        seconds=seconds,
        source_bytes=0 if job.clip.script else bytes_of(job.clip.path),
        output_bytes=done.output_bytes,
        video_bytes=done.video_bytes,
        metadata_bytes=done.metadata_bytes,
        predicted_bytes=predicted,
        shots=shots(profile),
        warnings=[*job.warnings, *doubts, *done.dropped, *(job.tally.warnings if job.tally else [])],
        plan=job.plan.to_dict(),
    )


def _doubts(job: EncodeJob, profile: GrainProfile) -> list[str]:
    return analyse.doubts(profile) if job.request.level is None and job.base is None else []
