"""The nets' variants for vs-mlrt give what our own path around the same nets gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import vapoursynth as vs

import vsfgcodec as fg
from filmgrain_codec.grain import properties
from filmgrain_codec.grain.profile import DEFAULT_CURVE, Chroma, GrainSegment
from filmgrain_codec.infer import store
from filmgrain_codec.infer.session import session
from filmgrain_codec.nodes import normal
from filmgrain_codec.nodes.packed import PHASES
from filmgrain_codec.train import mlrt
from tests.plugins.clips import CUT, FRAMES, vs_clip

onnxruntime = pytest.importorskip("onnxruntime")

HEIGHT, WIDTH, SIZE = 96, 160, 0.8
ROUNDING = 3e-6
"""Of full scale: a fiftieth of a code of 16 bits is 3e-7, and sums are taken in another order."""


@pytest.fixture(scope="module")
def model() -> store.Model:
    return store.resolve("fast")


@pytest.fixture(scope="module")
def files(model, tmp_path_factory) -> dict[str, Any]:
    paths = mlrt.export(model, tmp_path_factory.mktemp("mlrt"))
    return dict(zip((p.name for p in model.parts), paths, strict=True))


def window(planes: int) -> list[list[np.ndarray]]:
    """Five grainy frames of a still picture."""
    rng = np.random.default_rng(planes)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    pure = [0.5 + 0.2 * np.sin(x / (11 + k)) * np.cos(y / 9) for k in range(planes)]
    return [[(p + rng.normal(0, 0.03, p.shape)).astype(np.float32) for p in pure] for _ in range(5)]


def case(part: str) -> tuple[list[list[np.ndarray]], list[np.ndarray], list[np.ndarray]]:
    """Frames, sigmas and guides."""
    planes, guides = mlrt.PLANES[part]
    frames = window(planes)
    sigma = [np.full((HEIGHT, WIDTH), 0.03 - 0.01 * k, np.float32) for k in range(planes)]
    sigma[0][:, :50] = 1e-5  # below what counts
    return frames, sigma, [frames[0][0], window(3)[1][2]][:guides]


def ours(model: store.Model, part: str) -> list[np.ndarray]:
    """What the node makes of these planes."""
    frames, sigma, guide = case(part)
    given = normal.given(frames, sigma, guide)
    grain = session(model.part(part)).run({"given": given, "size": np.full((1, 1), SIZE, np.float32)})
    each = [grain[0, PHASES * k : PHASES * (k + 1)] for k in range(len(sigma))]
    return [normal.taken_off(c, s, g) for c, s, g in zip(frames[2], sigma, each, strict=True)]


def channels(part: str) -> list[np.ndarray]:
    """The same planes as the variant takes them."""
    frames, sigma, guide = case(part)
    size = np.full((HEIGHT, WIDTH), SIZE, np.float32)
    return [*(p for frame in frames for p in frame), *sigma, *guide, size]


def clips(planes: list[np.ndarray]) -> list[Any]:
    """Each plane as a grey float clip of one frame."""
    found = []
    for plane in planes:
        rows, columns = plane.shape
        form = vs.core.std.BlankClip(format=vs.GRAYS, width=columns, height=rows, length=1, keep=True)

        def fill(n: int, f: Any, plane: np.ndarray = plane) -> Any:
            out = f.copy()
            np.copyto(np.asarray(out[0]), plane)
            return out

        found.append(form.std.ModifyFrame(form, fill))
    return found


def outcome(made: Any, count: int) -> list[np.ndarray]:
    frame = made.get_frame(0)
    return [np.array(frame[k]) for k in range(count)]


def assert_close(made: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    for a, b in zip(made, wanted, strict=True):
        assert np.abs(a - b).max() < ROUNDING


@pytest.mark.parametrize("part", ["luma", "chroma"])
def test_the_variant_is_the_net_and_what_lies_around_it(model, files, part):
    run = onnxruntime.InferenceSession(str(files[part]), providers=["CPUExecutionProvider"])
    assert [i.name for i in run.get_inputs()] == [mlrt.INPUT]
    made = run.run(None, {mlrt.INPUT: np.stack(channels(part))[None]})[0][0]
    wanted = ours(model, part)
    assert_close(list(made[: len(wanted)]), wanted)
    before = [f.std() for f in case(part)[0][2]]
    assert all(w.std() < b for w, b in zip(wanted, before, strict=True))


@pytest.mark.parametrize("part", ["luma", "chroma"])
@pytest.mark.parametrize("runtime", ["ort", "ov"])
def test_it_runs_in_vs_mlrt(model, files, part, runtime):
    if not hasattr(vs.core, runtime):
        pytest.skip(f"vapoursynth-mlrt-{runtime} is not installed")
    options = {"num_streams": 1}
    if runtime == "ov":
        options["device"] = "CPU"
        # where the processor computes bf16, OpenVINO does so unasked
        options["config"] = lambda: {"INFERENCE_PRECISION_HINT": "f32"}
    made = getattr(vs.core, runtime).Model(clips(channels(part)), network_path=str(files[part]), **options)
    wanted = ours(model, part)
    assert made.format.id == (vs.GRAYS if part == "luma" else vs.RGBS)
    assert_close(outcome(made, len(wanted)), wanted)


def test_tiles_that_overlap_enough_change_nothing(model, files):
    if not hasattr(vs.core, "ort"):
        pytest.skip("vapoursynth-mlrt-ort is not installed")
    halo = model.part("luma").halo + normal.LOWPASS
    wide = [np.tile(p, (2, 2)) for p in channels("luma")]
    made = [
        np.array(vs.core.ort.Model(clips(wide), network_path=str(files["luma"]), **o).get_frame(0)[0])
        for o in ({}, {"tilesize": [160, 160], "overlap": [halo, halo]})
    ]
    assert np.abs(made[0] - made[1]).max() < ROUNDING


def told() -> Any:
    """The grainy clip with a cut, its grain told, its chroma no multiple of 8."""
    segment = GrainSegment(0, FRAMES, 0.03, DEFAULT_CURVE, chroma=Chroma(0.5, 0.5, 0.7))
    return vs_clip(**properties.of_segment(segment)).std.Crop(bottom=12)


def answered(inputs: list[Any], part: str) -> Any:
    """What the variant makes of some clips: by vs-mlrt, or by the same runtime without it."""
    path = fg.mlrt_model(part)
    if hasattr(vs.core, "ort"):
        return vs.core.ort.Model(inputs, network_path=path)
    run = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    form = inputs[0].std.BlankClip(format=vs.GRAYS if part == "luma" else vs.RGBS, keep=True)

    def work(n: int, f: list[Any]) -> Any:
        out = f[0].copy()
        made = run.run(None, {mlrt.INPUT: np.stack([np.asarray(x[0]) for x in f[1:]])[None]})[0][0]
        for k, plane in enumerate(made):
            np.copyto(np.asarray(out[k]), plane)
        return out

    return form.std.ModifyFrame([form, *inputs], work)


def test_the_documented_call_is_removal_itself():
    clip = told()
    luma = answered(fg.mlrt_inputs(clip), "luma")
    chroma = answered(fg.mlrt_inputs(clip, "chroma", luma), "chroma")
    made = [luma, *(chroma.std.ShufflePlanes(p, vs.GRAY) for p in (0, 1))]
    wanted = fg.denoise(clip, backend="onnxruntime")
    for n in (0, CUT - 1, CUT, FRAMES - 1):
        for k, plane in enumerate(made):
            exact = np.asarray(wanted.get_frame(n)[k])
            ours = np.asarray(plane.get_frame(n)[0])[: exact.shape[0], : exact.shape[1]]
            assert np.abs(ours * 1023 - exact).max() < 0.501


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda c: fg.mlrt_inputs(c, "chroma"), "fg.mlrt_inputs: luma is what the luma part gave"),
        (lambda c: fg.mlrt_inputs(c, "luma", c), "fg.mlrt_inputs: luma is what the luma part gave"),
        (lambda c: fg.mlrt_inputs(c, "chroma", c), "fg.mlrt_inputs: luma must be what the luma part gave"),
        (lambda c: fg.mlrt_inputs(c, "alpha"), "fg.mlrt_inputs: Model 'removal-fast"),
        (lambda c: fg.mlrt_model("luma", "huge"), "fg.mlrt_model: There is no removal model 'huge'"),
        (
            lambda c: fg.mlrt_inputs(c.resize.Point(format=vs.RGB24, matrix_in=1)),
            "fg.mlrt_inputs: the luma net",
        ),
    ],
)
def test_wrong_arguments(call, words):
    with pytest.raises(vs.Error) as caught:
        call(told())
    assert str(caught.value).startswith(words)


def test_missing_properties():
    with pytest.raises(vs.Error, match="FGLevel and FGCurve are missing"):
        fg.mlrt_inputs(vs_clip(FGLevel=0.03))[0].get_frame(1)


def test_exporting_again_gives_the_same_bytes(model, files, tmp_path):
    again = mlrt.export(model, tmp_path)
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in files.values()]


def test_what_was_exported_is_what_is_shipped(model):
    for part in model.parts:
        path = store.folder() / mlrt.FOLDER / part.path.name
        assert path.read_bytes() == mlrt.variant(part, 2 * model.radius + 1)
