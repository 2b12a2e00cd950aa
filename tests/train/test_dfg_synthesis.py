"""The DeepFilmGrain baseline's synthesis: its discriminator, its losses, its training, its frozen grain."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="training needs torch (make test-train)")

from PIL import Image  # noqa: E402

from filmgrain_codec.errors import OutputError, UsageError  # noqa: E402
from filmgrain_codec.train import dfg, dfg_eval, dfg_export, dfg_gan, dfg_grain, dfg_tasks, tree  # noqa: E402
from filmgrain_codec.train.loop import load_checkpoint  # noqa: E402
from filmgrain_codec.train.networks.patchgan import PatchGan  # noqa: E402
from filmgrain_codec.train.networks.unet import Baseline, macs_per_pixel, parameters  # noqa: E402

LEVELS = (0.05, 0.1)
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Six pictures of smooth waves with grain of two levels, one of them held out."""
    root = tmp_path_factory.mktemp("photographs")
    y, x = np.mgrid[:160, :192]
    for k in range(6):
        waves = [127 + 60 * np.sin(x / (9 + 3 * k + c)) * np.cos(y / (7 + 5 * c)) for c in range(3)]
        Image.fromarray(np.stack(waves, -1).astype(np.uint8)).save(root / f"00{k}_a_0.png")
    out = tmp_path_factory.mktemp("data") / "tree"
    tree.make(tree.Config(root, out, levels=LEVELS))
    return out


def quick(folder: Path, name: str) -> str:
    """A published task on patches of 64 with quick steps, so that a small machine can train it."""
    text = (dfg_tasks.FOLDER / f"{name}.toml").read_text()
    path = folder / f"{name}.toml"
    path.write_text(text.replace("patch = 256", "patch = 64").replace("rate = 3e-4", "rate = 2e-3"))
    return str(path)


@pytest.fixture(scope="module")
def config(data, tmp_path_factory) -> dfg.Config:
    folder = tmp_path_factory.mktemp("run")
    task = quick(folder, "synthesis_case_3_gray")
    return dfg.Config(task, data, folder / "a", steps=40, width=4, workers=0)


@pytest.fixture(scope="module")
def run(config) -> Path:
    dfg.train(config)
    return config.out


@pytest.mark.parametrize("case", [1, 2, 3])
def test_tasks_have_the_published_settings_in_colour_and_gray(case):
    name = f"synthesis_case_{case}"
    colour, gray = dfg_tasks.task(name), dfg_tasks.task(f"{name}_gray")
    assert replace(gray, name=name, channels=3) == colour
    assert (colour.kind, colour.channels, colour.blind) == ("synthesis", 3, False)
    assert (colour.patch, colour.batch, colour.epochs, colour.rate, colour.beta1) == (256, 1, 5, 3e-4, 0.5)
    assert colour.network == ("res_unet" if case == 3 else "unet")
    assert colour.loss == ("l1" if case == 1 else "gan_l1")
    assert colour.statistics == "batch"
    assert (dfg_gan.CRITIC_RATE, dfg_gan.L1_WEIGHT) == (1e-4, 0.1)


def test_the_discriminator_is_as_large_as_the_published_one():
    critic = PatchGan(3)
    assert parameters(critic) / 1e6 == pytest.approx(2.78, abs=0.01)
    pictures = torch.rand(2, 1, 3, 256, 256)
    with torch.no_grad():
        found = critic(*pictures, torch.full((1, 1), 0.05))
    assert found.shape == (1, 3, 30, 30)
    assert 0 <= float(found.min()) <= float(found.max()) <= 1
    kinds = [type(m).__name__ for m in critic.modules()]
    assert (kinds.count("Conv2d"), kinds.count("Norm")) == (5, 3)


def test_an_answer_of_the_discriminator_sees_70_samples():
    critic = PatchGan(1, 4).eval()
    clean = torch.rand(1, 1, 256, 256, requires_grad=True)
    critic.logits(clean, torch.rand(1, 1, 256, 256), torch.zeros(1, 1))[0, 0, 15, 15].backward()
    seen = clean.grad[0, 0].abs().sum(0).nonzero()
    assert int(seen.max() - seen.min()) + 1 == 70


def test_the_generator_is_the_removal_net_without_its_scaling():
    assert parameters(Baseline("res_unet", 3, False, synthesis=True)) / 1e6 == pytest.approx(32.45, abs=0.05)
    assert macs_per_pixel(Baseline("unet", 3, False, synthesis=True)) / 1000 == pytest.approx(84, abs=0.5)
    torch.manual_seed(0)
    net = Baseline("unet", 1, False, 4, synthesis=True).eval()
    seen = []
    net.net.register_forward_hook(lambda _, given, made: seen.append((given[0], made)))
    image = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        out = net(image, torch.full((1, 1), 0.1))
    (given, made) = seen[0]
    assert torch.equal(given[:, :1], 255 * image)
    assert given[:, 1].unique().tolist() == pytest.approx([0.1])
    assert torch.allclose(out, made / 255)


def test_both_nets_learn_from_their_own_loss(config):
    """One step moves every weight of both, as two optimisers with the published rates would."""
    task = dfg_tasks.task(config.task)
    torch.manual_seed(3)
    run = dfg_gan.Synthesis(dfg.build(task, 4), config.out, dfg.Schedule(steps=1), task=task, config=config)
    clean = torch.rand(1, 1, 64, 64)
    batch = {
        "image": clean + 0.05 * torch.randn_like(clean),
        "clean": clean,
        "level": torch.full((1, 1), 0.05),
    }
    before = {k: v.detach().clone() for k, v in run.net.named_parameters()}
    run.learn(batch)
    moved = {k: float((v.detach() - before[k]).abs().max()) for k, v in run.net.named_parameters()}
    rates = {"generator": task.rate, "critic": 1e-4}
    for part, rate in rates.items():
        steps = [v for k, v in moved.items() if k.startswith(part) and v > 0.5 * rate]
        assert len(steps) > 5
        assert max(steps) == pytest.approx(rate, rel=0.01)


def test_the_losses_are_those_published():
    logits = torch.randn(1, 1, 5, 5)
    chance = torch.sigmoid(logits)
    assert float(dfg_gan.judged(logits, 1)) == pytest.approx(float(-torch.log(chance).mean()), rel=1e-5)
    assert float(dfg_gan.judged(logits, 0)) == pytest.approx(float(-torch.log(1 - chance).mean()), rel=1e-5)
    a, b = torch.full((1, 1, 4, 4), 0.5), torch.full((1, 1, 4, 4), 0.4)
    assert float(dfg_gan.distance(a, b)) == pytest.approx(25.5, rel=1e-5)


def test_a_run_holds_both_nets_and_resumes_to_the_same_bits(run, config, tmp_path):
    facts = json.loads((run / "run.json").read_text())
    assert facts["parameters"] == parameters(Baseline("res_unet", 1, False, 4))
    assert facts["discriminator_parameters"] == parameters(PatchGan(1, 4))
    broken = replace(config, out=tmp_path / "b", steps=20)
    dfg.train(broken)
    dfg.train(replace(broken, steps=40, resume=True))
    whole, resumed = (load_checkpoint(folder / "checkpoint.pt")["net"] for folder in (run, broken.out))
    assert any(k.startswith("critic.") for k in whole)
    assert all(torch.equal(v, resumed[k]) for k, v in whole.items())
    with pytest.raises(UsageError, match="another width"):
        dfg.train(replace(config, width=8, resume=True))


@pytest.mark.parametrize("name", ["synthesis_case_1_gray", "synthesis_case_2"])
def test_the_other_cases_train_too(name, config, tmp_path):
    dfg.train(replace(config, task=quick(tmp_path, name), out=tmp_path / "c", steps=2, bf16=True))
    net, task = dfg.trained(tmp_path / "c")
    assert task.synthesis
    assert all(v.isfinite().all() for v in net.state_dict().values())


def test_grain_of_a_static_shot_is_frozen_and_changes_with_the_crop(run, data, tmp_path):
    rows = dfg_eval.evaluate(dfg_eval.Config(run, data, sheet=tmp_path / "sheet.png"))
    assert [r["level"] for r in rows] == list(LEVELS)
    for row in rows:
        assert row["static"] == pytest.approx(1.0, abs=1e-6)
        assert abs(row["ours: static"]) < 0.03
        assert row["crop"] > 0.01
        assert row["ours: crop"] == 0
        assert row["psd"] > 0
        assert row["strength"] > 0
    text = dfg_eval.markdown(rows)
    assert len(text.splitlines()) == 2 + len(LEVELS)
    with Image.open(tmp_path / "sheet.png") as shown:
        assert shown.size[0] == 2 * shown.size[1]
        left = np.asarray(shown, np.float64)[: shown.size[1] // 2]
    side = shown.size[0] // 4
    first, second, change = (left[8 : side - 8, k * side + 8 : (k + 1) * side - 8] for k in range(3))
    assert np.array_equal(first, second)
    assert np.ptp(change) == 0
    with pytest.raises(OutputError, match="cannot be written"):
        dfg_eval.evaluate(dfg_eval.Config(run, data, limit=1, sheet=tmp_path / "no" / "sheet.png"))


def test_figures_tell_right_grain_from_wrong(data, monkeypatch):
    """The real grain itself scores as such; twice as much of it, or none of its spectrum, does not."""
    from filmgrain_codec.train import trees

    pairs = trees.split(trees.read_tree(data), validation=False)
    chosen = [p for p in pairs if p.level == 0.05]
    real = {trees.read_picture(p.clean).tobytes(): trees.read_picture(p.grainy) for p in chosen}

    def scored(change):
        def by_net(net, level):
            return lambda picture, index, origin: change(picture, real.get(picture.tobytes(), picture))

        monkeypatch.setattr(dfg_grain, "by_net", by_net)
        monkeypatch.setattr(dfg_grain, "static", lambda *_, **__: 0.0)
        monkeypatch.setattr(dfg_grain, "cropped", lambda *_: 0.0)
        return dfg_grain.row(Baseline("unet", 3, False, 4), chosen, 0.05)

    same = scored(lambda clean, grainy: grainy)
    twice = scored(lambda clean, grainy: 2 * grainy - clean)
    rolled = scored(lambda clean, grainy: clean + np.random.default_rng(1).normal(0, 0.05, clean.shape))
    assert (same["strength"], same["psd"], same["acf"], same["curve"]) == pytest.approx(
        (1, 0, 0, 0), abs=1e-6
    )
    assert twice["strength"] == pytest.approx(2, rel=1e-5)
    assert twice["curve"] == pytest.approx(np.log(2), rel=1e-3)
    assert rolled["psd"] > 2
    assert rolled["acf"] > 0.2


def test_the_exported_generator_answers_as_the_net(run, tmp_path):
    import onnxruntime as ort

    path = dfg_export.export_dfg(run, tmp_path / "net.onnx")
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    facts = session.get_modelmeta().custom_metadata_map
    assert (facts["kind"], facts["statistics"]) == ("synthesis", "batch")
    net, _ = dfg.trained(run)
    image, level = torch.rand(1, 1, 48, 80), torch.full((1, 1), 0.04)
    made = session.run(["grainy"], {"image": image.numpy(), "level": level.numpy()})[0]
    with torch.no_grad():
        wanted = net(image, level).clamp(0, 1).numpy()
    assert np.abs(made - wanted).max() < 1e-4
