"""Named grain of well-known film stocks, from their data sheets, for a picture of any width.

How a stock becomes grain, per emulsion layer:

1. Data sheet: diffuse RMS granularity sigma_D through a 48 um aperture, at densities D above the base
   (Kodak, read off the published curves).
2. Selwyn's law: sigma_D falls with the square root of the area looked through. A scan of width W samples of
   a frame F mm wide looks through a Gaussian of standard deviation s = hypot(3 um, 0.4 F / W), whose area is
   4 pi s^2. The 3 um (dye clouds, lens) are chosen so that 35 mm at 2K has the 0.6 by which optics lower
   what Selwyn's law says of a square pixel; s / pitch is the grain's size in samples.
3. Tone: the negative has contrast gamma, and code V lies 0.65 + gamma log10(V / (1 - V)) above its base: an
   S-shaped print whose mid-tones have the system gamma of 1.2 on a display of 2.4. So a small change of
   density by d moves the code by V (1 - V) ln(10) / gamma * d. A reversal film is the picture itself: D =
   -2.4 log10(V), and d moves the code by V ln(10) / 2.4 * d.
   In limited range a code is 219/255 of V, and black at 16/255.
4. Colour: layers are independent on film; masks, matrices and desaturation mix them. Half is assumed: R, G
   and B grain correlate by 0.5. Through BT.709 to Y'CbCr; averaged over what a chroma sample covers.

Limits: a graded film has another contrast than the one assumed, and its grain scales with it: use the gain.
The density of 0.65 at mid grey, the correlation, densities above 1.0 and the blur of 3 um are assumptions: a
sharper scan shows more, above all of the small gauges. The black-and-white figures are indicative.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import FrameFormat
from filmgrain_codec.errors import UsageError
from filmgrain_codec.grain.layout import thinned
from filmgrain_codec.grain.profile import (
    BENT_LAW,
    KNOT_POSITIONS,
    WRITTEN_LAW,
    Chroma,
    Curve,
    GrainSegment,
    Spectrum,
    curve_at,
)
from filmgrain_codec.grain.wire import MAX_FRAME

Field = NDArray[np.float64]
APERTURE = math.pi * 24.0**2
"""Area of the data sheets' aperture in um^2."""
DYE, SPOT = 3.0, 0.4
"""Standard deviations of the two blurs: um, and scan pitches."""
GREY_DENSITY = 0.65
DISPLAY = 2.4
MIXED = 0.5
"""Correlation of R, G and B grain."""
TWO_K = 2048
MIDDLE = slice(3, 5)
"""The two knots around luma 0.5."""
DENSITIES = (0.1, 0.2, 0.5, 1.0, 2.0)
_RGB_TO_YCC = np.array(
    [[0.2126, 0.7152, 0.0722], [-0.1146, -0.3854, 0.5], [0.5, -0.4542, -0.0458]]
)  # Rec. ITU-R BT.709


@dataclass(frozen=True, slots=True)
class Stock:
    """A film in a gauge. ``granularity``: sigma_D x 1000 at ``DENSITIES``, of R, G, B or of silver.

    ``width``: of the camera's frame in mm. ``gamma``: contrast of the negative; None for reversal film.
    """

    name: str
    film: str
    width: float
    gamma: float | None
    granularity: tuple[tuple[float, ...], ...]

    @property
    def colour(self) -> bool:
        return len(self.granularity) == 3


_50D = ((6.3, 6.4, 4.7, 4.6, 4.6), (6.1, 6.4, 4.9, 4.4, 4.4), (12.3, 11.6, 10.3, 8.3, 8.3))
_250D = ((9.8, 9.4, 7.2, 5.5, 5.5), (9.9, 10.5, 7.7, 6.3, 6.3), (16.5, 15.6, 13.1, 13.5, 13.5))
_500T = ((9.5, 10.3, 7.1, 6.3, 6.3), (12.8, 13.8, 9.6, 7.1, 7.1), (30.4, 31.3, 25.1, 19.3, 19.3))
_SILVER = ((3.7, 4.5, 6.2, 8.7, 21.0),)
_STOCKS = (
    Stock("35mm-50d", "fine-grained colour negative 5203, Super 35", 24.89, 0.55, _50D),
    Stock("35mm-250d", "colour negative 5207, Super 35", 24.89, 0.55, _250D),
    Stock("35mm-500t", "fast colour negative 5219, Super 35", 24.89, 0.55, _500T),
    Stock("35mm-bw", "black-and-white negative 5222, Academy", 22.0, 0.65, _SILVER),
    Stock("super16-500t", "fast colour negative 7219, Super 16", 12.52, 0.55, _500T),
    Stock("16mm-bw", "black-and-white reversal, 16 mm", 10.26, None, _SILVER),
    Stock("8mm-500t", "fast colour negative 7219, Super 8", 5.79, 0.55, _500T),
)
STOCKS: dict[str, Stock] = {stock.name: stock for stock in _STOCKS}
NAMES = tuple(STOCKS)


def stock(name: str) -> Stock:
    """A stock by its name. Raises ``UsageError`` for an unknown one."""
    if name not in STOCKS:
        raise UsageError(f"there is no grain preset '{name}'; choose one of {', '.join(NAMES)}")
    return STOCKS[name]


def grain_of(name: str) -> Callable[[FrameFormat], GrainSegment]:
    """From a picture's format to the grain that a scan of this stock would have at its width and range.

    Raises ``UsageError`` for an unknown name.
    """
    film = stock(name)

    def made(fmt: FrameFormat) -> GrainSegment:
        subs = (fmt.sub_w, fmt.sub_h) if fmt.family == "yuv" else (0, 0)
        return segment(film, fmt.width, subs, full=fmt.full_range)

    return made


@lru_cache(maxsize=64)
def segment(
    film: Stock, width: int = TWO_K, subs: tuple[int, int] = (1, 1), *, full: bool = False
) -> GrainSegment:
    """Grain of a stock whose frame is scanned ``width`` samples wide.

    ``subs``: log2 subsampling, horizontal and vertical. ``full``: range of the codes, else limited.
    """
    spectrum = Spectrum(aperture(film, width)[0])
    layers = range(len(film.granularity))
    strengths = np.stack([_strength(film, width, layer, full) for layer in layers])
    luma, chroma = _mixed(film, strengths, spectrum, subs)
    level = float(curve_at(luma, 0.5, BENT_LAW))
    curve: Curve = tuple(float(v) for v in luma / level)  # type: ignore[assignment]
    return GrainSegment(
        0, MAX_FRAME, level, curve, spectrum, chroma, confidence=0.0, skew_slope=1.0, law=WRITTEN_LAW
    )


def aperture(film: Stock, width: int) -> tuple[float, float]:
    """(size of the grain in samples, factor on the data sheet's sigma_D) of a scan ``width`` samples wide."""
    pitch = 1000 * film.width / width
    s = math.hypot(DYE, SPOT * pitch)
    return s / pitch, math.sqrt(APERTURE / (4 * math.pi)) / s


def density(film: Stock, code: Field) -> Field:
    """Density above the base at picture codes inside 0..1."""
    if film.gamma is None:
        return np.asarray(-DISPLAY * np.log10(code), np.float64)
    return np.asarray(GREY_DENSITY + film.gamma * np.log10(code / (1 - code)), np.float64)


def slope(film: Stock, code: Field) -> Field:
    """Change of code per change of density."""
    if film.gamma is None:
        return np.asarray(code * math.log(10) / DISPLAY, np.float64)
    return np.asarray(code * (1 - code) * math.log(10) / film.gamma, np.float64)


def _strength(film: Stock, width: int, layer: int, full: bool) -> Field:
    """Sigma of one layer in fractions of full scale, at the knots of the strength curve."""
    scale, black = (1.0, 0.0) if full else (219 / 255, 16 / 255)
    value = np.clip((KNOT_POSITIONS - black) / scale, 0.0, 1.0)
    inside = np.clip(value, 1e-3, 1 - 1e-3)
    sigma = np.interp(density(film, inside), DENSITIES, film.granularity[layer]) / 1000
    seen = (value > 0) & ((value < 1) | (film.gamma is None))
    return np.asarray(scale * sigma * slope(film, inside) * aperture(film, width)[1] * seen, np.float64)


def _mixed(film: Stock, sigma: Field, spectrum: Spectrum, subs: tuple[int, int]) -> tuple[Field, Chroma]:
    """Luma sigma at the knots, and chroma relative to it at luma 0.5."""
    if not film.colour:
        return sigma[0], Chroma()
    shared = np.full((3, 3), MIXED) + (1 - MIXED) * np.eye(3)
    covariance = np.einsum("ia,ak,ab,bk,jb->kij", _RGB_TO_YCC, sigma, shared, sigma, _RGB_TO_YCC)
    middle = covariance[MIDDLE].mean(0)
    y, cb, cr = np.sqrt(np.diag(middle))
    share, size = thinned(spectrum, *subs)
    between = middle / np.outer((y, cb, cr), (y, cb, cr))
    y_cb, y_cr, cb_cr = (float(between[k]) for k in ((0, 1), (0, 2), (1, 2)))
    chroma = Chroma(float(share * cb / y), float(share * cr / y), size, y_cb, y_cr, cb_cr)
    return np.sqrt(covariance[:, 0, 0]), chroma


def derivation(film: Stock, width: int = TWO_K) -> str:
    """In one line, how the level in limited range comes about: the green layer's, which is most of luma's."""
    layer, half = int(film.colour), np.array([(0.5 - 16 / 255) * 255 / 219])
    deep, tone = float(density(film, half)[0]), 219 / 255 * float(slope(film, half)[0])
    sigma = float(np.interp(deep, DENSITIES, film.granularity[layer])) / 1000
    factor = aperture(film, width)[1]
    level = segment(film, width).level
    mixed = f" x {level / (sigma * factor * tone):.2f} (green to luma)" if film.colour else ""
    contrast = "reversal" if film.gamma is None else f"gamma {film.gamma:g}"
    return (
        f"{level:.4f} = {sigma:.4f} (sigma_D at density {deep:.2f}, 48 um) x {factor:.2f} (Selwyn, "
        f"{film.width:g} mm over {width} samples) x {tone:.2f} ({contrast}){mixed}"
    )
