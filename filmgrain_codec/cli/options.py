"""Options that several commands share, with their checks."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]

LEVEL_LIMIT = 0.15
"""Same as grain.profile.LEVEL_MAX (a test compares them; importing it here would load NumPy)."""


class Level(click.ParamType):
    """A grain level from 0 to 0.15, or ``auto`` where allowed (then None)."""

    name = "level"

    def __init__(self, auto: bool = False) -> None:
        self.auto = auto

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "auto|FLOAT" if self.auto else "FLOAT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        if self.auto and value == "auto":
            return None
        try:
            level = float(value)
        except ValueError:
            level = math.nan
        if not 0.0 <= level <= LEVEL_LIMIT:
            choice = "auto or a number" if self.auto else "a number"
            hint = "(0.05 is strong grain, 12.75 codes in 8 bit)."
            self.fail(
                f"{value!r} is not a grain level: give {choice} from 0 to {LEVEL_LIMIT} {hint}", param, ctx
            )
        return level


class Amount(click.ParamType):
    """A finite number above zero (or from zero on)."""

    name = "float"

    def __init__(self, zero: bool = False) -> None:
        self.zero = zero

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or number < 0 or (number == 0 and not self.zero):
            bound = "of at least 0" if self.zero else "above 0"
            self.fail(f"{value!r} must be a number {bound}.", param, ctx)
        return number


def stack(*decorators: Decorator) -> Decorator:
    """Several options as one decorator, listed in help in the order given."""

    def apply(command: Command) -> Command:
        for decorate in reversed(decorators):
            command = decorate(command)
        return command

    return apply


def artistic(command: Command) -> Command:
    """What of the grain is changed on the way back: factors, each 1 as recorded."""
    return stack(
        click.option("--gain", type=Amount(zero=True), default=1.0, show_default=True,
                     help="Multiply the grain's level."),
        click.option("--size", type=Amount(), default=1.0, show_default=True,
                     help="Multiply the grain's size: 2 is twice as coarse."),
        click.option("--chroma", type=Amount(zero=True), default=1.0, show_default=True,
                     help="Multiply the chroma grain's strength; 0 is monochrome grain."),
        click.option("--seed", type=click.IntRange(0, 2**32 - 1), metavar="N",
                     help="Use another grain pattern."),
    )(command)  # fmt: skip


def encoding(codecs: tuple[str, ...], default: str) -> Decorator:
    """How the video of the output is encoded."""
    return stack(
        click.option("--codec", type=click.Choice(codecs), default=default, show_default=True,
                     help="Codec of the video."),
        click.option("--crf", type=Amount(zero=True), metavar="N",
                     help="Quality, in the codec's own scale; lower is better."),
        click.option("--preset", metavar="P", help="The codec's own speed preset."),
        click.option("--bits", type=click.IntRange(8, 16), metavar="N", help="Bit depth of the output."),
    )  # fmt: skip


def running(command: Command) -> Command:
    """What every job that writes a file understands."""
    return stack(
        click.option("-y", "--overwrite", is_flag=True, help="Replace an existing output."),
        click.option("--strict", is_flag=True, help="Fail where something cannot be carried."),
        click.option("--threads", type=click.IntRange(1, 1024), metavar="N", help="Threads to use."),
        click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on stdout."),
        watching,
    )(command)


def looking(csv: str = "", plot: str = "") -> Decorator:
    """What a command that only looks at a clip leaves: a table and a chart of what these say, and JSON."""
    files = [("--csv", "table", "FILE.csv", csv), ("--plot", "plot", "FILE.svg", plot)]
    return stack(
        *(
            click.option(flag, name, type=click.Path(path_type=Path), metavar=metavar, help=text)
            for flag, name, metavar, text in files
            if text
        ),
        click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout."),
        watching,
    )


def watching(command: Command) -> Command:
    """How much a long-running command says, and to whom."""
    return stack(
        click.option("--progress", type=click.Choice(["auto", "json", "none"]), default="auto",
                     show_default=True, help="auto: on stderr; json: one JSON object a line on stdout."),
        click.option("-q", "--quiet", is_flag=True, help="Print errors only."),
        debugging,
    )(command)  # fmt: skip


def debugging(command: Command) -> Command:
    """``--debug`` after the command's name too, where people type it."""
    return click.option("--debug", is_flag=True, expose_value=False, callback=_debug,
                        help="Show the full traceback of an error.")(command)  # fmt: skip


def _debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        ctx.obj.debug = True
