"""Every family keeps its contract: level, mean, independence, determinism, and a true profile."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmgrain_codec.core.frame import ColorInfo, FrameFormat, Plane
from filmgrain_codec.errors import InputError, UsageError
from filmgrain_codec.grain import metrics, parametric, spectrum_fit
from filmgrain_codec.grain.profile import Chroma, GrainSegment, Spectrum
from filmgrain_codec.train.generators import looks, measured, scans
from filmgrain_codec.train.generators.families import FAMILIES, Averaged, Recipe, Resized, Rounded, treated
from filmgrain_codec.train.generators.profiled import ProfiledGrain

FMT = FrameFormat(160, 160, bits=10)
ALL = tuple(FAMILIES)
MADE = tuple(n for n in ALL if not n.startswith("scans"))
FAST = tuple(n for n in MADE if n != "boolean")
SEEDS = st.integers(0, 10_000)


@pytest.fixture(autouse=True)
def _scans(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scans' folder, wanted only by the tests of the families that read it."""
    name = getattr(request.node, "callspec", None)
    if name is not None and str(name.params.get("name", "")).startswith("scans"):
        folder = request.getfixturevalue("shared_data") / "train" / "grain_real"
        monkeypatch.setenv("FGCODEC_GRAIN_SCANS", str(folder))


def flat(u: float, fmt: FrameFormat = FMT) -> tuple[Plane, ...]:
    neutral = (1 << (fmt.bits - 1)) / fmt.peak
    chroma = u if fmt.family == "rgb" else neutral
    return tuple(np.full(fmt.shape(k), chroma if k else u, np.float32) for k in range(fmt.planes))


def grains(
    recipe: Recipe, u: float, level: float, frames: int, quantise: bool = True, fmt: FrameFormat = FMT
) -> list[np.ndarray]:
    """What is added to flat ``u``: per plane (frames, rows, columns)."""
    base = flat(u, fmt)
    made = [recipe.grain(base, fmt, level, 5, i, quantise) for i in range(frames)]
    return [np.stack([m[k] - base[k] for m in made]).astype(np.float64) for k in range(fmt.planes)]


def draw(name: str, seed: int) -> Recipe:
    return FAMILIES[name].draw(np.random.default_rng(seed))


def few(count: int) -> settings:
    return settings(max_examples=count, deadline=None, derandomize=True, database=None)


@pytest.mark.parametrize("name", ALL)
def test_level_and_mean(name: str) -> None:
    frames = 4 if name == "boolean" else 12

    @few(3 if name == "boolean" else 5)
    @given(seed=SEEDS, level=st.floats(*looks.LEVELS))
    def check(seed: int, level: float) -> None:
        luma = grains(draw(name, seed), 0.5, level, frames)[0]
        assert luma.std() == pytest.approx(level, rel=0.05)
        assert abs(luma.mean()) < 0.05 * level + 5e-5  # chance: 0.02 for the coarsest grain

    check()


@pytest.mark.parametrize("name", ALL)
def test_frames_are_independent_and_repeatable(name: str) -> None:
    recipe = draw(name, 3)
    luma = grains(recipe, 0.5, 0.05, 4)[0]
    for one, other in pairwise(luma):
        bound = 5.5 / np.sqrt(metrics.effective_samples(one, 5))
        assert np.abs(metrics.correlation(one, other)).max() < bound
    assert np.array_equal(luma[1], grains(draw(name, 3), 0.5, 0.05, 2)[0][1])
    base = flat(0.5)
    assert not np.array_equal(recipe.grain(base, FMT, 0.05, 6, 1)[0], recipe.grain(base, FMT, 0.05, 5, 1)[0])


@pytest.mark.parametrize("name", [n for n in ALL if n != "boolean"])
def test_segment_has_the_measured_curve(name: str) -> None:
    @few(3)
    @given(seed=SEEDS)
    def check(seed: int) -> None:
        recipe = draw(name, seed)
        told, seen = np.array(recipe.segment(0.03).curve), measured.curve(recipe)
        used = told > 0.15
        assert seen[used] == pytest.approx(told[used], rel=0.12)
        assert np.interp(0.5, np.linspace(0, 1, 8), told) == pytest.approx(1.0, abs=0.06)

    check()


# two Gaussians hardly describe a sharpened or compressed scan
WORST_DB = {"spectral": 0.7, "density": 1.2, "autoregressive": 2.0, "scans": 2.0, "scans-held-out": 3.0}


@pytest.mark.parametrize("name", ALL)
def test_a_profile_synthesizes_the_same_spectrum_chroma_and_correlation(name: str) -> None:
    @few(2 if name == "boolean" else 3)
    @given(seed=SEEDS)
    def check(seed: int) -> None:
        recipe = draw(name, seed)
        segment = recipe.segment(0.05)
        real = grains(recipe, 0.5, 0.05, 4 if name == "boolean" else 16, quantise=False)
        base = flat(0.5)
        made = [parametric.synthesize(base, FMT, segment, i) for i in range(10)]
        again = [np.stack([m[k] - base[k] for m in made]).astype(np.float64) for k in range(3)]
        assert metrics.psd_distance(real[0], again[0]) < WORST_DB.get(name, 1.0)
        for k in (1, 2):
            assert again[k].std() == pytest.approx(real[k].std(), rel=0.08, abs=0.002)
        if segment.chroma.cb and segment.chroma.cr:
            assert metrics.channel_difference(real, again) < 0.12

    check()


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize(
    "fmt",
    [
        FrameFormat(33, 17, "gray"),
        FrameFormat(65, 47, bits=12, color=ColorInfo(9, 16, 9, 1)),
        FrameFormat(64, 48, sub_h=0, bits=8),
        FrameFormat(40, 50, "rgb", 0, 0, 16),
    ],
    ids=["gray", "420 odd", "422", "rgb"],
)
def test_every_layout_gets_codes_of_its_own_depth(name: str, fmt: FrameFormat) -> None:
    for recipe in (draw(name, 1), Rounded(Averaged(draw(name, 2)))):
        made = recipe.grain(flat(0.4, fmt), fmt, 0.05, 1, 0)
        for k, plane in enumerate(made):
            assert plane.shape == fmt.shape(k)
            assert plane.dtype == np.float32
            assert plane.astype(float) * fmt.peak == pytest.approx(np.rint(plane * fmt.peak), abs=0.02)
            assert 0 <= plane.min() <= plane.max() <= 1


@pytest.mark.parametrize("name", FAST)
def test_treatments_keep_the_level(name: str) -> None:
    resized = [Resized(draw(name, 6), 0.6), Resized(draw(name, 7), 1.4)]
    for wrapped in (Averaged(draw(name, 4)), Rounded(draw(name, 5)), *resized):
        luma = grains(wrapped, 0.5, 0.05, 10)[0]
        assert luma.std() == pytest.approx(0.05, rel=0.05)
        assert abs(luma.mean()) < 0.0025  # as by chance
        assert wrapped.segment(0.02).level == 0.02


def test_resizing_scales_the_size() -> None:
    source = ProfiledGrain(GrainSegment(0, 1, 0.05, spectrum=Spectrum(1.0), chroma=Chroma(0.5, 0.5)))
    for size in (0.6, 1.0, 1.5):
        found = Resized(source, size).segment(0.05).spectrum
        assert reach(found) == pytest.approx(reach(Spectrum(size)), rel=0.1)


def reach(spectrum: Spectrum) -> float:
    """Root mean square frequency, of lobes together."""
    power = spectrum_fit.expected(spectrum)
    return float(np.sqrt((power * spectrum_fit.radius(*power.shape) ** 2).sum() / power.sum()))


def test_averaging_weakens_chroma_alone() -> None:
    source = draw("spectral", 4)
    before, after = source.segment(0.05), Averaged(source).segment(0.05)
    assert after.chroma.cb < before.chroma.cb
    assert after.spectrum == before.spectrum


def test_eight_bits_leave_eight_bit_codes() -> None:
    out = Rounded(draw("spectral", 0)).grain(flat(0.5), FMT, 0.02, 1)
    codes = np.rint(out[0] * 1023).astype(int)
    assert (codes % 4 == 0).all()
    assert len(np.unique(codes)) > 10


def test_treated_draws_every_treatment_and_is_repeatable() -> None:
    source = draw("spectral", 0)
    kinds = [type(treated(source, np.random.default_rng(i))) for i in range(60)]
    assert {type(source), Averaged, Resized, Rounded} <= set(kinds)
    assert treated(source, np.random.default_rng(1)) == treated(source, np.random.default_rng(1))


def test_what_is_held_out_cannot_be_drawn_for_training(tmp_path: Path) -> None:
    assert {n for n, f in FAMILIES.items() if f.held_out} == {"boolean", "scans-held-out"}
    rng = np.random.default_rng(0)
    with pytest.raises(UsageError, match="no stock for training"):
        scans.draw(rng, stock=scans.HELD_OUT)
    with pytest.raises(UsageError, match="not held out"):
        scans.draw_held_out(rng, stock=scans.TRAIN)
    with pytest.raises(InputError, match="FGCODEC_GRAIN_SCANS"):
        scans.draw(rng, str(tmp_path))
    with pytest.raises(UsageError, match="No stock"):
        scans.tiles(str(tmp_path), "portra")


def test_looks_cover_the_whole_range() -> None:
    rng = np.random.default_rng(1)
    sizes = [looks.draw_spectrum(rng).size for _ in range(300)]
    assert min(sizes) < 0.5
    assert max(sizes) > 1.55
    chroma = [looks.draw_chroma(rng, 0.8) for _ in range(300)]
    assert sum(c.cb == 0 for c in chroma) > 10
    assert all(np.linalg.eigvalsh(correlations(c)).min() > -1e-6 for c in chroma)
    layers = [looks.draw_layers(rng) for _ in range(300)]
    rho = [m[0, 1] / np.sqrt(m[0, 0] * m[1, 1]) for m in layers]
    assert min(rho) < 0.05
    assert max(rho) > 0.95


def correlations(c: object) -> np.ndarray:
    y_cb, y_cr, cb_cr = (getattr(c, k) for k in ("y_cb", "y_cr", "cb_cr"))
    return np.array([[1, y_cb, y_cr], [y_cb, 1, cb_cr], [y_cr, cb_cr, 1]])
