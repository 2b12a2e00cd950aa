"""``fgcodec flicker``: how a clip flickers, and what deflicker would do to each frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filmgrain_codec.cli import aside, chart
from filmgrain_codec.cli.options import looking
from filmgrain_codec.cli.progress import reporter
from filmgrain_codec.cli.session import Session

if TYPE_CHECKING:
    from filmgrain_codec.pipeline.flicker import Flicker


@click.command("flicker", short_help="Measure how a clip flickers.")
@click.argument("source", type=click.Path(), metavar="IN")
@click.option("--mode", type=click.Choice(["auto", "safe", "strong"]), default="auto", show_default=True,
              help="Mode of the deflicker filter.")  # fmt: skip
@click.option("--radius", type=int, metavar="N", help="Frames on each side that it looks at.")
@looking(csv="Write what would be done to every frame.", plot="Draw the light before and after.")
@click.pass_obj
def command(
    session: Session,
    source: str,
    mode: str,
    radius: int | None,
    table: Path | None,
    plot: Path | None,
    as_json: bool,
    progress: str,
    quiet: bool,
) -> None:
    """Measure the flicker of IN, shot by shot, and what 'filter -f deflicker' would leave of it.

    Flicker is the deviation of mean luma from frame to frame, in codes of 8 bit.
    """
    from filmgrain_codec.pipeline.flicker import flicker

    aside.check(table, plot=plot)
    found = flicker(source, mode, radius, reporter(session, progress, quiet))
    session.close()
    if table is not None:
        aside.save(table, rows_of(found.rows), "table")
    if plot is not None:
        aside.save(plot, drawn(f"Light of {Path(source).name}", found))
    report = {"file": source, "frames": len(found.rows), "shots": [asdict(shot) for shot in found.shots]}
    session.tell("flicker", report, overview(found), as_json)


def overview(found: Flicker) -> str:
    """One line a shot."""
    width = len(str(len(found.rows)))
    return "\n".join(
        f"shot {number}: frames {shot.start:{width}} to {shot.end - 1:{width}}, "
        f"flicker {shot.flicker:.2f} codes, {shot.left:.2f} after deflicker"
        for number, shot in enumerate(found.shots)
    )


def rows_of(rows: Sequence[Any]) -> str:
    """Rows (instances of one dataclass of numbers) as CSV with a head line."""
    names = [f.name for f in fields(rows[0])]
    lines = [",".join(f"{value:.6g}" for value in asdict(row).values()) for row in rows]
    return "\n".join([",".join(names), *lines]) + "\n"


def drawn(title: str, found: Flicker) -> str:
    """Mean luma over time, before and after, with the cuts."""
    rows = found.rows
    seen = [value for row in rows for value in (row.luma, row.corrected)]
    edge = 0.1 * (max(seen) - min(seen)) + 0.002
    span = (rows[0].time, max(rows[-1].time, rows[0].time + 0.04))
    picture = chart.Chart(
        title, "seconds", "mean luma, of full scale", span, (min(seen) - edge, max(seen) + edge)
    )
    for shot in found.shots[1:]:
        picture.upright(rows[shot.start].time)
    before, after = chart.COLOURS[1], chart.COLOURS[0]
    picture.line([(row.time, row.luma) for row in rows], before, width=1)
    picture.line([(row.time, row.corrected) for row in rows], after)
    picture.name("as it is", before)
    picture.name("after deflicker", after)
    return picture.svg()
