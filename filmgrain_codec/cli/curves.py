"""Strength curves of shots as a drawing: sigma over luma, one line a shot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from filmgrain_codec.cli.chart import COLOURS, Chart, rounded_up

NAMED = 16
"""Shots named beside the drawing; more are drawn without a name."""
TRUSTED = 0.35
"""Below this confidence a line is dashed; same as pipeline.analyse.TRUSTED (a test compares them)."""


def svg(title: str, shots: Sequence[Mapping[str, Any]]) -> str:
    """The drawing: ``shots`` as reports hold them, their level, curve of 8 knots and confidence."""
    peak = max((shot["level"] * max(shot["curve"]) for shot in shots), default=0.0)
    top = rounded_up(max(peak, 0.004))
    across, up = "luma code, fraction of full scale", "grain sigma, fraction of full scale"
    chart = Chart(title, across, up, (0.0, 1.0), (0.0, top))
    chart.upright(0.5)
    for number, shot in enumerate(shots):
        colour = COLOURS[number % len(COLOURS)]
        ends = len(shot["curve"]) - 1
        points = [(k / ends, shot["level"] * ratio) for k, ratio in enumerate(shot["curve"])]
        chart.line(points, colour, dashed=shot["confidence"] < TRUSTED)
        if number < NAMED:
            chart.name(f"shot {number}: level {shot['level']:.4f}, {shot['confidence']:.2f}", colour)
    if len(shots) > NAMED:
        chart.name(f"and {len(shots) - NAMED} more")
    return chart.svg()
