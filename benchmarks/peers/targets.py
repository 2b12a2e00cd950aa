"""What the removal is meant to reach, each with the figure measured beside it.

Every figure is computed from the rows of one run. ``passed`` is None where the run did not measure what a
target asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

ORACLE = "BM3D, true spectrum"
INPUT = "noisy input"
GAINS = {"fast": 0.5, "balanced": 1.2, "best": 2.0}
"""dB above BM3D given the true spectrum, mean over the levels, at each size."""
COST = {"fast": 4.5, "balanced": 25.0, "best": 97.0}
ABOVE_OTHERS = 2.0
BLIND_LOSS = 0.3
ABOVE_DEEPFILMGRAIN, STEPS = 1.0, 20_000
RATIO = (0.88, 1.05)
SLOPE = 0.85
QUIET_LOSS = 0.1
FPS = 12.0

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """``wanted`` in words; ``measured`` in the unit that ``wanted`` names."""

    model: str
    target: str
    wanted: str
    measured: Any
    passed: bool | None


def targets(
    rows: Sequence[Row],
    models: Mapping[str, tuple[str, float]],
    quiet: Sequence[Row],
    speed: Mapping[str, float],
    steps: Mapping[str, int],
) -> list[dict[str, Any]]:
    """All targets for the models of each tier.

    ``models``: tier to (id, kMAC per luma sample). ``rows``: method, family, size, level and figures.
    ``quiet``: change in dB at 'no grain' levels. ``speed``: frames a second at 1080p by model id.
    ``steps``: training steps of other nets by method name.
    """
    found: list[Target] = []
    for tier, (model, kmac) in models.items():
        for family in sorted({r["family"] for r in rows}):
            found += of_family(Table([r for r in rows if r["family"] == family]), tier, model, family, steps)
        found += of_model(tier, model, kmac, quiet, speed)
    return [asdict(t) for t in found]


class Table:
    """Rows of one family, looked up by method."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = {(r["method"], r["size"], r["level"]): r for r in rows}
        self.methods = list(dict.fromkeys(r["method"] for r in rows))
        self.sizes = sorted({r["size"] for r in rows})
        self.levels = sorted({r["level"] for r in rows})

    def values(self, method: str, figure: str, size: float | None = None) -> list[float]:
        """A figure over all levels (and sizes), without those a method lacks."""
        found = [
            self._rows[method, s, level].get(figure)
            for s in self.sizes
            for level in self.levels
            if (size is None or s == size) and (method, s, level) in self._rows
        ]
        return [float(v) for v in found if v is not None]

    def mean(self, method: str, figure: str, size: float | None = None) -> float:
        found = self.values(method, figure, size)
        return float(np.mean(found)) if found else float("nan")

    def gain(self, method: str, other: str, size: float) -> float:
        """Luma PSNR of one method above another's, mean over the levels that both have."""
        pairs = [
            self._rows[method, size, n]["luma"] - self._rows[other, size, n]["luma"]
            for n in self.levels
            if (method, size, n) in self._rows and (other, size, n) in self._rows
        ]
        return float(np.mean(pairs)) if pairs else float("nan")


def of_family(table: Table, tier: str, model: str, family: str, steps: Mapping[str, int]) -> Iterator[Target]:
    """Targets that pictures decide."""
    told, blind = f"{model}, told", f"{model}, blind"
    for size in table.sizes:
        at = f"{family} grain, sigma_f {size:g}"
        for mode in (told, blind):
            what, gain = f"{mode[len(model) + 2 :]}, above {ORACLE}, {at}", table.gain(mode, ORACLE, size)
            yield at_least(model, what, GAINS[tier], "dB", gain)
        if tier == "fast":
            yield from above_others(table, told, model, size, at)
        if tier == "best":
            loss = table.gain(told, blind, size)
            yield at_most(model, f"blind below told, {at}", BLIND_LOSS, "dB", loss)
            yield from above_trained(table, told, model, size, at, steps)
        leaked, allowed = table.mean(told, "leakage", size), table.mean(ORACLE, "leakage", size)
        if np.isfinite(allowed):
            yield at_most(model, f"leakage, {at}", round(allowed, 4), f"({ORACLE})", leaked)
    yield from on_flat_blocks(table, told, model, family)


def above_others(table: Table, told: str, model: str, size: float, at: str) -> Iterator[Target]:
    """The nearest of the other methods, whatever it was told but the true spectrum."""
    own = {m for m in table.methods if m.endswith((", told", ", blind"))}
    known = {m for m in table.methods if m.endswith(", best settings") or "DeepFilmGrain" in m}
    others = [m for m in table.methods if m not in own | known | {ORACLE, INPUT}]
    gains = {m: table.gain(told, m, size) for m in others}
    if gains:
        nearest = min(gains, key=lambda m: gains[m])
        what = f"above every non-oracle method (nearest: {nearest}), {at}"
        yield at_least(model, what, ABOVE_OTHERS, "dB", gains[nearest])


def above_trained(
    table: Table, told: str, model: str, size: float, at: str, steps: Mapping[str, int]
) -> Iterator[Target]:
    """A claim against DeepFilmGrain only where that was trained long enough."""
    for method, count in steps.items():
        what = f"above {method} after {count} steps, {at}"
        gain = table.gain(told, method, size)
        passed = gain >= ABOVE_DEEPFILMGRAIN if count >= STEPS else None
        wanted = f">= {ABOVE_DEEPFILMGRAIN} dB, claimed from {STEPS} steps on"
        yield Target(model, what, wanted, round(gain, 3), passed)


def on_flat_blocks(table: Table, told: str, model: str, family: str) -> Iterator[Target]:
    ratios, slopes = table.values(told, "removed_flat"), table.values(told, "slope_flat")
    if not ratios:
        return
    at = f"blocks flat in the clean frame, {family} grain, every level and size"
    inside = all(RATIO[0] <= v <= RATIO[1] for v in ratios)
    span = [round(min(ratios), 3), round(max(ratios), 3)]
    yield Target(model, f"removed/true sigma, {at}", f"{RATIO[0]} to {RATIO[1]}", span, inside)
    yield at_least(model, f"slope, {at}", SLOPE, "", min(slopes))


def of_model(
    tier: str, model: str, kmac: float, quiet: Sequence[Row], speed: Mapping[str, float]
) -> Iterator[Target]:
    """Targets of cost, speed and restraint."""
    yield at_most(model, "kMAC per luma sample, chroma counted", COST[tier], "", kmac)
    for mode in ("told", "stated", "blind"):
        changes = [r["change"] for r in quiet if r["method"] == f"{model}, {mode}"]
        if changes:
            what = f"change at levels up to 0.003, {mode}, worst clip"
            yield at_least(model, what, -QUIET_LOSS, "dB", min(changes))
    if tier == "fast":
        what = "frames a second at 1080p, whole `fgcodec filter IN -`, median of 3"
        yield at_least(model, what, FPS, "", speed.get(model, float("nan")))


def at_least(model: str, target: str, least: float, unit: str, measured: float) -> Target:
    """A target met from ``least`` on; not judged where there is no number."""
    passed = measured >= least if np.isfinite(measured) else None
    return Target(model, target, f">= {least:g} {unit}".strip(), shown(measured), passed)


def at_most(model: str, target: str, most: float, unit: str, measured: float) -> Target:
    """A target met up to ``most``."""
    passed = measured <= most if np.isfinite(measured) else None
    return Target(model, target, f"<= {most:g} {unit}".strip(), shown(measured), passed)


def shown(value: float) -> float | None:
    """Rounded for people, None for no number."""
    return round(value, 3 if abs(value) >= 0.1 else 4) if np.isfinite(value) else None
