"""Sessions: shared, safe to share, and clear when the runtime is not there."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from filmgrain_codec.errors import ModelError
from filmgrain_codec.infer import session as sessions
from filmgrain_codec.infer import store


@pytest.fixture(scope="module")
def part() -> store.Part:
    return store.resolve("fast").part("luma")


def inputs(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    given = rng.standard_normal((1, 28, 32, 48)).astype(np.float32)
    return {"given": given, "size": np.ones((1, 1))}


def test_a_part_is_loaded_once_per_number_of_threads(part):
    assert sessions.session(part, 1) is sessions.session(part, 1)
    assert sessions.session(part, 1) is not sessions.session(part, 2)


def test_threads_share_a_session_without_touching_each_others_results(part):
    net = sessions.session(part, 1)
    alone = [net.run(inputs(k)) for k in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda k: net.run(inputs(k)), range(8)))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_a_file_that_is_no_network_is_refused(tmp_path, part):
    import hashlib

    path = tmp_path / "x.onnx"
    path.write_bytes(b"nonsense")
    broken = replace(part, path=path, sha256=hashlib.sha256(b"nonsense").hexdigest())
    with pytest.raises(ModelError, match="cannot be loaded"):
        sessions.session(broken)


def test_wrong_inputs_are_reported_as_the_models_failure(part):
    with pytest.raises(ModelError, match="failed to run"):
        sessions.session(part).run({"frames": np.zeros((1, 3, 64, 64))})


def test_without_a_runtime_the_error_names_what_to_install(part, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match=r"pip install 'filmgrain-codec\[cpu\]'"):
        sessions.Session(part)


def test_two_runtimes_that_overwrite_each_other_are_noticed(monkeypatch):
    class Fake:
        def __init__(self, name: str) -> None:
            self.name = name

    found = [Fake("onnxruntime"), Fake("numpy")]
    monkeypatch.setattr(sessions.metadata, "distributions", lambda: found)
    assert sessions.conflict() == ""
    found.append(Fake("onnxruntime_gpu"))
    assert "overwrite each other" in sessions.conflict()
