"""``fgcodec match``: the grain of one clip, put onto another."""

from __future__ import annotations

from typing import Any

import click

from filmgrain_codec.cli.job import run_job
from filmgrain_codec.cli.options import Level, artistic, encoding, running
from filmgrain_codec.cli.session import Session
from filmgrain_codec.infer.names import BACKENDS


@click.command("match", short_help="Put the grain of one clip onto another.")
@click.argument("source", type=click.Path(), metavar="A")
@click.option("--to", type=click.Path(), required=True, metavar="B", help="The clip that gets A's grain.")
@click.option("-o", "--output", type=click.Path(), metavar="OUT|-",
              help="Output file, default B.matched.mkv; - writes y4m to stdout.")  # fmt: skip
@click.option("--shot", type=click.IntRange(0), metavar="N",
              help="Shot of A to take, from 0; default the longest and most certain.")  # fmt: skip
@click.option("--clean-first", is_flag=True, help="Remove B's own grain before.")
@click.option("--level", type=Level(), help="Use this grain level instead of A's.")
@artistic
@click.option("--synth", default="auto", show_default=True, metavar="auto|parametric|fast|ID",
              help="Grain synthesizer; auto is what A's profile names.")  # fmt: skip
@click.option("--model", default="fast", show_default=True, metavar="fast|balanced|best|ID",
              help="Grain removal model of --clean-first.")  # fmt: skip
@click.option("--backend", type=click.Choice(BACKENDS), default="auto", show_default=True,
              help="What runs the removal model.")  # fmt: skip
@encoding(("ffv1", "prores", "x264", "x265", "svtav1"), "ffv1")
@running
@click.pass_obj
def command(session: Session, as_json: bool, progress: str, quiet: bool, **options: Any) -> None:
    """Measure the film grain of A and put it onto B.

    Of a file that carries a grain profile the recorded grain is taken. Grain is matched sample by sample:
    for clips of different widths see --size.
    """
    from filmgrain_codec.pipeline.match import match
    from filmgrain_codec.pipeline.request import MatchRequest

    request = MatchRequest(**options)
    run_job(session, match, request, progress=progress, quiet=quiet, as_json=as_json)
