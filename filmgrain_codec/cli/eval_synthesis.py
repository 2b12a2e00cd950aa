"""``fgcodec eval synthesis``: how like the real grain a synthesizer's is, on material of your own."""

from __future__ import annotations

from pathlib import Path

import click

from filmgrain_codec.cli.eval_removal import material, show
from filmgrain_codec.cli.options import debugging

SHOWN = ("family", "size", "level", "model", "told", "curve", "curve_worst", "psd_db", "acf", "skew",
         "kurtosis", "kld", "nss", "channels", "temporal", "periodic", "shift", "c2st",
         "met", "effective")  # fmt: skip


@click.command("synthesis", short_help="Measure grain synthesis.")
@click.option(
    "--model",
    multiple=True,
    default=("parametric",),
    show_default=True,
    help="parametric, fast, balanced, best or an id; repeat.",
)
@material("[boolean]")
@debugging
def command(
    model: tuple[str, ...],
    data: Path,
    family: tuple[str, ...],
    size: tuple[float, ...],
    level: tuple[float, ...],
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure grain synthesis: strength, spectrum, shape, colour and time against known grain.

    Each model puts grain like that of the grainy pictures onto the clean ones: told the true profile (ideal),
    or what is measured of the grainy ones (estimated). (floor): the same figures between two halves of the
    real grain. c2st: share of patches a net tells apart, with torch. met: targets met.
    """
    from filmgrain_codec.pipeline.analyse import of_frames
    from filmgrain_codec.train import evaluate_synthesis

    rows = list(
        evaluate_synthesis.evaluate(
            model,
            data,
            of_frames,
            family or evaluate_synthesis.FAMILIES,
            size or evaluate_synthesis.SIZES,
            level or evaluate_synthesis.LEVELS,
        )
    )
    show(rows, SHOWN, out, as_json)
