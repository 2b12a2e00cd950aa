"""A small drawing of lines over two axes, as SVG and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 190, 40, 52
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2")
STEPS = 5


@dataclass(slots=True)
class Chart:
    """Lines over ``x`` (first, last) and ``y`` (bottom, top), with a name beside the drawing for each."""

    title: str
    across: str
    up: str
    x: tuple[float, float]
    y: tuple[float, float]
    parts: list[str] = field(default_factory=list)
    names: int = 0

    def line(
        self, points: Sequence[tuple[float, float]], colour: str, *, width: float = 2, dashed: bool = False
    ) -> None:
        """Draw a line through points (x, y)."""
        at = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in points)
        dashes = ' stroke-dasharray="6 4"' if dashed else ""
        self.parts.append(
            f'<polyline points="{at}" fill="none" stroke="{colour}" stroke-width="{width}"{dashes}/>'
        )

    def upright(self, x: float, *, colour: str = "#999") -> None:
        """A dashed line from bottom to top."""
        self.parts.append(
            f'<path d="M{self._x(x):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="{colour}" stroke-dasharray="2 3"/>'
        )

    def name(self, text: str, colour: str | None = None) -> None:
        """The next line of text beside the drawing, after a patch of ``colour``."""
        x, y = WIDTH - RIGHT + 14, TOP + 12 + 18 * self.names
        self.names += 1
        if colour is not None:
            self.parts.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour}"/>')
        self.parts.append(_text(x + (16 if colour else 0), y, escape(text), size=11))

    def svg(self) -> str:
        """The whole drawing."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
            f'font-family="sans-serif" font-size="12"><rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
        )
        title = _text(LEFT, 22, escape(self.title), size=14)
        return "\n".join([head, title, *self._axes(), *self.parts, "</svg>"]) + "\n"

    def _x(self, value: float) -> float:
        first, last = self.x
        return LEFT + (value - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def _y(self, value: float) -> float:
        low, high = self.y
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def _axes(self) -> list[str]:
        out = []
        for k in range(STEPS + 1):
            across, up = (a + (b - a) * k / STEPS for a, b in (self.x, self.y))
            x, y = self._x(across), self._y(up)
            out += [
                f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>',
                _text(x, HEIGHT - BOTTOM + 18, f"{across:.4g}", "middle"),
                _text(LEFT - 8, y + 4, f"{up:.4g}", "end"),
            ]
        middle = (TOP + HEIGHT - BOTTOM) / 2
        turned = f'transform="translate(14 {middle:.1f}) rotate(-90)" text-anchor="middle"'
        right = (LEFT + WIDTH - RIGHT) / 2
        return [
            *out,
            _text(right, HEIGHT - 12, escape(self.across), "middle"),
            f"<text {turned}>{escape(self.up)}</text>",
        ]


def rounded_up(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    steps = (m * 10.0**e for e in range(-4, 2) for m in (1, 2, 5))
    return next((s for s in steps if s >= value), value)


def _text(x: float, y: float, text: str, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{text}</text>'
