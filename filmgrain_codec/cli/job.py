"""What encode, decode and filter have in common: run with progress, then report."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from filmgrain_codec import __version__
from filmgrain_codec.cli.progress import clock, rate, reporter, size
from filmgrain_codec.cli.session import SCHEMA, Session, to_json
from filmgrain_codec.errors import UsageError

if TYPE_CHECKING:
    from filmgrain_codec.pipeline.progress import Event
    from filmgrain_codec.pipeline.report import Report


class Request(Protocol):
    """What all job requests have."""

    @property
    def output(self) -> Path | str | None: ...


def run_job[R: Request](
    session: Session,
    work: Callable[[R, Callable[[Event], None] | None], Report],
    request: R,
    *,
    progress: str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Run ``work(request, listener)``, then print its warnings and its report."""
    check_stdout(request.output, as_json or progress == "json")
    listener = reporter(session, progress, quiet)
    kind = work.__name__.removesuffix("_clip")
    session.emit({"type": "start", "schema": SCHEMA, "command": kind, "version": __version__})
    report = work(request, listener).to_dict()
    session.close()
    for warning in report["warnings"]:
        session.emit({"type": "warning", "message": warning})
        if not quiet:
            click.echo(f"fgcodec: warning: {warning}", err=True)
    if session.json_events:
        session.emit({"type": "report", **report})
    elif as_json:
        click.echo(to_json(report, indent=2))
    elif not quiet:
        click.echo(f"fgcodec: {summary(report)}", err=True)


def check_stdout(output: Path | str | None, json_on_stdout: bool) -> None:
    """Video on stdout leaves no room for JSON there, and does not belong on a terminal."""
    if str(output) != "-":
        return
    if json_on_stdout:
        raise UsageError("-o - sends the video to stdout, where --json and --progress json would go too.")
    if to_terminal():
        raise UsageError("-o - writes y4m video to stdout, which is a terminal; pipe it into a program.")


def to_terminal() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout.isatty()


def summary(report: dict[str, Any]) -> str:
    """``out.fg.mkv: 240 frames in 0:12 (20.0 fps), 1.2 MB, 18.2% of the source, level 0.051``."""
    parts = [f"{report['frames']} frames in {clock(report['seconds'])} ({rate(report['fps'])})"]
    written, source = report.get("output_bytes"), report.get("source_bytes")
    if written:
        parts.append(size(written))
    if written and source and report["kind"] == "encode":
        parts.append(f"{100 * written / source:.1f}% of the source")
    if report.get("predicted_bytes"):
        parts.append(f"the whole video will take about {size(report['predicted_bytes'])}")
    if report.get("quality"):
        parts.append(aimed(report["quality"]))
    if report.get("shots"):
        parts.append(levels(report["shots"]))
    return f"{report['output']}: {', '.join(parts)}"


def aimed(found: dict[str, Any]) -> str:
    """``CRF 27.5 for VMAF 93.1 when decoded with --repair codec``."""
    unit = "VMAF {:.1f}" if found["metric"] == "vmaf" else "PSNR {:.2f} dB"
    decoded = "" if found["repair"] == "off" else f" when decoded with --repair {found['repair']}"
    return f"CRF {found['crf']:g} for {unit.format(found['predicted'])}{decoded}"


def levels(shots: list[dict[str, Any]]) -> str:
    """The level, or the range of levels, over a clip's shots."""
    found = [shot["level"] for shot in shots]
    low, high = min(found), max(found)
    if len(found) == 1:
        return f"level {low:.4f}"
    return f"levels {low:.4f} to {high:.4f} in {len(found)} shots"
