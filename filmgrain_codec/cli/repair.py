"""``fgcodec repair``: what repair finds in every frame of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filmgrain_codec.cli import aside
from filmgrain_codec.cli.flicker import rows_of
from filmgrain_codec.cli.options import looking
from filmgrain_codec.cli.progress import reporter
from filmgrain_codec.cli.session import Session

if TYPE_CHECKING:
    from filmgrain_codec.pipeline.repair import Row


@click.command("repair", short_help="Say what repair finds in a clip.")
@click.argument("source", type=click.Path(), metavar="IN")
@click.option("-f", "--filter", "filters", multiple=True, default=("dust", "scratches"), metavar="NODE",
              help="Repair as dust:KEY=VALUE,... or scratches:...; by default both.")  # fmt: skip
@looking(csv="Write what was found in every frame.")
@click.pass_obj
def command(
    session: Session,
    source: str,
    filters: tuple[str, ...],
    table: Path | None,
    as_json: bool,
    progress: str,
    quiet: bool,
) -> None:
    """Say how much dust and how many scratches repair finds in IN, and write no picture.

    'filter IN OUT -f dust -f scratches' repairs; '-f dust:show=overlay' shows what would be replaced.
    """
    from filmgrain_codec.pipeline.repair import look

    aside.check(table)
    rows = look(source, filters, reporter(session, progress, quiet))
    session.close()
    if table is not None:
        aside.save(table, rows_of(rows), "table")
    report = {"file": source, **totals(rows)}
    session.tell("repair", report, overview(report), as_json)


def totals(rows: Sequence[Row]) -> dict[str, Any]:
    """Sums and means over all frames."""
    count = max(len(rows), 1)
    return {
        "frames": len(rows),
        "specks": sum(r.specks for r in rows if not r.left),
        "damaged": sum(r.damaged for r in rows) / count,
        "left": sum(r.left for r in rows),
        "scratched_frames": sum(r.scratches > 0 for r in rows),
        "scratched": sum(r.scratched for r in rows) / count,
    }


def overview(report: dict[str, Any]) -> str:
    """Two or three lines."""
    lines = [
        f"dust: {report['specks']} specks in {report['frames']} frames, "
        f"{100 * report['damaged']:.3f} % of the picture",
        f"scratches: in {report['scratched_frames']} frames, "
        f"{100 * report['scratched']:.3f} % of the picture",
    ]
    if report["left"]:
        lines.append(f"left alone: {report['left']} frames with more specks than max_coverage allows")
    return "\n".join(lines)
