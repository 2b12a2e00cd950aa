"""The mask net: samples that repeat, training that learns, an export that answers as the net."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("cv2")

from itertools import islice  # noqa: E402

from filmgrain_codec.errors import InputError  # noqa: E402
from filmgrain_codec.infer import store, tiling  # noqa: E402
from filmgrain_codec.infer.session import session  # noqa: E402
from filmgrain_codec.train import repair_export, repair_samples  # noqa: E402
from filmgrain_codec.train.damage import shapes  # noqa: E402
from filmgrain_codec.train.loop import Schedule, load_checkpoint  # noqa: E402
from filmgrain_codec.train.material import Material  # noqa: E402
from filmgrain_codec.train.networks.repair import Repair, Shape, features, macs_per_sample, unpacked  # noqa: E402
from filmgrain_codec.train.repair import Training, repair_loss, stream  # noqa: E402
from filmgrain_codec.train.repair_samples import Batches  # noqa: E402

pytestmark = pytest.mark.train
SMALL = Shape((16, 16, 16), (0, 1, 1))


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Two dozen samples of a made-up photograph."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:256, :256] / 256
    luma = 90 + 80 * np.sin(7 * x + 3 * y) + rng.normal(0, 3, (256, 256))
    photo = np.stack([luma, 128 + 0 * x, 128 + 0 * x]).clip(0, 255).astype(np.uint8)
    seen = Material((photo,), (), ("made",))
    old, repair_samples.FAMILIES = repair_samples.FAMILIES, ("spectral",)
    try:
        made = [repair_samples.sample(3, seen, [(shapes.procedural(), False)], k) for k in range(24)]
        again = repair_samples.sample(3, seen, [(shapes.procedural(), False)], 5)
    finally:
        repair_samples.FAMILIES = old
    assert np.array_equal(made[5], again)
    return np.stack(made)


def test_a_pool_that_was_interrupted_or_is_too_small_is_finished(tmp_path, monkeypatch):
    plane = (len(repair_samples.PLANES), repair_samples.SIDE, repair_samples.SIDE)
    monkeypatch.setattr(
        repair_samples, "sample", lambda seed, seen, banks, k, aim: np.full(plane, k, np.uint8)
    )
    monkeypatch.setattr(repair_samples.material, "load", lambda data, held_out: Material((), (), ()))
    recipe = repair_samples.Recipe(tmp_path, 1, 250)
    assert len(repair_samples.make(recipe, tmp_path / "pool")) == 250
    monkeypatch.setattr(
        repair_samples, "sample", lambda seed, seen, banks, k, aim: np.full(plane, 7, np.uint8)
    )
    larger = repair_samples.make(repair_samples.Recipe(tmp_path, 1, 260), tmp_path / "pool")
    assert larger.samples[:, 0, 0, 0].tolist() == [*range(250), *[7] * 10]
    with pytest.raises(InputError, match="made otherwise"):
        repair_samples.make(repair_samples.Recipe(tmp_path, 2, 260), tmp_path / "pool")
    for other in (recipe, repair_samples.Recipe(tmp_path, 1, 260, aim="clips")):
        with pytest.raises(InputError, match="made otherwise"):
            repair_samples.make(other, tmp_path / "pool")


class Rows:
    """Stands for a pool on disk."""

    aim = repair_samples.AIMS["both"]

    def __init__(self, samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)


def test_samples_hold_damage_and_clean_ones(rows):
    damaged = (rows[:, 5] & repair_samples.DAMAGED > 0).mean((1, 2))
    assert (damaged == 0).sum() >= 2
    assert 0.002 < damaged.mean() < 0.2
    assert not (rows[:, 4][damaged == 0]).any() or (rows[:, 4] > 0).mean() < 0.5


def test_a_batch_is_what_the_filter_would_give(rows):
    batch = Batches(Rows(rows), 1, still=False, size=6)[0]
    given = batch["given"]
    assert given.shape == (6, 5, repair_samples.SIDE, repair_samples.SIDE)
    assert float(given.min()) >= 0
    assert float(given.max()) <= 1
    unseen = given[:, 4] == 0
    for plane in (1, 2, 3):
        assert not given[:, plane][unseen].any()
    still = Batches(Rows(rows), 1, still=True, size=6)[0]["given"]
    assert still[:, 0].std() > 0.02
    assert not still[:, 1:].any()


def test_stills_and_moving_samples_are_told_apart(rows):
    has_neighbours = (rows[:, 1:4] > 0).any((1, 2, 3))
    assert [repair_samples.is_still(k) for k in range(len(rows))] == (~has_neighbours).tolist()
    assert not any(repair_samples.is_still(k, repair_samples.AIMS["clips"]) for k in range(10))
    for still in (False, True):
        seen = Batches(Rows(rows), 2, still=still, size=8)[0]["given"][:, 4]
        assert bool((seen.amax((1, 2)) > 0).all()) is not still


def test_a_negative_of_a_batch_has_the_other_polarity(rows):
    given, brighter = (Batches(Rows(rows), 1, still=False, size=6)[0][k] for k in ("given", "brighter"))
    rngs = [np.random.default_rng(k) for k in range(12)]
    made = [repair_samples.graded(given, brighter, rng, 0.5) for rng in rngs]
    turned = [not torch.equal(polarity, brighter) for _, polarity in made]
    assert any(turned)
    assert not all(turned)
    for (pictures, _), negative in zip(made, turned, strict=True):
        slope = torch.corrcoef(torch.stack([pictures[:, 0].flatten(), given[:, 0].flatten()]))
        assert (float(slope[0, 1]) < 0) == negative


def test_a_few_steps_find_damage(rows, tmp_path):
    torch.manual_seed(0)
    run = Training(Repair(SMALL), tmp_path, Schedule(steps=40, warm_up=5), repair_loss)
    asked = Batches(Rows(rows), 0, size=6)
    check = [(Batches(Rows(rows), 9, False, 8)[0], Batches(Rows(rows), 9, True, 8)[0])]
    run.report(check)
    run.train(stream(asked, 0), check)
    assert run.curve[-1]["held_out_loss"] < 0.8 * run.curve[0]["held_out_loss"]


def test_a_resumed_run_ends_with_the_same_bits(rows, tmp_path):
    def start(name):
        torch.manual_seed(0)
        return Training(Repair(SMALL), tmp_path / name, Schedule(steps=6, warm_up=2), repair_loss)

    asked = Batches(Rows(rows), 0, size=4)
    whole, first = start("whole"), start("broken")
    whole.train(stream(asked, 0), [])
    first.train(islice(stream(asked, 0), 3), [])
    second = start("broken")
    second.resume()
    second.train(stream(asked, second.step), [])
    ends = [load_checkpoint(tmp_path / n / "checkpoint.pt")["average"] for n in ("whole", "broken")]
    assert all(torch.equal(ends[0][k], ends[1][k]) for k in ends[0])


def test_a_net_that_packed_its_input_says_the_same_unpacked():
    torch.manual_seed(2)
    widths, depths = (16, 16, 16), (0, 1, 1)
    plain = Repair(Shape(widths, depths, 6)).eval()
    old = {k: v for k, v in plain.state_dict().items() if not k.startswith(("enter", "leave"))}
    enter, leave = torch.nn.Conv2d(24, 16, 3, padding=1), torch.nn.Conv2d(16, 16, 1)
    for name, layer in (("enter", enter), ("leave", leave)):
        old |= {f"{name}.{k}": v for k, v in layer.state_dict().items()}
    plain.load_state_dict(unpacked(old))
    given = torch.rand(1, 5, 48, 64)
    with torch.no_grad():
        packed = torch.nn.functional.pixel_unshuffle(features(given), 2)
        assert torch.allclose(plain.enter(features(given)), enter(packed), atol=1e-5)
        inner = torch.rand(1, 16, 24, 32)
        full = torch.nn.functional.pixel_shuffle(leave(inner), 2)
        answers = plain.leave(inner)
        mask = torch.nn.functional.pixel_shuffle(answers[:, :4], 2)
        assert torch.allclose(mask, full[:, :1], atol=1e-6)
        assert torch.allclose(answers[:, 4:], torch.nn.functional.avg_pool2d(full[:, 1:], 2), atol=1e-6)


def test_the_net_is_within_its_budget():
    assert macs_per_sample() <= 11_000


def test_the_export_answers_as_the_net_at_any_size(tmp_path):
    torch.manual_seed(1)
    net = Repair(SMALL).eval()
    made = repair_export.part(net)
    entry = made.row("repair-mask-9")
    (tmp_path / entry["file"]).write_bytes(made.content)
    part = store.Part(path=tmp_path / entry.pop("file"), **entry)
    given = np.random.default_rng(0).random((1, 5, 50, 70), np.float32)
    made = tiling.run(session(part), {"given": given}, halo=part.halo, multiple=part.multiple)
    padded = tiling.fitted(given, part.multiple)
    with torch.no_grad():
        expected = net(torch.from_numpy(padded)).numpy()[:, :, :50, :70]
    assert made.shape == (1, 4, 50, 70)
    assert np.abs(made - expected).max() < 1e-4
