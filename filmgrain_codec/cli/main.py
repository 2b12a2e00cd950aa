"""The ``fgcodec`` command: finding the subcommand, and turning every failure into an exit code.

0 ok, 1 internal error, 2 usage, 3 input, 4 output, 5 encoder, 6 verification, 7 profile or
model, 130 interrupted (128 + signal number for other signals).
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import Any, NoReturn

import click

from filmgrain_codec import __version__
from filmgrain_codec.cli.session import Session
from filmgrain_codec.errors import FgcodecError, Interrupted, OutputError

COMMANDS = (
    "encode",
    "decode",
    "estimate",
    "inspect",
    "flicker",
    "repair",
    "filter",
    "damage",
    "match",
    "presets",
    "models",
    "eval",
    "doctor",
    "train",
    "completion",
)


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"filmgrain_codec.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        # Before click sees these two: it would print a stray line, and exit 1 on a broken pipe.
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise Interrupted("interrupted") from stop
        except BrokenPipeError as gone:
            raise OutputError("the reader of the output went away") from gone


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fgcodec")
@click.option("--debug", is_flag=True, help="Show the full traceback of an error.")
@click.pass_obj
def cli(session: Session, debug: bool) -> None:
    """Measure film grain, strip it, encode a clean base layer, and put the grain back."""
    session.debug = session.debug or debug


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    session = Session(debug=bool(os.environ.get("FGCODEC_DEBUG")))
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = run(argv, session)
        sys.stdout.flush()
    except BrokenPipeError:
        code = _broken_pipe()
    sys.exit(code)


def run(argv: Sequence[str] | None, session: Session) -> int:
    """Run one command; the exit code instead of an exception, the error already printed."""
    try:
        result = cli.main(argv, prog_name="fgcodec", standalone_mode=False, obj=session)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        return _fail(session, error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt, Interrupted):
        return _fail(session, "interrupted; no final file was left.", Interrupted.exit_code)
    except Exception as error:
        return _exception(session, error)


def _exception(session: Session, error: Exception) -> int:
    if _from_broken_pipe(error):
        return _broken_pipe()
    if session.debug:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, FgcodecError):
        return _fail(session, str(error), error.exit_code)
    kind = type(error).__name__
    hint = "" if session.debug else " (run again with --debug for the traceback)"
    return _fail(session, f"internal error, {kind}: {error}{hint}", FgcodecError.exit_code)


def _fail(session: Session, message: str, code: int) -> int:
    """Print one line on stderr (and one JSON line where events are JSON)."""
    line = " ".join(message.split())
    session.close()
    click.echo(f"fgcodec: error: {line}", err=True)
    session.emit({"type": "error", "message": line, "exit_code": code})
    return code


def _from_broken_pipe(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, BrokenPipeError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _broken_pipe() -> int:
    """The reader of our stdout went away: nothing to say, but the output is not whole."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    return OutputError.exit_code


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    # As an exception, so that the pipeline removes its temporary files on the way out.
    raise SystemExit(128 + number)
