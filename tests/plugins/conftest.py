"""VapourSynth for the tests: the wheel, its vspipe, and the configuration that vspipe needs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugins import clips

pytest.importorskip("vapoursynth", reason="VapourSynth is not installed: pip install 'filmgrain-codec[vs]'")
Vspipe = Callable[..., bytes]


@pytest.fixture(scope="session")
def core() -> Any:
    import vapoursynth as vs

    return vs.core


@pytest.fixture(params=[1, 2, 4], ids=lambda n: f"{n}-threads")
def threads(request: pytest.FixtureRequest, core: Any) -> Iterator[int]:
    before, core.num_threads = core.num_threads, request.param
    yield request.param
    core.num_threads = before


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.write_y4m(tmp_path_factory.mktemp("clip") / "source.y4m", clips.pictures())


@pytest.fixture(scope="session")
def vspipe(tmp_path_factory: pytest.TempPathFactory) -> Vspipe:
    """Run the wheel's vspipe, configured as docs/vapoursynth.md says; its standard output."""
    tools = Path(sys.executable).parent
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path_factory.mktemp("config"))}
    subprocess.run([tools / "vapoursynth", "config"], env=environment, check=True, capture_output=True)

    def run(script: Path, *options: str, output: str = "-", ok: bool = True) -> bytes:
        command = [tools / "vspipe", *options, str(script), output]
        done = subprocess.run(command, env=environment, capture_output=True, check=False)
        assert (done.returncode == 0) == ok, done.stderr.decode()
        return done.stdout if ok else done.stderr

    return run
