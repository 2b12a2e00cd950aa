"""Settings that cannot be honoured, and every size that can be."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e import clips
from tests.reliability.command import ROOT, fgcodec, one_sentence, refused, together, untouched

USAGE = 2


@pytest.mark.parametrize("option", [
    ("--codec", "theora"), ("--codec", ""), ("--preset", "warp"), ("--preset", "ultrafast:x=1"),
    ("--crf", "52"), ("--crf", "-1"), ("--crf", "nan"), ("--level", "0.2"), ("--level", "-0.01"),
    ("--level", "nan"), ("--level", "inf"), ("--level", "much"), ("--zones", "5-1:level=0.02"),
    ("--zones", "0-9"), ("--zones", ""), ("-f", "polish"), ("-f", "grain:colour=blue"),
    ("-f", "grain:level=much"), ("--sample", "0"), ("--sample", "nan"), ("--bits", "7"), ("--threads", "0"),
    ("--nonsense",),
])  # fmt: skip
def test_encode_refuses_as_usage(
    options: dict[tuple[str, ...], tuple[int, str]], option: tuple[str, ...]
) -> None:
    code, sentence = options[option]
    assert code == USAGE, sentence
    assert sentence


@pytest.fixture(scope="module")
def options(
    grainy: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> dict[tuple[str, ...], tuple[int, str]]:
    """Exit code and sentence for each of the options above, all from one process."""
    folder = tmp_path_factory.mktemp("options")
    source = shutil.copy(grainy, folder / "in.mkv")
    marks = test_encode_refuses_as_usage.pytestmark  # type: ignore[attr-defined]
    asked = next(m.args[1] for m in marks if m.name == "parametrize")
    with untouched(folder):
        outcomes = together([["encode", source, "-q", *option] for option in asked])
    return {o: (found.code, one_sentence(found)) for o, found in zip(asked, outcomes, strict=True)}


@pytest.mark.parametrize(("option", "code"), [
    (("--bits", "16"), 5), (("--codec", "svtav1", "--bits", "12"), 5), (("--model", "removal-none-9"), 7),
    (("--ref", "missing.mkv"), 3),
])  # fmt: skip
def test_encode_refuses(source: Path, tmp_path: Path, option: tuple[str, ...], code: int) -> None:
    refused(tmp_path, code, "encode", source, "-q", *option)


@pytest.mark.parametrize(("option", "code"), [
    (("--synth", "cgan-of-the-future"), 7), (("--level", "0.2"), 2), (("--gain", "-1"), 2),
    (("--gain", "nan"), 2), (("--seed", "-1"), 2), (("--codec", "theora"), 2), (("--crf", "20"), 2),
])  # fmt: skip
def test_decode_refuses(base: Path, tmp_path: Path, option: tuple[str, ...], code: int) -> None:
    refused(tmp_path, code, "decode", base, "-q", *option)


def test_a_reference_of_another_size_is_refused(source: Path, tmp_path: Path) -> None:
    other = clips.write(tmp_path / "other.mkv", clips.frames(clips.format_of(64, 64), 8))
    assert "size" in refused(tmp_path, 2, "encode", source, "--ref", other, "-q")


def test_a_shorter_reference_is_refused(source: Path, tmp_path: Path) -> None:
    other = clips.write(tmp_path / "other.mkv", clips.frames(clips.format_of(96, 64), 5, level=0.0))
    refused(tmp_path, 2, "encode", source, "--ref", other, "-q")


def test_a_damaged_model_is_not_loaded(source: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    shutil.copytree(ROOT / "models", models)
    for model in models.glob("*.onnx"):
        data = bytearray(model.read_bytes())
        data[len(data) // 2] ^= 1
        model.write_bytes(data)
    found = refused(tmp_path, 7, "encode", source, "-q", env={"FGCODEC_MODELS": str(models)})
    assert "sha256" in found
    assert fgcodec("models", "verify", env={"FGCODEC_MODELS": str(models)}).code == 7


def test_a_missing_models_folder_is_named(source: Path, tmp_path: Path) -> None:
    refused(tmp_path, 7, "encode", source, "-q", env={"FGCODEC_MODELS": str(tmp_path / "nowhere")})


SIZES = [(1, 1), (2, 2), (17, 33), (318, 190)]
FAST = {"x264": "ultrafast", "x265": "ultrafast", "svtav1": "13"}


@pytest.mark.parametrize("codec", FAST)
def test_odd_sizes(tmp_path: Path, codec: str) -> None:
    """Every size comes back as it was, or is refused by the encoder in one sentence."""
    jobs: list[list[object]] = []
    for size in SIZES:
        name = "x".join(map(str, size))
        source = clips.write(tmp_path / f"{name}.mkv", clips.frames(clips.format_of(*size), 4))
        coded, back = tmp_path / f"{name}.fg.mkv", tmp_path / f"{name}.back.mkv"
        jobs.append(["encode", source, "-o", coded, "--codec", codec, "--preset", FAST[codec], "-q"])
        jobs.append(["decode", coded, "-o", back, "-q"])
    outcomes = together(jobs, 300)
    assert [o.code for o in outcomes] == [0] * len(jobs), [o.err for o in outcomes]
    for size in SIZES:
        back = tmp_path / f"{'x'.join(map(str, size))}.back.mkv"
        found = fgcodec("inspect", back, "--json").report
        fmt = found["video"]["fmt"]
        assert (fmt["width"], fmt["height"]) == size


@pytest.mark.release
@pytest.mark.parametrize("codec", [*FAST, "ffv1", "prores"])
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize("sub", [(1, 1), (1, 0), (0, 0), None])
def test_every_format_works_or_is_refused(
    tmp_path: Path, codec: str, bits: int, sub: tuple[int, int] | None
) -> None:
    fmt = clips.format_of(50, 38, bits, sub or (0, 0))
    if sub is None:
        fmt = clips.gray(50, 38, bits)
    source = clips.write(tmp_path / "in.mkv", clips.frames(fmt, 3))
    out = tmp_path / "out.mkv"
    verb = (
        ["encode", source, "-o", out] if codec in FAST else ["filter", source, out, "-f", "grain:level=0.02"]
    )
    done = fgcodec(*verb, "--codec", codec, *(("--preset", FAST[codec]) if codec in FAST else ()), "-q")
    assert done.code in (0, 5)
    assert out.exists() == (done.code == 0)
    if done.code:
        one_sentence(done)
    elif codec in FAST:
        back = tmp_path / "back.mkv"
        assert fgcodec("decode", out, "-o", back, "-q").code == 0
        found = fgcodec("inspect", back, "--json").report["video"]["fmt"]
        assert found["bits"] == bits
        assert found["family"] == fmt.family
