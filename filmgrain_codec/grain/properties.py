"""A grain segment as frame properties, as scripts carry it from filter to filter.

| property | holds |
|---|---|
| FGLevel | level, fraction of full scale |
| FGCurve | 8 numbers: strength over luma, relative to the level |
| FGSpectrum | size (luma samples), anisotropy, weight, spread |
| FGChroma | Cb and Cr strength, size (chroma samples), correlations Y-Cb, Y-Cr, Cb-Cr |
| FGSkew | third standardised moment at luma 0.5 |
| FGSkewSlope | how much skew follows the slope of the curve |
| FGKurtosis | excess kurtosis beyond 4/3 of the squared skew, at luma 0.5 |
| FGKurtosisSlope | how fast that grows with luma |
| FGCorrection | 8 numbers: power beyond that of FGSpectrum, dB at ``profile.CORRECTED_AT`` |
| FGLaw | how the curve is read (``profile.BENT_LAW``); 0 where missing |
| FGSeed | 32-bit seed |
| FGConfidence | 0 to 1 |

All but FGLevel are optional. Numbers are rounded to the steps in which a profile travels (``grain.wire``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from filmgrain_codec.errors import ProfileError
from filmgrain_codec.grain import wire
from filmgrain_codec.grain.profile import GrainSegment

LEVEL, CURVE = "FGLevel", "FGCurve"
SHOT, MODEL = "FGShot", "FGModel"
"""First frame of the shot; what took the grain off (present and not empty: it is off)."""
_KEYS = {
    LEVEL: "level",
    CURVE: "curve",
    "FGSpectrum": "spectrum",
    "FGChroma": "chroma",
    "FGSkew": "skew",
    "FGSkewSlope": "skew_slope",
    "FGKurtosis": "kurtosis",
    "FGKurtosisSlope": "kurtosis_slope",
    "FGCorrection": "correction",
    "FGLaw": "law",
    "FGSeed": "seed",
    "FGConfidence": "confidence",
}
GRAIN = tuple(_KEYS)
NAMES = (*GRAIN, SHOT, MODEL)
_WHOLE = ("FGSeed", "FGLaw")
Number = int | float | list[float]


def of_segment(segment: GrainSegment) -> dict[str, Number]:
    """Properties of every frame of a segment, quantised."""
    table = wire.to_table(wire.quantise(segment, clamp=True))
    return {name: _plain(name, table[key]) for name, key in _KEYS.items()}


def segment(props: Mapping[str, Any], start: int, end: int) -> GrainSegment:
    """The segment that a frame's properties describe. Raises ``ProfileError`` where they make no sense."""
    table = {key: _number(name, props[name]) for name, key in _KEYS.items() if name in props}
    return wire.from_table({"frames": [start, end], **table})


def level(props: Mapping[str, Any]) -> float | None:
    """FGLevel, None where there is none. Raises ``ProfileError`` if it is no number."""
    if LEVEL not in props:
        return None
    value = props[LEVEL]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ProfileError(f"the property {LEVEL} is {value!r}, not a number")
    return float(value)


def _plain(name: str, value: Any) -> Number:
    if isinstance(value, list):
        return [float(v) for v in value]
    return int(value) if name in _WHOLE else float(value)


def _number(name: str, value: Any) -> Any:
    if name in _WHOLE or isinstance(value, int | float):
        return value
    try:
        return [float(v) for v in value]
    except (TypeError, ValueError):
        raise ProfileError(f"the property {name} is {value!r}, not a list of numbers") from None
