"""Start-up is light, every command explains itself, shells can complete, training needs torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from filmgrain_codec import __version__
from filmgrain_codec.cli import train
from filmgrain_codec.cli.main import COMMANDS
from tests.conftest import ROOT

HEAVY = ("av", "numpy", "onnxruntime", "torch", "vapoursynth", "scipy", "PIL")


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.parametrize(
    "arguments", ["['--help']", "['--version']", "['encode', '--help']", "['completion', 'zsh']"]
)
def test_start_up_loads_nothing_heavy(arguments):
    code = f"""
import json, sys
from filmgrain_codec.cli.main import run
from filmgrain_codec.cli.session import Session
code = run({arguments}, Session())
print(json.dumps([code, sorted(set({HEAVY}) & set(sys.modules))]))
"""
    done = python(code)
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []]


def test_importing_the_package_loads_nothing_heavy():
    done = python(f"import sys, filmgrain_codec; print(sorted(set({HEAVY}) & set(sys.modules)))")
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("line", [*COMMANDS, "models list", "models verify"])
def test_every_command_has_help(fgcodec, line):
    done = fgcodec(*line.split(), "--help")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Usage: fgcodec " + line)


def test_the_overview_names_every_command(fgcodec):
    done = fgcodec("--help")
    assert done.code == 0
    for name in COMMANDS:
        assert f"  {name} " in done.out


def test_no_arguments_show_the_help_and_exit_2(fgcodec):
    done = fgcodec()
    assert (done.code, done.out) == (2, "")
    assert "Usage: fgcodec" in done.err


def test_version(fgcodec):
    assert fgcodec("--version").out.strip() == f"fgcodec, version {__version__}"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_ask_fgcodec(fgcodec, shell):
    script = fgcodec("completion", shell).out
    assert f"_FGCODEC_COMPLETE={shell}_complete" in script


def test_completing_a_command_and_an_option():
    code = "from filmgrain_codec.cli.main import main; main(['ignored'])"
    done = python(code, _FGCODEC_COMPLETE="bash_complete", COMP_WORDS="fgcodec enc", COMP_CWORD="1")
    assert done.stdout.strip() == "plain,encode"
    done = python(code, _FGCODEC_COMPLETE="bash_complete", COMP_WORDS="fgcodec decode --sy", COMP_CWORD="2")
    assert done.stdout.strip() == "plain,--synth"


def test_training_without_torch_says_how_to_get_it(fgcodec, monkeypatch):
    monkeypatch.setattr(train, "find_spec", lambda name: None)
    done = fgcodec("train", "removal", "--data", "x")
    assert done.code == 2
    assert "pip install 'filmgrain-codec[cpu,train]'" in done.err
    assert done.err.count("\n") == 1


def test_an_unknown_training_task_names_the_known_ones(fgcodec):
    done = fgcodec("train", "everything")
    assert done.code == 2
    assert "removal, export" in done.err


def test_training_hands_its_arguments_on(fgcodec, monkeypatch):
    seen = []

    class Task:
        @staticmethod
        def main(arguments):
            seen.append(arguments)

    monkeypatch.setattr(train, "find_spec", lambda name: object())
    monkeypatch.setattr(train, "import_module", lambda name: seen.append(name) or Task)
    assert fgcodec("train", "removal", "--data", "x", "--help").code == 0
    assert seen == ["filmgrain_codec.train.removal", ["--data", "x", "--help"]]
