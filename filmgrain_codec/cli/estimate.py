"""``fgcodec estimate``: measure the grain of a clip and print its profile."""

from __future__ import annotations

from pathlib import Path

import click

from filmgrain_codec.cli import aside, curves
from filmgrain_codec.cli.options import looking
from filmgrain_codec.cli.overview import of_estimate
from filmgrain_codec.cli.progress import reporter
from filmgrain_codec.cli.session import Session


@click.command("estimate", short_help="Measure the grain of a clip.")
@click.argument("source", type=click.Path(), metavar="IN")
@click.option(
    "--ref", type=click.Path(), metavar="CLIP", help="A degrained version of IN: measure IN - CLIP."
)
@click.option("--grain-table", type=click.Path(path_type=Path), metavar="FILE",
              help="Write a grain table for AV1 encoders (aomenc, SvtAv1EncApp, av1an).")  # fmt: skip
@looking(plot="Draw the strength curve of every shot.")
@click.pass_obj
def command(
    session: Session,
    source: str,
    ref: str | None,
    grain_table: Path | None,
    plot: Path | None,
    as_json: bool,
    progress: str,
    quiet: bool,
) -> None:
    """Measure the film grain of IN, shot by shot: the profile that encode with --level auto would use."""
    from filmgrain_codec.grain.av1_table import table
    from filmgrain_codec.pipeline.inspect import estimate

    aside.check(grain_table, plot=plot)
    measured = estimate(source, ref, reporter(session, progress, quiet))
    found = measured.to_dict()
    session.close()
    if grain_table is not None:
        shots = ((s, *ends) for s, ends in zip(measured.used, measured.ends, strict=True))
        aside.save(grain_table, table(shots), "grain table")
    if plot is not None:
        aside.save(plot, curves.svg(f"Grain of {Path(source).name}", found["shots"]))
    session.tell("estimate", found, of_estimate(found), as_json)
