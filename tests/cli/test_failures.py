"""Exit codes, one-line errors, interrupts and broken pipes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from filmgrain_codec import errors
from tests.conftest import ROOT

FGCODEC = (sys.executable, "-c", "from filmgrain_codec.cli.main import main; main()")
EXIT_CODES = {
    "FgcodecError": 1,
    "UsageError": 2,
    "InputError": 3,
    "OutputError": 4,
    "EncoderError": 5,
    "VerifyError": 6,
    "ProfileError": 7,
    "ModelError": 7,
}


@pytest.mark.parametrize("name", EXIT_CODES)
def test_every_error_class_has_its_exit_code_and_one_line(fgcodec, pipeline, name):
    pipeline.outcome = getattr(errors, name)("in.mov: cannot be used;\n  try another")
    done = fgcodec("encode", "in.mov")
    assert done.code == EXIT_CODES[name]
    assert done.err == "fgcodec: error: in.mov: cannot be used; try another\n"
    assert done.out == ""


def test_an_unexpected_exception_is_one_line_with_a_hint(fgcodec, pipeline):
    pipeline.outcome = ZeroDivisionError("division by zero")
    done = fgcodec("encode", "in.mov")
    assert done.code == 1
    assert done.err.count("\n") == 1
    assert "ZeroDivisionError: division by zero" in done.err
    assert "--debug" in done.err


@pytest.mark.parametrize("line", ["--debug encode in.mov", "encode in.mov --debug"])
def test_debug_shows_the_traceback(fgcodec, pipeline, line):
    pipeline.outcome = ZeroDivisionError("division by zero")
    done = fgcodec(*line.split())
    assert done.code == 1
    assert "Traceback" in done.err
    assert done.err.splitlines()[-1].startswith("fgcodec: error: internal error")


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), errors.Interrupted("stopped")])
def test_an_interrupt_exits_130(fgcodec, pipeline, stop):
    pipeline.outcome = stop
    done = fgcodec("encode", "in.mov")
    assert done.code == 130
    assert done.err == "fgcodec: error: interrupted; no final file was left.\n"


def test_an_error_caused_by_a_broken_pipe_is_quiet():
    code = (
        "from filmgrain_codec.cli import main as m, session; from filmgrain_codec.errors import OutputError\n"
    )
    code += "error = OutputError('stdout'); error.__cause__ = BrokenPipeError()\n"
    code += "raise SystemExit(m._exception(session.Session(), error))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (4, "")


def test_a_reader_that_goes_away_is_no_error_message():
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [*FGCODEC, "completion", "bash"], stdout=write, stderr=subprocess.PIPE, cwd=ROOT, check=False
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (4, b"")
