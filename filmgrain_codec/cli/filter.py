"""``fgcodec filter``: any chain of nodes over a clip, without carriage."""

from __future__ import annotations

from typing import Any

import click

from filmgrain_codec.cli.job import run_job
from filmgrain_codec.cli.options import encoding, running
from filmgrain_codec.cli.session import Session


def _list(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print every filter with its parameters, and stop."""
    if not wanted or context.resilient_parsing:
        return
    import filmgrain_codec.nodes  # noqa: F401  (registers the filters)
    from filmgrain_codec.core.registry import NODES

    click.echo(NODES.describe())
    context.exit()


@click.command("filter", short_help="Run a chain of filters over a clip.")
@click.argument("source", type=click.Path(), metavar="IN")
@click.argument("output", type=click.Path(), metavar="OUT")
@click.option("-f", "--filter", "filters", multiple=True, required=True, metavar="NODE",
              help="Filter as NAME:KEY=VALUE,...; repeat for a chain, in this order.")  # fmt: skip
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_list,
              help="List the filters with their parameters, and exit.")  # fmt: skip
@encoding(("ffv1", "prores", "x264", "x265", "svtav1"), "ffv1")
@running
@click.pass_obj
def command(session: Session, as_json: bool, progress: str, quiet: bool, **options: Any) -> None:
    """Run the filters over IN and write OUT.

    Example: fgcodec filter in.mov out.mkv -f grain:level=0.04
    """
    from filmgrain_codec.pipeline.filter import filter_clip
    from filmgrain_codec.pipeline.request import FilterRequest

    request = FilterRequest(**options)
    run_job(session, filter_clip, request, progress=progress, quiet=quiet, as_json=as_json)
