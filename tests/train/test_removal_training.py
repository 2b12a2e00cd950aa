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
from filmgrain_codec.grain.profile import GrainSegment  # noqa: E402
from filmgrain_codec.infer import store, tiling  # noqa: E402
from filmgrain_codec.infer.session import session  # noqa: E402
from filmgrain_codec.nodes.denoise import expected_sigma  # noqa: E402
from filmgrain_codec.train import export, material, motion, noise, removal  # noqa: E402
from filmgrain_codec.train.loop import Run, Schedule, load_checkpoint, stream  # noqa: E402
from filmgrain_codec.train.networks.removal import (  # noqa: E402
    CHROMA,
    LUMA,
    Removal,
    Shape,
    example,
    macs_per_sample,
)
from filmgrain_codec.train.samples import Batches, ChromaBatches, LumaBatches  # noqa: E402

BATCHES: dict[str, type[Batches]] = {"luma": LumaBatches, "chroma": ChromaBatches}
STEPS = 20
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
def run(data, tmp_path_factory) -> Path:
    """Both parts trained for a few steps."""
    out = tmp_path_factory.mktemp("run")
    removal.train(removal.Config(data, out, steps=STEPS, workers=0))
    return out


def shaped(part: str) -> Shape:
    return LUMA if part == "luma" else CHROMA


def test_held_out_pictures_are_whole_photographs_and_never_trained_on(data, seen):
    held = material.load(data, held_out=True)
    assert held.names == ("photos/003_d_0.jpg",)
    assert not set(held.names) & set(seen.names)
    assert len(seen.names) == 5


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"photos/\*\.jpg"):
        material.load(tmp_path)


@pytest.mark.parametrize("part", ["luma", "chroma"])
def test_a_batch_is_a_pure_function_of_seed_and_step(seen, part):
    batches = BATCHES[part](seen, 1)
    first, again, other = batches[3], BATCHES[part](seen, 1)[3], batches[4]
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["frames"], other["frames"])
    assert all(v.isfinite().all() for v in first.values())


@pytest.mark.parametrize("part", ["luma", "chroma"])
def test_blind_samples_are_told_nothing_and_the_others_never_zero(seen, part):
    blind, told, mixed = (BATCHES[part](seen, 1, blind=b) for b in (True, False, None))
    assert blind[0]["sigma"].abs().max() == 0
    assert blind[0]["size"].abs().max() == 0
    assert told[0]["sigma"].min() > 0
    shares = [(mixed[k]["sigma"].flatten(1).amax(1) == 0).float().mean() for k in range(20)]
    assert 0.2 < float(torch.stack(shares).mean()) < 0.37


def test_grain_of_every_look_has_unit_variance_and_its_skew():
    rng = np.random.default_rng(0)
    looks = [noise.draw(rng) for _ in range(16)]
    torch.manual_seed(0)
    fields = noise.skewed(noise.filtered(torch.randn(16, 3, 96, 96), noise.response(looks, 96)), looks)
    assert (fields.std((1, 2, 3)) - 1).abs().max() < 0.15
    strong = [replace(look, skew=0.6) for look in looks]
    white = torch.randn(16, 3, 96, 96)
    third = (noise.skewed(white, strong) ** 3).mean()
    assert 0.4 < float(third) < 0.8


def test_strength_is_the_profiles_interpolation():
    segment = GrainSegment(0, 1, 1.0, (0.1, 0.5, 0.9, 1.2, 1.1, 0.8, 0.5, 0.2))
    luma = np.linspace(0, 1, 101, dtype=np.float32)
    made = noise.strength(torch.from_numpy(luma)[None], torch.tensor([segment.curve]))
    assert np.allclose(made[0], segment.sigma(luma), atol=1e-5)


def test_training_reads_the_curve_as_the_node_does():
    """Where the curve is linear, smoothing luma and smoothing sigma are the same."""
    rng = np.random.default_rng(0)
    luma = rng.uniform(0.2, 0.8, (64, 96)).astype(np.float32)
    segment = GrainSegment(0, 1, 0.05, tuple(np.linspace(0.5, 1.5, 8)))  # type: ignore[arg-type]
    smooth = noise.lowpass(torch.from_numpy(luma)[None, None])
    told = 0.05 * noise.strength(smooth, torch.tensor([segment.curve], dtype=torch.float32))[0, 0]
    assert np.allclose(told, expected_sigma(luma, segment), atol=1e-6)


def test_scenes_move_and_sometimes_stand_still(seen):
    rng = np.random.default_rng(0)
    scenes = [motion.camera(seen.photos[0][:1], 48, rng) for _ in range(60)]
    still = sum(torch.equal(s[0], s[2]) for s in scenes)
    assert 3 < still < 30
    assert all(s.shape == (3, 1, 48, 48) and s.min() >= 0 and s.max() <= 1 for s in scenes)


@pytest.mark.parametrize("part", ["luma", "chroma"])
def test_the_nets_cost_what_the_design_allows(part):
    assert 3000 < macs_per_sample(shaped(part)) < 4700


@pytest.mark.parametrize("part", ["luma", "chroma"])
def test_the_halo_covers_the_nets_reach(part):
    net = Removal(shaped(part)).eval()
    inputs = list(example(net.shape, 256))
    frames = inputs[0].clone().requires_grad_()
    net(frames, *inputs[1:])[0, 0, 128:136, 128:136].sum().backward()
    rows = frames.grad.abs().sum((0, 1, 3)).nonzero()
    reach = max(128 - int(rows.min()), int(rows.max()) - 135)
    assert 0 < reach <= export.HALO


def test_training_writes_what_it_was_and_how_it_went(run):
    for part in ("luma", "chroma"):
        facts = json.loads((run / part / "run.json").read_text())
        assert facts["held_out"] == ["photos/003_d_0.jpg"]
        assert "photos/000_a_0.jpg" in facts["trained_on"]
        rows = (run / part / "curve.csv").read_text().splitlines()
        assert rows[0].startswith("step,seconds")
        assert rows[-1].startswith(f"{STEPS},")


@pytest.mark.parametrize("part", ["luma", "chroma"])
def test_a_resumed_run_ends_with_the_same_bits(seen, tmp_path, part):
    def start(folder: str) -> Run:
        torch.manual_seed(0)
        return Run(Removal(shaped(part)), tmp_path / folder, Schedule(steps=8, warm_up=2))

    batches = BATCHES[part](seen, 0)
    checks = [(batches[100], batches[101])]
    whole = start("whole")
    whole.train(stream(batches, 0, 0), checks)
    first = start("broken")
    first.train(islice(stream(batches, 0, 0), 5), checks)
    second = start("broken")
    second.resume()
    assert second.step == 5
    second.train(stream(batches, second.step, 0), checks)
    ends = [load_checkpoint(tmp_path / name / "checkpoint.pt") for name in ("whole", "broken")]
    for key in ("net", "average"):
        assert all(torch.equal(ends[0][key][k], ends[1][key][k]) for k in ends[0][key])
    assert ends[0]["step"] == ends[1]["step"] == 8


def test_a_few_steps_lower_the_loss(seen, tmp_path):
    torch.manual_seed(0)
    batches = LumaBatches(seen, 0, blind=False)
    checks = [(batches[1000], batches[1001])]
    net = Run(Removal(LUMA), tmp_path, Schedule(steps=60, warm_up=5))
    net.report(checks)
    net.train(stream(batches, 0, 0), checks)
    assert net.curve[-1]["held_out_loss"] < 0.97 * net.curve[0]["held_out_loss"]


def test_the_schedule_ends_by_the_clock_and_anneals():
    schedule = Schedule(seconds=100, warm_up=1)
    assert schedule.progress(10**9, 50) == 0.5
    assert schedule.progress(0, 100) >= 1
    rates = [schedule.rate_at(10, t) for t in (0, 50, 100)]
    assert rates[0] > 1.9 * rates[1] > 100 * rates[2]


def test_the_export_answers_as_the_trained_net(run, tmp_path):
    export.export(export.Config(run, tmp_path, "removal-test-1"))
    model = store.resolve("removal-test-1", where=tmp_path)
    for part, shape in removal.SHAPES.items():
        net = export.trained(run / part, shape)
        entry = model.part(part)
        inputs = [t if t.dim() == 2 else t[:, :, :56, :40].contiguous() for t in example(shape, 64)]
        with torch.no_grad():
            wanted = net(*inputs).numpy()
        given = {n: t.numpy() for n, t in zip(export.ONNX_INPUTS, inputs, strict=False)}
        made = tiling.run(session(entry), given, halo=entry.halo, multiple=entry.multiple)
        assert np.abs(made - wanted).max() < 1e-5
    text = (tmp_path / "cards" / "removal-test-1.md").read_text()
    assert all(word in text for word in ("kMAC", "held-out", "Limits", model.parts[0].path.name))


def test_a_released_id_is_not_written_again(run, tmp_path):
    config = export.Config(run, tmp_path, "removal-test-1")
    files = export.export(config)
    with pytest.raises(UsageError, match="models never change"):
        export.export(config)
    assert export.export(replace(config, replace=True)) == files
    export.export(replace(config, id="removal-test-2", tier="best"))
    assert [m.id for m in store.catalogue(tmp_path)] == ["removal-test-1", "removal-test-2"]
    assert store.resolve("best", where=tmp_path).id == "removal-test-2"


def test_an_untrained_part_cannot_be_exported(tmp_path):
    with pytest.raises(InputError, match="no checkpoint"):
        export.trained(tmp_path / "luma", LUMA)


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


def test_a_run_can_begin_with_the_weights_of_an_earlier_one(data, run, tmp_path):
    config = removal.Config(data, tmp_path, part="chroma", steps=1, rate=1e-9, workers=0, start=run)
    begun, earlier = removal.begun(config, "chroma"), export.trained(run / "chroma", CHROMA)
    assert all(torch.equal(a, b) for a, b in zip(begun.parameters(), earlier.parameters(), strict=True))
    removal.train(config)
    facts = json.loads((tmp_path / "chroma" / "run.json").read_text())
    assert facts["started_from"]["steps"] == STEPS
    trained = export.trained(tmp_path / "chroma", CHROMA)
    assert all(
        torch.allclose(a, b, atol=1e-6)
        for a, b in zip(trained.parameters(), earlier.parameters(), strict=True)
    )
