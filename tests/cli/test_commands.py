"""What each command hands to the pipeline, and what it prints."""

from __future__ import annotations

import json
import math

import pytest

from filmgrain_codec.cli import overview
from filmgrain_codec.cli.options import LEVEL_LIMIT
from filmgrain_codec.grain.profile import LEVEL_MAX, LEVEL_NONE
from filmgrain_codec.pipeline.plan import Plan
from filmgrain_codec.pipeline.progress import Event
from filmgrain_codec.pipeline.request import DecodeRequest, EncodeRequest, FilterRequest, MatchRequest
from tests.cli.conftest import a_report

HALF = Event(
    stage="encode", frame=120, frames=240, fps=20.0, eta=6.0, bytes=600_000, expected_bytes=1_200_000
)
DONE = Event(stage="encode", frame=240, frames=240, fps=20.0, eta=0.0, bytes=1_200_000, level=0.0512)


def test_encode_defaults_are_the_request_defaults(fgcodec, pipeline):
    assert fgcodec("encode", "in.mov").code == 0
    assert pipeline.requests == [EncodeRequest(source="in.mov")]


def test_encode_passes_every_option(fgcodec, pipeline):
    line = (
        "encode in.mov -o out.mkv --level 0.05 --codec svtav1 --crf 30 --preset 6 --bits 10 "
        "--model best --blind --ref clean.mov --zones 0-9:off --sample 2.5 --refine "
        "-y --strict --threads 2 -f a:x=1 -f b"
    )
    assert fgcodec(*line.split()).code == 0
    assert pipeline.requests == [
        EncodeRequest(
            source="in.mov",
            output="out.mkv",
            level=0.05,
            codec="svtav1",
            crf=30.0,
            preset="6",
            bits=10,
            model="best",
            blind=True,
            ref="clean.mov",
            zones="0-9:off",
            sample=2.5,
            refine=True,
            overwrite=True,
            strict=True,
            threads=2,
            filters=("a:x=1", "b"),
        )
    ]


def test_decode_passes_every_option(fgcodec, pipeline):
    line = (
        "decode in.mkv -o out.mov --level 0.02 --gain 0.5 --size 1.5 --chroma 0 --seed 7 --no-grain "
        "--grain-preset 35mm-50d --synth parametric "
        "--codec prores --crf 3 --preset hq --bits 10 -y --strict --threads 1"
    )
    assert fgcodec(*line.split()).code == 0
    assert pipeline.requests == [
        DecodeRequest(
            source="in.mkv",
            output="out.mov",
            level=0.02,
            gain=0.5,
            size=1.5,
            chroma=0.0,
            grain_preset="35mm-50d",
            seed=7,
            grain=False,
            synth="parametric",
            codec="prores",
            crf=3.0,
            preset="hq",
            bits=10,
            overwrite=True,
            strict=True,
            threads=1,
        )
    ]


def test_decode_defaults_are_the_request_defaults(fgcodec, pipeline):
    assert fgcodec("decode", "in.mkv").code == 0
    assert pipeline.requests == [DecodeRequest(source="in.mkv")]


def test_match_passes_every_option(fgcodec, pipeline):
    line = (
        "match a.mov --to b.mov -o - --shot 2 --clean-first --level 0.03 --gain 2 --size 1.5 --chroma 0.5 "
        "--seed 3 --synth parametric --model best --backend onnxruntime --threads 2"
    )
    assert fgcodec(*line.split()).code == 0
    assert fgcodec("match", "a.mov", "--to", "b.mov").code == 0
    assert pipeline.requests == [
        MatchRequest(
            source="a.mov",
            to="b.mov",
            output="-",
            shot=2,
            clean_first=True,
            level=0.03,
            gain=2.0,
            size=1.5,
            chroma=0.5,
            seed=3,
            synth="parametric",
            model="best",
            backend="onnxruntime",
            threads=2,
        ),
        MatchRequest(source="a.mov", to="b.mov"),
    ]


def test_presets_are_listed_for_people_and_for_machines(fgcodec):
    text = fgcodec("presets").out.splitlines()
    found = json.loads(fgcodec("presets", "--width", "4096", "--json").out)
    names = [each["preset"] for each in found["presets"]]
    assert [line.split()[0] for line in text[1 : 1 + len(names)]] == names
    assert all(f"{name}: level " in "\n".join(text) for name in names)
    assert float(text[1].split()[1]) < found["presets"][0]["level"]


def test_filter_keeps_the_order_of_its_chain(fgcodec, pipeline):
    assert fgcodec("filter", "in.mov", "out.mkv", "-f", "grain:level=0.04", "-f", "b:k=1,2").code == 0
    assert pipeline.requests == [
        FilterRequest(source="in.mov", output="out.mkv", filters=("grain:level=0.04", "b:k=1,2"))
    ]


def test_the_level_limit_is_the_profile_limit():
    assert LEVEL_LIMIT == LEVEL_MAX
    assert overview.LEVEL_NONE == LEVEL_NONE


@pytest.mark.parametrize("level", ["0", "0.15", "1e-3"])
def test_levels_in_range_are_taken(fgcodec, pipeline, level):
    assert fgcodec("encode", "in.mov", "--level", level).code == 0
    assert pipeline.requests[0].level == float(level)


@pytest.mark.parametrize("command", ["encode", "decode"])
@pytest.mark.parametrize("level", ["0.1501", "-0.01", "nan", "inf", "strong", "5"])
def test_levels_out_of_range_are_usage_errors(fgcodec, pipeline, command, level):
    done = fgcodec(command, "in.mov", "--level", level)
    assert (done.code, pipeline.requests) == (2, [])
    assert f"{level!r} is not a grain level" in done.err
    assert "from 0 to 0.15" in done.err


@pytest.mark.parametrize(
    "line",
    [
        "encode",
        "encode a b",
        "encode a --codec vp9",
        "encode a --crf x",
        "encode a --crf nan",
        "encode a --sample 0",
        "encode a --bits 7",
        "encode a --threads 0",
        "decode a --gain -1",
        "decode a --gain inf",
        "decode a --size 0",
        "decode a --chroma -1",
        "presets --width 0",
        "decode a --seed 4294967296",
        "decode a --seed -1",
        "filter a b",
        "match a",
        "match a --to b --shot -1",
        "completion powershell",
        "nonsense",
        "encode a --nonsense",
    ],
)
def test_usage_errors_are_one_line_and_exit_2(fgcodec, pipeline, line):
    done = fgcodec(*line.split())
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("fgcodec: error: ")
    assert done.err.count("\n") == 1
    assert pipeline.requests == []


def test_the_summary_says_what_was_made(fgcodec, pipeline):
    pipeline.outcome = a_report(warnings=["alpha was dropped"])
    done = fgcodec("encode", "in.mov")
    assert done.out == ""
    assert done.err.splitlines() == [
        "fgcodec: warning: alpha was dropped",
        "fgcodec: in.fg.mkv: 240 frames in 0:12 (20.0 fps), 1.2 MB, 12.5% of the source, level 0.0512",
    ]


def test_a_sample_predicts_the_whole(fgcodec, pipeline):
    pipeline.outcome = a_report(predicted_bytes=2_000_000_000)
    assert "the whole video will take about 2.00 GB" in fgcodec("encode", "in.mov", "--sample", "1").err


def test_several_shots_give_a_range(fgcodec, pipeline):
    pipeline.outcome = a_report(shots=[{"level": 0.03}, {"level": 0.01}, {"level": 0.02}])
    assert "levels 0.0100 to 0.0300 in 3 shots" in fgcodec("encode", "in.mov").err


def test_json_is_the_whole_report_on_stdout(fgcodec, pipeline):
    pipeline.events = [DONE]
    done = fgcodec("encode", "in.mov", "--json", "-q")
    assert json.loads(done.out) == {**a_report().to_dict(), "fps": 20.0}
    assert done.err == ""


def test_numbers_json_cannot_hold_become_null(fgcodec, pipeline):
    pipeline.outcome = a_report(plan={"nan": math.nan, "inf": [math.inf], "ok": 1.5})
    found = json.loads(fgcodec("encode", "in.mov", "--json").out)
    assert found["plan"] == {"nan": None, "inf": [None], "ok": 1.5}


def test_quiet_says_nothing(fgcodec, pipeline):
    pipeline.events, pipeline.outcome = [HALF, DONE], a_report(warnings=["w"])
    done = fgcodec("encode", "in.mov", "-q")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_progress_json_is_one_documented_object_a_line(fgcodec, pipeline):
    pipeline.events, pipeline.outcome = [HALF, DONE], a_report(warnings=["w"])
    done = fgcodec("encode", "in.mov", "--progress", "json")
    start, half, end, warning, report = [json.loads(line) for line in done.out.splitlines()]
    assert (start["type"], start["schema"], start["command"]) == ("start", 1, "encode")
    assert half == {
        "type": "progress",
        "stage": "encode",
        "frame": 120,
        "frames": 240,
        "percent": 50.0,
        "fps": 20.0,
        "eta_seconds": 6.0,
        "bytes": 600_000,
        "expected_bytes": 1_200_000,
        "level": None,
    }
    assert end["percent"] == 100.0
    assert warning == {"type": "warning", "message": "w"}
    assert (report["type"], report["output"]) == ("report", "in.fg.mkv")


def test_progress_json_reports_errors_too(fgcodec, pipeline):
    pipeline.outcome = ValueError("odd\nthing")
    done = fgcodec("decode", "in.mkv", "--progress", "json")
    last = json.loads(done.out.splitlines()[-1])
    assert (last["type"], last["exit_code"], done.code) == ("error", 1, 1)
    assert "odd thing" in last["message"]


def test_progress_lines_appear_where_stderr_is_no_terminal(fgcodec, pipeline):
    pipeline.events = [HALF, DONE]
    lines = fgcodec("encode", "in.mov").err.splitlines()
    assert lines[0] == "fgcodec: encode: 100% 240/240 frames, 20.0 fps, 1.2 MB, level 0.051"


@pytest.mark.parametrize("extra", [["--json"], ["--progress", "json"]])
def test_json_and_video_cannot_share_stdout(fgcodec, pipeline, extra):
    done = fgcodec("decode", "in.mkv", "-o", "-", *extra)
    assert (done.code, pipeline.requests) == (2, [])
    assert "stdout" in done.err


def test_video_goes_to_no_terminal(fgcodec, pipeline, monkeypatch):
    monkeypatch.setattr("filmgrain_codec.cli.job.to_terminal", lambda: True)
    done = fgcodec("decode", "in.mkv", "-o", "-")
    assert (done.code, pipeline.requests) == (2, [])
    assert "terminal" in done.err


def test_dry_run_prints_the_plan(fgcodec, pipeline):
    pipeline.outcome = Plan(
        kind="encode", source="in.mov", source_digest="d", output="o.mkv", settings={"level": "auto"}
    )
    done = fgcodec("encode", "in.mov", "--dry-run", "--json")
    assert json.loads(done.out) == pipeline.outcome.to_dict()
    text = fgcodec("encode", "in.mov", "--dry-run").out
    assert f"digest: {pipeline.outcome.digest}" in text
    assert "  level: auto" in text


def test_filter_lists_every_filter_with_its_parameters(fgcodec):
    done = fgcodec("filter", "--list")
    assert done.code == 0
    assert "grain:" in done.out
    assert "level=float" in done.out
    assert "denoise:" in done.out
