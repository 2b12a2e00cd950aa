"""Running the command line in this process, with a stand-in for the pipeline where wanted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from filmgrain_codec.cli.main import run
from filmgrain_codec.cli.session import Session
from filmgrain_codec.pipeline.progress import Event
from filmgrain_codec.pipeline.report import Report


@dataclass(frozen=True)
class Outcome:
    """What one run returned and printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def fgcodec(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """``fgcodec(*arguments)`` runs the command in this process."""

    def call(*arguments: str) -> Outcome:
        capfd.readouterr()
        code = run(list(arguments), Session())
        sys.stdout.flush()
        out, err = capfd.readouterr()
        return Outcome(code, out, err)

    return call


@dataclass
class Pipeline:
    """Stands where the pipeline is: records requests, plays events, returns or raises."""

    requests: list[Any] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    outcome: Any = None

    def __call__(self, request: Any, on_event: Callable[[Event], None] | None = None) -> Report:
        self.requests.append(request)
        for event in self.events:
            if on_event is not None:
                on_event(event)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome


def job(pipeline: Pipeline, name: str) -> Callable[..., Report]:
    def work(request: Any, on_event: Callable[[Event], None] | None = None) -> Report:
        return pipeline(request, on_event)

    work.__name__ = name
    return work


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """The commands' imports of encode, decode, filter_clip and match lead here."""
    stand_in = Pipeline(outcome=a_report())
    for module, names in {
        "encode": ("encode", "plan"),
        "decode": ("decode",),
        "filter": ("filter_clip",),
        "match": ("match",),
    }.items():
        fake = ModuleType(f"filmgrain_codec.pipeline.{module}")
        for name in names:
            setattr(fake, name, job(stand_in, name))
        monkeypatch.setitem(sys.modules, fake.__name__, fake)
    return stand_in


def a_report(**changes: Any) -> Report:
    settings = {
        "kind": "encode",
        "source": "in.mov",
        "output": "in.fg.mkv",
        "frames": 240,
        "seconds": 12.0,
        "source_bytes": 10_000_000,
        "output_bytes": 1_250_000,
        "shots": [{"start": 0, "end": 240, "level": 0.0512}],
    }
    return Report(**{**settings, **changes})
