"""``models`` and ``doctor`` on the real installation, and on broken ones."""

from __future__ import annotations

import json
import shutil

import pytest

from filmgrain_codec.cli import doctor
from filmgrain_codec.errors import ModelError
from filmgrain_codec.infer import backend, session, store
from filmgrain_codec.infer.names import BACKENDS


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A copy of the installed models in which one byte of one file is wrong."""
    shutil.copytree(store.folder(), tmp_path / "models")
    monkeypatch.setenv(store.FOLDER_VARIABLE, str(tmp_path / "models"))
    path = store.catalogue()[0].parts[0].path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return path


def test_models_list_names_every_model_and_alias(fgcodec):
    done = fgcodec("models", "list")
    assert done.code == 0
    for model in store.catalogue():
        assert model.id in done.out
    assert "--model fast: " + store.resolve("fast").id in done.out


def test_models_list_as_json(fgcodec):
    found = json.loads(fgcodec("models", "list", "--json").out)
    assert [model["id"] for model in found["models"]] == [model.id for model in store.catalogue()]
    assert set(found["aliases"]) == set(store.TIERS)


def test_models_verify_accepts_the_installed_ones(fgcodec):
    done = fgcodec("models", "verify")
    assert done.code == 0
    assert "FAIL" not in done.out
    assert len(done.out.splitlines()) == sum(len(model.parts) for model in store.catalogue())


def test_models_verify_finds_a_flipped_bit(fgcodec, broken):
    done = fgcodec("models", "verify")
    assert done.code == 7
    (line,) = [line for line in done.out.splitlines() if line.startswith("FAIL")]
    assert broken.name in line
    found = json.loads(fgcodec("models", "verify", "--json").out)["files"]
    assert [bool(file["problem"]) for file in found].count(True) == 1


def test_a_missing_manifest_is_an_error(fgcodec, tmp_path, monkeypatch):
    monkeypatch.setenv(store.FOLDER_VARIABLE, str(tmp_path))
    done = fgcodec("models", "list")
    assert done.code == 7
    assert done.err.startswith("fgcodec: error: There is no ")


def test_doctor_finds_this_installation_healthy(fgcodec):
    done = fgcodec("doctor", "--json")
    found = json.loads(done.out)
    assert (done.code, found["healthy"]) == (0, True)
    states = {check["name"]: check["state"] for check in found["checks"]}
    for name in (
        "fgcodec",
        "python",
        "media library",
        "onnxruntime",
        "models",
        "encoder x265",
        "encoder ffv1",
    ):
        assert states[name] == "ok"
    assert set(states) >= {"ffmpeg", "ffprobe", "mkvmerge", "mpv"}


def test_doctor_fails_on_a_damaged_model(fgcodec, broken):
    done = fgcodec("doctor")
    assert done.code == 1
    (line,) = [line for line in done.out.splitlines() if line.startswith("FAIL")]
    assert line.split()[1] == "models"
    assert broken.name in line


def test_doctor_fails_where_two_runtimes_are_installed(fgcodec, monkeypatch):
    monkeypatch.setattr(session, "conflict", lambda: "both are installed")
    done = fgcodec("doctor")
    assert done.code == 1
    assert "FAIL  onnxruntime" in done.out


def removal_backend(fgcodec):
    checks = json.loads(fgcodec("doctor", "--json").out)["checks"]
    return next(check for check in checks if check["name"] == "removal backend")


def test_doctor_names_the_backend_used_and_the_others(fgcodec, monkeypatch):
    monkeypatch.delenv(backend.VARIABLE, raising=False)
    check = removal_backend(fgcodec)
    assert check["state"] == "ok"
    assert check["detail"].startswith(f"{backend.chosen()} ")
    assert all(name in check["detail"] for name in BACKENDS[1:])


def test_doctor_fails_where_the_environment_names_a_backend_that_is_not_there(fgcodec, monkeypatch):
    monkeypatch.setenv(backend.VARIABLE, "abacus")
    check = removal_backend(fgcodec)
    assert check["state"] == "failed"
    assert "abacus" in check["detail"]


def test_doctor_names_a_missing_encoder(fgcodec, monkeypatch):
    monkeypatch.setitem(doctor.ENCODERS, "x264", "libnothing")
    done = fgcodec("doctor", "--json")
    (bad,) = [check for check in json.loads(done.out)["checks"] if check["state"] == "failed"]
    assert bad["name"] == "encoder x264"
    assert done.code == 1


def test_optional_programs_may_be_missing(fgcodec, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    done = fgcodec("doctor", "--json")
    states = {check["name"]: check["state"] for check in json.loads(done.out)["checks"]}
    assert states["ffmpeg"] == states["mpv"] == "missing"
    assert done.code == 0


def test_a_program_that_does_not_run_is_only_noted(monkeypatch, tmp_path):
    dud = tmp_path / "mpv"
    dud.write_text("not a program")
    dud.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor.client("mpv", ("mpv", "--version")).state == "missing"


def test_a_check_that_raises_is_a_finding():
    def check() -> str:
        raise ModelError("two\nlines")

    assert doctor.guarded("x", check) == doctor.Finding("x", "failed", "two lines")
