"""How much dirt film carries and how large it is, from polygons drawn on real scans.

Areas and counts are Gamma and mean fits to the 12,135 polygons of FilmDamageSimulator (Ivanova et al.,
"Simulating analogue film damage to analyse and improve artefact restoration on high-resolution scans",
2023): ten uncleaned 36 x 24 mm frames, scanned at 7.2 micrometres a sample.
"""

from __future__ import annotations

from dataclasses import dataclass

from filmgrain_codec.errors import UsageError

SCAN_PITCH = 7.2
"""Micrometres a sample of the scans the areas are given in."""
SCAN_AREA = 36.0 * 24.0
"""Square millimetres that the counts are for."""
GAUGES = {"35mm": 16.0, "35mm-still": 24.0, "16mm": 7.5, "super8": 4.0, "8mm": 3.3}
"""Height of the picture on film, millimetres."""
SEVERITY = (-1.5, 1.0)
"""Severity is log-normal with this mean and deviation; 1 is a frame as dirty as those measured."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One class of damage: mean count a measured frame, and the Gamma of its area (samples of the scan)."""

    count: float
    shape: float
    scale: float


KINDS = {
    "dust": Kind(763, 6.14, 10.9),
    "dirt": Kind(270, 2.31, 70.9),
    "short hair": Kind(134, 2.24, 146),
    "long hair": Kind(40, 3.20, 337),
    "scratch": Kind(6.5, 0.69, 6651),
}
LARGEST_AREA = 60_000.0
"""Samples of the scan: the largest scratch measured had 56 thousand."""


def pitch(gauge: str, height: int) -> float:
    """Micrometres a sample, where a frame of ``gauge`` has ``height`` samples.

    Raises ``UsageError`` for an unknown gauge.
    """
    if gauge not in GAUGES:
        raise UsageError(f"There is no gauge '{gauge}': choose one of {', '.join(GAUGES)}.")
    return GAUGES[gauge] * 1000 / height
