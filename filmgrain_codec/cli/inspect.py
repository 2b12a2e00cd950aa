"""``fgcodec inspect``: the streams, colour and grain profile of a file."""

from __future__ import annotations

import click

from filmgrain_codec.cli.options import debugging
from filmgrain_codec.cli.overview import of_file
from filmgrain_codec.cli.session import to_json


@click.command("inspect", short_help="Show a file's streams and grain profile.")
@click.argument("file", type=click.Path(), metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@debugging
def command(file: str, as_json: bool) -> None:
    """Show what FILE holds: streams, colour, and the grain profile it carries."""
    from filmgrain_codec.pipeline.inspect import inspect

    found = inspect(file)
    click.echo(to_json(found, indent=2) if as_json else of_file(found))
