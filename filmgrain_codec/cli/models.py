"""``fgcodec models``: the networks that are installed, and whether they are what they should be."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from filmgrain_codec.cli.options import debugging
from filmgrain_codec.cli.progress import size
from filmgrain_codec.cli.session import to_json
from filmgrain_codec.cli.text import columns
from filmgrain_codec.errors import ModelError

if TYPE_CHECKING:
    from filmgrain_codec.infer.store import Model, Part

HEADINGS = ["id", "role", "tier", "size", "kMAC/sample", "radius", "licence"]


@click.group("models", short_help="List or verify the installed models.")
def command() -> None:
    """The networks that remove and make grain."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
@debugging
def list_(as_json: bool) -> None:
    """List the installed models and what the names fast, balanced and best stand for."""
    from filmgrain_codec.infer.store import catalogue

    found = catalogue()
    if as_json:
        names = {alias: model.id for alias, model in aliases().items()}
        click.echo(to_json({"models": [asdict(model) for model in found], "aliases": names}, indent=2))
        return
    click.echo(columns([HEADINGS, *(row(model) for model in found)]))
    for alias, model in aliases().items():
        click.echo(f"--model {alias}: {model.note or model.id}")


def aliases() -> dict[str, Model]:
    """Which removal model each tier's name stands for."""
    from filmgrain_codec.infer.store import TIERS, resolve

    return {tier: resolve(tier) for tier in TIERS}


def row(model: Model) -> list[str]:
    """One line of the list. A megabyte is a million bytes."""
    cost = " + ".join(f"{part.kmac:g}" for part in model.parts)
    weight = sum(part.size for part in model.parts)
    return [model.id, model.role, model.tier, size(weight), cost, str(model.radius), model.license]


@command.command("verify")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
@debugging
@click.pass_context
def verify(ctx: click.Context, as_json: bool) -> None:
    """Compare every model file with its recorded sha256; exit code 7 if one differs."""
    from filmgrain_codec.infer.store import catalogue

    found = [(model.id, part.path.name, problem(part)) for model in catalogue() for part in model.parts]
    if as_json:
        keys = ("model", "file", "problem")
        click.echo(to_json({"files": [dict(zip(keys, line, strict=True)) for line in found]}, indent=2))
    else:
        click.echo(columns([["FAIL" if bad else "ok", name, file, bad] for name, file, bad in found]))
    ctx.exit(ModelError.exit_code if any(bad for _, _, bad in found) else 0)


def problem(part: Part) -> str:
    """What is wrong with a model file, '' if nothing."""
    try:
        part.verified()
    except ModelError as error:
        return str(error)
    return ""
