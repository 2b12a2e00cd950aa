"""Strength curves of shots as a drawing: sigma over luma, one line a shot, as SVG and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from filmgrain_codec.errors import OutputError, UsageError

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 190, 40, 52
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2")
NAMED = 16
"""Shots named beside the drawing; more are drawn without a name."""
TRUSTED = 0.35
"""Below this confidence a line is dashed; same as pipeline.analyse.TRUSTED (a test compares them)."""


def check(path: Path) -> None:
    """Raise ``UsageError`` unless ``path`` names an SVG file."""
    if path.suffix.lower() != ".svg":
        raise UsageError(f"--plot draws SVG: name the file {path.with_suffix('.svg').name}, not {path.name}.")


def save(path: Path, title: str, shots: Sequence[Mapping[str, Any]]) -> None:
    """Write the drawing of ``shots``; raises ``OutputError`` if the file cannot be written."""
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_text(svg(title, shots), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OutputError(
            f"The drawing {path} cannot be written ({error.strerror}): choose another place."
        ) from error


def svg(title: str, shots: Sequence[Mapping[str, Any]]) -> str:
    """The drawing: ``shots`` as reports hold them, their level, curve of 8 knots and confidence."""
    peak = max((shot["level"] * max(shot["curve"]) for shot in shots), default=0.0)
    top = _round_up(max(peak, 0.004))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        _text(LEFT, 22, escape(title), size=14),
        *_axes(top),
        *(_line(number, shot, top) for number, shot in enumerate(shots)),
        *(_name(number, shot) for number, shot in enumerate(shots[:NAMED])),
    ]
    if len(shots) > NAMED:
        parts.append(_text(WIDTH - RIGHT + 14, TOP + 12 + 18 * NAMED, f"and {len(shots) - NAMED} more"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _round_up(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    steps = (m * 10.0**e for e in range(-4, 2) for m in (1, 2, 5))
    return next((s for s in steps if s >= value), value)


def _x(luma: float) -> float:
    return LEFT + luma * (WIDTH - LEFT - RIGHT)


def _y(sigma: float, top: float) -> float:
    return HEIGHT - BOTTOM - sigma / top * (HEIGHT - TOP - BOTTOM)


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{text}</text>'


def _axes(top: float) -> list[str]:
    out = []
    for k in range(6):
        x, y, sigma = _x(k / 5), _y(top * k / 5, top), top * k / 5
        out.append(
            f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
        )
        out.append(_text(x, HEIGHT - BOTTOM + 18, f"{k / 5:.1f}", "middle"))
        out.append(_text(LEFT - 8, y + 4, f"{sigma:.4g}", "end"))
    out.append(_text(_x(0.5), HEIGHT - 12, "luma code, fraction of full scale", "middle"))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    label = "grain sigma, fraction of full scale"
    out.append(
        f'<text transform="translate(14 {middle:.1f}) rotate(-90)" text-anchor="middle">{label}</text>'
        f'<path d="M{_x(0.5):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#999" stroke-dasharray="2 3"/>'
    )
    return out


def _line(number: int, shot: Mapping[str, Any], top: float) -> str:
    knots = [shot["level"] * ratio for ratio in shot["curve"]]
    points = " ".join(f"{_x(k / (len(knots) - 1)):.1f},{_y(sigma, top):.1f}" for k, sigma in enumerate(knots))
    dashed = "" if shot["confidence"] >= TRUSTED else ' stroke-dasharray="6 4"'
    colour = COLOURS[number % len(COLOURS)]
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>'


def _name(number: int, shot: Mapping[str, Any]) -> str:
    x, y = WIDTH - RIGHT + 14, TOP + 12 + 18 * number
    colour = COLOURS[number % len(COLOURS)]
    text = f"shot {number}: level {shot['level']:.4f}, {shot['confidence']:.2f}"
    return f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour}"/>' + _text(
        x + 16, y, text, size=11
    )
