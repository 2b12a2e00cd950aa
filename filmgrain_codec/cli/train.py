"""``fgcodec train``: train the networks (needs torch)."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import click

from filmgrain_codec.errors import UsageError

TASKS = (
    "removal",
    "export",
    "level",
    "level-export",
    "synthesis",
    "synthesis-export",
    "tree",
    "dfg",
    "dfg-eval",
    "dfg-export",
    "atlas",
    "repair",
    "repair-export",
    "codec_repair",
    "codec_repair-export",
    "codec_judge",
    "codec_judge-export",
    "codec_shares",
)
OF_CLIPS = ("atlas",)
"""They work on a clip like any job, so their commands stand here and not in ``train``."""
NO_TORCH = (
    "training needs torch, which is not installed; install it with: "
    "pip install 'filmgrain-codec[cpu,train]' (about 5 GB)."
)


@click.command(
    "train",
    short_help="Train the networks (needs torch).",
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="TASK [OPTIONS]...")
@click.pass_context
def command(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Train or export a network: fgcodec train removal --data DIR --out DIR --budget 50m.

    TASK is one of removal, export, level, level-export, synthesis, synthesis-export, tree, dfg,
    dfg-eval, dfg-export, atlas, repair, repair-export, codec_repair, codec_repair-export,
    codec_judge, codec_judge-export, codec_shares; fgcodec train TASK --help lists its options.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        click.echo(ctx.get_help())
        return
    task, *rest = arguments
    if task not in TASKS:
        raise UsageError(f"{task!r} is no training task; choose one of {', '.join(TASKS)}.")
    if find_spec("torch") is None:
        raise UsageError(NO_TORCH)
    home = "cli.train_" if task in OF_CLIPS else "train."
    code = import_module(f"filmgrain_codec.{home}{task.replace('-', '_')}").main(rest)
    ctx.exit(code or 0)
