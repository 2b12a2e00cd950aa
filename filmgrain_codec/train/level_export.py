"""Ship the level net: ``fgcodec train level-export --run DIR --id level-1 [--metrics FILE]``.

Writes the ONNX file, the manifest entry (role ``level``) and the card. A released id is never written again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from filmgrain_codec.errors import InputError
from filmgrain_codec.infer.store import TIERS
from filmgrain_codec.train import card
from filmgrain_codec.train.level_samples import LEVELS, SINGLE_SHARE, SIZES
from filmgrain_codec.train.networks.level import SIDE, LevelNet, macs_per_sample
from filmgrain_codec.train.shipping import Part, Shipment, facts_of, ordered, traced

PART, INPUT, OUTPUT = "luma", "pair", "opinion"
CURVE = ("step", "seconds", "train_loss", "held_out_loss", "pair_error", "single_error", "size_error")

PURPOSE = """\
Judges grain: from a patch of 64 x 64 luma samples (0..1), and the matched patch of the next frame or the
same again, to the logarithm of the grain's standard deviation as a fraction of full scale, the logarithm of
that figure's error variance, and the same two for the grain size in samples. Licence of the weights:
{license}."""

RECIPE = """\
Patches of photographs and clips in random scales, turns and tones, with two-Gaussian grain of size
{sizes[0]} to {sizes[1]}, level log-uniform {levels[0]} to {levels[1]}, a second lobe in 30 %, skew in 40 %,
strength curves Boolean-shaped, shadow-heavy, flat and random, 8 and 10 bit. The second patch is off by up to
2 samples and a little stretched; {single:.0%} are single frames. Gaussian likelihood of both logarithms,
weighted by the root of the variance. Seed {seed}, {steps} steps, {minutes:.0f} minutes on a CPU, commit
`{commit:.12}`, torch {torch}."""

LIMITS = """\
- Used for single frames only, as a veto against texture; see `grain/judged.py` and
  `benchmarks/results/level.json`. On real scans block statistics are closer to flat patches than this net is.
- Fine grain (size 0.5 and below) of level 0.01 and less is read 10 to 40 % low on a single frame.
- Grain sharpened, scaled or compressed after it was made is out of range, as is a level below 0.002.
- A patch of texture as fine and irregular as grain cannot be told from it; the variance does not always
  say so."""


def to_onnx(net: LevelNet) -> bytes:
    """The net as ONNX, for any number of patches."""
    free = {INPUT: {0: "patches"}, OUTPUT: {0: "patches"}}
    return traced(net, (torch.rand(2, 2, SIDE, SIDE),), [INPUT], OUTPUT, free)


def trained(run: Path) -> tuple[LevelNet, dict[str, float]]:
    """The averaged weights of a run, its steps and seconds. Raises ``InputError`` without a checkpoint."""
    path = run / "checkpoint.pt"
    if not path.exists():
        raise InputError(f"There is no {path}: train the net first, with fgcodec train level.")
    state = torch.load(path, weights_only=True)
    net = LevelNet()
    net.load_state_dict(state["average"])
    return net.eval(), {"steps": state["step"], "seconds": state["seconds"]}


def ship(given: Shipment) -> Path:
    """Write file, entry and card; returns the ONNX file. Raises ``UsageError`` if the id exists."""
    given.check()
    net, length = trained(given.run)
    facts = {**facts_of(given.run), **length}
    about = {"role": "level", "tier": TIERS[0], "radius": 0, "train_commit": facts["commit"]}
    part = Part(PART, to_onnx(net), SIDE, 0, macs_per_sample() / 1000)
    entry, (path,) = given.write(about, [part])
    card.compose(
        given.card,
        entry,
        purpose=PURPOSE.format(**entry),
        figures=figures(given.metrics),
        recipe=recipe(facts),
        curves=card.curve(given.run, CURVE, "On held-out photographs; errors are medians of |log ratio|:"),
        origins=card.sources({PART: facts}, given.data),
        limits=LIMITS,
        notes=given.note,
    )
    return path


def recipe(facts: dict[str, Any]) -> str:
    return RECIPE.format(
        sizes=SIZES,
        levels=LEVELS,
        single=SINGLE_SHARE,
        minutes=facts["seconds"] / 60,
        **{k: facts[k] for k in ("seed", "steps", "commit", "torch")},
    )


def figures(metrics: Path | None) -> str:
    """The summary that ``python -m benchmarks level`` wrote, as a table."""
    if metrics is None:
        return "Not measured yet."
    summary = json.loads(metrics.read_text())["summary"]
    head = ("what", "median error, %", "95th percentile, %", "median error of size, %", "runs")
    rows = [
        [r["what"], *(f"{r[k]:.1f}" for k in ("median %", "95th %", "median size %")), str(r["runs"])]
        for r in summary
        if r["what"].startswith("single")
    ]
    text = (
        "Error of a shot's level on held-out clips with Boolean grain, which was never trained on. Single: "
        "one frame, with this net; statistics: without it."
    )
    return f"{text}\n\n{card.table(head, rows)}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``fgcodec train level-export``."""
    print(ship(ordered(arguments, "level-export", "the level net", "level-1")))


if __name__ == "__main__":
    main()
