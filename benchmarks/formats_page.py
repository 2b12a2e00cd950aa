"""The table of docs/formats.md: what became of each kind of source, without naming files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.formats import Outcome

BEGIN, END = "<!-- begin: made by python -m benchmarks formats --page -->", "<!-- end -->"
_HEAD = "| source | special | outcome | said about it |\n|---|---|---|---|\n"
_JUDGEMENT = "measured with little evidence"
"""Warnings about the grain itself are no matter of formats."""


def write(page: Path, outcomes: Iterable[Outcome]) -> None:
    """Replace the table between the two marks of the page."""
    text = page.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    page.write_text(f"{before}{BEGIN}\n{table(outcomes)}{END}{after}")


def table(outcomes: Iterable[Outcome]) -> str:
    """One row for each different kind of source."""
    rows = dict.fromkeys(row(o) for o in sorted(outcomes, key=lambda o: (o.code, o.label, o.features)))
    return _HEAD + "".join(rows)


def row(outcome: Outcome) -> str:
    """``| mp4, hevc Main 10, yuv420p10le | PQ | equal | ... |``."""
    differing = [*dict.fromkeys([*outcome.base, *outcome.result])]
    if outcome.code:
        verdict = f"refused, exit code {outcome.code}"
    else:
        verdict = "; ".join(differing) if differing else "equal"
    said = [outcome.sentence] if outcome.sentence else []
    said += [w for w in outcome.warnings if _JUDGEMENT not in w]
    cells = (outcome.label or "not decodable", ", ".join(outcome.features), verdict, " ".join(said))
    return f"| {' | '.join(c.replace('|', '/') for c in cells)} |\n"
