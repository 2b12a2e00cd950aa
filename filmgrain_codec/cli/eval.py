"""``fgcodec eval``: measure models on material of your own."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import click

MEASURES = ("removal", "level", "synthesis")
"""Each is the ``command`` of the module of that name beside this one: eval_removal, ..."""


class Measures(click.Group):
    """Subcommands that are imported only when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in MEASURES if find_spec(module(name))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = import_module(module(cmd_name)).command
        assert isinstance(command, click.Command)
        return command


def module(name: str) -> str:
    return f"filmgrain_codec.cli.eval_{name}"


@click.group("eval", cls=Measures, short_help="Measure models on material of your own.")
def command() -> None:
    """Measure the installed models on material of your own."""
