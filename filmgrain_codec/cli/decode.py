"""``fgcodec decode``: decode the base layer and put its grain back."""

from __future__ import annotations

from typing import Any

import click

from filmgrain_codec.cli.job import run_job
from filmgrain_codec.cli.options import Level, artistic, encoding, running
from filmgrain_codec.cli.session import Session


@click.command("decode", short_help="Decode a base layer and put its grain back.")
@click.argument("source", type=click.Path(), metavar="IN")
@click.option("-o", "--output", type=click.Path(), metavar="OUT|-",
              help="Output file, default IN.regrained.mkv; - writes y4m to stdout.")  # fmt: skip
@click.option("--level", type=Level(), help="Use this grain level instead of the recorded one.")
@artistic
@click.option("--grain-preset", metavar="NAME",
              help="Use this film stock's grain (fgcodec presets) instead of the recorded one.")  # fmt: skip
@click.option("--grain/--no-grain", default=True, help="Put the grain back, or write the base layer alone.")
@click.option("--synth", default="auto", show_default=True, metavar="auto|parametric|fast|ID",
              help="Grain synthesizer; auto is what the profile names.")  # fmt: skip
@click.option("--repair", default="off", show_default=True, metavar="off|codec|auto[:KEY=VALUE,...]",
              help="Repair what the codec did, before the grain; auto: where it was coarse. "
                   "Keys are those of the filter codec_repair.")  # fmt: skip
@encoding(("ffv1", "prores", "x264", "x265", "svtav1"), "ffv1")
@running
@click.pass_obj
def command(session: Session, as_json: bool, progress: str, quiet: bool, **options: Any) -> None:
    """Decode IN and put the grain back that its profile describes.

    The same file and seed give the same grain on every run, fresh on every frame.
    """
    from filmgrain_codec.pipeline.decode import decode
    from filmgrain_codec.pipeline.request import DecodeRequest

    request = DecodeRequest(**options)
    run_job(session, decode, request, progress=progress, quiet=quiet, as_json=as_json)
