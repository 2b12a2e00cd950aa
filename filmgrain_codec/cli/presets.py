"""``fgcodec presets``: the film stocks whose grain can be asked for by name."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from filmgrain_codec.cli.options import debugging
from filmgrain_codec.cli.session import to_json
from filmgrain_codec.cli.text import columns

if TYPE_CHECKING:
    from filmgrain_codec.grain.presets import Stock

HEADINGS = ("preset", "level", "size", "chroma", "film")


@click.command("presets", short_help="List the grain presets of film stocks.")
@click.option("--width", type=click.IntRange(16, 65536), default=2048, show_default=True, metavar="N",
              help="Width of the picture in samples: the grain depends on it.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
@debugging
def command(width: int, as_json: bool) -> None:
    """List the film stocks that decode --grain-preset and the filter grain:preset=NAME know.

    Figures hold for 4:2:0 in limited range; chroma is Cb and Cr relative to luma.
    """
    from filmgrain_codec.grain.presets import STOCKS

    found = [row(film, width) for film in STOCKS.values()]
    if as_json:
        click.echo(to_json({"width": width, "presets": found}, indent=2))
        return
    click.echo(columns([HEADINGS, *(cells(each) for each in found)]))
    for each in found:
        click.echo(f"{each['preset']}: level {each['derivation']}")


def row(film: Stock, width: int) -> dict[str, Any]:
    """One preset's grain, and how its level comes about."""
    from filmgrain_codec.grain.presets import derivation, segment

    grain = asdict(segment(film, width))
    kept = {k: grain[k] for k in ("level", "curve", "spectrum", "chroma")}
    return {"preset": film.name, "film": film.film, **kept, "derivation": derivation(film, width)}


def cells(each: dict[str, Any]) -> list[str]:
    chroma = each["chroma"]
    size, colour = each["spectrum"]["size"], f"{chroma['cb']:.2f} {chroma['cr']:.2f}"
    return [each["preset"], f"{each['level']:.4f}", f"{size:.2f}", colour, each["film"]]
