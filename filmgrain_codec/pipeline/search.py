"""The highest CRF whose quality is as wanted, in as few trials as can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

MOST = 10
"""Trials at most."""
GREED = 1.3
"""Without a trial on the other side, how far beyond the expected place the next one goes."""


@dataclass(frozen=True, slots=True)
class Scale:
    """CRFs that may be tried, ``step`` apart, and how quality falls with them.

    ``slope``: what is lost a CRF, about. ``near``: so much above what is wanted is near enough.
    """

    low: float
    high: float
    step: float
    slope: float
    near: float


@dataclass(slots=True)
class Search:
    """Regula falsi with bisection where one side stands still; quality should fall with CRF.

    ``tried``: quality by CRF, in the order tried.
    """

    wanted: float
    scale: Scale
    tried: dict[float, float] = field(default_factory=dict)

    def run(self, measure: Callable[[float], float], first: float) -> float | None:
        """The highest CRF tried that reaches what is wanted, None where not even the lowest does."""
        crf: float | None = self._on_grid(first)
        while crf is not None and len(self.tried) < MOST:
            self.tried[crf] = measure(crf)
            crf = None if 0 <= self.tried[crf] - self.wanted <= self.scale.near else self._next()
        return self.good

    @property
    def good(self) -> float | None:
        """The highest CRF tried that reaches what is wanted."""
        return max((c for c, q in self.tried.items() if q >= self.wanted), default=None)

    @property
    def bad(self) -> float | None:
        """The lowest CRF tried that does not, above the good one."""
        floor = self.good if self.good is not None else -1.0
        return min((c for c, q in self.tried.items() if q < self.wanted and c > floor), default=None)

    def _next(self) -> float | None:
        """Where to look next, None where nothing is left to try."""
        good, bad, scale = self.good, self.bad, self.scale
        if good is not None and bad is not None:
            return self._between(good, bad)
        edge = bad if good is None else good
        assert edge is not None
        gap = (self.tried[edge] - self.wanted) / scale.slope * GREED
        guess = self._on_grid(edge + (min(gap, -scale.step) if good is None else max(gap, scale.step)))
        return None if guess in self.tried else guess

    def _between(self, good: float, bad: float) -> float | None:
        step = self.scale.step
        if bad - good <= step:
            return None
        above, below = self.tried[good] - self.wanted, self.wanted - self.tried[bad]
        part = 0.5 if self._stuck() else above / max(above + below, 1e-9)
        guess = self._on_grid(good + part * (bad - good))
        return min(max(guess, good + step), bad - step)

    def _stuck(self) -> bool:
        """Whether the last two trials fell on the same side."""
        last = [q >= self.wanted for q in self.tried.values()][-2:]
        return len(last) == 2 and last[0] == last[1]

    def _on_grid(self, crf: float) -> float:
        step = self.scale.step
        return min(max(round(crf / step) * step, self.scale.low), self.scale.high)
