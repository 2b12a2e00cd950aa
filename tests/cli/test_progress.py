"""Progress for people: the words, the bar, the rarer and rarer lines."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from filmgrain_codec.cli import progress
from filmgrain_codec.cli.session import Session
from filmgrain_codec.pipeline.progress import Event


def event(**changes):
    return Event(**{"stage": "encode", "frame": 101, "frames": 240, "fps": 12.34, **changes})


def test_describe_says_everything_it_knows():
    text = progress.describe(event(eta=11.2, bytes=1_234_567, expected_bytes=2_900_000, level=0.0514))
    assert text == "42% 101/240 frames, 12.3 fps, ETA 0:11, 1.2 MB -> 2.9 MB, level 0.051"


def test_describe_leaves_out_what_it_does_not_know():
    assert progress.describe(event(frames=None)) == "101 frames, 12.3 fps"


def test_more_frames_than_declared_stay_at_100_percent():
    assert progress.describe(event(frame=250)).startswith("100% 250/240")


@pytest.mark.parametrize(("fps", "text"), [(12.34, "12.3 fps"), (0.25, "4.0 s/frame"), (0, "- fps")])
def test_rate_turns_round_below_one(fps, text):
    assert progress.rate(fps) == text


@pytest.mark.parametrize(("seconds", "text"), [(5, "0:05"), (59.6, "1:00"), (3723, "1:02:03")])
def test_clock(seconds, text):
    assert progress.clock(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(12, "12 B"), (1200, "1.2 kB"), (3_400_000, "3.4 MB"), (5_670_000_000_000, "5670.00 GB")],
)
def test_size(count, text):
    assert progress.size(count) == text


def test_lines_grow_rarer_and_the_end_is_always_said(capsys):
    now = [0.0]
    lines = progress.LineReporter(clock=lambda: now[0])
    for frame in range(1, 101):
        now[0] = float(frame)
        lines(event(frame=frame, frames=100))
    said = [line.split()[3] for line in capsys.readouterr().err.splitlines()]
    assert said == ["9/100", "25/100", "57/100", "100/100"]


def test_each_stage_starts_its_own_waits(capsys):
    now = [0.0]
    lines = progress.LineReporter(clock=lambda: now[0])
    for stage in ("analyse", "encode"):
        for frame in range(1, 11):
            now[0] += 1.0
            lines(event(stage=stage, frame=frame, frames=None))
    said = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in said] == ["analyse:", "encode:"]


def test_the_bar_draws_every_stage():
    target = io.StringIO()
    bar = progress.BarReporter(Console(file=target, force_terminal=True, width=120))
    bar(event(stage="analyse", frame=240))
    bar(event(level=0.05))
    bar.close()
    assert "analyse" in target.getvalue()
    assert "42% 101/240 frames, 12.3 fps, level 0.050" in target.getvalue()


def test_no_color_is_honoured(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    target = io.StringIO()
    bar = progress.BarReporter(Console(file=target, force_terminal=True, width=120))
    bar(event())
    bar.close()
    assert "\x1b[3" not in target.getvalue().replace("\x1b[?25", "")


@pytest.mark.parametrize(("mode", "quiet"), [("none", False), ("auto", True)])
def test_silence_needs_no_reporter(mode, quiet):
    assert progress.reporter(Session(), mode, quiet) is None


def test_json_progress_speaks_even_when_quiet():
    session = Session()
    assert progress.reporter(session, "json", quiet=True) is not None
    assert session.json_events
