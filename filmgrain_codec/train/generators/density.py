"""Grain made in the density of three emulsion layers, as a colour negative makes it.

Each layer has a granularity that depends on its own density (data-sheet diffuse RMS granularity of four
Kodak stocks, 48 um aperture), its own independent noise, and a size. The layers mix by masking and
matrixing, go through the slope of the tone curve from density to code, and become Y, Cb, Cr of the
frame's matrix; chroma is averaged down like a picture's. The tone curve's bend gives a skew that
depends on luma; its mean is taken out again, so that the picture keeps its mean.

What is simplified: one tone curve (negative, print and grading in one), no inter-image effects, and
strengths are scaled to the level that is asked for. ``natural_level`` says what the stock itself has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from filmgrain_codec.core.frame import FrameFormat, Plane
from filmgrain_codec.grain.filters import grain_filter
from filmgrain_codec.grain.profile import KNOT_POSITIONS, GrainSegment, Spectrum
from filmgrain_codec.grain.recipe import LUT_LAST
from filmgrain_codec.train.generators import looks, measured
from filmgrain_codec.train.generators.colour import luma_weights, spans, to_planes, to_rgb
from filmgrain_codec.train.generators.common import fast_generator, finished
from filmgrain_codec.train.generators.profiled import field, strength

Array = NDArray[np.float32]
Field = NDArray[np.float64]

DENSITIES: Final = (0.0, 0.1, 0.2, 0.5, 1.0)
STOCKS: Final[dict[str, tuple[tuple[float, ...], ...]]] = {
    "50D": ((6.3, 6.4, 4.7, 4.6), (6.1, 6.4, 4.9, 4.4), (12.3, 11.6, 10.3, 8.3)),
    "250D": ((9.8, 9.4, 7.2, 5.5), (9.9, 10.5, 7.7, 6.3), (16.5, 15.6, 13.1, 13.5)),
    "500T": ((9.5, 10.3, 7.1, 6.3), (12.8, 13.8, 9.6, 7.1), (30.4, 31.3, 25.1, 19.3)),
    "B&W": ((3.7, 4.5, 6.2, 8.7),),
}
"""1000 x RMS density of R, G, B at densities 0.1, 0.2, 0.5, 1.0 above the base."""
APERTURE_AREA: Final = 1810.0
"""Area of the 48 um aperture in um^2."""
_PLAIN = Spectrum()
_FULL = FrameFormat(1, 1, "gray")
_BASE = 0.7
"""Granularity of the unexposed base over that at density 0.1."""
_MTF = 0.6
_SELWYN_2K = 3.5
"""RMS density per sample of a 2K Super 35 scan over that of the 48 um aperture."""
_BEND_MOST = 0.12


@dataclass(frozen=True, slots=True)
class DensityGrain:
    """``rho``: correlation that mixing gives the RGB layers, 0 to 1. ``spectrum``: of the green layer.

    ``red_size``, ``blue_size``: sizes over green's. Tone curve from density to code, as print and
    grading make it: code = (1 / (1 + exp(-contrast (D - middle))))^grade.
    """

    stock: str = "500T"
    rho: float = 0.3
    spectrum: Spectrum = _PLAIN
    red_size: float = 1.0
    blue_size: float = 1.15
    contrast: float = 4.5
    middle: float = 0.6
    grade: float = 1.0

    def segment(self, level: float) -> GrainSegment:
        """Curve of neutral full-range grey; spectrum, chroma and skew as measured on 4:2:0 frames."""
        weights = luma_weights(_FULL)
        knots = np.array([_unit_level(self, weights, float(u)) for u in KNOT_POSITIONS])
        curve = looks.as_curve(knots / _unit_level(self, weights, 0.5))
        return replace(measured.look(self, curve), level=level, skew_slope=1.0)

    def natural_level(self, pixel: float) -> float:
        """Level of this stock scanned at ``pixel`` um per sample (Selwyn's law, MTF loss 0.6)."""
        return _unit_level(self, luma_weights(_FULL), 0.5) * (APERTURE_AREA / pixel**2) ** 0.5 * _MTF

    def grain(
        self,
        planes: Sequence[Plane],
        fmt: FrameFormat,
        level: float,
        seed: int = 0,
        index: int = 0,
        quantise: bool = True,
    ) -> tuple[Plane, ...]:
        """``planes`` with grain of ``level`` (sigma of luma at a grey of 0.5) added."""
        rgb = to_rgb(planes, fmt)
        fields = self._layers(fmt, fast_generator(seed, index))
        sigma, bend = _tables(self)
        layers = []
        for c, code in enumerate(rgb):
            unit = fields[c % len(fields)]
            s = strength(code, bend[c])
            layers.append(strength(code, sigma[c]) * (unit + s * (unit * unit - 1)))
        scale = level / (_unit_level(self, luma_weights(fmt), _grey(fmt)) * spans(fmt)[0])
        mixed = np.tensordot((mixing(self.rho) * scale).astype(np.float32), np.stack(layers), 1)
        return finished(planes, to_planes(list(mixed), fmt), fmt, quantise)

    def _layers(self, fmt: FrameFormat, rng: Generator) -> list[Array]:
        if self.stock == "B&W":
            return [field(fmt.shape(0), grain_filter(self.spectrum), rng)]
        sizes = (self.red_size, 1.0, self.blue_size)
        kernels = [grain_filter(replace(self.spectrum, size=self.spectrum.size * s)) for s in sizes]
        return [field(fmt.shape(0), k, rng) for k in kernels]


def _grey(fmt: FrameFormat) -> float:
    """R', G', B' of a neutral sample of luma code 0.5."""
    return float(
        to_rgb([np.full((1, 1), 0.5, np.float32)], replace(_FULL, bits=fmt.bits, color=fmt.color))[0][0, 0]
    )


def mixing(rho: float) -> Field:
    """Symmetric mixing (3, 3) that gives independent unit layers the correlation ``rho`` pairwise."""
    # (a I + b J)^2 has ones on the diagonal and rho elsewhere
    a = np.sqrt(1.0 - rho)
    b = (np.sqrt(1.0 + 2.0 * rho) - a) / 3.0
    return np.asarray(a * np.eye(3) + b, np.float64)


@lru_cache(maxsize=512)
def _tables(recipe: DensityGrain) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """Per channel, over codes 0..1: sigma of the code, and the second-order share of the grain."""
    code = np.linspace(1e-5, 1.0 - 1e-5, LUT_LAST + 1)
    print_code = code ** (1.0 / recipe.grade)
    density = recipe.middle + np.log(print_code / (1.0 - print_code)) / recipe.contrast
    slope = recipe.contrast * recipe.grade * code * (1.0 - print_code)
    turn = np.gradient(slope, code)
    curves = STOCKS[recipe.stock]
    sigma, bend = [], []
    for c in range(3):
        rms = curves[c % len(curves)]
        granularity = np.interp(density, DENSITIES, [_BASE * rms[0], *rms]) * 1e-3
        sigma.append((granularity * slope).astype(np.float32))
        # second order of code = f(density): f'' / f' = d slope / d code, times half the sigma of density
        share = 0.5 * turn * granularity * _SELWYN_2K * _MTF
        bend.append(np.clip(share, -_BEND_MOST, _BEND_MOST).astype(np.float32))
    return tuple(sigma), tuple(bend)


@lru_cache(maxsize=2048)
def _unit_level(recipe: DensityGrain, weights: tuple[float, float, float], grey: float) -> float:
    """sigma of luma at a grey of R' = G' = B' = ``grey`` before scaling, from the tables."""
    sigma, bend = _tables(recipe)
    at = [float(strength(np.array([grey], np.float32), t)[0]) for t in (*sigma, *bend)]
    each = np.array(at[:3]) * np.sqrt(1.0 + 2.0 * np.array(at[3:]) ** 2)
    share = np.array(weights) @ mixing(recipe.rho) * each
    return float(share.sum() if recipe.stock == "B&W" else np.sqrt((share**2).sum()))


def draw(rng: Generator) -> DensityGrain:
    """A stock, its mixing over the whole range of correlation, and a random tone curve."""
    stock = str(rng.choice(list(STOCKS), p=[0.25, 0.3, 0.35, 0.1]))
    return DensityGrain(
        stock=stock,
        rho=1.0 if stock == "B&W" else rng.random(),
        spectrum=looks.draw_spectrum(rng),
        red_size=rng.uniform(0.9, 1.1),
        blue_size=rng.uniform(1.0, 1.3),
        contrast=rng.uniform(3.0, 6.0),
        middle=rng.uniform(0.3, 0.9),
        grade=looks.log_uniform(rng, 0.7, 1.5),
    )
