"""The judge of quantisers is trained, goes on after a break, is shipped, and is what codec repair asks."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("PIL.Image")

from filmgrain_codec.infer import store  # noqa: E402
from filmgrain_codec.infer.session import session  # noqa: E402
from filmgrain_codec.nodes import codec_judge as judge  # noqa: E402
from filmgrain_codec.nodes.codec_planes import packed  # noqa: E402
from filmgrain_codec.train import codec_judge, codec_judge_export, motion  # noqa: E402
from filmgrain_codec.train.codec import judged, pool  # noqa: E402
from filmgrain_codec.train.networks.codec import PATCH, PLANES, TOLD, QuantiserNet  # noqa: E402
from filmgrain_codec.train.shipping import Shipment  # noqa: E402
from tests.train.photographs import photographs  # noqa: E402

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photographs(tmp_path_factory.mktemp("material"), cells=40)


def config(data: Path, out: Path, steps: int, resume: bool = False) -> codec_judge.Config:
    return codec_judge.Config(data, out, steps=steps, batch=4, scenes=6, seed=1, resume=resume)


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    codec_judge.train(config(data, out, 3))
    return out


def test_a_pool_is_a_function_of_its_seed(data: Path, run: Path) -> None:
    seen = judged.make(pool.Recipe(data, 1, 6), run / "pool" / "seen")
    each = judged.KEPT * judged.PER_FRAME
    assert seen.patches.shape == (6 * each, PLANES, PATCH // 2, PATCH // 2)
    again = list(judged.samples(1, pool.clean_material(pool.Recipe(data, 1, 6)), 2))
    assert all(np.array_equal(seen.patches[2 * each + k], patch) for k, (patch, _) in enumerate(again))
    assert np.allclose(seen.facts[2 * each : 3 * each], [facts for _, facts in again])


@pytest.mark.parametrize("seed", [3, 4, 5, 6])
def test_a_soft_scene_has_less_detail(seed: int) -> None:
    sharp = np.random.default_rng(2).random((2, 96, 96, 3), np.float32)
    soft = motion.softened(sharp, np.random.default_rng(seed))
    assert soft.shape == sharp.shape
    assert np.diff(soft, axis=1).std() < 0.9 * np.diff(sharp, axis=1).std()


def test_turned_patches_are_patches_of_the_turned_picture() -> None:
    luma, chroma = (np.random.default_rng(k).random((n, n), np.float32) for k, n in ((1, 96), (2, 48)))
    one = packed([luma, chroma, 1 - chroma])
    known = []
    for rows, columns, swap in itertools.product((False, True), repeat=3):
        planes = [p[:: -1 if rows else 1, :: -1 if columns else 1] for p in (luma, chroma, 1 - chroma)]
        known.append(packed([np.ascontiguousarray(p.T if swap else p) for p in planes]))
    made = [judged.turned(one, np.random.default_rng(k)) for k in range(40)]
    seen = [next(n for n, k in enumerate(known) if np.array_equal(m, k)) for m in made]
    assert set(seen) == set(range(8))


def test_training_goes_on_where_it_stopped(data: Path, run: Path, tmp_path: Path) -> None:
    (tmp_path / "pool").symlink_to(run / "pool")
    codec_judge.train(config(data, tmp_path, 2))
    assert codec_judge.train(config(data, tmp_path, 3, resume=True)).step == 3


def test_the_shipped_net_is_the_trained_one(data: Path, run: Path, tmp_path: Path) -> None:
    path = codec_judge_export.ship(Shipment(run, tmp_path, "codec-judge-0", data))
    assert "| not coded |" in (tmp_path / "cards" / "codec-judge-0.md").read_text()
    model = store.resolve("fast", judge.ROLE, tmp_path)
    assert [p.name for p in model.parts] == ["judge"]
    net = QuantiserNet()
    net.load_state_dict(torch.load(run / "checkpoint.pt", weights_only=False)["average"])
    patches, told = torch.rand(3, PLANES, PATCH // 2, PATCH // 2), torch.rand(3, TOLD)
    made = session(model.part("judge"), 1).run({"given": patches.numpy(), "told": told.numpy()})
    assert np.allclose(made, net(patches, told).detach().numpy(), atol=1e-4)
    assert path.stat().st_size < 1 << 20
