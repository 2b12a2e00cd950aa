"""Training on tiny material: it learns, resumes to the same bits, and exports what it trained."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="training needs torch (make test-train)")

from filmgrain_codec.errors import InputError, UsageError  # noqa: E402
from filmgrain_codec.infer import store, tiling  # noqa: E402
from filmgrain_codec.infer.session import session  # noqa: E402
from filmgrain_codec.nodes import normal  # noqa: E402
from filmgrain_codec.train import export, losses, material, motion, pool, removal  # noqa: E402
from filmgrain_codec.train.loop import Run, Schedule, load_checkpoint, stream  # noqa: E402
from filmgrain_codec.train.networks.removal import (  # noqa: E402
    TIERS,
    Removal,
    example,
    macs_per_luma_sample,
    normalised,
    reach,
)
from filmgrain_codec.train.samples import Batches, ChromaBatches, LumaBatches, on_chroma  # noqa: E402
from filmgrain_codec.train.shipping import Shipment  # noqa: E402

PARTS = ("luma", "chroma")
FAMILIES = ("spectral",)
STEPS = 12
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Six smooth colour pictures, one of them of a photograph that is held out."""
    from PIL import Image

    root = tmp_path_factory.mktemp("data")
    (root / "photos").mkdir()
    y, x = np.mgrid[:200, :220]
    for k, name in enumerate(("000_a_0", "000_a_1", "001_b_0", "002_c_0", "003_d_0", "004_e_0")):
        waves = [127 + 90 * np.sin(x / (9 + 3 * k + c)) * np.cos(y / (7 + 5 * c)) for c in range(3)]
        Image.fromarray(np.stack(waves, -1).astype(np.uint8)).save(
            root / "photos" / f"{name}.jpg", quality=95
        )
    return root


@pytest.fixture(scope="module")
def seen(data) -> material.Material:
    return material.load(data)


@pytest.fixture(scope="module")
def config(data, tmp_path_factory) -> removal.Config:
    """A run on a pool of a few windows, of the family that needs no scans."""
    root = tmp_path_factory.mktemp("run")
    for name, seed, held_out in (("seen", 0, False), ("held-out", removal.CHECK_SEED, True)):
        recipe = pool.Recipe(data, seed, 24, "fast", held_out, FAMILIES)
        pool.make(recipe, root / "pool" / name, workers=1, share=24)
    return removal.Config(
        data, root / "out", steps=STEPS, workers=0, pool=root / "pool", samples=24, families=FAMILIES
    )


@pytest.fixture(scope="module")
def run(config) -> Path:
    """Both parts trained for a few steps."""
    removal.train(config)
    return config.out


@pytest.fixture(scope="module")
def windows(config) -> pool.Pool:
    return removal.made_pools(config).seen


def batches(part: str, windows: pool.Pool, seed: int = 1, rough: bool | None = None) -> Batches:
    if part == "luma":
        return LumaBatches(windows, seed, rough)
    return ChromaBatches(windows, seed, rough, cleaned=windows.arrays["clean"][:, None])


def test_held_out_pictures_are_whole_photographs_and_never_trained_on(data, seen):
    held = material.load(data, held_out=True)
    assert held.names == ("photos/003_d_0.jpg",)
    assert not set(held.names) & set(seen.names)
    assert len(seen.names) == 5


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"photos/\*\.jpg"):
        material.load(tmp_path)


def test_a_pool_is_a_pure_function_of_its_recipe(config, windows, seen):
    recipe = pool.Recipe(config.data, 0, 24, "fast", families=FAMILIES)
    for number in (0, 23):
        for name, value in pool.sample(recipe, seen, number).items():
            assert np.array_equal(windows.arrays[name][number], value), name


def test_a_pool_made_otherwise_is_not_taken_for_another(config, windows):
    with pytest.raises(InputError, match="made otherwise"):
        pool.make(pool.Recipe(config.data, 7, 24, "fast", families=FAMILIES), config.pool / "seen")
    with pytest.raises(InputError, match="no finished pool"):
        pool.Pool(config.out / "nowhere")


def test_windows_hold_grain_of_their_level_around_the_clean_picture(windows):
    luma, clean = (windows.arrays[k].astype(np.float64) / 65535 for k in ("luma", "clean"))
    level, shape = windows.arrays["facts"][:, 0], windows.arrays["shape"].astype(np.float64)
    found = np.std((luma[:, pool.RADIUS] - clean) / shape, axis=(1, 2))
    inside = (clean.min((1, 2)) > 0.1) & (clean.max((1, 2)) < 0.9) & (level > 0.01)
    assert inside.sum() > 4
    assert np.abs(found[inside] / level[inside] - 1).max() < 0.3


@pytest.mark.parametrize("part", PARTS)
def test_a_batch_is_a_pure_function_of_seed_and_step(windows, part):
    asked = batches(part, windows)
    first, again, other = asked[3], batches(part, windows)[3], asked[4]
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["frames"], other["frames"])
    assert all(v.isfinite().all() for v in first.values())


@pytest.mark.parametrize("part", PARTS)
def test_a_rough_estimate_is_further_off_than_a_good_one(windows, part):
    good, bad = (
        torch.cat([batches(part, windows, rough=r)[k]["sigma"].mean((1, 2, 3)) for k in range(20)])
        for r in (False, True)
    )
    exact = torch.cat([batches(part, windows, rough=False)[k]["level"].mean(1) for k in range(20)])
    spread = [float((s / exact.clamp(min=1e-3)).log()[exact > 0.004].std()) for s in (good, bad)]
    assert spread[1] > spread[0]


def test_luma_is_averaged_onto_the_middle_of_chroma():
    plane = torch.arange(64.0).view(1, 8, 8)
    assert on_chroma(plane, 0)[0, 0, 0] == (0 + 1 + 8 + 9) / 4
    assert torch.equal(on_chroma(plane, 2), plane[:, 2:6, 2:6])
    assert on_chroma(plane, 1)[0, 0, 0] == (16 + 17) / 2


def test_scenes_move_and_sometimes_stand_still(seen):
    rng = np.random.default_rng(0)
    scenes = [motion.camera(seen.photos[0], 48, 5, rng) for _ in range(60)]
    still = sum(np.array_equal(s[0], s[4]) for s in scenes)
    assert 1 < still < 30
    assert all(s.shape == (5, 48, 48, 3) and s.min() >= 0 and s.max() <= 1 for s in scenes)


@pytest.mark.parametrize(("tier", "most"), [("fast", 4500), ("balanced", 25000), ("best", 97000)])
def test_the_nets_cost_what_the_tier_allows(tier, most):
    assert 0.7 * most < macs_per_luma_sample(TIERS[tier]) <= most


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("tier", TIERS)
def test_the_halo_covers_the_nets_reach(part, tier):
    net = Removal(getattr(TIERS[tier], part)).eval()
    given, size = example(net.shape, 384)
    given.requires_grad_()
    net(given, size)[0, 0, 96:100, 96:100].sum().backward()
    rows = given.grad.abs().sum((0, 1, 3)).nonzero()
    assert 0 < 2 * max(96 - int(rows.min()), int(rows.max()) - 99) <= reach(net.shape)


@pytest.mark.parametrize("guided", [False, True])
def test_the_node_normalises_as_training_does(guided):
    rng = np.random.default_rng(0)
    frames = rng.random((5, 2, 48, 64), np.float32)
    sigma, guide = rng.random((2, 48, 64), np.float32) * 0.1, rng.random((2, 48, 64), np.float32)
    tensors = [torch.from_numpy(a)[None] for a in (frames, sigma, guide)]
    wanted = normalised(*tensors[: 3 if guided else 2]).numpy()
    made = normal.given([list(f) for f in frames], list(sigma), list(guide) if guided else ())
    assert np.abs(made - wanted).max() < 1e-4


def test_detail_taken_off_counts_as_leakage():
    torch.manual_seed(0)
    clean, grain = torch.rand(2, 1, 64, 64), torch.randn(2, 1, 64, 64)
    lost = clean - torch.nn.functional.avg_pool2d(clean, 3, 1, 1)
    assert losses.leakage(lost, clean) > 0.5
    assert losses.leakage(grain, clean) < 0.05


def test_training_writes_what_it_was_and_how_it_went(run):
    for part in ("luma", "chroma"):
        facts = json.loads((run / part / "run.json").read_text())
        assert facts["held_out"] == ["photos/003_d_0.jpg"]
        assert "photos/000_a_0.jpg" in facts["trained_on"]
        rows = (run / part / "curve.csv").read_text().splitlines()
        assert rows[0].startswith("step,seconds")
        assert rows[-1].startswith(f"{STEPS},")


@pytest.mark.parametrize("part", PARTS)
def test_a_resumed_run_ends_with_the_same_bits(windows, tmp_path, part):
    def start(folder: str) -> Run:
        torch.manual_seed(0)
        net = Removal(getattr(TIERS["fast"], part))
        return Run(net, tmp_path / folder, Schedule(steps=8, warm_up=2))

    asked = batches(part, windows)
    checks = [(asked[100], asked[101])]
    whole = start("whole")
    whole.train(stream(asked, 0, 0), checks)
    first = start("broken")
    first.train(islice(stream(asked, 0, 0), 5), checks)
    second = start("broken")
    second.resume()
    assert second.step == 5
    second.train(stream(asked, second.step, 0), checks)
    ends = [load_checkpoint(tmp_path / name / "checkpoint.pt") for name in ("whole", "broken")]
    for key in ("net", "average"):
        assert all(torch.equal(ends[0][key][k], ends[1][key][k]) for k in ends[0][key])
    assert ends[0]["step"] == ends[1]["step"] == 8


def test_a_few_steps_lower_the_loss(windows, tmp_path):
    torch.manual_seed(0)
    asked = LumaBatches(windows, 0, rough=False)
    checks = [(asked[1000], asked[1001])]
    net = Run(Removal(TIERS["fast"].luma), tmp_path, Schedule(steps=60, warm_up=5))
    net.report(checks)
    net.train(stream(asked, 0, 0), checks)
    assert net.curve[-1]["held_out_loss"] < 0.97 * net.curve[0]["held_out_loss"]


def test_the_schedule_ends_by_the_clock_and_anneals():
    schedule = Schedule(seconds=100, warm_up=1)
    assert schedule.progress(10**9, 50) == 0.5
    assert schedule.progress(0, 100) >= 1
    rates = [schedule.rate_at(10, t) for t in (0, 50, 100)]
    assert rates[0] > 1.9 * rates[1] > 100 * rates[2]


def test_the_export_answers_as_the_trained_net(run, tmp_path):
    export.export(Shipment(run, tmp_path, "removal-test-1"))
    model = store.resolve("removal-test-1", where=tmp_path)
    assert (model.radius, model.motion, model.tier) == (2, "fast", "fast")
    for part in PARTS:
        net, entry = removal.trained(run / part), model.part(part)
        given, size = example(net.shape, 64)
        given = given[:, :, :28, :20].contiguous()
        with torch.no_grad():
            wanted = net(given, size).numpy()
        inputs = {"given": given.numpy(), "size": size.numpy()}
        made = tiling.run(session(entry), inputs, halo=entry.halo // 2, multiple=entry.multiple // 2)
        assert np.abs(made - wanted).max() < 1e-4
    text = (tmp_path / "cards" / "removal-test-1.md").read_text()
    assert all(word in text for word in ("kMAC", "held-out", "Limits", model.parts[0].path.name))


def test_weights_of_a_large_file_are_kept_at_half_precision(run, tmp_path, monkeypatch):
    whole = export.export(Shipment(run, tmp_path / "whole", "removal-test-1"))
    monkeypatch.setattr(export, "LARGEST", 0)
    half = export.export(Shipment(run, tmp_path / "half", "removal-test-1"))
    for path, other, part in zip(whole, half, PARTS, strict=True):
        assert other.stat().st_size < 0.75 * path.stat().st_size
        given, size = example(removal.trained(run / part).shape, 32)
        inputs = {"given": given.numpy(), "size": size.numpy()}
        made = [session(store.resolve("fast", where=p.parent).part(part)).run(inputs) for p in (path, other)]
        assert 0 < np.abs(made[0] - made[1]).max() < 0.01 * np.abs(made[0]).max()


def test_a_released_id_is_not_written_again(run, tmp_path):
    config = Shipment(run, tmp_path, "removal-test-1")
    files = export.export(config)
    with pytest.raises(UsageError, match="models never change"):
        export.export(config)
    assert export.export(replace(config, replace=True)) == files
    export.export(replace(config, id="removal-test-2"))
    assert [m.id for m in store.catalogue(tmp_path)] == ["removal-test-1", "removal-test-2"]
    assert store.resolve("fast", where=tmp_path).id == "removal-test-2"


def test_an_untrained_part_cannot_be_exported(tmp_path):
    with pytest.raises(InputError, match="train first"):
        removal.trained(tmp_path / "luma")


@pytest.mark.parametrize(
    ("text", "wanted"), [("50m", 3000), ("90s", 90), ("2h", 7200), ("7", 7), ("1.5m", 90)]
)
def test_budgets_are_lengths_of_time(text, wanted):
    assert removal.seconds(text) == wanted


@pytest.mark.parametrize("text", ["", "m", "-5m", "0", "soon"])
def test_other_budgets_are_refused(text):
    with pytest.raises(UsageError, match="length of time"):
        removal.seconds(text)


def test_an_unknown_part_is_refused(tmp_path):
    with pytest.raises(UsageError, match="luma, chroma or all"):
        removal.train(removal.Config(tmp_path, tmp_path, part="alpha"))


def test_a_run_can_begin_with_the_weights_of_an_earlier_one(config, run, tmp_path):
    later = replace(config, out=tmp_path, part="luma", steps=1, rate=1e-9, start=run)
    begun, earlier = removal.begun(later, "luma"), removal.trained(run / "luma")
    assert all(torch.equal(a, b) for a, b in zip(begun.parameters(), earlier.parameters(), strict=True))
    removal.train(later)
    facts = json.loads((tmp_path / "luma" / "run.json").read_text())
    assert facts["started_from"]["steps"] == STEPS
    pairs = zip(removal.trained(tmp_path / "luma").parameters(), earlier.parameters(), strict=True)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in pairs)


def test_a_teacher_gives_lessons_that_are_its_answers(config, run, tmp_path):
    pupil = replace(config, out=tmp_path, part="luma", steps=1, teacher=run)
    windows = removal.made_pools(pupil).seen
    lessons = removal.answers(run, "luma", windows)
    batch = removal.batches(pupil, "luma", windows, 0, None)[0]
    assert batch["lesson"].shape == batch["clean"].shape
    clean = windows.arrays["clean"][:, None].astype(np.float64)
    noisy = windows.arrays["luma"][:, pool.RADIUS, None].astype(np.float64)
    assert np.abs(lessons - clean).mean() < 2 * np.abs(noisy - clean).mean()
    removal.train(pupil)
    assert json.loads((tmp_path / "luma" / "run.json").read_text())["teacher"]["steps"] == STEPS
