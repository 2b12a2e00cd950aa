"""The house itself: versions agree, the wheel is whole, nothing private is committed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import filmgrain_codec
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
REGISTRY_HOSTS = tuple(
    ".".join(name)
    for name in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("debian", "org"),
        ("pypi", "io"),
    )
)
MACHINE_PATHS = re.compile(r"(?<![\w.~$}-])/(?:" + "|".join(("work", "root", "home", "Users")) + r")/[\w.]")


def tracked() -> list[Path]:
    """The committed files, or a skip where this is no git checkout."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode:
        pytest.skip("not a git checkout: there is no list of tracked files")
    return [path for name in listing.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def texts() -> list[tuple[Path, str]]:
    """Tracked files that hold text."""
    found = []
    for path in tracked():
        data = path.read_bytes()
        if b"\0" not in data:
            found.append((path.relative_to(ROOT), data.decode(errors="replace")))
    return found


def test_the_version_agrees_everywhere():
    version = filmgrain_codec.__version__
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "filmgrain_codec/__init__.py"
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(r"^## \[(\d[^\]]*)\]", changelog, re.MULTILINE)[1] == version


def test_python_version_satisfies_the_package():
    wanted = (ROOT / ".python-version").read_text().split()
    assert wanted == ["3.12"]
    assert PROJECT["project"]["requires-python"] == ">=3.12"


def test_cpu_and_gpu_are_declared_as_conflicting():
    assert PROJECT["tool"]["uv"]["conflicts"] == [[{"extra": "cpu"}, {"extra": "gpu"}]]


def test_the_documented_extras_exist():
    extras = {"cpu", "gpu", "train", "vs", "restore", "ffmpeg", "cluster", "openvino", "dev"}
    assert extras == set(PROJECT["project"]["optional-dependencies"])


def test_torch_is_in_no_default_install():
    for extra in ("cpu", "vs", "dev"):
        assert not any(
            name.startswith("torch") for name in PROJECT["project"]["optional-dependencies"][extra]
        )


def test_constraints_are_exact_versions_only():
    lines = [
        line
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert len(lines) > 30
    for line in lines:
        assert re.fullmatch(r"[a-z0-9._-]+==[\w.+!]+", line), line
    assert lines == sorted(lines)


def test_no_registry_host_is_committed():
    for path, text in texts():
        for host in REGISTRY_HOSTS:
            assert host not in text, f"{path} names {host}"


def test_no_path_of_one_machine_is_committed():
    for path, text in texts():
        match = MACHINE_PATHS.search(text)
        assert match is None, f"{path} holds {match and match[0]}..."


def test_no_lock_file_is_committed():
    assert not [path for path in tracked() if path.name in ("uv.lock", "poetry.lock")]


def test_links_between_documents_lead_somewhere():
    for path, text in texts():
        if path.suffix != ".md":
            continue
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text):
            assert (ROOT / path.parent / target).exists(), f"{path} links to {target}"


def test_the_licence_is_whole():
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert PROJECT["project"]["license"] == "Apache-2.0"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from this tree without any network."""
    pytest.importorskip("hatchling", reason="hatchling builds the wheel; install the dev extra")
    target = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (path,) = target.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_package(wheel):
    names = set(wheel.namelist())
    source = {
        str(path.relative_to(ROOT)) for path in tracked() if path.is_relative_to(ROOT / "filmgrain_codec")
    }
    assert source <= names
    assert "filmgrain_codec/py.typed" in names


def test_the_wheel_holds_models_and_cards(wheel):
    names = set(wheel.namelist())
    committed = [
        path.relative_to(ROOT / "models") for path in tracked() if path.is_relative_to(ROOT / "models")
    ]
    assert committed
    for path in committed:
        assert f"filmgrain_codec/_models/{path.as_posix()}" in names
    manifest = wheel.read("filmgrain_codec/_models/manifest.toml").decode()
    for file in re.findall(r'"([^"]+\.onnx)"', manifest):
        assert f"filmgrain_codec/_models/{file}" in names
    assert any(name.startswith("filmgrain_codec/_models/cards/") for name in names)


def test_the_wheel_holds_the_vapoursynth_module(wheel):
    assert "vsfgcodec/__init__.py" in wheel.namelist()


def test_the_wheel_holds_no_tests_or_benchmarks(wheel):
    roots = {name.split("/")[0] for name in wheel.namelist()}
    version = filmgrain_codec.__version__
    assert roots == {"filmgrain_codec", "vsfgcodec", f"filmgrain_codec-{version}.dist-info"}


def test_the_wheel_says_what_it_is(wheel):
    version = filmgrain_codec.__version__
    info = f"filmgrain_codec-{version}.dist-info"
    names = wheel.namelist()
    assert {f"{info}/licenses/LICENSE", f"{info}/licenses/NOTICE"} <= set(names)
    assert "fgcodec = filmgrain_codec.cli.main:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert f"Version: {version}\n" in wheel.read(f"{info}/METADATA").decode()


def test_the_vapoursynth_module_has_the_same_version():
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, vsfgcodec; print(vsfgcodec.__version__, 'vapoursynth' in sys.modules)",
        ],
        cwd=ROOT / "plugins" / "vapoursynth",
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'plugins' / 'vapoursynth'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [filmgrain_codec.__version__, "False"]
