"""Backends: which one is meant, clear refusals, and the same picture from each."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from filmgrain_codec.errors import ModelError, UsageError
from filmgrain_codec.infer import backend, openvino, session, store, tiling
from filmgrain_codec.infer.names import BF16, CUDA, OPENVINO, ORT
from filmgrain_codec.nodes import normal

LEVEL = 0.04


@pytest.fixture(scope="module")
def part() -> store.Part:
    return store.resolve("fast").part("luma")


@pytest.fixture
def machine(monkeypatch):
    """Pretend what is installed, and whether the processor has bf16."""

    def pretend(openvino: str | None, bf16: bool = True) -> None:
        versions = {"onnxruntime": "1.0", "openvino": openvino}
        monkeypatch.setattr(backend, "_version", versions.get)
        monkeypatch.setattr(backend, "_has_bf16", lambda: bf16)
        monkeypatch.delenv(backend.VARIABLE, raising=False)
        backend.problem.cache_clear()

    yield pretend
    backend.problem.cache_clear()


@pytest.fixture(scope="module")
def needs_openvino():
    pytest.importorskip("openvino", reason="OpenVINO is not installed")


@pytest.fixture(scope="module")
def needs_bf16(needs_openvino):
    if backend.problem(BF16):
        pytest.skip(backend.problem(BF16))


def clean(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width].astype(np.float32) / width
    return 0.3 + 0.4 * x + 0.2 * y + 0.03 * np.sin(170 * x) * np.sin(90 * y)


def frames(seed: int, height: int, width: int) -> np.ndarray:
    grain = np.random.default_rng(seed).standard_normal((5, height, width)).astype(np.float32)
    return clean(height, width) + LEVEL * grain


def inputs(seed: int, height: int = 96, width: int = 160) -> dict[str, np.ndarray]:
    """What the luma net is given of a still picture under white grain."""
    window = [[f] for f in frames(seed, height, width)]
    sigma = np.full((height, width), LEVEL, np.float32)
    return {"given": normal.given(window, [sigma]), "size": np.full((1, 1), 0.5, np.float32)}


def psnr(seed: int, grain: np.ndarray) -> float:
    shape = 2 * grain.shape[2], 2 * grain.shape[3]
    sigma = np.full(shape, LEVEL, np.float32)
    made = normal.taken_off(frames(seed, *shape)[2], sigma, grain[0])
    return float(-10 * np.log10(np.mean((made - clean(*shape)) ** 2)))


@pytest.mark.parametrize(
    ("installed", "bf16", "wanted"),
    [
        ("2026.1", True, BF16),
        ("2026.1", False, ORT),
        (None, True, ORT),
    ],
)
def test_auto_takes_openvino_only_where_bf16_makes_it_faster(machine, installed, bf16, wanted):
    machine(installed, bf16)
    assert backend.chosen() == wanted


def test_the_environment_says_what_auto_means_and_an_option_wins(machine, monkeypatch):
    machine("2026.1")
    monkeypatch.setenv(backend.VARIABLE, OPENVINO)
    assert backend.chosen() == OPENVINO
    assert backend.chosen(ORT) == ORT
    monkeypatch.setenv(backend.VARIABLE, "")
    assert backend.chosen() == BF16


def test_an_unknown_backend_is_refused_with_the_choices(machine, monkeypatch):
    machine(None)
    with pytest.raises(UsageError, match="no backend 'tensorrt': choose one of auto, onnxruntime"):
        backend.chosen("tensorrt")
    monkeypatch.setenv(backend.VARIABLE, "fast")
    with pytest.raises(UsageError, match=f"'fast' .in {backend.VARIABLE}."):
        backend.chosen()


def test_what_is_not_installed_or_not_possible_is_named(machine, part):
    machine(None)
    with pytest.raises(ModelError, match=r"pip install 'filmgrain-codec\[openvino\]'"):
        backend.net(part, 1, OPENVINO)
    machine("2026.1", bf16=False)
    with pytest.raises(ModelError, match="no bf16 arithmetic: use backend openvino"):
        backend.chosen(BF16)
    assert [b.problem for b in backend.found()][:2] == ["", ""]


def test_cuda_that_is_not_there_never_becomes_the_cpu(machine, part):
    machine(None)
    with pytest.raises(ModelError, match=r"pip install 'filmgrain-codec\[gpu\]' in place of \[cpu\]"):
        backend.net(part, 1, CUDA)
    if session.GRAPHICS in session._runtime().get_available_providers():
        pytest.skip("this build of ONNX Runtime has CUDA")
    with pytest.raises(ModelError, match="finds no CUDA device"):
        session.session(part, 1, cuda=True)


def test_a_package_that_cannot_be_loaded_is_no_crash(part, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "openvino", None)
    openvino._library.cache_clear()
    openvino._core.cache_clear()
    with pytest.raises(ModelError, match="OpenVINO cannot be loaded"):
        openvino.Session(part)
    openvino._library.cache_clear()


def test_onnx_runtime_is_the_session_that_decoding_shares(part):
    assert backend.net(part, 1, ORT) is session.session(part, 1)


@pytest.mark.openvino
@pytest.mark.usefixtures("needs_openvino")
class TestOpenVino:
    def test_full_precision_is_the_same_picture(self, part):
        mine, theirs = (backend.net(part, 1, b).run(inputs(0)) for b in (OPENVINO, ORT))
        assert mine.shape == theirs.shape
        assert mine.dtype == np.float32
        assert float(np.abs(mine - theirs).max()) < 1e-4

    @pytest.mark.parametrize(("name", "channels"), [("luma", 28), ("chroma", 64)])
    def test_written_anew_it_is_the_same_net_and_takes_any_layout(self, name, channels):
        part, shape = store.resolve("fast").part(name), (1, channels, 24, 40)
        noise = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
        size = np.full((1, 1), 0.8, np.float32)
        made = []
        for net in (backend.net(part, 1, b) for b in (OPENVINO, ORT)):
            own = net.blank(shape)
            own[:] = noise
            made += [net.run({"given": own, "size": size}), net.run({"given": noise, "size": size})]
        assert np.array_equal(made[0], made[1])
        assert np.array_equal(made[2], made[3])
        assert float(np.abs(made[0] - made[2]).max()) < 1e-4

    def test_any_size_and_number_of_threads_gives_the_same_bits(self, part):
        one, two = (backend.net(part, t, OPENVINO) for t in (1, 2))
        assert one is not two
        for shape in ((64, 64), (96, 160), (64, 64), (8, 264)):
            assert np.array_equal(one.run(inputs(1, *shape)), two.run(inputs(1, *shape)))

    def test_threads_share_a_session_without_touching_each_others_results(self, part):
        net = backend.net(part, 1, OPENVINO)
        assert net is backend.net(part, 1, OPENVINO)
        alone = [net.run(inputs(k)) for k in range(8)]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(lambda k: net.run(inputs(k)), range(8)))
        assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))

    def test_sizes_are_forgotten_rather_than_gathered(self, part):
        net = openvino.Session(part)
        for k in range(openvino.SIZES + 3):
            net.run(inputs(0, 16, 16 + 8 * k))
        assert len(net._sizes) == openvino.SIZES
        assert np.array_equal(net.run(inputs(0, 16, 16)), net.run(inputs(0, 16, 16)))

    def test_tiles_are_the_whole_picture(self, part):
        net = backend.net(part, 1, OPENVINO)
        given, halo = inputs(3, 200, 312), part.halo // 2
        whole = tiling.run(net, given, halo=halo, multiple=4)
        tiles = tiling.run(net, given, halo=halo, multiple=4, tile=64)
        assert float(np.abs(whole - tiles).max()) < 1e-4

    def test_wrong_inputs_are_reported_as_the_models_failure(self, part):
        net = backend.net(part, 1, OPENVINO)
        with pytest.raises(ModelError, match=f"{part.path.name} failed to run: "):
            net.run({"nothing": np.zeros((1, 3, 64, 64), np.float32)})

    def test_a_file_that_is_no_network_is_refused(self, tmp_path, part):
        path = tmp_path / "x.onnx"
        path.write_bytes(b"nonsense")
        broken = replace(part, path=path, sha256=hashlib.sha256(b"nonsense").hexdigest())
        with pytest.raises(ModelError, match="cannot be loaded: Unable to read the model"):
            backend.net(broken, 1, OPENVINO)


@pytest.mark.openvino
@pytest.mark.usefixtures("needs_bf16")
class TestBf16:
    def test_it_costs_at_most_a_twentieth_of_a_decibel(self, part):
        mine, full = (psnr(0, backend.net(part, 1, b).run(inputs(0))) for b in (BF16, ORT))
        assert abs(full - mine) <= 0.05

    def test_any_number_of_threads_gives_the_same_bits(self, part):
        nets = [backend.net(part, t, BF16) for t in (1, 2)]
        one, two = (net.run(inputs(2, 272, 480)) for net in nets)
        assert np.array_equal(one, two)
