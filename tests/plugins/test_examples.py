"""The examples do what their first lines promise, run as a user runs them: through vspipe."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import vsfgcodec as fg
from filmgrain_codec.media import carriage
from filmgrain_codec.pipeline.encode import encode
from filmgrain_codec.pipeline.levels import of_text
from filmgrain_codec.pipeline.request import EncodeRequest
from tests.conftest import ROOT
from tests.plugins.clips import FRAMES, HEIGHT, WIDTH, filtered, pictures, sums, vs_clip, write_y4m, y4m_sums

EXAMPLES = ROOT / "plugins" / "vapoursynth" / "examples"
LEVEL = 30 / 1023


@pytest.fixture(scope="module")
def piped(tmp_path_factory, vspipe):
    """Run an example with arguments; a copy of it, so that nothing is written beside the original."""
    folder = tmp_path_factory.mktemp("examples")

    def run(name: str, *options: str, **arguments: object) -> bytes:
        script = Path(shutil.copy(EXAMPLES / name, folder))
        given = [part for key, value in arguments.items() for part in ("-a", f"{key}={value}")]
        return vspipe(script, "-c", "y4m", *options, *given)

    return run


@pytest.fixture(scope="module")
def degrained(piped, source, tmp_path_factory):
    """The first workflow's output: base layer, sidecar, properties."""
    folder = tmp_path_factory.mktemp("degrained")
    props = folder / "props.json"
    sidecar = folder / "levels.json"
    base = piped("degrain_for_x265.vpy", "--json", str(props), source=source, sidecar=sidecar)
    (folder / "base.y4m").write_bytes(base)
    return folder


def luma(data: bytes, width: int = WIDTH, height: int = HEIGHT) -> list[np.ndarray]:
    body = data.partition(b"\n")[2]
    size = 6 + width * height * 3
    return [
        np.frombuffer(body, "<u2", width * height, at + 6).reshape(height, width).astype(float)
        for at in range(0, len(body), size)
    ]


def grain(data: bytes, clean: float = 0.0) -> float:
    """Standard deviation of what differs from the pictures without grain, of full scale."""
    pure = [planes[0].astype(float) for planes in pictures(clean)]
    return float(np.mean([np.std(a - b) for a, b in zip(luma(data), pure, strict=True)])) / 1023


def test_every_example_is_tested():
    assert {p.name for p in EXAMPLES.iterdir()} == {
        "degrain_for_x265.vpy",
        "regrain_master.vpy",
        "match_grain.vpy",
        "filter_chain.vpy",
        "zones.vpy",
    }


def test_degrain_for_x265(degrained):
    made = (degrained / "base.y4m").read_bytes()
    assert len(y4m_sums(made)) == FRAMES
    assert grain(made) < 0.6 * LEVEL
    told = of_text((degrained / "props.json").read_text(), "props")
    assert told.segments == of_text((degrained / "levels.json").read_text(), "sidecar").segments
    assert told.removal.startswith("removal-fast")


@pytest.mark.skipif(shutil.which("x265") is None, reason="x265 is not installed")
def test_degrain_into_x265_itself(degrained, tmp_path):
    command = ["x265", "--y4m", "-", "-o", str(tmp_path / "base.hevc"), "--preset", "ultrafast"]
    subprocess.run(command, input=(degrained / "base.y4m").read_bytes(), check=True, capture_output=True)
    assert (tmp_path / "base.hevc").stat().st_size > 0


def test_degrain_piped_into_encode(degrained, tmp_path):
    """The pipe's other end may be ours: the dump tells that the grain is off already."""
    command = [sys.executable, "-m", "filmgrain_codec", "encode", "-", "-o", str(tmp_path / "out.mkv")]
    options = ["--levels", str(degrained / "props.json"), "--preset", "ultrafast", "--threads", "1", "-q"]
    piped = (degrained / "base.y4m").read_bytes()
    subprocess.run([*command, *options], input=piped, check=True)
    found = carriage.find(tmp_path / "out.mkv").profile
    assert found.segments == of_text((degrained / "levels.json").read_text(), "x").segments
    assert found.removal.startswith("removal-fast")


def test_regrain_master(piped, degrained):
    base, sidecar = degrained / "base.y4m", degrained / "levels.json"
    made = piped("regrain_master.vpy", source=base, sidecar=sidecar)
    assert grain(made) == pytest.approx(LEVEL, rel=0.25)
    weaker = piped("regrain_master.vpy", source=base, sidecar=sidecar, gain=0.5)
    assert grain(weaker) < 0.75 * grain(made)
    small = piped("regrain_master.vpy", source=base, sidecar=sidecar, width=WIDTH // 2)
    assert small.startswith(b"YUV4MPEG2")
    assert len(luma(small, WIDTH // 2, HEIGHT // 2)) == FRAMES


def test_match_grain(piped, source, tmp_path):
    insert = write_y4m(tmp_path / "insert.y4m", pictures(0.0)[:7])
    made = piped("match_grain.vpy", film=source, insert=insert)
    off = [a - b[0] for a, b in zip(luma(made), pictures(0.0)[:7], strict=True)]
    assert np.std(off) / 1023 == pytest.approx(LEVEL, rel=0.3)


def test_filter_chain(piped, source):
    made = piped("filter_chain.vpy", source=source)
    assert 0.7 * LEVEL < grain(made) < 1.4 * LEVEL
    assert y4m_sums(made) != y4m_sums(source.read_bytes())


def test_zones(piped, source, degrained):
    sidecar = degrained / "levels.json"
    made = y4m_sums(piped("zones.vpy", source=source, sidecar=sidecar, zones="0-3:off;9-:level=0.01"))
    known = fg.apply_levels(vs_clip(), sidecar)
    usual, low = sums(fg.denoise(known)), sums(fg.denoise(known, zones="0-:level=0.01"))
    assert made == [*sums(vs_clip())[:4], *usual[4:9], *low[9:]]
    # the list that the example states by itself leaves so short a clip as it is
    assert y4m_sums(piped("zones.vpy", source=source, sidecar=sidecar)) == sums(vs_clip())


def test_an_example_encoded_in_process(source, tmp_path):
    """Without arguments: the names a script falls back on lie in the working folder."""
    script = tmp_path / "own.vpy"
    text = (EXAMPLES / "degrain_for_x265.vpy").read_text().replace('"in.mkv"', repr(str(source)))
    text = text.replace('f"{source}.fg.json"', repr(str(tmp_path / "side.json")))
    script.write_text(text)
    encode(EncodeRequest(source=script, codec="x264", preset="ultrafast", threads=1))
    found = carriage.find(tmp_path / "own.fg.mkv").profile
    assert found.segments == of_text((tmp_path / "side.json").read_text(), "x").segments
    assert json.loads((tmp_path / "side.json").read_text())["frames"] == FRAMES
    assert filtered(script, "depth:bits=10") == sums(
        fg.denoise(fg.apply_levels(vs_clip(), tmp_path / "side.json"))
    )
