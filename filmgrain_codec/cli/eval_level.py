"""``fgcodec eval level``: how well the grain's level is measured on material of your own."""

from __future__ import annotations

from pathlib import Path

import click

from filmgrain_codec.cli.eval_removal import material, show
from filmgrain_codec.cli.options import debugging

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
    show(rows, SHOWN, out, as_json)
