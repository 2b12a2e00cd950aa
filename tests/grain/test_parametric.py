"""The reference synthesizer: exact under any cut, and the statistics its profile states."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmgrain_codec.core.frame import Family, Frame, FrameFormat, Plane
from filmgrain_codec.grain import spectrum_fit
from filmgrain_codec.grain.filters import fir, gaussian_taps, grain_filter
from filmgrain_codec.grain.parametric import apply, synthesize
from filmgrain_codec.grain.profile import BENT_LAW, SHOWN_LAW, Chroma, GrainSegment, Spectrum
from filmgrain_codec.grain.recipe import correlate, cubic, moment_map, prepare
from tests.grain import material

CURVE = (0.4, 0.7, 0.9, 1.0, 1.0, 0.95, 0.7, 0.5)
SEGMENT = GrainSegment(
    0, 100, 0.05, CURVE, Spectrum(0.9, 1.2, 0.3, 2.5), Chroma(0.5, 0.7, 0.8, 0.3, -0.2, 0.4), 0.4, 7
)
BENT = replace(SEGMENT, law=BENT_LAW, skew_slope=0.9, kurtosis=-0.1, kurtosis_slope=0.6)
SHAPED = replace(
    BENT, spectrum=replace(SEGMENT.spectrum, correction=(1.5, -0.5, 0.0, 1.0, -2.0, 0.5, 3.0, 5.0))
)
SHOWN = replace(SHAPED, law=SHOWN_LAW)
PLAIN = GrainSegment(0, 100, 0.05, spectrum=Spectrum(0.8), seed=3)
EDGE = 8
"""Luma samples at a crop's edge whose strength may differ: what lies beyond is not known there."""
Layout = tuple[Family, int, int]
LAYOUTS: list[Layout] = [
    ("gray", 0, 0), ("yuv", 1, 1), ("yuv", 1, 0), ("yuv", 0, 0), ("yuv", 2, 0), ("rgb", 0, 0),
]  # fmt: skip


def picture(fmt: FrameFormat, value: float | None = None) -> tuple[Plane, ...]:
    """Planes of one value, or a deterministic texture that reaches every code."""
    if value is not None:
        return tuple(np.full(fmt.shape(p), value, np.float32) for p in range(fmt.planes))
    return material.picture(fmt)


def grain(segment: GrainSegment, fmt: FrameFormat, value: float = 0.5, index: int = 0) -> list[np.ndarray]:
    planes = picture(fmt, value)
    made = synthesize(planes, fmt, segment, index)
    return [m.astype(np.float64) - p for m, p in zip(made, planes, strict=True)]


def assert_same(a: tuple[Plane, ...], b: tuple[Plane, ...]) -> None:
    for p, (one, two) in enumerate(zip(a, b, strict=True)):
        np.testing.assert_array_equal(one, two, err_msg=f"plane {p}")


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("size", [(1, 1), (2, 1), (17, 33), (318, 190)], ids=str)
def test_bands_and_threads_do_not_change_a_bit(layout: Layout, size: tuple[int, int]) -> None:
    fmt = FrameFormat(*size, *layout, bits=10)
    planes = picture(fmt)
    for segment in (SEGMENT, BENT, SHAPED, SHOWN):
        whole = synthesize(planes, fmt, segment, 5)
        assert [p.shape for p in whole] == [fmt.shape(k) for k in range(fmt.planes)]
        assert all(p.dtype == np.float32 and np.isfinite(p).all() for p in whole)
        for rows, threads in ((1, 1), (7, 1), (8, 2), (5, 3)):
            assert_same(whole, synthesize(planes, fmt, segment, 5, band_rows=rows, threads=threads))


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@settings(max_examples=15, deadline=None)
@given(st.data())
def test_a_crop_is_grained_like_the_whole(layout: Layout, data: st.DataObject) -> None:
    fmt = FrameFormat(96, 80, *layout, bits=8)
    x, y = 4 * data.draw(st.integers(0, 18)), 4 * data.draw(st.integers(0, 14))
    width = 4 * data.draw(st.integers(5, 24 - x // 4))
    height = 4 * data.draw(st.integers(5, 20 - y // 4))
    part = replace(fmt, width=width, height=height)

    def crop(planes: tuple[Plane, ...]) -> tuple[Plane, ...]:
        return material.cropped(planes, fmt, part, (x, y))

    flat = tuple(np.full_like(p, 0.4) for p in picture(fmt))
    for segment in (SEGMENT, BENT, SHAPED):
        made = synthesize(crop(flat), part, segment, 9, origin=(x, y))
        assert_same(made, crop(synthesize(flat, fmt, segment, 9)))
        assert len(prepare(segment, *layout).tone) <= EDGE
        made = synthesize(crop(picture(fmt)), part, segment, 9, origin=(x, y))
        whole = crop(synthesize(picture(fmt), fmt, segment, 9))
        assert_same(material.inset(made, part, EDGE), material.inset(whole, part, EDGE))


def test_input_planes_are_left_alone_and_may_be_strided() -> None:
    fmt = FrameFormat(64, 48, bits=10)
    planes = picture(fmt)
    kept = tuple(p.copy() for p in planes)
    whole = synthesize(planes, fmt, SEGMENT, 0)
    assert_same(planes, kept)
    strided = tuple(np.repeat(p, 2, axis=1)[:, ::2] for p in planes)
    assert_same(whole, synthesize(strided, fmt, SEGMENT, 0))


def test_no_strength_is_identity() -> None:
    fmt = FrameFormat(16, 16)
    planes = picture(fmt)
    frame = Frame(planes, fmt, 0, 0, Fraction(1, 24))
    assert synthesize(planes, fmt, replace(SEGMENT, level=0.0), 0) is planes
    assert synthesize(planes, fmt, replace(SEGMENT, level=0.003), 0) is planes
    assert synthesize(planes, fmt, SEGMENT, 0, gain=0.0) is planes
    assert apply(frame, SEGMENT, level=0.0) is frame
    luma_only = synthesize(planes, fmt, replace(SEGMENT, chroma=Chroma()), 0)
    assert luma_only[0] is not planes[0]
    assert luma_only[1] is planes[1]
    assert luma_only[2] is planes[2]


def test_overrides() -> None:
    fmt = FrameFormat(32, 32)
    planes = picture(fmt)
    double = synthesize(planes, fmt, replace(SEGMENT, level=0.1), 0)
    assert_same(double, synthesize(planes, fmt, SEGMENT, 0, gain=2.0))
    assert_same(double, synthesize(planes, fmt, SEGMENT, 0, level=0.1))
    assert_same(
        synthesize(planes, fmt, replace(SEGMENT, seed=99), 0), synthesize(planes, fmt, SEGMENT, 0, seed=99)
    )
    frame = Frame(planes, fmt, 4, 0, Fraction(1, 24))
    assert_same(apply(frame, SEGMENT).planes, synthesize(planes, fmt, SEGMENT, 4))
    assert_same(apply(frame, SEGMENT, index=12).planes, synthesize(planes, fmt, SEGMENT, 12))


def test_frames_are_independent_even_where_grain_is_correlated_in_space() -> None:
    fmt = FrameFormat(1024, 1024, "gray", 0, 0)
    first, second = grain(PLAIN, fmt, index=7)[0], grain(PLAIN, fmt, index=8)[0]
    scale = first.std() * second.std()
    for dy in range(-3, 4):
        for dx in range(-3, 4):
            shifted = np.roll(second, (dy, dx), (0, 1))
            assert abs((first * shifted).mean() / scale) < 0.01


@pytest.mark.parametrize("value", [0.0, 0.1, 0.35, 0.5, 0.9, 1.0, 1.2, -0.1])
def test_strength_follows_the_curve(value: float) -> None:
    fmt = FrameFormat(1024, 512, bits=10)
    made = grain(SEGMENT, fmt, value)
    sigma = float(SEGMENT.sigma(np.array(value)))
    assert made[0].std() == pytest.approx(sigma, rel=0.02)
    assert made[1].std() == pytest.approx(0.5 * sigma, rel=0.02)
    assert made[2].std() == pytest.approx(0.7 * sigma, rel=0.02)


def test_chroma_strength_follows_luma_not_chroma() -> None:
    fmt = FrameFormat(512, 512)
    planes = (np.full((512, 512), 0.5, np.float32), *(np.full((256, 256), 0.9, np.float32),) * 2)
    made = synthesize(planes, fmt, SEGMENT, 0)
    assert (made[1] - planes[1]).std() == pytest.approx(0.5 * 0.05, rel=0.03)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_mean_is_kept(layout: Layout) -> None:
    for plane in grain(SEGMENT, FrameFormat(1024, 1024, *layout)):
        # 0.25 of an 8-bit code is the bound on any 16 x 16 mean over frames; a whole plane is far tighter
        assert abs(plane.mean()) < 6 * 0.05 * 4 / np.sqrt(plane.size)


@pytest.mark.parametrize("skew", [-0.5, 0.0, 0.3, 1.0])
def test_skew_is_the_third_moment(skew: float) -> None:
    segment = replace(PLAIN, skew=skew)
    made = grain(segment, FrameFormat(2048, 1024, "gray", 0, 0))[0] / 0.05
    assert (made**3).mean() == pytest.approx(skew, abs=0.03)
    assert made.std() == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize("skew", [-1.7, -0.2, 0.0, 0.6, 2.0])
@pytest.mark.parametrize("kurtosis", [-0.3, 0.0, 0.5])
def test_moment_map_is_solved(skew: float, kurtosis: float) -> None:
    a, b, c = moment_map(skew, cubic(kurtosis))
    nodes, weights = np.polynomial.hermite_e.hermegauss(24)
    made, weights = a * nodes + b * (nodes**2 - 1) + c * (nodes**3 - 3 * nodes), weights / weights.sum()
    moments = [float((made**k * weights).sum()) for k in (1, 2, 3, 4)]
    assert moments[:3] == pytest.approx([0, 1, skew], abs=1e-9)
    if abs(skew) < 1:
        assert moments[3] - 3 == pytest.approx(kurtosis + 4 / 3 * skew**2, abs=0.1)


@pytest.mark.parametrize("value", [0.2, 0.8])
def test_in_the_bent_law_skew_and_kurtosis_follow_the_tone(value: float) -> None:
    segment = replace(PLAIN, law=BENT_LAW, skew=-0.3, kurtosis=0.0, kurtosis_slope=1.0)
    made = grain(segment, FrameFormat(640, 640, "gray", bits=16), value)[0]
    made -= made.mean()
    assert made.std() == pytest.approx(0.05, rel=0.01)
    assert (made**3).mean() / made.std() ** 3 == pytest.approx(-0.3, abs=0.05)
    wanted = segment.kurtosis_slope * (value - 0.5) + 4 / 3 * 0.09
    assert (made**4).mean() / made.var() ** 2 - 3 == pytest.approx(wanted, abs=0.1)


def excess(segment: GrainSegment, band: tuple[float, float]) -> float:
    """Power of the grain within a band of radial frequencies over what its spectrum says, in dB."""
    made = grain(segment, FrameFormat(1024, 1024, "gray", bits=16))[0]
    power = np.abs(np.fft.fft2(made / made.std())) ** 2 / made.size
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(1024), np.fft.fftfreq(1024)))
    lags = spectrum_fit.covariance(grain_filter(segment.spectrum), 16, 16)
    waves = np.cos(2 * np.pi * np.outer(np.fft.fftfreq(1024), np.arange(16))) * np.where(np.arange(16), 2, 1)
    within = (radius > band[0]) & (radius < band[1])
    return float(10 * np.log10(power[within].mean() / (waves @ lags @ waves.T)[within].mean()))


def test_in_the_shown_law_skew_does_not_widen_the_spectrum() -> None:
    skewed = replace(PLAIN, spectrum=Spectrum(1.0), skew=0.8, kurtosis=-0.1, law=SHOWN_LAW)
    for band in ((0.02, 0.15), (0.15, 0.3), (0.3, 0.4)):
        assert abs(excess(skewed, band)) < 0.15
    assert excess(replace(skewed, law=BENT_LAW), (0.3, 0.4)) > 0.5
    made = grain(skewed, FrameFormat(2048, 1024, "gray", bits=16))[0]
    assert made.std() == pytest.approx(0.05, rel=0.02)
    assert (made**3).mean() / made.std() ** 3 == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("spread", [1.5, 3.0])
@pytest.mark.parametrize("weight", [-0.45, 0.0, 0.6])
@pytest.mark.parametrize("size", [0.25, 0.8, 2.2])
def test_any_spectrum_can_be_bent(size: float, weight: float, spread: float) -> None:
    shape = Spectrum(size, 1.4, weight, spread)
    made = grain(
        replace(PLAIN, spectrum=shape, skew=2.0, kurtosis=1.0, law=SHOWN_LAW), FrameFormat(320, 240, "gray")
    )
    assert np.isfinite(made[0]).all()
    assert made[0].std() == pytest.approx(0.05, rel=0.25)


def test_the_bent_law_smooths_the_variance_of_fine_detail() -> None:
    """Stripes narrower than a grain have the mean variance of both tones, not that of the tone between."""
    fmt = FrameFormat(640, 480, "gray", bits=16)
    stripes = np.tile(np.array([0.2, 0.8], np.float32), (480, 320))
    curve = (0.0, 0.2, 0.5, 1.0, 1.0, 1.5, 1.8, 2.0)
    segment = replace(PLAIN, curve=curve, spectrum=Spectrum(1.4), law=BENT_LAW)
    made = synthesize((stripes,), fmt, segment, 0)[0] - stripes
    ends = segment.sigma(np.array([0.2, 0.8]))
    wanted = np.sqrt((ends**2).mean())
    for column in (0, 1):
        assert made[:, 2 + column : -2 : 2].std() == pytest.approx(wanted, rel=0.1)
    first = synthesize((stripes,), fmt, replace(segment, law=0), 0)[0] - stripes
    assert first.std() < 0.9 * wanted


@pytest.mark.parametrize("kurtosis", [-0.3, 0.4])
def test_kurtosis_is_the_fourth_moment(kurtosis: float) -> None:
    segment = replace(PLAIN, skew=-0.3, kurtosis=kurtosis)
    made = grain(segment, FrameFormat(2048, 1024, "gray", 0, 0))[0] / 0.05
    assert made.std() == pytest.approx(1, rel=0.02)
    assert (made**3).mean() == pytest.approx(-0.3, abs=0.04)
    assert (made**4).mean() / made.var() ** 2 - 3 == pytest.approx(kurtosis + 0.12, abs=0.08)


@pytest.mark.parametrize("layout", [x for x in LAYOUTS if x[0] == "yuv"], ids=str)
def test_channel_correlations(layout: Layout) -> None:
    made = grain(SEGMENT, FrameFormat(1024, 1024, *layout))
    rows, columns = made[1].shape
    luma = made[0].reshape(rows, 1024 // rows, columns, 1024 // columns).mean((1, 3))
    found = np.corrcoef([luma.ravel(), made[1].ravel(), made[2].ravel()])
    np.testing.assert_allclose(found[np.triu_indices(3, 1)], [0.3, -0.2, 0.4], atol=0.02)


@pytest.mark.parametrize("layout", [("yuv", 1, 1), ("yuv", 1, 0)], ids=str)
def test_chroma_strength_holds_where_it_is_made_of_skewed_luma_grain(layout: Layout) -> None:
    segment = replace(SEGMENT, skew=1.8, chroma=Chroma(1.0, 1.0, 0.8, 1.0, -1.0, -1.0))
    for plane in grain(segment, FrameFormat(2048, 1024, *layout))[1:]:
        assert plane.std() == pytest.approx(0.05, rel=0.01)


def test_chroma_grain_looks_isotropic_where_chroma_is_subsampled_one_way() -> None:
    segment = replace(PLAIN, chroma=Chroma(1.0, 1.0, 1.6))
    cb = grain(segment, FrameFormat(1024, 512, "yuv", 1, 0))[1]
    along, across = (cb[:, :-1] * cb[:, 1:]).mean() / cb.var(), (cb[:-2] * cb[2:]).mean() / cb.var()
    # one chroma sample across is as wide as two are high
    assert along == pytest.approx(across, abs=0.03)
    assert along > 0.2


def test_rgb_grain_is_the_profiles_grain_through_the_matrix() -> None:
    made = grain(SEGMENT, FrameFormat(1024, 1024, "rgb", 0, 0))
    forward = np.linalg.inv([[1, 0, 1.5748], [1, -0.1873, -0.4681], [1, 1.8556, 0]])
    found = np.cov(forward @ np.array([m.ravel() for m in made]))
    sigma = np.sqrt(np.diag(found))
    np.testing.assert_allclose(sigma, [0.05, 0.025, 0.035], rtol=0.02)
    correlations = (found / np.outer(sigma, sigma))[np.triu_indices(3, 1)]
    np.testing.assert_allclose(correlations, [0.3, -0.2, 0.4], atol=0.02)


def test_black_and_white_profile_grains_rgb_without_colour() -> None:
    red, green, blue = grain(replace(PLAIN, chroma=Chroma()), FrameFormat(64, 64, "rgb", 0, 0))
    np.testing.assert_allclose(red, green, atol=1e-7)
    np.testing.assert_allclose(red, blue, atol=1e-7)


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1))
def test_impossible_correlations_become_possible_ones(first: float, second: float, between: float) -> None:
    factor = np.array(correlate(first, second, between))
    matrix = factor @ factor.T
    np.testing.assert_allclose(np.diag(matrix), 1, atol=1e-9)
    np.testing.assert_allclose([matrix[0, 1], matrix[0, 2]], [first, second], atol=1e-9)
    wanted = np.array([[1, first, second], [first, 1, between], [second, between, 1]])
    if np.linalg.eigvalsh(wanted)[0] > 1e-6:
        assert matrix[1, 2] == pytest.approx(between, abs=1e-6)


SPECTRA = [
    Spectrum(0.1), Spectrum(0.5), Spectrum(0.8), Spectrum(1.6, 1.4), Spectrum(0.7, 0.8, 0.35, 2.5),
    Spectrum(0.6, 1.0, -0.3, 2.0),
]  # fmt: skip


@pytest.mark.parametrize("spectrum", SPECTRA, ids=str)
def test_spectrum_follows_the_two_gaussian_model(spectrum: Spectrum) -> None:
    """Measured power against the formula of the profile, in rings of spatial frequency."""
    fmt = FrameFormat(1024, 1024, "gray", 0, 0)
    made = grain(replace(PLAIN, spectrum=spectrum), fmt)[0]
    power = np.abs(np.fft.fft2(made)) ** 2
    fy, fx = np.meshgrid(np.fft.fftfreq(1024), np.fft.fftfreq(1024), indexing="ij")
    model = continuous_response(spectrum, fx, fy) ** 2
    ring = (np.hypot(fx, fy) * 40).astype(int)
    sides = np.abs(fx) > np.abs(fy)
    for half in (sides, ~sides):
        found = np.bincount(ring[half], power[half])[1:16] / power.mean()
        wanted = np.bincount(ring[half], model[half])[1:16] / model.mean()
        strong = wanted > 0.02 * wanted.max()
        np.testing.assert_allclose(found[strong] / wanted[strong], 1, atol=0.09)


def continuous_response(spectrum: Spectrum, fx: np.ndarray, fy: np.ndarray) -> np.ndarray:
    """H of the profile with ideal Gaussians; sampling folds the power above one half cycle back."""

    def one_axis(sigma: float, f: np.ndarray) -> np.ndarray:
        if sigma < 0.25:
            return np.ones_like(f)
        folded = np.sum([np.exp(-4 * (np.pi * sigma * (f + k)) ** 2) for k in (-2, -1, 0, 1, 2)], 0)
        return np.asarray(np.sqrt(folded / folded.mean()))

    def gaussian(size: float) -> np.ndarray:
        stretch = np.sqrt(spectrum.anisotropy)
        return one_axis(size * stretch, fx) * one_axis(size / stretch, fy)

    w = spectrum.weight
    return (1 - abs(w)) * gaussian(spectrum.size) + w * gaussian(spectrum.size * spectrum.spread)


def test_autocorrelation_of_small_grain_is_the_gaussian_of_theory() -> None:
    # Newson: rho(d) = exp(-d^2 / (4 sigma^2))
    kernel = grain_filter(Spectrum(0.8))
    assert kernel.autocorrelation(0, 0) == pytest.approx(1)
    for lag in (1, 2, 3):
        assert kernel.autocorrelation(lag, 0) == pytest.approx(np.exp(-(lag**2) / 2.56), abs=0.002)
        assert kernel.autocorrelation(0, lag) == pytest.approx(kernel.autocorrelation(lag, 0))


@pytest.mark.parametrize("spectrum", SPECTRA, ids=str)
def test_variance_is_one_from_the_taps(spectrum: Spectrum) -> None:
    kernel = grain_filter(spectrum)
    f = np.fft.fftfreq(64)
    response = np.array([[kernel.response(x, y) for x in f] for y in f])
    assert (response**2).mean() == pytest.approx(1)


def test_gaussians_that_cancel_fall_back_to_one() -> None:
    assert grain_filter(Spectrum(0.8, 1.0, -0.5, 1.0)) == grain_filter(Spectrum(0.8))
    assert grain_filter(Spectrum(0.1, 1.0, -0.5, 1.5)) == grain_filter(Spectrum(0.1))


def test_fir_is_a_convolution() -> None:
    noise = np.random.default_rng(0).standard_normal(200).astype(np.float32)
    taps = gaussian_taps(1.1)
    reach = len(taps) - 1
    out, tmp = np.empty(200 - 2 * reach, np.float32), np.empty(200, np.float32)
    fir(noise, taps, 1, reach, out, tmp)
    np.testing.assert_allclose(out, np.convolve(noise, [*taps[:0:-1], *taps], "valid"), rtol=1e-4, atol=1e-5)


def test_no_seam_at_band_edges() -> None:
    """Row-to-row correlation is the same across the borders of the bands as inside them."""
    fmt = FrameFormat(2048, 512, "gray", 0, 0)
    planes = picture(fmt, 0.5)
    made = synthesize(planes, fmt, PLAIN, 0, band_rows=16)[0].astype(np.float64) - 0.5
    products = (made[:-1] * made[1:]).mean(1) / made.var()
    at_borders = products[15::16]
    assert at_borders.mean() == pytest.approx(np.delete(products, np.s_[15::16]).mean(), abs=0.02)
