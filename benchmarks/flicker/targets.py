"""What deflicker has to reach, beside what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isnan, nan
from typing import Any

Row = Mapping[str, Any]
AT_MOST, AT_LEAST = "at most", "at least"
FPS = 8.0
UNSTEADY = 0.5
"""Index of 8 x 8 parts, in codes, over which an old film flickers; those that are steady have 0.2 at most."""
SPEED = "frames a second at 1080p"


def targets(
    rows: Sequence[Row], means: Sequence[Row], method: str, fps: float | None, same: bool
) -> list[Row]:
    """One line per target: what, wanted, measured, passed, and ideal: the figure of true flicker averaged
    over time, where that is known. ``same``: whether strength 0 changed nothing.
    """
    every = lines(rows, {(m["group"], m["method"]): m for m in means}, method)
    found = [target for target in every if not isnan(target["measured"])]
    found.append(line("strength 0 changes", AT_MOST, 0.0, 0.0 if same else 1.0))
    if fps is not None:
        found.append(speed(fps))
    return found


def speed(fps: float) -> Row:
    return line(SPEED, AT_LEAST, FPS, fps)


def with_speed(found: Sequence[Row], fps: float) -> list[Row]:
    """Targets of all modes, judged before, with another speed."""
    kept = [t for t in found if t["target"] != SPEED]
    each = [[t for t in kept if t["mode"] == mode] for mode in dict.fromkeys(t["mode"] for t in kept)]
    return [t for lines in each for t in (*lines, {"mode": lines[0]["mode"], **speed(fps)})]


def lines(rows: Sequence[Row], means: Mapping[tuple[str, str], Row], method: str) -> Iterator[Row]:
    def of(group: str) -> Row | None:
        return means.get((group, method))

    def ideal(group: str, figure: str) -> float | None:
        known = means.get((group, "ideal"))
        return None if known is None else known[figure]

    if both := of("both"):
        yield line("both: PSNR", AT_LEAST, 32.0, both["psnr"], ideal("both", "psnr"))
        yield line("both: E_warp over the clean clip's", AT_MOST, 1.08, both["e_warp"] / both["floor"])
        yield line("both: slow |dL| to the clean clip", AT_MOST, 1.5, both["slow"], ideal("both", "slow"))
        if both["slow_known"] is not None:
            yield line("both: slow |dL| to true flicker averaged", AT_MOST, 1.5, both["slow_known"])
        yield line("both: gradient energy", AT_LEAST, 0.98, both["gradient"])
        yield line("both: level of grain off by", AT_MOST, 0.03, abs(both["grain"] - 1))
    if whole := of("global"):
        yield line("global: PSNR", AT_LEAST, 36.0, whole["psnr"], ideal("global", "psnr"))
    if clean := of("clean"):
        yield line("clean: change", AT_MOST, 0.5, clean["change"])
        yield line(
            "clean: change of the worst clip", AT_MOST, 0.5, extreme(rows, "clean", method, "change", max)
        )
        yield line("clean: level of grain off by", AT_MOST, 0.03, abs(clean["grain"] - 1))
    for group in ("clean", "guards", "old films"):
        if of(group):
            yield line(
                f"{group}: worst E_warp over the input's", AT_MOST, 1.02, worst_ratio(rows, group, method)
            )
    if of("guards"):
        yield line("guards: worst slow |dL|", AT_MOST, 1.5, extreme(rows, "guards", method, "slow", max))
        yield line("guards: least light kept", AT_LEAST, 0.9, extreme(rows, "guards", method, "kept", min))
    if (old := of("old films")) and (given := means.get(("old films", "input"))):
        yield line("old films: flicker index over the input's", AT_MOST, 0.4, old["fi8"] / given["fi8"])
        yield line("old films: E_warp over the input's", AT_MOST, 0.75, old["e_warp"] / given["e_warp"])
        yield line("old films: slow |dL|", AT_MOST, 1.5, old["slow"])
        yield from flickering(rows, method)


def flickering(rows: Sequence[Row], method: str) -> Iterator[Row]:
    """The same of the old films that flicker: a steady one has nothing to lose."""
    given, made = (of_clips(rows, "old films", m) for m in ("input", method))
    clips = [c for c in given if given[c]["fi8"] > UNSTEADY]
    for name, figure, bar in (("flicker index", "fi8", 0.4), ("E_warp", "e_warp", 0.75)):
        before, after = (sum(r[c][figure] for c in clips) for r in (given, made))
        if clips:
            yield line(f"old films that flicker: {name} over the input's", AT_MOST, bar, after / before)


def line(what: str, way: str, bar: float, value: float, ideal: float | None = None) -> Row:
    passed = value <= bar if way == AT_MOST else value >= bar
    found = {"target": what, "wanted": f"{way} {bar:g}", "measured": round(float(value), 3), "passed": passed}
    return found if ideal is None else {**found, "ideal": round(float(ideal), 3)}


def of_clips(rows: Sequence[Row], group: str, method: str) -> dict[str, Row]:
    return {r["clip"]: r for r in rows if r["group"] == group and r["method"] == method}


def extreme(rows: Sequence[Row], group: str, method: str, figure: str, which: Callable[..., float]) -> float:
    """The worst clip's figure; nan if none has it."""
    known = [v for r in of_clips(rows, group, method).values() if (v := r[figure]) is not None]
    return float(which(known, default=nan))


def worst_ratio(rows: Sequence[Row], group: str, method: str) -> float:
    """E_warp over that of the input, of the clip where it is largest; clips without any do not count."""
    given = of_clips(rows, group, "input")
    made = of_clips(rows, group, method)
    ratios = (made[c]["e_warp"] / r["e_warp"] for c, r in given.items() if r["e_warp"] > 0.05)
    return float(max(ratios, default=nan))
