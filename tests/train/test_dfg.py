"""The DeepFilmGrain baseline: its size, its losses, its training, and what it leaves behind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.train
torch = pytest.importorskip("torch", reason="training needs torch (make test-train)")

from PIL import Image  # noqa: E402
from scipy import ndimage  # noqa: E402

from filmgrain_codec.errors import InputError, OutputError, UsageError  # noqa: E402
from filmgrain_codec.train import dfg, dfg_eval, dfg_export, dfg_losses, dfg_tasks, tree  # noqa: E402
from filmgrain_codec.train.dfg_data import pairs  # noqa: E402
from filmgrain_codec.train.loop import load_checkpoint  # noqa: E402
from filmgrain_codec.train.networks.unet import (  # noqa: E402
    Baseline,
    Norm,
    macs_per_pixel,
    parameters,
    use_statistics,
)

LEVELS = (0.025, 0.1)
PUBLISHED = ("removal_case_1", "removal_case_2", "removal_case_3", "removal_case_4")
SYNTHESIS = ("synthesis_case_1", "synthesis_case_2", "synthesis_case_3")
torch.set_num_threads(1)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    """Six pictures of smooth waves, one of them held out."""
    root = tmp_path_factory.mktemp("photographs")
    y, x = np.mgrid[:200, :224]
    for k in range(6):
        waves = [127 + 70 * np.sin(x / (9 + 3 * k + c)) * np.cos(y / (7 + 5 * c)) for c in range(3)]
        Image.fromarray(np.stack(waves, -1).astype(np.uint8)).save(root / f"00{k}_a_0.png")
    return root


@pytest.fixture(scope="module")
def data(photographs, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("data") / "tree"
    tree.make(tree.Config(photographs, out, levels=LEVELS))
    return out


@pytest.fixture(scope="module")
def quick(tmp_path_factory) -> str:
    """A task that a small machine can train: published but for patch and loss."""
    text = (dfg_tasks.FOLDER / "removal_case_2_gray.toml").read_text()
    path = tmp_path_factory.mktemp("task") / "quick.toml"
    path.write_text(text.replace("patch = 256", "patch = 64").replace("rate = 3e-4", "rate = 2e-3"))
    return str(path)


@pytest.fixture(scope="module")
def config(quick, data, tmp_path_factory) -> dfg.Config:
    return dfg.Config(quick, data, tmp_path_factory.mktemp("run") / "a", steps=6, width=4, workers=0)


@pytest.fixture(scope="module")
def run(config) -> Path:
    dfg.train(config)
    return config.out


@pytest.mark.parametrize(("network", "millions", "kmacs"), [("res_unet", 32.45, 875), ("unet", 16.7, 84)])
def test_the_nets_are_as_large_as_the_published_ones(network, millions, kmacs):
    net = Baseline(network, 3, blind=False)
    assert parameters(net) / 1e6 == pytest.approx(millions, abs=0.05)
    assert macs_per_pixel(net) / 1000 == pytest.approx(kmacs, abs=0.5)


@pytest.mark.parametrize("name", PUBLISHED)
def test_tasks_have_the_published_settings_in_colour_and_gray(name):
    colour, gray = dfg_tasks.task(name), dfg_tasks.task(f"{name}_gray")
    assert (colour.channels, gray.channels) == (3, 1)
    assert replace(gray, name=name, channels=3) == colour
    assert (colour.patch, colour.batch, colour.epochs, colour.rate, colour.beta1) == (256, 1, 5, 3e-4, 0.5)
    assert colour.levels == (0.01, 0.025, 0.05, 0.075, 0.1)
    assert colour.network == ("unet" if name.endswith("1") else "res_unet")
    assert colour.loss == ("l1" if name[-1] in "12" else "ms_ssim_l1")
    assert colour.blind == name.endswith("4")


def test_all_tasks_come_with_the_package():
    assert set(dfg_tasks.names()) == {f"{n}{g}" for n in (*PUBLISHED, *SYNTHESIS) for g in ("", "_gray")}


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (('kind = "removal"', 'kind = "repair"'), InputError, "repair"),
        (
            (
                'kind = "removal"\nnetwork = "unet"\nloss = "l1"',
                'kind = "removal"\nnetwork = "unet"\nloss = "gan_l1"',
            ),
            InputError,
            "gan_l1",
        ),
        (("patch = 256", ""), InputError, "lacks 'patch'"),
        (("patch = 256", "patch = 256\nspeed = 3"), InputError, "unknown 'speed'"),
        (('"unet"', '"vnet"'), InputError, "vnet"),
        (("patch = 256", "patch ="), InputError, "TOML"),
        (("patch = 256", "patch = 100"), InputError, "multiple of 32"),
    ],
)
def test_odd_task_files_are_refused(tmp_path, change, error, said):
    path = tmp_path / "odd.toml"
    path.write_text((dfg_tasks.FOLDER / "removal_case_1.toml").read_text().replace(*change))
    with pytest.raises(error, match=said):
        dfg_tasks.task(str(path))


def test_patches_too_small_for_five_scales_are_refused(tmp_path):
    text = (dfg_tasks.FOLDER / "removal_case_3.toml").read_text()
    for patch in (160, 128):
        (tmp_path / f"{patch}.toml").write_text(text.replace("patch = 256", f"patch = {patch}"))
    assert dfg_tasks.task(str(tmp_path / "160.toml")).patch == 160
    assert dfg_losses.ms_ssim_l1(*torch.rand(2, 1, 3, 160, 160)).isfinite()
    with pytest.raises(InputError, match="from 160 on"):
        dfg_tasks.task(str(tmp_path / "128.toml"))


def test_an_unknown_task_is_refused():
    with pytest.raises(UsageError, match="removal_case_3_gray"):
        dfg_tasks.task("synthesis_case_9")


@pytest.mark.parametrize("network", ["res_unet", "unet"])
def test_only_a_blind_net_ignores_the_level(network):
    image = torch.rand(1, 1, 64, 64)
    for blind in (True, False):
        torch.manual_seed(0)
        net = Baseline(network, 1, blind, width=8).eval()
        with torch.no_grad():
            a, b = (net(image, torch.full((1, 1), level)) for level in (0.01, 0.9))
        assert a.shape == image.shape
        assert torch.equal(a, b) == blind


def test_batch_statistics_at_inference_are_those_of_training():
    torch.manual_seed(0)
    norm = Norm(3)
    torch.nn.init.uniform_(norm.weight)
    x = 3 + 2 * torch.randn(2, 3, 8, 8)
    trained = norm(x)
    use_statistics(norm.eval(), "batch")
    assert torch.allclose(norm(x), trained, atol=1e-5)
    use_statistics(norm, "running")
    assert not torch.allclose(norm(x), trained, atol=0.1)
    assert torch.equal(norm(x)[:1], norm(x[:1]))


def test_ssim_agrees_with_a_gaussian_filter_of_its_own():
    rng = np.random.default_rng(0)
    a = ndimage.gaussian_filter(rng.random((64, 80)), 2)
    b = np.clip(a + rng.normal(0, 0.02, a.shape), 0, 1)

    def mean(x):
        return ndimage.gaussian_filter(x, 1.5, truncate=5 / 1.5)[5:-5, 5:-5]

    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    wanted = ((2 * ma * mb + 1e-4) * (2 * cov + 9e-4)) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4))
    made, _ = dfg_losses.similarity(*(torch.from_numpy(x)[None, None] for x in (a, b)), 1.0)
    assert float(made) == pytest.approx(float(wanted.mean()), abs=1e-9)


@pytest.mark.parametrize("name", ["l1", "ms_ssim_l1"])
def test_losses_are_zero_for_the_same_and_grow_with_noise(name):
    torch.manual_seed(0)
    loss = dfg_losses.LOSSES[name]
    clean = torch.rand(1, 1, 24, 24).repeat_interleave(8, 2).repeat_interleave(8, 3) * 2 - 1
    noise = torch.randn_like(clean)
    values = [float(loss(clean + sigma * noise, clean)) for sigma in (0, 0.02, 0.1, 0.3)]
    assert values[0] == pytest.approx(0, abs=1e-5)
    assert values == sorted(values)
    made = (clean + 0.1 * noise).requires_grad_()
    loss(made, clean).backward()
    assert made.grad.isfinite().all()
    assert made.grad.abs().sum() > 0


def test_the_mixed_loss_weighs_its_two_parts():
    """Of two constants the structure is alike, so the L1 part and one luminance term are all that is left."""
    a, b = torch.full((1, 1, 192, 192), 0.5), torch.full((1, 1, 192, 192), 0.3)
    luminance = (2 * 0.15 + 0.0004) / (0.25 + 0.09 + 0.0004)
    likeness = ((luminance + 1) / 2) ** 0.1333
    inner = np.outer(*(2 * [np.convolve(np.ones(192), dfg_losses.window(a).numpy(), "same")])).mean()
    wanted = 0.84 * (1 - likeness) + 0.16 * 0.2 * inner
    assert float(dfg_losses.ms_ssim_l1(a, b)) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("source", ["tree", "pictures"])
def test_batches_are_pure_and_an_epoch_sees_every_pair_once(source, data, photographs, quick):
    task = dfg_tasks.task(quick)
    root = data if source == "tree" else photographs
    seen = pairs(root, task, 1, validation=False)
    again = pairs(root, task, 1, validation=False)
    assert all(torch.equal(seen[7][k], again[7][k]) for k in seen[7])
    assert not torch.equal(seen[7]["image"], seen[7 + seen.count]["image"])
    assert seen.count == 5 * len(LEVELS if source == "tree" else task.levels)
    levels = sorted(float(seen[k]["level"]) for k in range(seen.count))
    assert levels == pytest.approx(sorted(5 * (LEVELS if source == "tree" else task.levels)))
    noise = [
        (float(s["level"]), float((s["image"] - s["clean"]).std())) for s in map(seen.__getitem__, range(9))
    ]
    assert all(0.5 * level < sigma < 1.8 * level for level, sigma in noise)


def test_validation_pictures_are_never_trained_on(data, quick):
    task = dfg_tasks.task(quick)
    seen, unseen = (pairs(data, task, 1, validation=v) for v in (False, True))
    assert unseen.names == ("003_a_0",)
    assert len(seen.names) == 5
    assert not set(seen.names) & set(unseen.names)


def test_pictures_smaller_than_the_patch_are_refused(data, photographs, quick):
    task = replace(dfg_tasks.task(quick), patch=256)
    for root in (data, photographs):
        with pytest.raises(InputError, match=r"224x200.*256x256"):
            pairs(root, task, 1, validation=False)


def test_a_run_says_what_it_was_made_of(run, quick):
    facts = json.loads((run / "run.json").read_text())
    assert facts["held_out"] == ["003_a_0"]
    assert facts["task"]["name"] == "quick"
    assert facts["parameters"] == parameters(Baseline("res_unet", 1, blind=False, width=4))
    assert (run / "curve.csv").read_text().splitlines()[-1].startswith("6,")


def test_a_resumed_run_ends_with_the_same_bits(run, config, tmp_path):
    broken = replace(config, out=tmp_path / "b", steps=4)
    dfg.train(broken)
    dfg.train(replace(broken, steps=6, resume=True))
    whole, resumed = (load_checkpoint(folder / "checkpoint.pt") for folder in (run, broken.out))
    assert whole["step"] == resumed["step"] == 6
    assert all(torch.equal(v, resumed["net"][k]) for k, v in whole["net"].items())
    moments = whole["optimiser"]["state"], resumed["optimiser"]["state"]
    assert all(torch.equal(moments[0][k]["exp_avg"], moments[1][k]["exp_avg"]) for k in moments[0])


def test_a_run_is_not_written_over_nor_resumed_as_another(run, config):
    with pytest.raises(OutputError, match="--resume"):
        dfg.train(config)
    with pytest.raises(UsageError, match="another width"):
        dfg.train(replace(config, resume=True, width=8))
    with pytest.raises(UsageError, match="one of them"):
        dfg.train(replace(config, budget=3.0))


def test_training_removes_strong_grain_from_an_unseen_picture(config, data, tmp_path):
    """Running statistics lag behind in so short a run, so the picture's own are used."""
    dfg.train(replace(config, out=tmp_path / "c", steps=60))
    _, strong = dfg_eval.evaluate(dfg_eval.Config(tmp_path / "c", data, statistics="batch"))
    assert strong["psnr_clean"] > strong["psnr_noisy"] + 2
    assert strong["ssim_clean"] > strong["ssim_noisy"]


def test_bfloat16_and_channels_last_train_too(config, tmp_path):
    dfg.train(replace(config, out=tmp_path / "d", steps=2, bf16=True, channels_last=True))
    state = load_checkpoint(tmp_path / "d/checkpoint.pt")["net"]
    assert all(v.isfinite().all() for v in state.values())


def test_evaluation_gives_a_row_per_level(run, data, tmp_path):
    rows = dfg_eval.evaluate(dfg_eval.Config(run, data))
    assert [r["level"] for r in rows] == list(LEVELS)
    for row in rows:
        assert row["pairs"] == 1
        assert row["psnr_noisy"] == pytest.approx(-20 * np.log10(row["level"]), abs=3)
        assert 0 < row["ssim_noisy"] < 1
        assert 0 < row["ms_ssim_noisy"] < 1
        assert row["psnr_clean"] < 60
    assert len(dfg_eval.markdown(rows).splitlines()) == 2 + len(LEVELS)
    batch = dfg_eval.evaluate(dfg_eval.Config(run, data, whole=True, statistics="batch"))
    assert [r["pairs"] for r in batch] == [6, 6]
    assert batch[0]["psnr_clean"] != rows[0]["psnr_clean"]


def test_evaluation_without_a_run_is_refused(data, tmp_path):
    with pytest.raises(InputError, match="holds no run"):
        dfg_eval.evaluate(dfg_eval.Config(tmp_path, data))


def test_a_picture_of_any_size_passes(run):
    net, _ = dfg.trained(run)
    assert dfg_eval.answered(net, torch.rand(1, 1, 37, 70), 0.05).shape == (1, 1, 37, 70)


@pytest.mark.parametrize("statistics", ["running", "batch"])
@pytest.mark.parametrize("blind", [False, True])
def test_the_exported_file_answers_as_the_net(run, tmp_path, statistics, blind):
    import onnxruntime as ort

    if blind:
        facts = json.loads((run / "run.json").read_text())
        facts["task"]["blind"] = True
        (tmp_path / "run.json").write_text(json.dumps(facts))
        torch.manual_seed(1)
        torch.save({"net": Baseline("res_unet", 1, True, 4).state_dict()}, tmp_path / "checkpoint.pt")
        run = tmp_path
    path = dfg_export.export_dfg(run, tmp_path / "net.onnx", statistics)
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [i.name for i in session.get_inputs()] == ["image", "level"]
    assert session.get_modelmeta().custom_metadata_map["multiple"] == "16"
    net, _ = dfg.trained(run)
    use_statistics(net, statistics)
    image, level = torch.rand(1, 1, 48, 80), torch.full((1, 1), 0.04)
    made = session.run(["clean"], {"image": image.numpy(), "level": level.numpy()})[0]
    with torch.no_grad():
        wanted = net(image, level).clamp(0, 1).numpy()
    assert made.shape == (1, 1, 48, 80)
    assert np.abs(made - wanted).max() < 1e-4


def test_an_export_to_nowhere_is_refused(run, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        dfg_export.export_dfg(run, tmp_path / "missing" / "net.onnx")
