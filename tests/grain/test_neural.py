"""Refined unit fields: exact under any cut, finite for any profile, parametric where nothing is added."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmgrain_codec.core.frame import Family, FrameFormat, Plane
from filmgrain_codec.grain import conditioning, neural
from filmgrain_codec.grain.neural import PHASES, REACH, TILE
from filmgrain_codec.grain.parametric import synthesize
from filmgrain_codec.grain.profile import DEFAULT_CURVE, Chroma, GrainSegment, Spectrum
from tests.grain import material

CURVE = (0.4, 0.7, 0.9, 1.0, 1.0, 0.95, 0.7, 0.5)
SEGMENT = GrainSegment(
    0, 100, 0.05, CURVE, Spectrum(0.9, 1.2, 0.3, 2.5), Chroma(0.5, 0.7, 0.8, 0.3, -0.2, 0.4), 0.2, 7
)
Layout = tuple[Family, int, int]
LAYOUTS: list[Layout] = [
    ("gray", 0, 0), ("yuv", 1, 1), ("yuv", 1, 0), ("yuv", 0, 0), ("yuv", 2, 0), ("rgb", 0, 0),
]  # fmt: skip


def nothing(part: str, noise: neural.Array, tone: neural.Array, told: neural.Array) -> neural.Array:
    return np.zeros((1, noise.shape[1] // 2, *tone.shape[2:]), np.float32)


def mixing(part: str, noise: neural.Array, tone: neural.Array, told: neural.Array) -> neural.Array:
    """Depends on every input as far as a net may: all channels within the reach, tone in place."""
    high, wide = tone.shape[2:]
    total = np.zeros((1, noise.shape[1] // 2, high, wide), np.float32)
    for y in range(2 * REACH + 1):
        for x in range(2 * REACH + 1):
            shifted = noise[:, :, y : y + high, x : x + wide]
            total += np.float32(0.01 * (1 + y + 7 * x)) * (
                shifted[:, : total.shape[1]] - shifted[:, total.shape[1] :]
            )
    return np.asarray(total * (tone[:, :1] + 0.5 * tone[:, 1:]) + np.float32(0.1) * told.sum(), np.float32)


def grained(
    fmt: FrameFormat, planes: tuple[Plane, ...], net: neural.Refiner = mixing, **options: object
) -> tuple[Plane, ...]:
    return synthesize(planes, fmt, SEGMENT, 5, fields=neural.refined(net, SEGMENT), **options)  # type: ignore[arg-type]


def assert_same(a: tuple[Plane, ...], b: tuple[Plane, ...]) -> None:
    for p, (one, two) in enumerate(zip(a, b, strict=True)):
        np.testing.assert_array_equal(one, two, err_msg=f"plane {p}")


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("size", [(1, 1), (2, 1), (17, 33), (TILE[1] + 13, TILE[0] + 5)], ids=str)
def test_a_net_that_adds_nothing_leaves_the_parametric_bits(layout: Layout, size: tuple[int, int]) -> None:
    fmt = FrameFormat(*size, *layout, bits=10)
    planes = material.picture(fmt)
    made = synthesize(planes, fmt, SEGMENT, 5, fields=neural.refined(nothing, SEGMENT))
    assert_same(made, synthesize(planes, fmt, SEGMENT, 5))


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_bands_and_threads_do_not_change_a_bit(layout: Layout) -> None:
    fmt = FrameFormat(TILE[1] + 31, TILE[0] + 27, *layout, bits=10)
    planes = material.picture(fmt)
    whole = grained(fmt, planes)
    assert [p.shape for p in whole] == [fmt.shape(k) for k in range(fmt.planes)]
    assert all(p.dtype == np.float32 and np.isfinite(p).all() for p in whole)
    for rows, threads in ((1, 1), (7, 2), (64, 3)):
        assert_same(whole, grained(fmt, planes, band_rows=rows, threads=threads))


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@settings(max_examples=6, deadline=None)
@given(st.data())
def test_a_crop_of_whole_blocks_is_grained_like_the_whole(layout: Layout, data: st.DataObject) -> None:
    fmt = FrameFormat(400, 240, *layout, bits=8)
    x, y = 8 * data.draw(st.integers(0, 47)), 8 * data.draw(st.integers(0, 27))
    width = 8 * data.draw(st.integers(3, 50 - x // 8))
    height = 8 * data.draw(st.integers(3, 30 - y // 8))
    planes, part = material.picture(fmt), replace(fmt, width=width, height=height)

    def crop(planes: tuple[Plane, ...]) -> tuple[Plane, ...]:
        return material.cropped(planes, fmt, part, (x, y))

    def inner(planes: tuple[Plane, ...]) -> tuple[Plane, ...]:
        return material.inset(planes, part, 8)

    assert_same(inner(grained(part, crop(planes), origin=(x, y))), inner(crop(grained(fmt, planes))))


def test_tone_is_the_mean_of_the_block_and_the_slope_of_the_curve_there() -> None:
    fmt = FrameFormat(9, 6, "yuv", 1, 1, bits=10)
    planes = material.picture(fmt)
    seen: dict[str, neural.Array] = {}

    def net(part: str, noise: neural.Array, tone: neural.Array, told: neural.Array) -> neural.Array:
        seen[part] = tone.copy()
        return nothing(part, noise, tone, told)

    grained(fmt, planes, net)
    luma = np.pad(planes[0], ((0, 2), (0, 3)), mode="edge")
    blocks = luma.reshape(4, 2, 6, 2).mean((1, 3))
    np.testing.assert_allclose(seen["luma"][0, 0, :3, :5], blocks[:3, :5], atol=1e-6)
    np.testing.assert_allclose(seen["luma"][0, 0, 40, :5], blocks[2, :5], atol=1e-6)
    wide = blocks.reshape(2, 2, 3, 2).mean((1, 3))
    np.testing.assert_allclose(seen["chroma"][0, 0, 0, :2], wide[0, :2], atol=1e-6)
    table = conditioning.slope_table(SEGMENT, 255)
    expected = table[np.rint(seen["luma"][0, 0] * 255).astype(int)]
    np.testing.assert_array_equal(seen["luma"][0, 1], expected)


def test_grain_fades_back_to_parametric_far_from_what_nets_have_seen() -> None:
    assert conditioning.share(SEGMENT) == 1.0
    coarse = replace(SEGMENT, spectrum=Spectrum(conditioning.SIZES[1] * 1.4))
    assert 0.4 < conditioning.share(coarse) < 0.6
    coarsest = replace(SEGMENT, spectrum=Spectrum(conditioning.SIZES[1] * 2.5))
    fmt = FrameFormat(64, 48, bits=10)
    planes = material.picture(fmt)

    def never(part: str, *_: neural.Array) -> neural.Array:
        raise AssertionError(f"the {part} net was asked")

    made = synthesize(planes, fmt, coarsest, 5, fields=neural.refined(never, coarsest))
    assert_same(made, synthesize(planes, fmt, coarsest, 5))


def test_no_strength_is_identity_and_asks_no_net() -> None:
    fmt = FrameFormat(16, 16)
    planes = material.picture(fmt)
    assert grained(fmt, planes, level=0.0) is planes
    assert (
        synthesize(planes, fmt, replace(SEGMENT, level=0.003), 0, fields=neural.refined(mixing, SEGMENT))
        is planes
    )


@settings(max_examples=200, deadline=None)
@given(material.segments())
def test_conditions_are_finite_and_bounded_for_any_profile(segment: GrainSegment) -> None:
    told = conditioning.conditions(segment)
    assert told.shape == (1, conditioning.CONDITIONS)
    assert np.isfinite(told).all()
    assert np.abs(told).max() <= 5
    slopes = conditioning.slope_table(segment, 255)
    assert np.isfinite(slopes).all()
    assert np.abs(slopes).max() <= 2
    assert 0 <= conditioning.share(segment) <= 1


def test_slope_is_steep_in_shadows_and_falls_in_highlights() -> None:
    slopes = conditioning.slope_table(replace(SEGMENT, curve=DEFAULT_CURVE), 255)
    assert slopes[20] > 0.5
    assert abs(slopes[128]) < 0.2
    assert slopes[235] < -0.5


@pytest.mark.parametrize("level", [0.002, 0.15])
def test_undefined_samples_do_not_spread(level: float) -> None:
    fmt = FrameFormat(32, 32, "gray", 0, 0)
    plane = np.full((32, 32), 0.5, np.float32)
    plane[10, 11] = np.nan
    made = grained(fmt, (plane,), level=level)[0]
    assert np.isnan(made[10, 11])
    assert np.isfinite(np.delete(made.ravel(), 10 * 32 + 11)).all()


def test_the_phases_are_packed_as_the_nets_were_trained() -> None:
    given: dict[str, neural.Array] = {}

    def net(part: str, noise: neural.Array, tone: neural.Array, told: neural.Array) -> neural.Array:
        given[part] = noise.copy()
        return nothing(part, noise, tone, told)

    fmt = FrameFormat(TILE[1], TILE[0], "gray", 0, 0)
    base = np.full((TILE[0], TILE[1]), 0.5, np.float32)
    made = synthesize(
        (base,), fmt, replace(SEGMENT, curve=(1.0,) * 8, skew=0.0), 3, fields=neural.refined(net, SEGMENT)
    )[0]
    inner = given["luma"][0, :PHASES, REACH:-REACH, REACH:-REACH]
    unpacked = inner.reshape(2, 2, TILE[0] // 2, TILE[1] // 2).transpose(2, 0, 3, 1).reshape(TILE)
    np.testing.assert_allclose((made - base) / 0.05, unpacked, atol=1e-5)
