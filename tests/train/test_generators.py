"""The generators make the grain they promise: strength, spectrum, tone, correlation, independence."""

from __future__ import annotations

import numpy as np
import pytest

from filmgrain_codec.core.frame import FrameFormat, Plane
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain import metrics
from filmgrain_codec.train.generators import boolean, common, spectral
from filmgrain_codec.train.generators.boolean import BooleanGrain
from filmgrain_codec.train.generators.spectral import SpectralGrain

FMT = FrameFormat(320, 256, bits=10)


def flat(u: float, fmt: FrameFormat = FMT) -> tuple[Plane, ...]:
    return tuple(np.full(fmt.shape(k), 0.5 if k else u, np.float32) for k in range(fmt.planes))


@pytest.mark.parametrize("size", [0.6, 0.8, 1.2])
@pytest.mark.parametrize("level", [0.01, 0.05])
def test_boolean_level_at_half(size: float, level: float) -> None:
    out = boolean.grain(flat(0.5), FMT, level, 1, 0, BooleanGrain(size=size))
    assert (out[0] - 0.5).std() == pytest.approx(level, rel=0.04)


@pytest.mark.parametrize("u", [0.1, 0.5, 0.9])
def test_boolean_strength_skew_and_mean_follow_the_theory(u: float) -> None:
    recipe = BooleanGrain(size=0.8, radius=0.4, cb=0.0, cr=0.0)
    base = flat(u)
    out = boolean.grain(base, FMT, boolean.strength(0.5, 0.4, 0.8), 2, 0, recipe, quantise=False)
    g = np.asarray(out[0] - base[0], np.float64)
    assert g.std() == pytest.approx(boolean.strength(u, 0.4, 0.8), rel=0.04)
    # small-grain limit of Newson's model: 0.509 (r / size) u^0.51 (1 - u)^0.66, 5 % high at r = 0.4
    assert g.std() == pytest.approx(0.509 * 0.5 * u**0.51 * (1 - u) ** 0.66, rel=0.09)
    assert abs(g.mean()) < 4 * g.std() / np.sqrt(metrics.effective_samples(g))
    skew = ((g / g.std()) ** 3).mean()
    assert np.sign(skew) == (1 if u < 0.3 else -1)


def test_boolean_size_is_the_filter_s() -> None:
    out = boolean.grain(flat(0.5), FMT, 0.04, 3, 0, BooleanGrain(size=1.0))
    rho = metrics.autocorrelation(out[0] - np.float32(0.5))
    assert rho[3, 4] == pytest.approx(np.exp(-1 / 4), abs=0.03)
    assert rho[5, 3] == pytest.approx(np.exp(-1), abs=0.04)


def test_boolean_keeps_a_sharp_edge_sharp() -> None:
    luma = np.where(np.arange(320) < 160, 0.3, 0.7).astype(np.float32)
    planes = (np.tile(luma, (256, 1)), *flat(0.5)[1:])
    out = boolean.grain(planes, FMT, 0.02, 4, 0, BooleanGrain(size=1.2), quantise=False)
    assert np.abs((out[0] - planes[0]).mean(0)).max() < 0.015  # blurring would show as 0.1


@pytest.mark.parametrize("tone", sorted(common.TONES))
def test_spectral_strength_follows_its_tone(tone: str) -> None:
    for u in (0.2, 0.5, 0.8):
        base = flat(u)
        out = spectral.grain(base, FMT, 0.03, 1, 0, SpectralGrain(tone=tone), quantise=False)
        wanted = 0.03 * float(common.TONES[tone](np.array([u]))[0])
        assert (out[0] - base[0]).std() == pytest.approx(wanted, rel=0.03)


def test_tones_are_one_at_half() -> None:
    for tone in common.TONES.values():
        assert tone(np.array([0.5]))[0] == pytest.approx(1.0, abs=0.01)
    with pytest.raises(UsageError, match="negative"):
        common.tone_of("loud")


def test_spectral_power_is_the_sum_of_two_gaussians() -> None:
    g = np.stack([spectral.field((256, 256), common.generator(5, i), 0.8, 1.0, 0.3, 2.5) for i in range(6)])
    f = np.arange(33) / 64
    grid = spectral.power((256, 256), 0.8, 1.0, 0.3, 2.5)[0, : 4 * 33 : 4]
    assert f[-1] == 0.5
    measured = metrics.radial_psd(g)
    assert np.abs(10 * np.log10(measured[3:24] / grid[3:24])).mean() < 0.5


def test_spectral_channels_are_correlated_as_asked() -> None:
    recipe = SpectralGrain(tone="flat", y_cb=0.6, y_cr=-0.2, cb_cr=0.1, cb=0.5, cr=0.8)
    base = flat(0.5)
    planes = [o - b for o, b in zip(spectral.grain(base, FMT, 0.04, 6, 0, recipe), base, strict=True)]
    matrix = metrics.channel_correlation(planes)
    assert (matrix[0, 1], matrix[0, 2], matrix[1, 2]) == pytest.approx((0.6, -0.2, 0.1), abs=0.03)
    assert planes[1].std() == pytest.approx(0.02, rel=0.05)
    assert planes[2].std() == pytest.approx(0.032, rel=0.05)


@pytest.mark.parametrize("family", [boolean, spectral])
@pytest.mark.parametrize(
    "fmt", [FrameFormat(33, 17, "gray"), FrameFormat(33, 17, bits=12), FrameFormat(64, 48, sub_h=0, bits=16)]
)
def test_formats_repeatability_independence_and_codes(family: object, fmt: FrameFormat) -> None:
    base = flat(0.4, fmt)
    one, again, other = (family.grain(base, fmt, 0.05, 9, i) for i in (0, 0, 1))  # type: ignore[attr-defined]
    for k, plane in enumerate(one):
        assert plane.shape == fmt.shape(k)
        assert plane.dtype == np.float32
        assert np.array_equal(plane, again[k])
        assert not np.array_equal(plane, other[k])
        assert np.asarray(plane, np.float64) * fmt.peak == pytest.approx(np.rint(plane * fmt.peak), abs=0.01)
        assert plane.min() >= 0
        assert plane.max() <= 1
