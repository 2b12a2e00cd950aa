"""``fgcodec eval level``: how well the grain's level is measured on material of your own."""

from __future__ import annotations

from pathlib import Path

import click

from filmgrain_codec.cli.eval_removal import cell, material, write
from filmgrain_codec.cli.options import debugging
from filmgrain_codec.cli.session import to_json
from filmgrain_codec.cli.text import columns

SHOWN = ("family", "size", "level", "found", "error", "bias", "worst", "found size", "confidence", "clips")


@click.command("level", short_help="Measure the level estimator.")
@material("[boolean]")
@debugging
def command(
    data: Path,
    family: tuple[str, ...],
    size: tuple[float, ...],
    level: tuple[float, ...],
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure the estimator of estimate and encode --level auto: errors in percent by family, size and level.

    The row 'none' is the material without added grain. Of clips the first frames are measured, of stills one.
    """
    from filmgrain_codec.pipeline.analyse import of_frames
    from filmgrain_codec.train import evaluate_level

    rows = list(
        evaluate_level.evaluate(
            data,
            of_frames,
            family or evaluate_level.FAMILIES,
            size or evaluate_level.SIZES,
            level or evaluate_level.LEVELS,
        )
    )
    if out:
        write(out, to_json(rows, indent=1))
    if as_json:
        click.echo(to_json(rows, indent=2))
        return
    click.echo(columns([SHOWN, *([cell(row.get(n)) for n in SHOWN] for row in rows)]))
