"""Codec repair is trained, goes on after a break, and is shipped as what it was in training."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("PIL.Image")

from filmgrain_codec.core.frame import Frame  # noqa: E402
from filmgrain_codec.errors import InputError, UsageError  # noqa: E402
from filmgrain_codec.infer import store  # noqa: E402
from filmgrain_codec.infer.session import session  # noqa: E402
from filmgrain_codec.nodes.codec_planes import phases as filter_phases  # noqa: E402
from filmgrain_codec.nodes.codec_repair import TEXTURE_ROLE, CodecRepair  # noqa: E402
from filmgrain_codec.train import codec_repair, codec_repair_export  # noqa: E402
from filmgrain_codec.train.codec import pool, shipped  # noqa: E402, shipped
from filmgrain_codec.train.codec.batches import Batches, told  # noqa: E402
from filmgrain_codec.train.codec.jpeg import as_jpeg  # noqa: E402
from filmgrain_codec.train.codec.losses import asked, beside, ms_ssim  # noqa: E402
from filmgrain_codec.train.codec.neighbours import as_in_use  # noqa: E402
from filmgrain_codec.train.codec.nogan import NoGan  # noqa: E402
from filmgrain_codec.train.codec.slim import slimmed  # noqa: E402
from filmgrain_codec.train.codec.texture import Textured, compared  # noqa: E402
from filmgrain_codec.train.loop import Schedule  # noqa: E402
from filmgrain_codec.train.networks.codec import CodecNets, macs_per_sample, pack, phases  # noqa: E402
from filmgrain_codec.train.networks.codec_unet import BaselineNets, nets_of  # noqa: E402
from filmgrain_codec.train.shipping import Shipment  # noqa: E402
from tests.train.photographs import photographs  # noqa: E402

pytestmark = pytest.mark.train
SCENES = 6


@pytest.fixture(autouse=True)
def short_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec_repair, "CHECKS", 1)
    monkeypatch.setattr(codec_repair, "CHECK_SIZE", 2)
    monkeypatch.setattr(codec_repair, "HELD_OUT_SCENES", 1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photographs, one of them held out, and pools of them."""
    root = photographs(tmp_path_factory.mktemp("material"), cells=40)
    pool.make(pool.Recipe(root, 1, SCENES), root / "pool")
    pool.make(pool.Recipe(root, 77, 2, held_out=True), root / "held")
    return root


def config(
    data: Path, out: Path, steps: int, resume: bool = False, tier: str = "fast"
) -> codec_repair.Config:
    return codec_repair.Config(data, out, data, tier=tier, steps=steps, batch=2, resume=resume)


def test_a_pool_is_a_function_of_its_seed(data: Path) -> None:
    recipe = pool.Recipe(data, 1, SCENES)
    again = list(pool.samples(recipe, pool.clean_material(recipe), 2))
    kept, each = pool.Pool(data / "pool"), pool.PER_FRAME * pool.KEPT
    assert len(kept) == SCENES * each == SCENES * len(again)
    for n, sample in enumerate(again):
        assert all(np.array_equal(kept.arrays[k][2 * each + n], v) for k, v in sample.items())
    with pytest.raises(InputError, match="no finished pool"):
        pool.Pool(data / "none")


def test_patches_lie_on_what_they_were(data: Path) -> None:
    batch = Batches(pool.Pool(data / "pool"), 8, 3, 0.0)[0]
    error = (batch["luma"] - batch["clean"]).square().mean((1, 2, 3))
    moved = (batch["luma"][..., 8:] - batch["clean"][..., :-8]).square().mean((1, 2, 3))
    assert (error < moved).all()
    assert torch.equal(batch["told"][:, 1:].sum(1), torch.ones(8))


def test_jpeg_is_worse_at_a_lower_quality(data: Path) -> None:
    recipe = pool.Recipe(data, 1, 1)
    clean: Frame = pool.frames_of(pool.clean_scene(pool.clean_material(recipe), np.random.default_rng(1)))[0]
    made = [as_jpeg(clean, q) for q in (90, 40, 10)]
    errors = [np.mean((f.planes[0] - clean.planes[0]) ** 2) for f in made]
    assert errors[0] < errors[1] < errors[2]
    assert made[0].props["qp"] < made[1].props["qp"] < made[2].props["qp"]


def test_the_nets_begin_as_the_identity_and_within_their_means() -> None:
    nets = CodecNets()
    given, known = torch.rand(2, 6, 16, 20), told(np.array([30.0, 40.0]), np.array([0, 4]))
    assert nets.repair(*asked(given, known)).abs().max() == 0
    assert macs_per_sample(nets.repair) <= 8000
    assert macs_per_sample(CodecNets("best").repair) <= 60000
    picture = torch.rand(1, 1, 48, 48)
    assert ms_ssim(picture, picture) == pytest.approx(1)
    assert ms_ssim(picture, torch.rand(1, 1, 48, 48)) < 0.5


def test_the_filter_tells_the_net_its_grid_as_in_training() -> None:
    assert np.array_equal(filter_phases(10, 12)[0], phases(10, 12).numpy())
    assert len(np.unique(phases(4, 4).numpy().reshape(4, 16), axis=1).T) == 16  # every phase is told apart


def test_a_broken_run_goes_on(data: Path, tmp_path: Path) -> None:
    codec_repair.train(config(data, tmp_path / "a", 2))
    codec_repair.train(config(data, tmp_path / "b", 2))
    a, b = (torch.load(tmp_path / n / "checkpoint.pt", weights_only=True) for n in "ab")
    assert all(torch.equal(a["net"][k], b["net"][k]) for k in a["net"])
    assert codec_repair.train(config(data, tmp_path / "a", 4, resume=True)).step == 4


def test_the_shipped_files_say_what_the_nets_say(data: Path, tmp_path: Path) -> None:
    run = codec_repair.train(config(data, tmp_path / "run", 3))
    models = tmp_path / "models"
    models.mkdir()
    shipment = Shipment(tmp_path / "run", models, "codec-repair-test", data)
    files = codec_repair_export.ship(shipment)
    assert all(f.stat().st_size < 4 << 20 for f in files)
    model = store.resolve("fast", codec_repair_export.ROLE, models)
    model.verify()
    nets = CodecNets()
    nets.load_state_dict(run.average)
    given, known = torch.rand(3, 6, 48, 48), told(np.array([30.0, 40.0, 50.0]), np.array([0, 4, 5]))
    with torch.no_grad():
        wanted = nets.eval().repair(*asked(given, known))
    planes = asked(given, known)[0].contiguous()
    got = session(model.part("repair")).run({"given": planes.numpy(), "told": known.numpy()})
    assert np.abs(got - wanted.numpy()).max() < 1e-5
    assert "kMAC" in (models / "cards" / "codec-repair-test.md").read_text()
    with pytest.raises(UsageError, match="never change"):
        codec_repair_export.ship(shipment)


def test_the_tier_with_neighbours_says_in_the_filter_what_it_says_in_training(tmp_path: Path) -> None:
    root = photographs(tmp_path, cells=40)
    made = codec_repair.Config(root, tmp_path / "run", tier="best", steps=2, batch=2, scenes=2)
    run = codec_repair.train(made)
    seen = pool.Pool(tmp_path / "codec-pool" / "pool-near")
    batch = Batches(seen, 3, 1)[0]
    assert batch["near"].shape[1:] == (2, 96, 96)
    assert batch["near_chroma"].shape[1:] == (4, 48, 48)
    here = (batch["near"] - batch["luma"]).abs().mean()
    assert 0 < here < (batch["near"] - batch["luma"].roll(8, -1)).abs().mean()  # drawn onto the frame
    codec_repair_export.ship(Shipment(tmp_path / "run", tmp_path, "codec-repair-best-test", root))
    model = store.resolve("best", codec_repair_export.ROLE, tmp_path)
    assert (model.radius, model.motion) == (1, pool.MOTION)
    net = CodecNets("best")
    net.load_state_dict(run.average)
    with torch.no_grad():
        net.repair.last.weight.normal_(0, 0.05)
        given = pack(batch["luma"], batch["chroma"])
        inputs = asked(given, batch["told"], beside(batch, given))
        wanted = net.eval().repair(*inputs)
    part = codec_repair_export.part(net.repair)
    path = tmp_path / "net.onnx"
    path.write_bytes(part.content)
    digest = hashlib.sha256(part.content).hexdigest()
    loaded = session(store.Part("repair", path, digest, len(part.content), 4, part.halo, part.kmac))
    got = loaded.run({"given": inputs[0].contiguous().numpy(), "told": inputs[1].numpy()})
    assert np.abs(got - wanted.numpy()).max() < 1e-5


def test_the_filter_shows_the_neighbours_as_the_training_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = photographs(tmp_path, cells=40)
    for tier in ("fast", "best"):
        run = tmp_path / tier
        codec_repair.train(codec_repair.Config(root, run, tier=tier, steps=1, batch=1, scenes=1))
        codec_repair_export.ship(Shipment(run, tmp_path, f"codec-repair-{tier}-test", root))
    seen = pool.clean_material(pool.Recipe(root, 1, 1))
    clean = pool.frames_of(pool.clean_scene(seen, np.random.default_rng(5)))
    coded = [as_jpeg(f, 20 + 5 * n) for n, f in enumerate(clean[:3])]
    monkeypatch.setenv(store.FOLDER_VARIABLE, str(tmp_path))
    node = CodecRepair(model="best")
    assert node.model.radius == 1
    window = [
        replace(f, index=n, props={"FGQP": f.props["qp"], "FGCodec": "jpeg"}) for n, f in enumerate(coded)
    ]
    shown = node.beside(window, window[1].planes, window[1].props["FGQP"])
    sides = pool.near(pool.shown(dict(enumerate(coded)) | {3: coded[2]}, 1), coded[1], 0, 0)
    batch = {k: torch.from_numpy(np.asarray(v, np.float32)[None]) for k, v in sides.items()}
    batch["near"], batch["near_chroma"] = (
        batch["near"] / 65535,
        batch["near_chroma"].reshape(1, 4, 64, 64) / 65535,
    )
    given = pack(
        *(torch.from_numpy(x.copy())[None] for x in (coded[1].planes[0][None], np.stack(coded[1].planes[1:])))
    )
    wanted = beside(batch, given[:, :, :64, :64])
    assert wanted is not None
    assert np.abs(np.concatenate(shown, 1)[:, :, :64, :64] - wanted.numpy()).max() < 1e-4


def test_the_baseline_takes_turns_as_nogan_does(data: Path, tmp_path: Path) -> None:
    run = NoGan(BaselineNets(), tmp_path, Schedule(steps=20))
    batches, phases_seen = Batches(pool.Pool(data / "pool"), 2, 1), []
    parts = {name: getattr(run.net, name) for name in ("repair", "critic")}
    for step in range(20):
        before = {k: [p.detach().clone() for p in part.parameters()] for k, part in parts.items()}
        phase = run.phase
        run.learn(batches[step])
        moved = tuple(
            any(not torch.equal(a, b) for a, b in zip(before[k], parts[k].parameters(), strict=True))
            for k in parts
        )
        phases_seen.append((phase, moved))
    alone, critic, contest = (True, False), (False, True), {(True, False), (False, True)}
    assert {m for p, m in phases_seen if p == "generator"} == {alone}
    assert {m for p, m in phases_seen if p == "critic"} == {critic}
    assert {m for p, m in phases_seen if p == "contest"} == contest
    order = list(dict.fromkeys(p for p, _ in phases_seen))
    assert order == ["generator", "critic", "contest"]


def test_the_baseline_learns_from_pixels_and_is_shipped_like_ours(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    nets = BaselineNets()
    batch = Batches(pool.Pool(data / "pool"), 4, 1)[0]
    run = NoGan(nets, tmp_path / "run", Schedule(steps=400, rate=1e-3, warm_up=5))
    first = float(run.generate(nets, batch).detach())
    for _ in range(30):
        run.learn(batch)
    assert run.phase == "generator"
    assert float(run.generate(nets, batch).detach()) < 0.95 * first
    codec_repair.train(config(data, tmp_path / "run", 4, tier="unet"))
    files = codec_repair_export.ship(Shipment(tmp_path / "run", tmp_path, "codec-repair-gan", data))
    assert len(files) == 1
    model = store.resolve("codec-repair-gan", codec_repair_export.ROLE, tmp_path)
    shipped = nets_of("unet")
    state = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["average"]
    shipped.load_state_dict(state)
    given, known = torch.rand(2, 6, 48, 40), told(np.array([30.0, 40.0]), np.array([0, 4]))
    with torch.no_grad():
        wanted = shipped.eval().repair(*asked(given, known))
    planes = asked(given, known)[0].contiguous()
    got = session(model.part("repair")).run({"given": planes.numpy(), "told": known.numpy()})
    assert np.abs(got - wanted.numpy()).max() < 1e-5
    assert "artifact-removal GAN" in (tmp_path / "cards" / "codec-repair-gan.md").read_text()


def test_the_sliders_other_end_begins_as_a_repair_net_and_learns_detail(data: Path, tmp_path: Path) -> None:
    codec_repair.train(config(data, tmp_path / "near", 2))
    begun = shipped.begun("texture", str(tmp_path / "near"))
    near = torch.load(tmp_path / "near" / "checkpoint.pt", weights_only=True)["average"]
    assert all(torch.equal(v, begun.state_dict()[k]) for k, v in near.items())
    batch = Batches(pool.Pool(data / "pool"), 4, 1)[0]
    run = Textured(begun, tmp_path / "far", Schedule(steps=4000, rate=1e-3, warm_up=5))
    before = compared(begun, batch)[0]
    for _ in range(60):
        run.learn(batch)
    assert run.phase == "generator"
    assert compared(begun, batch)[0] < 0.98 * before


def test_the_sliders_other_end_is_shipped_for_it(data: Path, tmp_path: Path) -> None:
    codec_repair.train(config(data, tmp_path / "run", 4, tier="texture"))
    files = codec_repair_export.ship(Shipment(tmp_path / "run", tmp_path, "texture-1", data))
    model = store.resolve("fast", TEXTURE_ROLE, tmp_path)
    assert [p.name for p in model.parts] == ["repair"]
    assert files == [model.part("repair").path]
    assert "perceptual=1" in (tmp_path / "cards" / "texture-1.md").read_text()


def test_neighbours_are_spoilt_as_they_are_in_use() -> None:
    torch.manual_seed(1)
    count, rng = 400, np.random.default_rng(2)
    own = {"luma": torch.rand(count, 1, 32, 32), "chroma": torch.rand(count, 2, 16, 16)}
    fit = {"near": own["luma"] * 0.9, "near_chroma": own["chroma"] * 0.9}
    batch = {k: v.repeat(1, 2, 1, 1) if k in fit else v.clone() for k, v in (own | fit).items()}
    batch["coarser"] = torch.ones(count, 2)
    drawn, family = batch["near"].clone(), np.arange(count) % 2 * 4
    as_in_use(batch, family, rng)
    missing = (batch["near"] == own["luma"]).flatten(2).all(2)
    assert torch.equal(batch["near_chroma"][missing.all(1)], own["chroma"][missing.all(1)].repeat(1, 2, 1, 1))
    assert not batch["coarser"][missing].any()
    alone = missing.all(1).numpy()
    assert 0.2 < alone[family == 0].mean() < 0.4 < alone[family == 4].mean() < 0.75
    as_drawn = (batch["near"] == drawn).flatten(1).all(1).numpy()
    assert 0.1 < (~alone & ~as_drawn).mean() < 0.5  # bent, or another's
    assert as_drawn.mean() > 0.2


def test_a_neighbour_that_does_not_fit_counts_as_none() -> None:
    torch.manual_seed(3)
    net = CodecNets("best").repair.eval()
    with torch.no_grad():
        net.last.weight.normal_(0, 0.05)
        known = told(np.array([32.0]), np.array([1]))
        given, around = torch.rand(1, 6, 24, 24), torch.zeros(1, 14, 24, 24)
        alone = net(*asked(given, known, around))
        assert torch.equal(net(*asked(given, known, around + 0.1)), alone)
        assert (net(*asked(given, known, around + 0.01)) - alone).abs().max() > 1e-4


def test_single_pictures_have_no_neighbours(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "CHANCES", {"jpeg": 1.0})
    monkeypatch.setattr(pool, "SINGLE_SHARE", 1.0)
    monkeypatch.setattr(pool, "DOUBLE_SHARE", 0.0)
    recipe = pool.Recipe(data, 1, 1, neighbours=True)
    made = list(pool.samples(recipe, pool.clean_material(recipe), 0))
    assert len(made) == pool.KEPT * pool.PER_FRAME
    assert all(np.array_equal(s["near"], np.stack([s["luma"]] * 2)) for s in made)
    assert not np.any([s["coarser"] for s in made])
    assert len({float(s["facts"][0]) for s in made}) == pool.KEPT  # each of its own quality


def test_channels_that_fell_silent_are_left_out_and_nobody_hears_it() -> None:
    torch.manual_seed(5)
    net = CodecNets("best").repair
    with torch.no_grad():
        net.last.weight.normal_(0, 0.05)
        net.blocks[1].first.bias[::2] = -100
        net.blocks[4].first.bias[:16] = -100
    picture = {"luma": torch.rand(2, 1, 48, 48), "chroma": torch.rand(2, 2, 24, 24)}
    near = {
        "near": picture["luma"] + 0.01 * torch.rand(2, 2, 48, 48),
        "near_chroma": torch.rand(2, 4, 24, 24),
    }
    known = told(np.array([30.0, 40.0]), np.array([0, 1]))
    batch = {**picture, **near, "coarser": torch.zeros(2, 2), "told": known}
    made = slimmed(net, [batch], 64)
    left = [b.second.weight.shape[1] for b in made.blocks]
    assert left[1] <= 48
    assert left[4] <= 80
    assert sum(left) <= 5 * 96 - 64
    assert macs_per_sample(made) + macs_per_sample(CodecNets().repair) <= 60000 < macs_per_sample(net) + 7000
    given = pack(batch["luma"], batch["chroma"])
    inputs = asked(given, known, beside(batch, given))
    with torch.no_grad():
        np.testing.assert_allclose(made(*inputs), net.eval()(*inputs), atol=1e-5)
