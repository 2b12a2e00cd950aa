"""From an encode request to a job with everything resolved."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.core.graph import Graph
from filmgrain_codec.core.node import Node
from filmgrain_codec.core.registry import build_chain
from filmgrain_codec.errors import InputError, UsageError
from filmgrain_codec.grain.profile import LEVEL_MAX
from filmgrain_codec.infer import backend, store
from filmgrain_codec.media.carriage import players
from filmgrain_codec.media.encoders import EncoderSpec, encoder_for
from filmgrain_codec.pipeline import quality, repair, target
from filmgrain_codec.pipeline.clip import Clip, declared, middle
from filmgrain_codec.pipeline.interlace import progressive
from filmgrain_codec.pipeline.levels import Levels, of_text
from filmgrain_codec.pipeline.plan import Plan, source_digest, versions
from filmgrain_codec.pipeline.reference import same_shape
from filmgrain_codec.pipeline.request import PIPE, EncodeRequest
from filmgrain_codec.pipeline.zones import Zone, parse_zones

SUFFIX = ".fg.mkv"
SAMPLE_SUFFIX = ".fg.sample.mkv"
DEFAULT_BITS = 10
OFF = "off"


@dataclass(frozen=True, slots=True)
class EncodeJob:
    """An encode with everything resolved. ``base`` is the user's own degrained clip, if given.

    ``levels``: the grain as a file of the user's tells it. ``wanted``: the quality whose CRF is to be found.
    ``tally``: what repair says of the frames.
    """

    request: EncodeRequest
    clip: Clip
    base: Clip | None
    output: Path
    fmt: FrameFormat
    filters: tuple[Node, ...]
    zones: tuple[Zone, ...]
    spec: EncoderSpec
    plan: Plan
    whole: int | None
    warnings: list[str] = field(default_factory=list)
    levels: Levels | None = None
    tally: repair.Tally | None = None
    wanted: quality.Wanted | None = None


def scratch_folder(request: EncodeRequest) -> Path:
    """Where a piped source may be kept while it is read more than once."""
    return Path(request.output).parent if request.output is not None else Path.cwd()


def output_for(request: EncodeRequest) -> Path:
    """The output path; checked before a source is opened, which may take all of stdin."""
    suffix = SUFFIX if request.sample is None else SAMPLE_SUFFIX
    return target.resolve(request.source, request.output, suffix, request.overwrite)


def resolve(request: EncodeRequest, output: Path, clip: Clip, base: Clip | None) -> EncodeJob:
    """Check everything that can be checked before the first frame is decoded."""
    level(request.level)
    wanted = quality.check(request.target_quality, request.target_repair, request.crf, request.codec)
    if base is not None and request.refine:
        raise UsageError(
            "--refine corrects what was measured, but with --ref the grain is known: leave one of them out"
        )
    if base is not None:
        target.another_file(base.path, output)
    levels = _levels(request)
    marked = progressive(clip)
    whole = declared(clip.info)
    if request.sample is not None:
        clip = middle(clip, request.sample)
        if levels is not None and clip.count is not None:
            levels = levels.part(clip.first, clip.count)
    if base is not None:
        same_shape(clip, base)
        base = replace(base, first=clip.first, count=clip.count)
    filters = tuple(build_chain([*_deflicker(request), *_repair(request), *request.filters]))
    clip = clip.asked_by(filters)
    tally = repair.tallied(filters)
    filters = filters if tally is None else (*filters, tally)
    fmt = Graph(filters).configure(clip.fmt)
    spec = encoder_at(request, fmt, clip, request.crf)
    if request.player_grain:
        players.check(spec.codec, fmt, spec.bits)
    zones = parse_zones(request.zones) if request.zones is not None else ()
    plan = _plan(request, clip, output, spec)
    return EncodeJob(
        request, clip, base, output, fmt, filters, zones, spec, plan, whole, marked, levels, tally, wanted
    )


def _deflicker(request: EncodeRequest) -> list[str]:
    """The filter that ``deflicker`` stands for. Raises ``UsageError``."""
    if request.deflicker == OFF:
        return []
    if request.ref is not None:
        raise UsageError(
            "--deflicker changes the source, but with --ref the base layer is yours: leave one of them out"
        )
    if request.deflicker == "atlas":
        raise UsageError(
            "the atlas is fitted by a command of its own: run fgcodec train atlas IN --out FILE.npz and give "
            "deflicker_table:file=FILE.npz as the first filter (fgcodec encode --deflicker atlas does both)"
        )
    return [f"deflicker:mode={request.deflicker}"]


def _repair(request: EncodeRequest) -> list[str]:
    """The filters that ``repair`` stands for. Raises ``UsageError``."""
    found = repair.chain(request.repair)
    if found and request.ref is not None:
        raise UsageError(
            "--repair changes the source, but with --ref the base layer is yours: leave one of them out"
        )
    return found


def _levels(request: EncodeRequest) -> Levels | None:
    if request.levels is None:
        return None
    if request.ref is not None or request.refine:
        other = "--ref" if request.ref is not None else "--refine"
        raise UsageError(f"--levels tells the grain, {other} measures it: leave one of them out")
    path = Path(request.levels)
    try:
        return of_text(path.read_text(encoding="utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); give the file of --levels") from error


def level(value: float | None) -> None:
    """Refuse a level outside 0 to 0.15 of full scale."""
    if value is not None and not 0.0 <= value <= LEVEL_MAX:
        raise UsageError(
            f"level {value} is outside 0 to {LEVEL_MAX} (fraction of full scale; 0.05 is strong grain)"
        )


def encoder_at(request: EncodeRequest, fmt: FrameFormat, clip: Clip, crf: float | None) -> EncoderSpec:
    """The encoder that is asked for, at a CRF (None: the usual one)."""
    return encoder_for(
        request.codec,
        fmt,
        crf=crf,
        preset=request.preset,
        bits=request.bits or DEFAULT_BITS,
        threads=request.threads,
        video=clip.info.video,
    )


def _plan(request: EncodeRequest, clip: Clip, output: Path, spec: EncoderSpec) -> Plan:
    model = store.resolve(request.model)
    settings = {
        "level": "auto" if request.level is None else request.level,
        "blind": request.blind,
        "model": model.id,
        "backend": backend.chosen(request.backend),
        "zones": request.zones,
        "sample": request.sample,
        "deflicker": request.deflicker,
        "repair": request.repair,
        "filters": list(request.filters),
        "ref": None if request.ref is None else str(request.ref),
        "levels": None if request.levels is None else str(request.levels),
        "strict": request.strict,
        "refine": request.refine,
        "target_quality": request.target_quality,
        "target_repair": request.target_repair if request.target_quality else None,
        "player_grain": request.player_grain,
        "piped": str(request.source) == PIPE,
    }
    return Plan(
        kind="encode",
        source=str(request.source),
        source_digest=source_digest(clip.path),
        output=str(output),
        settings=settings,
        encoder=asdict(spec),
        versions=versions(),
    )
