"""The estimator recovers grain whose strength, size and colour are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks import material
from filmgrain_codec.core.frame import Frame, FrameFormat, Plane
from filmgrain_codec.core.node import Analyzer
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain import chroma_fit, curve_fit, flat, metrics, parametric, samples, spectrum_fit
from filmgrain_codec.grain.estimate import GrainAnalyzer, estimate_frames
from filmgrain_codec.grain.filters import gaussian_taps
from filmgrain_codec.grain.knots import fit_knots
from filmgrain_codec.grain.profile import BENT_CURVE, BENT_LAW, GrainSegment, Spectrum, boolean_variance
from filmgrain_codec.media.reader import Reader
from filmgrain_codec.train.generators import boolean, spectral
from filmgrain_codec.train.generators.boolean import BooleanGrain
from filmgrain_codec.train.generators.common import negative_tone
from filmgrain_codec.train.generators.spectral import SpectralGrain

WIDTH, HEIGHT = 480, 272
PLAIN = GrainSegment(0, 8, 0.04)


def gradient(fmt: FrameFormat, low: float = 0.15, high: float = 0.85) -> tuple[Plane, ...]:
    luma = np.tile(np.linspace(low, high, fmt.width, dtype=np.float32), (fmt.height, 1))
    return (luma, *(np.full(fmt.shape(k), 0.5, np.float32) for k in range(1, fmt.planes)))


def frame(planes: Sequence[Plane], fmt: FrameFormat, index: int) -> Frame:
    return Frame(tuple(planes), fmt, index, index, Fraction(1, 25))


def spectral_frames(
    fmt: FrameFormat, level: float, count: int = 3, recipe: SpectralGrain | None = None
) -> list[Frame]:
    clean = gradient(fmt)
    recipe = recipe or SpectralGrain(tone="flat")
    return [frame(spectral.grain(clean, fmt, level, 7, i, recipe), fmt, i) for i in range(count)]


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_level_is_found_at_every_depth(bits: int) -> None:
    fmt = FrameFormat(WIDTH, HEIGHT, bits=bits)
    for level in (0.01, 0.05):
        assert estimate_frames(spectral_frames(fmt, level)).level == pytest.approx(level, rel=0.06)


@pytest.mark.parametrize(("sub_w", "sub_h"), [(1, 1), (1, 0), (0, 0)])
def test_chroma_strength_and_correlation_in_every_layout(sub_w: int, sub_h: int) -> None:
    fmt = FrameFormat(WIDTH, HEIGHT, sub_w=sub_w, sub_h=sub_h, bits=10)
    recipe = SpectralGrain(tone="flat", cb=0.6, cr=0.3, y_cb=0.5, cb_cr=-0.3)
    found = estimate_frames(spectral_frames(fmt, 0.04, recipe=recipe)).chroma
    assert found.cb == pytest.approx(0.6, rel=0.1)
    assert found.cr == pytest.approx(0.3, rel=0.1)
    assert found.y_cb == pytest.approx(0.5, abs=0.08)
    assert found.y_cr == pytest.approx(0.0, abs=0.06)
    assert found.cb_cr == pytest.approx(-0.3, abs=0.08)


def test_gray_has_no_chroma_grain() -> None:
    found = estimate_frames(spectral_frames(FrameFormat(WIDTH, HEIGHT, "gray"), 0.04))
    assert found.level == pytest.approx(0.04, rel=0.06)
    assert (found.chroma.cb, found.chroma.cr) == (0.0, 0.0)


@pytest.mark.parametrize(("size", "anisotropy"), [(0.8, 1.0), (1.2, 0.85), (1.0, 1.2)])
def test_size_and_anisotropy(size: float, anisotropy: float) -> None:
    recipe = SpectralGrain(size=size, anisotropy=anisotropy, tone="flat")
    found = estimate_frames(
        spectral_frames(FrameFormat(WIDTH, HEIGHT, bits=10), 0.04, recipe=recipe)
    ).spectrum
    assert found.size == pytest.approx(size, rel=0.06)
    assert found.anisotropy == pytest.approx(anisotropy, rel=0.06)


def test_strength_curve_follows_the_tone() -> None:
    fmt = FrameFormat(WIDTH, HEIGHT, bits=10)
    found = estimate_frames(spectral_frames(fmt, 0.03, 4, SpectralGrain(tone="negative")))
    luma = np.linspace(0.2, 0.8, 13)
    ratio = found.sigma(luma) / (0.03 * negative_tone(luma))
    assert np.abs(np.log(ratio)).max() < 0.12
    assert np.abs(np.log(ratio)).mean() < 0.05


def test_boolean_grain_with_its_skew() -> None:
    fmt = FrameFormat(WIDTH, HEIGHT, bits=10)
    clean = gradient(fmt, 0.1, 0.3)
    recipe = BooleanGrain(size=0.8, radius=0.4)
    frames = [frame(boolean.grain(clean, fmt, 0.06, 3, i, recipe), fmt, i) for i in range(4)]
    found = estimate_frames(frames)
    truth = 0.06 * boolean.strength(0.2, 0.4, 0.8) / boolean.strength(0.5, 0.4, 0.8)
    assert found.sigma(np.array([0.2]))[0] == pytest.approx(truth, rel=0.06)
    assert found.spectrum.size == pytest.approx(0.8, rel=0.08)
    assert found.skewness(np.array([0.2]))[0] > 0.1


def test_clipping_at_black_does_not_bias_the_curve() -> None:
    fmt = FrameFormat(WIDTH, HEIGHT, bits=10)
    clean = gradient(fmt, 0.04, 0.3)
    recipe = SpectralGrain(tone="flat")
    frames = [frame(spectral.grain(clean, fmt, 0.08, 7, i, recipe), fmt, i) for i in range(4)]
    assert estimate_frames(frames).sigma(np.array([0.07, 0.1, 0.2])) == pytest.approx(0.08, rel=0.1)


def test_bars_and_constant_parts_are_ignored() -> None:
    fmt = FrameFormat(WIDTH, HEIGHT, bits=10)
    frames = spectral_frames(fmt, 0.03)
    for f in frames:
        f.planes[0][:64] = 64 / 1023
        f.planes[0][-64:] = 64 / 1023
    assert estimate_frames(frames).level == pytest.approx(0.03, rel=0.06)


def test_moving_texture_is_not_grain(shared_data: Path) -> None:
    """A sharp still that pans by whole samples: what moves with the picture is picture."""
    still = _luma(shared_data / "test" / "clean_images" / "kodim23.png")
    windows = [np.ascontiguousarray(still[:448, 4 * i : 4 * i + 704]) for i in range(4)]
    fmt = FrameFormat(704, 448, "gray", bits=10)
    recipe = SpectralGrain(tone="flat")
    grainy = [frame(spectral.grain((w,), fmt, 0.03, 5, i, recipe), fmt, i) for i, w in enumerate(windows)]
    assert estimate_frames(grainy).level == pytest.approx(0.03, rel=0.1)
    # a film scan: its own mild grain, 0.004 to 0.009, is found where flat parts are not followed exactly
    assert estimate_frames([frame((w,), fmt, i) for i, w in enumerate(windows)]).level <= 0.009


@pytest.mark.usefixtures("shared_data")
@pytest.mark.parametrize("name", ["vid4_walk", "set8_hypersmooth_540p", "set8_motorbike_540p"])
def test_clean_clips_have_next_to_no_grain(name: str) -> None:
    found = estimate_frames(material.clip(name, 3, 4))
    assert found.level <= 0.006
    assert found.level <= 0.003 or found.confidence < 0.35


def _luma(path: Path) -> Plane:
    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(path).convert("L"), np.float32) / np.float32(255)


def test_clean_gradient_has_no_grain() -> None:
    fmt = FrameFormat(WIDTH, HEIGHT, bits=8)
    rounded = tuple(np.rint(p * 255).astype(np.float32) / np.float32(255) for p in gradient(fmt))
    found = estimate_frames([frame(rounded, fmt, i) for i in range(3)])
    assert not found.grainy


@pytest.mark.parametrize(("width", "height"), [(1, 1), (17, 33), (15, 200), (16, 16)])
@pytest.mark.parametrize("count", [1, 2])
def test_tiny_frames_give_no_confidence(width: int, height: int, count: int) -> None:
    found = estimate_frames(spectral_frames(FrameFormat(width, height), 0.05, count))
    assert found.confidence < 0.1
    assert (found.start, found.end) == (0, count)


def test_black_frames() -> None:
    fmt = FrameFormat(64, 64)
    black = tuple(np.zeros(fmt.shape(k), np.float32) for k in range(3))
    found = estimate_frames([frame(black, fmt, i) for i in range(3)])
    assert (found.level, found.confidence) == (0.0, 0.0)


def test_single_frames_are_less_certain_than_pairs() -> None:
    frames = spectral_frames(FrameFormat(WIDTH, HEIGHT, bits=10), 0.03, 3)
    single, pairs = estimate_frames(frames[:1]), estimate_frames(frames)
    assert single.level == pytest.approx(0.03, rel=0.15)
    assert single.confidence < pairs.confidence


def test_repeated_frames_do_not_hide_the_grain() -> None:
    """Animation on twos: every second difference is empty."""
    fmt = FrameFormat(WIDTH, HEIGHT, bits=10)
    frames = spectral_frames(fmt, 0.03, 4)
    doubled = [frame(frames[i // 2].planes, fmt, i) for i in range(8)]
    assert estimate_frames(doubled).level == pytest.approx(0.03, rel=0.06)


def test_a_reference_takes_the_neighbour_s_place() -> None:
    fmt = FrameFormat(WIDTH, HEIGHT, bits=10)
    analyzer = GrainAnalyzer(fmt, ref=True)
    clean = frame(gradient(fmt), fmt, 0)
    for f in spectral_frames(fmt, 0.03):
        analyzer.observe(f, clean)
    assert analyzer.finish().level == pytest.approx(0.03, rel=0.06)
    with pytest.raises(UsageError, match="denoised"):
        GrainAnalyzer(fmt, ref=True).observe(clean)


def test_bursts_are_paired_by_frame_index() -> None:
    frames = spectral_frames(FrameFormat(WIDTH, HEIGHT, bits=10), 0.03, 4)
    analyzer = GrainAnalyzer(frames[0].fmt)
    assert isinstance(analyzer, Analyzer)
    for index, f in zip((10, 11, 40, 41), frames, strict=True):
        analyzer.observe(frame(f.planes, f.fmt, index))
    found = analyzer.finish()
    assert (found.start, found.end) == (10, 42)
    assert found.level == pytest.approx(0.03, rel=0.06)


def test_same_frames_same_segment() -> None:
    def once() -> GrainSegment:
        return estimate_frames(spectral_frames(FrameFormat(160, 128, bits=10), 0.03))

    assert once() == once()


def test_no_frames_is_an_error() -> None:
    with pytest.raises(UsageError):
        estimate_frames([])


def test_expected_powers_are_those_of_the_synthesizer_s_filter() -> None:
    spectrum = Spectrum(size=0.9, anisotropy=1.2, weight=0.3, spread=2.0)
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((1040, 1040))
    stretch = np.sqrt(spectrum.anisotropy)
    grain = np.zeros((1040, 1040))
    for weight, size in ((0.7, 0.9), (0.3, 1.8)):
        down = spectrum_fit._symmetric(gaussian_taps(size / stretch))
        across = spectrum_fit._symmetric(gaussian_taps(size * stretch))
        rows = np.apply_along_axis(np.convolve, 1, noise, across, "same")
        grain += weight * np.apply_along_axis(np.convolve, 0, rows, down, "same")
    inner = grain[8:-8, 8:-8]
    blocks = (inner / inner.std()).reshape(64, 16, 64, 16).swapaxes(1, 2).reshape(-1, 16, 16)
    dct = spectrum_fit.dct_matrix(16)
    measured = spectrum_fit.cells(((dct @ blocks @ dct.T) ** 2).mean(0))
    ratio = measured / spectrum_fit.cells(spectrum_fit.expected(spectrum))
    assert np.abs(np.log(ratio)).max() < 0.15


def test_curve_without_samples_goes_on_as_boolean_grain_where_it_looks_like_it() -> None:
    luma = curve_fit.CENTRES
    seen = (luma > 0.1) & (luma < 0.8)
    sigma = 0.02 * np.sqrt(boolean_variance(luma))
    knots = fit_knots(luma, np.where(seen, sigma, 0.0), seen.astype(float))
    apart = curve_fit.at(knots, luma)[luma < 0.94] / sigma[luma < 0.94]
    assert np.abs(np.log(apart)).max() < 0.15


def test_a_block_of_fine_texture_has_the_mean_variance_of_its_tones() -> None:
    fmt = FrameFormat(448, 448, "gray", bits=10)
    y, x = np.mgrid[0:448, 0:448]
    base = (0.3 + 0.4 * x / 448 + 0.2 * (-1.0) ** (x // 2 + y // 2)).astype(np.float32)
    grain = GrainSegment(0, 8, 0.04, BENT_CURVE, seed=5, law=BENT_LAW)
    a, b = (parametric.synthesize((base,), fmt, grain, n) for n in (0, 1))
    found = samples.of_pair(a, b, fmt)
    told = found.tones @ np.square(BENT_CURVE)
    tones = found.luma[:, None] + np.array([-0.2, 0.2])
    assert told.mean() == pytest.approx(boolean_variance(tones).mean(), rel=0.02)
    assert told.mean() < 0.9 * boolean_variance(found.luma).mean()


def test_curve_without_samples_continues_from_its_neighbours() -> None:
    luma = curve_fit.CENTRES
    weight = (luma < 0.6).astype(float)
    knots = fit_knots(luma, np.where(luma < 0.6, 0.02, 0.0), weight)
    assert knots == pytest.approx(0.02, rel=0.05)
    assert not fit_knots(luma, np.zeros(20), np.zeros(20)).any()


@pytest.mark.parametrize("dark", [0.004, 0.006])
def test_strength_is_that_of_most_of_a_tone_where_a_codec_thinned_some_of_its_grain(dark: float) -> None:
    fmt = FrameFormat(960, 384, "gray", bits=10)
    rng, (_, x) = np.random.default_rng(3), np.mgrid[:384, :960]
    thinned = np.kron(np.random.default_rng(1).random((24, 60)) < 0.12, np.ones((16, 16))) > 0
    base = np.where(x < 480, 0.2 + 0.15 * x / 480, 0.66 + 0.1 * (x - 480) / 480)
    sigma = np.where(x < 480, dark, np.where(thinned, 0.004, 0.01))
    planes = (base + sigma * rng.normal(0, 1, (6, 384, 960))).astype(np.float32)
    found = estimate_frames(Frame((p,), fmt, n, n, Fraction(1, 24)) for n, p in enumerate(planes))
    bright = np.sqrt((sigma[:, 480:] ** 2).mean())
    assert found.sigma(np.array([0.27, 0.71])) == pytest.approx([dark, bright], rel=0.1)


def test_a_tone_that_says_far_too_little_leaves_the_others_alone() -> None:
    luma = curve_fit.CENTRES
    truth = 0.03 * np.sqrt(0.2 + 0.8 * np.exp(-(((luma - 0.48) / 0.16) ** 2)))
    seen, mistaken = (luma > 0.1) & (luma < 0.72), 2
    found, weight = np.where(seen, truth, 0.0), seen.astype(float)
    found[mistaken], weight[mistaken] = truth[mistaken] / 8, 1e-3
    knots = fit_knots(luma, found, weight)
    kept = seen & (np.arange(len(luma)) != mistaken)
    np.testing.assert_allclose(curve_fit.at(knots, luma[kept]), truth[kept], rtol=0.1)
    assert curve_fit.at(knots, np.array([0.8]))[0] > 0.3 * truth[kept][-1]


def test_codec_noise_in_texture_does_not_outvote_flat_tones(shared_data: Path) -> None:
    """A crowd in quick motion under a flat sky, whose blocks show a sigma of 0.001 to 0.004."""
    with Reader(shared_data / "test/film_video/svt65mm_10bit/PPH10I1_Panasonic_A.264") as reader:
        found = estimate_frames(reader)
    assert found.level < 0.008
    assert found.sigma(np.array([0.8]))[0] < 0.004


def test_skew_and_kurtosis_are_measured_under_texture() -> None:
    fmt = FrameFormat(WIDTH, HEIGHT, "gray", bits=10)
    texture = 0.02 * np.sin(np.arange(WIDTH) / 5)[None, :] * np.sin(np.arange(HEIGHT) / 7)[:, None]
    clean = (np.asarray(gradient(fmt, 0.3, 0.7)[0] + texture**3 * 400, np.float32),)
    truth = GrainSegment(0, 8, 0.04, spectrum=Spectrum(0.8), skew=0.3, kurtosis=-0.3, seed=5)
    grainy = [frame(parametric.synthesize(clean, fmt, truth, i), fmt, i) for i in range(8)]
    found = estimate_frames(grainy)
    assert found.skew == pytest.approx(0.3, abs=0.06)
    assert found.kurtosis == pytest.approx(-0.3, abs=0.15)
    assert found.spectrum.size == pytest.approx(0.8, rel=0.02)
    assert found.level == pytest.approx(0.04, rel=0.03)


def test_grain_alone_sets_no_block_in_motion() -> None:
    rng = np.random.default_rng(4)
    still = np.asarray(0.3 + 0.2 * np.sin(np.arange(256) / 9)[None, :] * np.ones((160, 1)), np.float32)
    a, b = (np.asarray(still + 0.03 * rng.standard_normal(still.shape), np.float32) for _ in range(2))
    wrong = rng.integers(-2, 3, (10, 16)), rng.integers(-2, 3, (10, 16))
    assert not any(k.any() for k in flat.steadied(a, b, *wrong))
    moved = np.roll(b, 6, 1)
    right = np.full((10, 16), 6)
    down, across = flat.steadied(a, moved, 0 * right, right)
    assert (across[:, 1:-1] == 6).mean() > 0.9
    assert not down.any()


def thinned(noise: np.ndarray) -> np.ndarray:
    """White noise as JPEG leaves it: 8 x 8 blocks without the finer half of their frequencies."""
    rows, columns = (n // 8 for n in noise.shape)
    dct = spectrum_fit.dct_matrix(8)
    order = np.arange(8)
    kept = (order[:, None] + order[None, :]) < 8
    blocks = noise.reshape(rows, 8, columns, 8).swapaxes(1, 2)
    return (dct.T @ (dct @ blocks @ dct.T * kept) @ dct).swapaxes(1, 2).reshape(noise.shape)


def test_the_spectrum_of_coded_grain_is_not_read_on_the_grid_of_its_codec() -> None:
    fmt = FrameFormat(480, 272, "gray", bits=10)
    rng = np.random.default_rng(4)
    grain = [0.04 * thinned(rng.standard_normal((272, 480))) for _ in range(5)]
    frames = [frame((gradient(fmt)[0] + g.astype(np.float32),), fmt, i) for i, g in enumerate(grain)]
    found = estimate_frames(frames).spectrum
    real = metrics.radial_psd(np.stack(grain))
    made = replace(PLAIN, spectrum=found, end=9)
    grey = (np.full((272, 480), 0.5, np.float32),)
    again = np.stack([parametric.synthesize(grey, fmt, made, n)[0] - grey[0] for n in range(5)])
    assert metrics.psd_distance(again, real) < 0.7


def test_what_blocks_of_one_tone_show_is_not_taken_for_all_tones() -> None:
    alike = replace(PLAIN, curve=BENT_CURVE, law=BENT_LAW)
    luma = np.full(150, 0.08) + np.random.default_rng(1).normal(0, 0.01, 150)
    wrong = 3 * alike.slope(luma) + 0.5
    rest = wrong - 3 * float(alike.slope(np.array(0.5))) - alike.tilt(luma)
    at_tones = np.stack([np.ones(10), alike.tilt(chroma_fit._TONES)], 1)
    one_tone = chroma_fit._by_tone(luma, rest, at_tones, np.array([0.1, 1.0]), 0.3, 0.0)
    everywhere = np.random.default_rng(2).uniform(0.05, 0.95, 1500)
    all_tones = chroma_fit._by_tone(everywhere, np.full(1500, 0.1), at_tones, np.array([0.1, 1.0]), 0.3, 0.0)
    assert all_tones == pytest.approx([0.1, 0.0], abs=0.03)
    assert np.abs(one_tone @ at_tones[5:].T).max() < 0.35
