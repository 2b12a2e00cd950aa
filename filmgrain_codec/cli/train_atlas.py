"""``fgcodec train atlas``: measure a clip's flicker with a neural atlas of each shot."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filmgrain_codec.cli.job import run_job
from filmgrain_codec.cli.options import watching
from filmgrain_codec.cli.session import Session

if TYPE_CHECKING:
    from filmgrain_codec.pipeline.clip import Clip
    from filmgrain_codec.pipeline.progress import Listener
    from filmgrain_codec.pipeline.report import Report

QUALITIES = ("quick", "full")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for; paths as given."""

    source: str
    output: Path
    work: Path | None
    mask: str | None
    quality: str
    budget: str | None
    device: str
    seed: int
    threads: int | None
    overwrite: bool
    as_yuv: bool = False
    """RGB as Y'CbCr, as encode reads it."""


@click.command("atlas", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("source", type=click.Path(), metavar="IN")
@click.option("--out", "output", type=click.Path(path_type=Path), required=True, metavar="FILE.npz",
              help="The table of corrections.")  # fmt: skip
@click.option("--work", type=click.Path(path_type=Path), metavar="DIR",
              help="Folder an interrupted run goes on from; by default FILE.npz.work.")  # fmt: skip
@click.option("--mask", type=click.Path(), metavar="CLIP",
              help="A mask for every frame, a clip or pictures: what is bright does not count.")  # fmt: skip
@click.option("--quality", type=click.Choice(QUALITIES), default="quick", show_default=True,
              help="quick: minutes on a processor; full: the published settings, for a GPU.")  # fmt: skip
@click.option("--budget", metavar="TIME", help="Time for the fit instead of a number of steps: 20m, 2h.")
@click.option("--device", type=click.Choice(("cpu", "cuda")), default="cpu", show_default=True,
              help="What computes.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, metavar="N",
              help="Another seed begins otherwise.")  # fmt: skip
@click.option("--threads", type=click.IntRange(1, 1024), metavar="N", help="Threads to use.")
@click.option("-y", "--overwrite", is_flag=True, help="Replace an existing output.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on stdout.")
@watching
@click.pass_obj
def command(session: Session, as_json: bool, progress: str, quiet: bool, **options: Any) -> None:
    """Measure the flicker of IN with a neural atlas of each shot, and write its corrections.

    fgcodec filter IN OUT -f deflicker_table:file=FILE.npz applies them. The same command goes on with what
    an interrupted one has done.
    """
    run_job(session, atlas_clip, Request(**options), progress=progress, quiet=quiet, as_json=as_json)


def main(arguments: Sequence[str]) -> Any:
    """Entry of ``fgcodec train atlas``."""
    session = click.get_current_context().obj
    return command.main(list(arguments), "fgcodec train atlas", standalone_mode=False, obj=session)


def atlas_clip(request: Request, listener: Listener | None = None) -> Report:
    """Fit and write the table. Raises the errors of ``errors.py``."""
    from filmgrain_codec.pipeline import target
    from filmgrain_codec.pipeline.clip import opened
    from filmgrain_codec.pipeline.interlace import progressive
    from filmgrain_codec.pipeline.plan import source_digest, versions
    from filmgrain_codec.pipeline.report import Report
    from filmgrain_codec.train.atlas.fit import fit

    began = time.monotonic()
    output = target.resolve(request.source, request.output, "", request.overwrite)
    work = request.work or output.with_name(output.name + ".work")
    with ExitStack() as stack:
        clip = replace(stack.enter_context(opened(request.source, output.parent)), as_yuv=request.as_yuv)
        masks = request.mask and stack.enter_context(opened(request.mask, output.parent))
        warnings = progressive(clip)
        source = _source(clip, masks or None, source_digest(clip.path), listener)
        table = fit(source, work, _config(request), _gauge(source.count, listener))
    table.write(output)
    found = [json.loads(p.read_text()) for p in sorted(work.glob("window-*/window.json"))]
    if request.work is None:
        shutil.rmtree(work)
    plan = {"settings": asdict(request), "windows": found, "versions": versions()}
    return Report(
        kind="atlas",
        source=request.source,
        output=str(output),
        frames=len(table),
        seconds=time.monotonic() - began,
        output_bytes=output.stat().st_size,
        warnings=warnings + _left_alone(found),
        plan=plan,
    )


def _source(clip: Clip, masks: Clip | None, digest: str, listener: Listener | None) -> Any:
    """The clip as the fit wants it: read once for its cuts and its length."""
    from filmgrain_codec.errors import InputError
    from filmgrain_codec.pipeline.progress import Meter
    from filmgrain_codec.pipeline.shots import CutDetector
    from filmgrain_codec.train.atlas.fit import Source

    detector, meter = CutDetector(clip.fmt), Meter("cuts", clip.expected, listener)
    for frame in clip.frames():
        detector.observe(frame)
        meter.step()
    if not meter.done:
        raise InputError(f"{clip.path}: holds no frame; choose another source")
    return Source(
        frames=clip.frames,
        fmt=clip.fmt,
        count=meter.done,
        cuts=detector.finish(),
        digest=digest,
        masks=masks.frames if masks else None,
    )


def _config(request: Request) -> Any:
    from filmgrain_codec.train.atlas.fit import Config
    from filmgrain_codec.train.atlas.settings import QUALITIES
    from filmgrain_codec.train.removal import seconds

    return Config(
        settings=QUALITIES[request.quality],
        budget=seconds(request.budget) if request.budget else None,
        seed=request.seed,
        device=request.device,
        threads=request.threads,
    )


def _gauge(frames: int, listener: Listener | None) -> Any:
    from filmgrain_codec.pipeline.progress import Gauge

    return Gauge("atlas", frames, listener)


def _left_alone(found: list[dict[str, Any]]) -> list[str]:
    alone = [f"{w['first']}-{w['stop'] - 1}" for w in found if not w["strength"]]
    return [f"no correction makes frames {', '.join(alone)} steadier; they stay as they are"] if alone else []
