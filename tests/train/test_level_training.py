"""The level net is trained, goes on after a break, and is shipped as what it was in training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("PIL.Image")

from filmgrain_codec.errors import InputError, UsageError  # noqa: E402
from filmgrain_codec.infer import store  # noqa: E402
from filmgrain_codec.infer.session import session  # noqa: E402
from filmgrain_codec.train import level, level_export, material  # noqa: E402
from filmgrain_codec.train.level_samples import FLOOR, Patches  # noqa: E402
from filmgrain_codec.train.networks.level import LevelNet  # noqa: E402
from filmgrain_codec.train.shipping import Shipment  # noqa: E402
from tests.train.photographs import photographs  # noqa: E402

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photographs, one of them held out."""
    return photographs(tmp_path_factory.mktemp("material"))


def test_patches_are_a_function_of_seed_and_step_and_say_the_truth(data: Path) -> None:
    patches = Patches(material.load(data), 3)
    a, b, other = patches[5], patches[5], patches[6]
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not torch.equal(a["pair"], other["pair"])
    single = a["single"]
    assert torch.equal(a["pair"][single, 0], a["pair"][single, 1])
    assert (a["pair"][~single, 0] != a["pair"][~single, 1]).any()
    assert torch.allclose(a["sigma"][~a["grainy"]], torch.tensor(FLOOR))


def test_a_broken_run_goes_on_to_the_same_weights(data: Path, tmp_path: Path) -> None:
    once = level.Config(data, tmp_path / "once", steps=4)
    level.train(once)
    level.train(level.Config(data, tmp_path / "whole", steps=4))
    a, b = (torch.load(tmp_path / n / "checkpoint.pt", weights_only=True) for n in ("once", "whole"))
    assert all(torch.equal(a["net"][k], b["net"][k]) for k in a["net"])
    level.train(level.Config(data, tmp_path / "once", steps=8, resume=True))
    assert torch.load(tmp_path / "once" / "checkpoint.pt", weights_only=True)["step"] == 8
    with pytest.raises(InputError, match="resume"):
        level.train(level.Config(data, tmp_path / "none", steps=4, resume=True))


def test_the_shipped_file_says_what_the_net_says(data: Path, tmp_path: Path) -> None:
    level.train(level.Config(data, tmp_path / "run", steps=3))
    models = tmp_path / "models"
    models.mkdir()
    given = Shipment(tmp_path / "run", models, "level-test-1", data)
    level_export.ship(given)
    with pytest.raises(UsageError, match="choose a new id"):
        level_export.ship(given)
    model = store.resolve("fast", "level", models)
    pair = np.random.default_rng(1).normal(0.5, 0.02, (3, 2, 64, 64)).astype(np.float32)
    pair[1, 1] = pair[1, 0]
    net, _ = level_export.trained(tmp_path / "run")
    with torch.no_grad():
        expected = net(torch.from_numpy(pair)).numpy()
    assert session(model.part("luma")).run({"pair": pair}) == pytest.approx(expected, abs=1e-4)
    assert "level-test-1" in (models / "cards" / "level-test-1.md").read_text()


def test_strength_is_a_shift_of_the_answer() -> None:
    """Twice the contrast about the same mean is twice the sigma, but for what the strength itself tells."""
    torch.manual_seed(0)
    net = LevelNet().eval()
    pair = 0.5 + 0.02 * torch.randn(4, 2, 64, 64)
    with torch.no_grad():
        once, twice = net(pair)[:, 0], net(0.5 + 2 * (pair - 0.5))[:, 0]
    assert (twice - once).numpy() == pytest.approx(np.log(2), abs=0.15)


def test_lengths_of_time() -> None:
    assert (level.seconds("20m"), level.seconds("90s"), level.seconds("7")) == (1200, 90, 7)
    with pytest.raises(UsageError, match="length of time"):
        level.seconds("soon")
