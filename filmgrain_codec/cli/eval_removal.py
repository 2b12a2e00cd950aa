"""``fgcodec eval removal``: how well a model takes grain off pictures whose clean version is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import click

from filmgrain_codec.cli.options import debugging
from filmgrain_codec.cli.session import to_json
from filmgrain_codec.cli.text import columns
from filmgrain_codec.errors import OutputError

Command = Callable[..., Any]
SHOWN = ("family", "size", "level", "luma_noisy", "luma_known", "luma_blind", "chroma_noisy", "chroma_known",
         "chroma_blind", "vmaf_noisy", "vmaf_known", "ssim_known", "removed_known", "removed_flat_known",
         "slope_known", "leakage_known")  # fmt: skip


def material(families: str) -> Callable[[Command], Command]:
    """The options of what to measure on, and where the figures go; ``families`` are those meant by none."""
    options = (
        click.option(
            "--data",
            type=click.Path(path_type=Path, exists=True),
            required=True,
            help="Clean clip, still or folder of them (grain is added), or a tree of org/ and fg/LEVEL/.",
        ),
        click.option("--family", multiple=True, metavar="NAME", help=f"Grain family; repeat. {families}"),
        click.option("--size", type=click.FloatRange(0.3, 3.0), multiple=True, help="Grain size; repeat."),
        click.option(
            "--level", type=click.FloatRange(0.0005, 0.15), multiple=True, help="Grain level; repeat."
        ),
        click.option("--out", type=click.Path(path_type=Path), help="JSON file for all figures."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout."),
    )
    return lambda command: reduce(lambda made, option: option(made), reversed(options), command)


@click.command("removal", short_help="Measure grain removal.")
@click.option("--model", default="fast", show_default=True, help="fast, balanced, best or an id.")
@material("[spectral, boolean]")
@debugging
def command(
    model: str,
    data: Path,
    family: tuple[str, ...],
    size: tuple[float, ...],
    level: tuple[float, ...],
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure grain removal: PSNR, SSIM, VMAF, removed grain and leaked texture by family, size and level.

    known: told the grain; blind: told nothing; noisy: the input. Give clips the model was not trained on.
    """
    from filmgrain_codec.train import evaluate

    rows = list(
        evaluate.evaluate(
            model,
            data,
            family or evaluate.USUAL,
            size or evaluate.SIZES,
            level or evaluate.LEVELS,
        )
    )
    show(rows, SHOWN, out, as_json)


def show(rows: Sequence[Mapping[str, Any]], shown: Sequence[str], out: Path | None, as_json: bool) -> None:
    """Print the columns ``shown`` that some row has, or all as JSON; and write all to ``out``."""
    if out:
        write(out, to_json(rows, indent=1))
    if as_json:
        click.echo(to_json(rows, indent=2))
        return
    names = [n for n in shown if any(n in row for row in rows)]
    click.echo(columns([names, *([cell(row.get(n)) for n in names] for row in rows)]))


def cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}): name another file.") from error
