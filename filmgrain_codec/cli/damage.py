"""``fgcodec damage``: put the damage of real film on a clean clip."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filmgrain_codec.cli.job import run_job
from filmgrain_codec.cli.options import Amount, encoding, running
from filmgrain_codec.cli.session import Session

if TYPE_CHECKING:
    from filmgrain_codec.pipeline.progress import Listener
    from filmgrain_codec.pipeline.report import Report
    from filmgrain_codec.pipeline.request import FilterRequest

GAUGES = ("35mm", "35mm-still", "16mm", "super8", "8mm")
"""Same as train.damage.statistics.GAUGES (a test compares them; importing it here would load NumPy)."""


@dataclass(frozen=True)
class Request:
    """A filter job, what is done to the clip, and the file for the masks."""

    job: FilterRequest
    settings: dict[str, Any]
    mask: Path | None

    @property
    def output(self) -> Path | str:
        return self.job.output


@click.command("damage", short_help="Put dust, hair and scratches on a clean clip.")
@click.argument("source", type=click.Path(), metavar="IN")
@click.argument("output", type=click.Path(), metavar="OUT")
@click.option("--gauge", type=click.Choice(GAUGES), default="35mm", show_default=True,
              help="Film the frames are taken to be scanned from, which says how large dust is.")  # fmt: skip
@click.option("--severity", type=Amount(zero=True), metavar="X",
              help="1: as dirty as uncleaned stills; left out, the seed decides.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, metavar="N",
              help="Use other damage.")  # fmt: skip
@click.option("--weave", type=Amount(zero=True), default=0.0, show_default=True, metavar="PX",
              help="Let the picture sway by so many samples.")  # fmt: skip
@click.option("--templates", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
              help="Take the shapes from PNG masks of real damage.")  # fmt: skip
@click.option("--mask", type=click.Path(path_type=Path), metavar="FILE",
              help="Write too where luma was changed by more than 10 codes of 8 bit (white).")  # fmt: skip
@encoding(("ffv1", "prores", "x264", "x265", "svtav1"), "ffv1")
@running
@click.pass_obj
def command(session: Session, as_json: bool, progress: str, quiet: bool, **options: Any) -> None:
    """Damage IN as film is damaged, after measured statistics, and write OUT.

    Example: fgcodec damage clean.mov dirty.mkv --gauge 16mm --severity 0.3 --mask mask.mkv
    """
    from filmgrain_codec.pipeline.request import FilterRequest

    names = ("gauge", "severity", "seed", "weave", "templates")
    settings, mask = {k: options.pop(k) for k in names}, options.pop("mask")
    request = Request(FilterRequest(**options), settings, mask)
    run_job(session, damage, request, progress=progress, quiet=quiet, as_json=as_json)


def damage(request: Request, listener: Listener | None) -> Report:
    """Write the clip, then its masks. Raises the errors of ``errors.py``."""
    from filmgrain_codec.errors import UsageError
    from filmgrain_codec.pipeline.filter import run_nodes
    from filmgrain_codec.pipeline.request import PIPE
    from filmgrain_codec.train.damage.clip import Damaged

    job = request.job
    if request.mask is not None and str(job.source) == PIPE:
        raise UsageError("--mask reads IN a second time, which stdin does not allow: give a file.")
    if request.mask is not None and request.mask.resolve() == Path(job.output).resolve():
        raise UsageError(f"--mask and OUT are both {request.mask}: name another file.")
    report = run_nodes(job, [Damaged(**request.settings)], listener, "damage")
    if request.mask is not None:
        second = replace(job, output=request.mask, codec="ffv1", crf=None, preset=None, bits=8)
        masks = run_nodes(second, [Damaged(**request.settings, mask=True)], listener, "damage")
        report.warnings.extend(w for w in masks.warnings if w not in report.warnings)
    report.plan["settings"] = {k: v if v is None else str(v) for k, v in request.settings.items()}
    return report
