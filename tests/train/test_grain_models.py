"""What each model of grain promises beyond the families' contract."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from filmgrain_codec.core.frame import ColorInfo, FrameFormat
from filmgrain_codec.grain import metrics
from filmgrain_codec.grain.filters import grain_filter
from filmgrain_codec.grain.profile import Spectrum
from filmgrain_codec.train.generators import autoregressive, colour, density, scans
from filmgrain_codec.train.generators.boolean import BooleanRecipe, coverage
from filmgrain_codec.train.generators.common import generator
from filmgrain_codec.train.generators.density import DensityGrain
from filmgrain_codec.train.generators.treated import resampled

RGB = FrameFormat(192, 192, "rgb", 0, 0, 16)


def grey(u: float, fmt: FrameFormat) -> tuple[np.ndarray, ...]:
    return tuple(np.full(fmt.shape(k), u, np.float32) for k in range(fmt.planes))


# density --------------------------------------------------------------------------------------


@pytest.mark.parametrize("rho", [0.0, 0.4, 1.0])
def test_layers_mix_to_the_correlation_asked_for(rho: float) -> None:
    matrix = density.mixing(rho) @ density.mixing(rho).T
    assert np.diag(matrix) == pytest.approx(np.ones(3))
    assert matrix[0, 1] == pytest.approx(rho)


def test_blue_is_the_grainiest_layer_and_unmixed_layers_are_independent() -> None:
    recipe = DensityGrain("500T", rho=0.0)
    base = grey(0.5, RGB)
    made = [m - b for m, b in zip(recipe.grain(base, RGB, 0.02, quantise=False), base, strict=True)]
    red, green, blue = (float(m.std()) for m in made)
    assert 2.0 < blue / green < 3.2  # 31.3 / 13.8 at density 0.2, 25.1 / 9.6 at 0.5
    assert red < green
    assert np.abs(metrics.channel_correlation(made) - np.eye(3)).max() < 0.05


def test_strength_over_luma_is_that_of_a_rendered_negative() -> None:
    # a data-sheet-driven render in the reference: codes of 255 at five lumas
    luma = np.array([55, 99, 142, 174, 196]) / 255
    render = np.array([5.4, 6.4, 6.2, 5.3, 4.5])
    told = DensityGrain("250D").segment(0.03).sigma(luma)
    assert told / told.mean() == pytest.approx(render / render.mean(), rel=0.1)


def test_natural_levels_are_those_of_35_mm_scanned_at_2k() -> None:
    # graded 8-bit codes in the reference: 50D 2.3, 250D 3.4, 500T 4 to 7
    found = {s: 255 * DensityGrain(s, rho=0.3).natural_level(12.15) for s in ("50D", "250D", "500T")}
    assert found["50D"] == pytest.approx(2.3, rel=0.25)
    assert found["250D"] == pytest.approx(3.4, rel=0.25)
    assert 4.0 < found["500T"] < 7.0
    doubled = DensityGrain("500T").natural_level(6.0) / DensityGrain("500T").natural_level(12.0)
    assert doubled == pytest.approx(2.0)  # Selwyn


@pytest.mark.parametrize("color", [ColorInfo(), ColorInfo(1, 1, 1, 1), ColorInfo(9, 16, 9, 1)])
def test_level_holds_for_any_matrix_and_range(color: ColorInfo) -> None:
    fmt = FrameFormat(192, 192, bits=10, color=color)
    planes = (
        np.full((192, 192), 0.5, np.float32),
        *(np.full((96, 96), 512 / 1023, np.float32) for _ in "uv"),
    )
    made = np.stack([DensityGrain().grain(planes, fmt, 0.05, 1, i)[0] for i in range(4)])
    assert (made - 0.5).std() == pytest.approx(0.05, rel=0.03)


def test_rgb_of_planes_and_back() -> None:
    fmt = FrameFormat(8, 6, sub_w=0, sub_h=0, bits=10, color=ColorInfo(1, 1, 1, 1))
    rng = np.random.default_rng(0)
    rgb = [rng.uniform(0.2, 0.8, (6, 8)).astype(np.float32) for _ in range(3)]
    black, middle = 64 / 1023, 512 / 1023
    planes = [p + o for p, o in zip(colour.to_planes(rgb, fmt), (black, middle, middle), strict=True)]
    for one, other in zip(colour.to_rgb(planes, fmt), rgb, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


# autoregressive -------------------------------------------------------------------------------


@pytest.mark.parametrize("spectrum", [Spectrum(0.75), Spectrum(0.7, 1.0, -0.35, 2.0)], ids=["low", "band"])
def test_coefficients_give_the_autocorrelation_they_were_solved_for(spectrum: Spectrum) -> None:
    found = autoregressive.coefficients(spectrum)
    assert len(found) == 24
    assert all(float(c * 128).is_integer() and abs(c) < 1 for c in found)
    rng = np.random.default_rng(2)
    made = np.stack([autoregressive.template(rng, found, (73, 82))[9:73, 9:73] for _ in range(30)])
    rho, kernel = metrics.autocorrelation(made), grain_filter(spectrum)
    for x in (1, 2, 3):
        assert rho[3, 3 + x] == pytest.approx(kernel.autocorrelation(x, 0), abs=0.03)
        assert rho[3 + x, 3] == pytest.approx(kernel.autocorrelation(0, x), abs=0.03)


def test_the_recursion_is_the_plain_loop() -> None:
    coefficients = autoregressive.coefficients(Spectrum(0.8))
    made = autoregressive.template(np.random.default_rng(7), coefficients, (12, 16))
    plain = np.random.default_rng(7).standard_normal((12, 16))
    places = [(y, x) for y in (-3, -2, -1) for x in range(-3, 4)] + [(0, -3), (0, -2), (0, -1)]
    for y in range(3, 12):
        for x in range(3, 13):
            plain[y, x] += sum(
                c * plain[y + dy, x + dx] for c, (dy, dx) in zip(coefficients, places, strict=True)
            )
    assert made == pytest.approx(plain)


def test_blocks_leave_no_seam_in_strength() -> None:
    recipe = autoregressive.draw(np.random.default_rng(3))
    fmt = FrameFormat(160, 160, "gray", bits=16)
    base = grey(0.5, fmt)
    made = np.stack([recipe.grain(base, fmt, 0.05, 1, i, quantise=False)[0] for i in range(60)]) - 0.5
    columns = made.std((0, 1))
    at_seams = columns[32::32].mean()
    assert at_seams == pytest.approx(columns.mean(), rel=0.08)


# scans and resampling -------------------------------------------------------------------------


def test_tiles_are_unit_grain_without_picture(shared_data: Path) -> None:
    for stock in scans.STOCKS:
        found = scans.tiles(str(shared_data / "train" / "grain_real"), stock)
        assert found.shape[1:] == (3, 64, 64)
        assert found[:, 0].std((1, 2)) == pytest.approx(np.ones(len(found)), rel=1e-3)
        assert np.abs(found.mean((2, 3))).max() < 1e-3
        assert np.abs((found[:, 0] ** 4).mean((1, 2)) - 3).max() < 1.1


def test_a_quilt_is_even_and_covers_any_size(shared_data: Path) -> None:
    source = scans.tiles(str(shared_data / "train" / "grain_real"), scans.TRAIN)
    made = np.stack([scans.quilt(source, (97, 131), generator(1, i))[0] for i in range(150)])
    assert made.shape == (150, 97, 131)
    rows, columns = made.std((0, 2)), made.std((0, 1))
    for line in (rows, columns):
        assert line == pytest.approx(np.ones(len(line)), abs=0.1)


def test_resampling_keeps_means_and_slow_waves() -> None:
    x = np.linspace(0, 3 * np.pi, 90)
    plane = np.sin(x)[None, :].repeat(60, 0).astype(np.float32)
    small = resampled(plane, (40, 60))
    assert small.shape == (40, 60)
    assert resampled(small, (60, 90))[5:-5, 5:-5] == pytest.approx(plane[5:-5, 5:-5], abs=0.01)
    assert resampled(np.full((20, 30), 0.3, np.float32), (33, 17)) == pytest.approx(
        np.full((33, 17), 0.3), abs=1e-6
    )


@pytest.mark.parametrize(("radius", "size"), [(0.3, 0.8), (0.9, 0.6)])
def test_boolean_grain_leaves_the_picture_where_it_was_beside_edges_too(radius: float, size: float) -> None:
    """Stripes of two samples; disks of the bright ones reach into the dark ones, and are many more."""
    u = np.where(np.arange(32) // 2 % 2, 0.9, 0.2)[None, :].repeat(32, 0)
    draws = np.stack([coverage(u, generator(k), radius, size) for k in range(300)])
    stripe = draws.mean((0, 1)).reshape(8, 4)[1:-1]
    chance = draws.mean(1).std(0).max() / np.sqrt(300)
    assert np.abs(stripe).max() < 5 * chance
    assert np.abs(stripe.mean(0)).max() < 3 * chance
    assert draws.std() > 20 * chance


def test_boolean_profile_says_its_skew_and_size() -> None:
    recipe = BooleanRecipe(0.6, 0.3)
    segment = recipe.segment(0.05)
    field = coverage(np.full((300, 400), 0.5), generator(3), 0.3, 0.6)
    z = field / field.std()
    assert (z**3).mean() == pytest.approx(segment.skew, abs=0.06)
    rho = metrics.autocorrelation(z)
    assert rho[3, 4] == pytest.approx(grain_filter(segment.spectrum).autocorrelation(1, 0), abs=0.03)
