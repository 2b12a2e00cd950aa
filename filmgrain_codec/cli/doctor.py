"""``fgcodec doctor``: is everything here that the main job needs?"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import click

from filmgrain_codec import __version__
from filmgrain_codec.cli.options import debugging
from filmgrain_codec.cli.session import to_json
from filmgrain_codec.cli.text import columns, scalar
from filmgrain_codec.errors import FgcodecError

ENCODERS = {
    "x264": "libx264",
    "x265": "libx265",
    "svtav1": "libsvtav1",
    "ffv1": "ffv1",
    "prores": "prores_ks",
}
CLIENTS = {
    "ffmpeg": ("ffmpeg", "-version"),
    "ffprobe": ("ffprobe", "-version"),
    "mkvmerge": ("mkvmerge", "--version"),
    "mpv": ("mpv", "--version"),
}
MARKS = {"ok": "ok  ", "missing": "--  ", "failed": "FAIL"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One checked thing. ``state``: ok, missing (optional, only noted) or failed."""

    name: str
    state: str
    detail: str


@click.command("doctor", short_help="Check this installation.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@debugging
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Check the installation: versions, encoders, models, optional programs.

    Exit code 0 if encode and decode can work here, 1 if something they need is broken.
    """
    found = examine()
    healthy = all(finding.state != "failed" for finding in found)
    if as_json:
        click.echo(to_json({"healthy": healthy, "checks": [asdict(finding) for finding in found]}, indent=2))
    else:
        click.echo(columns([[MARKS[f.state], f.name, f.detail] for f in found]))
    ctx.exit(0 if healthy else 1)


def examine() -> list[Finding]:
    """Every check, in the order it is shown."""
    found = [
        Finding("fgcodec", "ok", __version__),
        Finding("python", "ok", f"{platform.python_version()} ({sys.executable})"),
        Finding("cpu", "ok", f"{os.cpu_count()} logical, {platform.machine()}, {platform.system()}"),
        guarded("media library", media),
    ]
    found += [guarded(f"encoder {name}", encoder, library) for name, library in ENCODERS.items()]
    found += [
        guarded("onnxruntime", runtime),
        guarded("removal backend", backends),
        guarded("models", models),
    ]
    return found + [client(name, arguments) for name, arguments in CLIENTS.items()]


def guarded(name: str, check: Callable[..., str], *arguments: Any) -> Finding:
    """The finding of a check that returns its detail or raises."""
    try:
        return Finding(name, "ok", check(*arguments))
    except (FgcodecError, ImportError, OSError) as error:
        return Finding(name, "failed", " ".join(str(error).split()))


def media() -> str:
    from filmgrain_codec.media.about import versions

    found = versions()
    return f"PyAV {found['pyav']}, FFmpeg {found['ffmpeg']}"


def encoder(library: str) -> str:
    from filmgrain_codec.media.about import encoders_present

    if not encoders_present([library])[library]:
        raise FgcodecError(f"{library} is not in this build of PyAV; install av from its own wheels")
    return library


def client(name: str, arguments: tuple[str, ...]) -> Finding:
    """An optional program: where it is and what it calls its version."""
    path = shutil.which(arguments[0])
    if path is None:
        return Finding(name, "missing", "not found (optional)")
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(name, "missing", f"{path} does not run (optional): {error}")
    lines = (done.stdout or done.stderr).strip().splitlines()
    return Finding(name, "ok", f"{path}: {lines[0][:70] if lines else 'no version'}")


def runtime() -> str:
    """ONNX Runtime's version and what it can run on."""
    from filmgrain_codec.infer.about import runtime as about

    found = about()
    return f"{found['version']}, offers {scalar(found['providers'])}; used: {scalar(found['used'])}"


def backends() -> str:
    """What grain removal runs on, and what else it could."""
    from filmgrain_codec.infer.about import backends as about

    found = about()
    used = found.pop("auto")
    others = (f"{name} ({text.partition(':')[0]})" for name, text in found.items() if name != used)
    return f"{used} {found[used]}; others: {', '.join(others)}"


def models() -> str:
    """The installed models, each of them the one recorded."""
    from filmgrain_codec.infer.store import catalogue

    found = catalogue()
    for model in found:
        model.verify()
    return f"{scalar([model.id for model in found]) or 'none'} (sha256 verified)"
