"""Presets follow their data sheets, Selwyn's law and the picture they are put on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from filmgrain_codec.core.frame import ColorInfo, FrameFormat
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain import parametric, presets, wire
from filmgrain_codec.grain.layout import thinned
from filmgrain_codec.grain.presets import STOCKS, aperture, derivation, grain_of, segment
from filmgrain_codec.grain.profile import LEVEL_MAX, GrainSegment, Spectrum

FULL = {"full": True}


@pytest.mark.parametrize("name", presets.NAMES)
@pytest.mark.parametrize("width", [480, 1920, 4096, 8192])
def test_every_preset_is_grain_that_can_be_carried_at_any_width(name, width):
    made = segment(STOCKS[name], width)
    assert 0 < made.level < LEVEL_MAX
    assert wire.quantise(made).spectrum.size == pytest.approx(made.spectrum.size, abs=1e-3)
    assert float(made.sigma(np.array(0.5))) == pytest.approx(made.level)
    assert (made.chroma.cb > 0) == STOCKS[name].colour


def test_levels_at_2k_are_those_of_the_reference():
    """Reference 4.5, graded 8-bit codes near middle grey: 50D ~2.3, 250D ~3.4, 500T 4 to 7."""
    codes = {n: 255 * segment(STOCKS[n], 2048, **FULL).level for n in presets.NAMES}
    assert codes["35mm-50d"] == pytest.approx(2.3, rel=0.1)
    assert codes["35mm-250d"] == pytest.approx(3.4, rel=0.1)
    assert 4 < codes["35mm-500t"] < codes["super16-500t"] < codes["8mm-500t"]


def test_the_curve_is_that_of_a_data_sheet_driven_render():
    """Reference 4.5: 5.4/6.4/6.2/5.3/4.5 codes at 55/99/142/174/196."""
    made = segment(STOCKS["35mm-250d"], 2048, **FULL)
    found = made.sigma(np.array([55, 99, 142, 174, 196]) / 255)
    assert found / found[2] == pytest.approx(np.array([5.4, 6.4, 6.2, 5.3, 4.5]) / 6.2, rel=0.12)


def test_35_mm_at_2k_loses_what_optics_lose_and_grain_grows_with_resolution():
    _, factor = aperture(STOCKS["35mm-500t"], 2048)
    square = np.sqrt(np.pi * 24**2 / (1000 * 24.89 / 2048) ** 2)
    assert factor / square == pytest.approx(0.6, abs=0.01)
    sizes, factors = zip(*(aperture(STOCKS["35mm-500t"], w) for w in (1024, 2048, 4096)), strict=True)
    assert sorted(sizes) == list(sizes)
    assert sorted(factors) == list(factors)


def test_chroma_averaged_on_its_grid_is_as_strong_as_said():
    spectrum = Spectrum(0.7)
    share, size = thinned(spectrum, 1, 1)
    fmt = FrameFormat(512, 512, "gray", 0, 0, 10)
    gray, fine = (np.full((512, 512), 0.5, np.float32),), GrainSegment(0, 1, 0.05, spectrum=spectrum)
    grain = parametric.synthesize(gray, fmt, fine, 0)[0] - 0.5
    small = grain.reshape(256, 2, 256, 2).mean((1, 3))
    assert small.std() / grain.std() == pytest.approx(share, rel=0.02)
    rho = (small[:, 1:] * small[:, :-1]).mean() / small.var()
    assert np.exp(-1 / (4 * size**2)) == pytest.approx(rho, abs=0.06)
    assert thinned(spectrum, 0, 0) == pytest.approx((1.0, 0.7))


def test_range_and_subsampling_of_the_picture_count():
    limited = FrameFormat(1920, 1080, bits=10, color=ColorInfo(range=1))
    full = replace(limited, color=ColorInfo(range=2))
    whole = replace(limited, sub_w=0, sub_h=0)
    made, fuller, larger = (grain_of("super16-500t")(f) for f in (limited, full, whole))
    assert made == segment(STOCKS["super16-500t"], 1920)
    assert fuller.level / made.level == pytest.approx(255 / 219, rel=0.02)
    assert larger.chroma.cb > made.chroma.cb
    assert larger.chroma.size == pytest.approx(made.spectrum.size)


def test_the_derivation_multiplies_out():
    for film in STOCKS.values():
        told, _, rest = derivation(film).partition(" = ")
        factors = [float(part.split()[0]) for part in rest.split(" x ")]
        assert np.prod(factors) == pytest.approx(float(told), rel=0.03)


def test_an_unknown_name_is_refused():
    with pytest.raises(UsageError, match="35mm-50d"):
        grain_of("70mm")
