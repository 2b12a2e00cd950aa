"""Training goes on from a run's folder or from an installed model, and what was slimmed stays slim."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("PIL.Image")

from filmgrain_codec.errors import ModelError, UsageError  # noqa: E402
from filmgrain_codec.infer import store  # noqa: E402
from filmgrain_codec.infer.session import session  # noqa: E402
from filmgrain_codec.nodes.codec_repair import ROLE  # noqa: E402
from filmgrain_codec.train import codec_repair, codec_repair_export, motion  # noqa: E402
from filmgrain_codec.train.codec.shipped import begun  # noqa: E402
from filmgrain_codec.train.networks.codec import TOLD, entering  # noqa: E402
from filmgrain_codec.train.shipping import Shipment  # noqa: E402
from tests.train.photographs import photographs  # noqa: E402

pytestmark = pytest.mark.train


@pytest.mark.parametrize("tier", ["fast", "best"])
def test_a_run_begins_with_what_an_installed_model_says(tier: str) -> None:
    model = store.resolve(tier, ROLE)
    nets = begun(tier, model.id).eval()
    torch.manual_seed(1)
    given, told = torch.rand(1, entering(nets.repair.radius), 32, 40), torch.rand(1, TOLD)
    said = session(model.part("repair")).run({"given": given.numpy(), "told": told.numpy()})
    with torch.no_grad():
        found = nets.repair(given, told).numpy()
    np.testing.assert_allclose(found, said, atol=1e-6)
    assert np.abs(said).max() > 1e-3


def test_what_cannot_be_begun_with_is_named() -> None:
    with pytest.raises(ModelError, match="no codec-repair model 'nothing'"):
        begun("fast", "nothing")
    with pytest.raises(UsageError, match="name another --tier"):
        begun("fast", store.resolve("best", ROLE).id)


def test_a_slimmed_net_is_trained_on_and_shipped_as_slim_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec_repair, "CHECKS", 1)
    monkeypatch.setattr(codec_repair, "CHECK_SIZE", 2)
    monkeypatch.setattr(codec_repair, "HELD_OUT_SCENES", 1)
    (tmp_path / "material").mkdir()
    data, start = photographs(tmp_path / "material", cells=40), store.resolve("best", ROLE)
    given = {"tier": "best", "steps": 2, "batch": 2, "scenes": 2, "start": start.id}
    codec_repair.train(codec_repair.Config(data, tmp_path / "run", **given))
    codec_repair_export.ship(Shipment(tmp_path / "run", tmp_path, "codec-repair-best-9", data))
    made = store.resolve("codec-repair-best-9", ROLE, tmp_path).part("repair")
    assert made.kmac == pytest.approx(start.part("repair").kmac)
    card = (tmp_path / "cards" / "codec-repair-best-9.md").read_text()
    assert f"--start {start.id}" in card


def test_lively_scenes_go_where_nobody_expects_them() -> None:
    def apart(erratic: bool) -> float:
        """How far ripples are from growing evenly, samples."""
        style = motion.Style((0.0,), 1.0, 0.0, erratic)
        found = [motion.ripples(48, 5, np.random.default_rng(k), style) for k in range(6)]
        return float(np.mean([np.abs(np.diff(f, 2, 0)).mean() for f in found if f is not None]))

    assert apart(erratic=False) < 1e-5
    assert apart(erratic=True) > 0.5
    assert max(motion.LIVELY.speeds) > max(motion.CALM.speeds)
