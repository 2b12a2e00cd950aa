"""``fgcodec models``: the networks that are installed, and whether they are what they should be."""

from __future__ import annotations

import click

from filmgrain_codec.cli.options import debugging


@click.group("models", short_help="List or verify the installed models.")
def command() -> None:
    """The networks that remove and make grain."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@debugging
def list_(as_json: bool) -> None:
    """List the installed models."""


@command.command("verify")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@debugging
@click.pass_context
def verify(ctx: click.Context, as_json: bool) -> None:
    """Compare every model file with its recorded sha256; exit code 7 if one differs."""
