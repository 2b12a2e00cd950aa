"""``fgcodec encode``: strip the grain, encode the base layer, send the profile along."""

from __future__ import annotations

from typing import Any

import click

from filmgrain_codec.cli.job import run_job
from filmgrain_codec.cli.options import Amount, Level, encoding, running
from filmgrain_codec.cli.session import Session, to_json
from filmgrain_codec.cli.text import tree
from filmgrain_codec.infer.names import BACKENDS


@click.command("encode", short_help="Strip the grain and encode a clean base layer.")
@click.argument("source", type=click.Path(), metavar="IN")
@click.option("-o", "--output", type=click.Path(), metavar="OUT", help="Output file; default IN.fg.mkv.")
@click.option("--level", type=Level(auto=True), default="auto", show_default=True,
              help="Grain level, as a fraction of full scale; auto measures it.")  # fmt: skip
@encoding(("x264", "x265", "svtav1"), "x265")
@click.option("--target-quality", metavar="VMAF|psnr:DB",
              help="Look for the CRF at which the decoded, repaired base layer is that good.")  # fmt: skip
@click.option("--target-repair", default="codec", show_default=True, metavar="off|codec|auto[:...]",
              help="The --repair that decode will be given, for --target-quality.")  # fmt: skip
@click.option("--model", default="fast", show_default=True, metavar="fast|balanced|best|ID",
              help="Grain removal model.")  # fmt: skip
@click.option("--backend", type=click.Choice(BACKENDS), default="auto", show_default=True,
              help="What runs the removal model; auto takes the fastest.")  # fmt: skip
@click.option("--blind", is_flag=True, help="Remove grain without being told its level.")
@click.option("--ref", type=click.Path(), metavar="CLIP",
              help="Your own degrained IN: becomes the base layer; grain = IN - CLIP.")  # fmt: skip
@click.option("--refine", is_flag=True,
              help="Correct the measured grain: put back, it must measure as the source.")  # fmt: skip
@click.option("--levels", type=click.Path(), metavar="FILE.json",
              help="The grain, measured elsewhere: a sidecar, or what vspipe --json wrote.")  # fmt: skip
@click.option("--player-grain", is_flag=True,
              help="Let ordinary players show grain too (AV1, HEVC; H.264 with --bits 8).")  # fmt: skip
@click.option("--zones", metavar="ZONES",
              help="Levels for ranges of frames, e.g. '0-99:level=0.03;100-:off'.")  # fmt: skip
@click.option("--deflicker", type=click.Choice(["off", "auto", "safe", "strong", "atlas"]),
              default="off", show_default=True,
              help="Even out the light first; auto leaves steady shots alone.")  # fmt: skip
@click.option("--repair", default="off", show_default=True, metavar="off|dust,scratches|best",
              help="Repair dust, scratches or both first; best: both, with more care.")  # fmt: skip
@click.option("-f", "--filter", "filters", multiple=True, metavar="NODE",
              help="Filter to run before the grain is measured; may be repeated.")  # fmt: skip
@click.option("--sample", type=Amount(), metavar="SECONDS",
              help="Encode that many seconds from the middle and predict the whole size.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Print the resolved plan and write nothing.")
@running
@click.pass_obj
def command(
    session: Session, as_json: bool, progress: str, quiet: bool, dry_run: bool, **options: Any
) -> None:
    """Measure the film grain of IN, strip it, and encode the clean base layer.

    The grain profile travels in the stream; 'fgcodec decode' puts the grain back. IN is a
    video file, an image sequence such as shot.%04d.png, a VapourSynth script (.vpy), or - for
    y4m on stdin.
    """
    from filmgrain_codec.pipeline.encode import encode, plan
    from filmgrain_codec.pipeline.request import EncodeRequest

    request = EncodeRequest(**options)
    if request.deflicker == "atlas":
        from filmgrain_codec.cli.encode_atlas import encode, plan
    if dry_run:
        resolved = plan(request).to_dict()
        click.echo(to_json(resolved, indent=2) if as_json else tree(resolved))
        return
    run_job(session, encode, request, progress=progress, quiet=quiet, as_json=as_json)
