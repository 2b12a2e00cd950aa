"""``fgcodec completion``: the script that teaches a shell to complete fgcodec."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command("completion", short_help="Print a shell completion script.")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of SHELL.

    bash and zsh: eval "$(fgcodec completion bash)". fish: fgcodec completion fish | source.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    # The template alone: source() would first ask an installed bash for its version.
    completer = kind(ctx.find_root().command, {}, "fgcodec", "_FGCODEC_COMPLETE")
    click.echo(completer.source_template % completer.source_vars())
