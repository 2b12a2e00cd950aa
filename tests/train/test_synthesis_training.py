"""The synthesizer is trained on looks, goes on after a break, and decodes as what it was in training."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("PIL.Image")

from filmgrain_codec.core.frame import Frame, FrameFormat  # noqa: E402
from filmgrain_codec.errors import InputError, ModelError, UsageError  # noqa: E402
from filmgrain_codec.grain import neural  # noqa: E402
from filmgrain_codec.grain.parametric import synthesize  # noqa: E402
from filmgrain_codec.grain.profile import Chroma, GrainSegment, Spectrum  # noqa: E402
from filmgrain_codec.infer import store  # noqa: E402
from filmgrain_codec.nodes.synth import Grain, refiner  # noqa: E402
from filmgrain_codec.train import material, synthesis, synthesis_export, synthesis_losses  # noqa: E402
from filmgrain_codec.train import synthesis_samples as samples  # noqa: E402
from filmgrain_codec.train.networks import synthesis as networks  # noqa: E402
from filmgrain_codec.train.shipping import Shipment  # noqa: E402
from tests.train.photographs import photographs  # noqa: E402

pytestmark = pytest.mark.train
BUDGET = 1400
SEGMENT = GrainSegment(
    0, 9, 0.05, spectrum=Spectrum(0.9, 1.1), chroma=Chroma(0.5, 0.7, 0.8, 0.3, -0.2, 0.4), skew=0.2, seed=7
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photographs, one of them held out."""
    return photographs(tmp_path_factory.mktemp("material"))


@pytest.fixture(scope="module")
def pool(data: Path) -> samples.Pool:
    return samples.make(material.load(data), 4, 3, {"spectral": 0.5, "density": 0.5})


@pytest.fixture
def run(data: Path, pool: samples.Pool, tmp_path: Path) -> synthesis.Config:
    """A run of two steps whose pools lie ready: the scans are not needed."""
    out = tmp_path / "run"
    pool.save(out / "pool.pt")
    pool.save(out / "held_out.pt")
    config = synthesis.Config(data, out, steps=2)
    synthesis.note(config, ("seen.jpg",), ("held out.jpg",))
    return config


def random_nets() -> torch.nn.ModuleDict:
    torch.manual_seed(1)
    nets = networks.refiners().eval()
    for net in nets.values():
        torch.nn.init.normal_(net.leave.weight, 0, 0.1)
    return nets


def test_the_nets_keep_to_the_budget_and_begin_with_nothing() -> None:
    nets = networks.refiners()
    assert networks.macs_per_luma_sample(nets) <= BUDGET
    for name, fields in networks.FIELDS.items():
        made = nets[name](*networks.example(fields))
        assert made.shape == (1, neural.PHASES * fields, 16, 16)
        assert (made == 0).all()


def test_a_result_depends_on_noise_within_the_reach_and_on_tone_in_place() -> None:
    net = random_nets()["luma"]
    noise, tone, told = networks.example(1)
    before = net(noise, tone, told)
    noise[..., neural.REACH + 8, neural.REACH + 8] += 5
    y, x = (np.unique(n) for n in (before != net(noise, tone, told)).any(1)[0].nonzero(as_tuple=True))
    assert (y.min(), y.max(), x.min(), x.max()) == (6, 10, 6, 10)
    before = net(noise, tone, told)
    tone[..., 8, 8] += 0.5
    changed = (before != net(noise, tone, told)).any(1)[0]
    assert changed.sum() == 1
    assert changed[8, 8]


def test_a_pool_is_a_function_of_its_seed_in_units_of_sigma(
    data: Path, pool: samples.Pool, tmp_path: Path
) -> None:
    again = samples.make(material.load(data), 2, 3, {"spectral": 0.5, "density": 0.5})
    assert again.segments == pool.segments[:2]
    assert torch.equal(again.luma, pool.luma[:2])
    assert pool.luma.shape == (4, samples.PATCHES, samples.SIDE, samples.SIDE)
    assert (pool.luma.float().std((1, 2, 3)) - 1).abs().max() < 0.15
    pool.save(tmp_path / "pool.pt")
    loaded = samples.Pool.load(tmp_path / "pool.pt")
    assert loaded.segments == pool.segments
    assert torch.equal(loaded.chroma, pool.chroma)
    with pytest.raises(InputError, match="pool"):
        samples.Pool.load(tmp_path / "none.pt")


def test_fields_to_refine_are_the_parametric_models(pool: samples.Pool) -> None:
    looks = samples.Looks(replace(pool, segments=(SEGMENT,) * 4))
    batch = looks.batch(np.random.default_rng(0), 4, samples.PATCHES)
    batch |= {k: batch[k].repeat(4, *[1] * (batch[k].ndim - 1)) for k in ("look", "clean")}
    batch["clean"] = torch.full_like(batch["clean"], 0.5)
    noise = looks.noise(batch["look"], torch.Generator().manual_seed(0))
    luma, chroma = synthesis.grained(looks, None, batch, noise)
    fmt = FrameFormat(512, 512, bits=10)
    flat = tuple(np.full(fmt.shape(k), 0.5, np.float32) for k in range(3))
    made = [m - f for m, f in zip(synthesize(flat, fmt, SEGMENT, 0), flat, strict=True)]
    for mine, theirs, gain in zip((luma, chroma[:, :1], chroma[:, 1:]), made, (1, 0.5, 0.7), strict=True):
        unit = torch.from_numpy(theirs / (0.05 * gain))[None, None]
        assert abs(float(mine.std() / unit.std()) - 1) < 0.03
        for shift in ((0, 1), (1, 0), (1, 1)):
            rho = [float((x * x.roll(shift, (-2, -1))).mean() / x.square().mean()) for x in (mine, unit)]
            assert abs(rho[0] - rho[1]) < 0.03
    skew = float((luma**3).mean() / luma.std() ** 3)
    assert abs(skew - SEGMENT.skew) < 0.05


def test_statistics_tell_the_same_grain_from_another(pool: samples.Pool) -> None:
    looks = samples.Looks(pool)
    grader = synthesis.Grader(looks)
    plain = grader(None)
    other = grader.wanted
    grader.wanted = type(other)(*(getattr(other, k).roll(1, 0) for k in other.__slots__))
    assert grader(None)["psd"] > 2 * plain["psd"]
    skewed = synthesis_losses.statistics(
        *(x[None] for x in torch.rand(3, 20, 1, 96, 96).pow(3)[:1]), *_grey()
    )
    assert float(skewed.moments[0, 1, 0]) > 0.5


def _grey() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.zeros(1, 20, 2, 48, 48), torch.full((1, 20, 1, 96, 96), 0.5)


def test_a_broken_run_goes_on_to_the_same_weights(
    run: synthesis.Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthesis, "LOOKS_OF_STEP", 2)
    monkeypatch.setattr(synthesis, "PATCHES_OF_STEP", 2)
    whole = synthesis.train(replace(run, steps=4))
    (run.out / "checkpoint.pt").unlink()
    # the rate follows the run's length, so the break comes in the middle of the same four steps
    broken = synthesis.Run(replace(run, steps=4), *synthesis.pools(run))
    for _ in range(2):
        broken.learn()
    broken.save()
    resumed = synthesis.train(replace(run, steps=4, resume=True))
    for a, b in zip(whole.nets.parameters(), resumed.nets.parameters(), strict=True):
        assert torch.equal(a, b)
    assert any(
        (p != q).any() for p, q in zip(whole.nets.parameters(), networks.refiners().parameters(), strict=True)
    )
    (run.out / "checkpoint.pt").unlink()
    with pytest.raises(InputError, match="checkpoint"):
        synthesis.train(replace(run, resume=True))
    with pytest.raises(InputError, match="resume"):
        synthesis.train(replace(run, out=run.out.parent / "none", resume=True))


def test_what_is_shipped_decodes_to_the_same_bits_however_it_is_cut(
    run: synthesis.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = synthesis.train(run)
    nets = random_nets()
    trained.chosen = nets.state_dict()
    trained.save()
    models = tmp_path / "models"
    (models / "cards").mkdir(parents=True)
    synthesis_export.ship(Shipment(run.out, models, "synthesis-test-1"))
    with pytest.raises(UsageError, match="never change"):
        synthesis_export.ship(Shipment(run.out, models, "synthesis-test-1"))
    monkeypatch.setenv(store.FOLDER_VARIABLE, str(models))
    assert "synthesis-test-1" in (models / "cards" / "synthesis-test-1.md").read_text()

    net = refiner("fast")
    given = [x.numpy() for x in networks.example(2, (neural.TILE[0] // 2, neural.TILE[1] // 2))]
    with torch.no_grad():
        expected = nets["chroma"](*map(torch.from_numpy, given)).numpy()
    np.testing.assert_allclose(net("chroma", *given), expected, atol=1e-4)

    fmt = FrameFormat(neural.TILE[1] + 37, neural.TILE[0] + 21, bits=10)
    rng = np.random.default_rng(1)
    planes = tuple(rng.random(fmt.shape(k), np.float32) for k in range(3))
    whole = synthesize(planes, fmt, SEGMENT, 4, fields=neural.refined(net, SEGMENT))
    for rows, threads in ((9, 1), (64, 3)):
        again = synthesize(
            planes, fmt, SEGMENT, 4, fields=neural.refined(net, SEGMENT), band_rows=rows, threads=threads
        )
        assert all(np.array_equal(a, b) for a, b in zip(whole, again, strict=True))
    part = replace(fmt, width=72, height=64)
    cropped = tuple(p[k : k + h, j : j + w] for p, (k, j, h, w) in zip(planes, _crops(), strict=True))
    made = synthesize(cropped, part, SEGMENT, 4, fields=neural.refined(net, SEGMENT), origin=(264, 120))
    for a, b, (k, j, h, w) in zip(made, whole, _crops(), strict=True):
        inner = slice(8, h - 8), slice(8, w - 8)  # at its edges a crop does not know what tone lies beyond
        np.testing.assert_array_equal(a[inner], b[k : k + h, j : j + w][inner])

    node = Grain(SEGMENT, synthesis="synthesis-test-1")
    frame = Frame(planes, fmt, 4, 4, Fraction(1, 24))
    for a, b in zip(node.process([frame], 4).planes, whole, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ModelError, match="nonesuch"):
        Grain(SEGMENT, synthesis="nonesuch")


def _crops() -> tuple[tuple[int, int, int, int], ...]:
    chroma = (60, 132, 32, 36)
    return (120, 264, 64, 72), chroma, chroma


def test_two_runtimes_refine_grain_alike(tmp_path: Path) -> None:
    """Within one code of 10 bit on 99.9 % of samples; decoding itself keeps to ONNX Runtime (``refiner``)."""
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    from filmgrain_codec.infer import openvino, session

    parts = {}
    for name, net in random_nets().items():
        content = synthesis_export.to_onnx(net)
        (tmp_path / name).write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        parts[name] = store.Part(name, tmp_path / name, sha256, len(content), 1, 0, 0.0)
    fmt = FrameFormat(neural.TILE[1] + 37, neural.TILE[0] + 21, bits=10)
    rng = np.random.default_rng(1)
    planes = tuple(rng.random(fmt.shape(k), np.float32) for k in range(3))
    made = []
    for load in (session.session, openvino.Session):
        nets = {name: load(part) for name, part in parts.items()}

        def run(part, noise, tone, told, nets=nets):
            return nets[part].run({"noise": noise, "tone": tone, "told": told})

        made.append(synthesize(planes, fmt, SEGMENT, 4, fields=neural.refined(run, SEGMENT)))
    plain = synthesize(planes, fmt, SEGMENT, 4)
    for first, second, without in zip(*made, plain, strict=True):
        apart = np.abs(np.rint(first * fmt.peak) - np.rint(second * fmt.peak))
        assert (apart <= 1).mean() >= 0.999
        assert np.abs(first - without).mean() * fmt.peak > 1
