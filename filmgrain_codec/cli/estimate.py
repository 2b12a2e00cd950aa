"""``fgcodec estimate``: measure the grain of a clip and print its profile."""

from __future__ import annotations

from pathlib import Path

import click

from filmgrain_codec.cli import chart, curves
from filmgrain_codec.cli.options import watching
from filmgrain_codec.cli.overview import of_estimate
from filmgrain_codec.cli.progress import reporter
from filmgrain_codec.cli.session import Session, to_json


@click.command("estimate", short_help="Measure the grain of a clip.")
@click.argument("source", type=click.Path(), metavar="IN")
@click.option(
    "--ref", type=click.Path(), metavar="CLIP", help="A degrained version of IN: measure IN - CLIP."
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE.svg",
    help="Draw the strength curve of every shot.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
@watching
@click.pass_obj
def command(
    session: Session,
    source: str,
    ref: str | None,
    plot: Path | None,
    as_json: bool,
    progress: str,
    quiet: bool,
) -> None:
    """Measure the film grain of IN, shot by shot: the profile that encode with --level auto would use."""
    from filmgrain_codec.pipeline.inspect import estimate

    if plot is not None:
        chart.check(plot)
    found = estimate(source, ref, reporter(session, progress, quiet))
    session.close()
    if plot is not None:
        chart.save(plot, curves.svg(f"Grain of {Path(source).name}", found["shots"]))
    if session.json_events:
        session.emit({"type": "report", "kind": "estimate", **found})
        return
    click.echo(to_json(found, indent=2) if as_json else of_estimate(found))
