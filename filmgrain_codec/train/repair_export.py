"""Ship the mask net: ``fgcodec train repair-export --run DIR --id repair-mask-4 [--metrics FILE]``.

Writes the ONNX file, the manifest entry (role ``repair``, or ``repair-still`` with ``--for-stills``) and the
card. A released id is never written again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from filmgrain_codec.infer.store import TIERS
from filmgrain_codec.nodes.repair.net import ROLE, STILL_ROLE
from filmgrain_codec.train import card, repair_compact, repair_samples
from filmgrain_codec.train.loop import load_checkpoint
from filmgrain_codec.train.networks.repair import INPUTS, MULTIPLE, Repair, macs_per_sample, reach
from filmgrain_codec.train.repair import trained
from filmgrain_codec.train.shipping import Part, Shipment, facts_of, ordered, traced

PART, INPUT, OUTPUT = "luma", "given", "mask"
CURVE = ("step", "seconds", "train_loss", "held_out_loss", "f1_moving", "f1_still")
SOURCE_FILES = (
    "Damage: half of the shapes are procedural, half masks of real damage (FilmDamageSimulator, MIT; those"
    " whose number ends in 3 held out)."
)

PURPOSE = """\
Finds dust, dirt, hair and scratches. Input `given` (1, 5, H, W): a frame, the frame before and the one
after drawn onto it, how much those two differ (mean over 5 x 5), and 1 where they count; all 0..1, all but
the frame 0 where they do not, and everywhere for a still. Output (1, 4, H, W) in 0..1: mask, polarity (1:
brighter than the film), opacity, confidence (that the mask's word, above or below one half, is right).
Sides are multiples of 16. Licence of the weights: {license}."""

RECIPE = """\
{samples} samples of {side} x {side}: three frames of photographs under simulated camera moves with moving
objects, and of short clips ({clips:.0%}); grain of the families {families}, level log-uniform {levels[0]}
to {levels[1]}, 8 bit; damage after the grain by the statistics of `train/damage` at {pitches[0]:.0f} to
{pitches[1]:.0f} micrometres a sample, {much} (log-uniform),
{clean:.0%} of the samples clean; some sharpened or through JPEG afterwards; neighbours drawn onto the
frame by the filter's own code. {guarded:.0%} hold stars, sparks, snow, rain, lamps, text or small fast
things, {leaved:.0%} leaves or gravel, {spotted:.0%} clumps of grain, {mottled:.0%} stains: none of that
is damage. {stills} {dropped:.0%} of what moves is shown as stills; {misled:.0%}
have the neighbours bent in waves in parts, as where motion is not followed. Damage weaker than the grain
around it is not learnt. Cross entropy, focal and Dice loss; AdamW, cosine over the budget, bfloat16
arithmetic, averaged weights. Seed {seed}, {steps} steps of {batch}, {minutes:.0f} minutes on {device} (a
shared core), commit `{commit:.12}`, torch {torch}."""

STILLS = "{share:.0%} of the samples are stills ({guarded:.0%} of them with stars and the like)."
COMPACT = """ {compact:.0%} have small sharp specks too (median area {area:.0f} samples, four
films in five bright), {soft:.0%} of the scenes are drawn as softly as a lens and a film draw them."""

LIMITS = """\
- A still does not say what is dust and what is a star, a spark or the texture of a bush: at the filter's
  threshold next to nothing is flagged there, and lower ones make pictures worse (figures above).
- Where motion is fast and cannot be followed it takes picture for damage; the filter counts the mask less
  where its surroundings are in doubt.
- Damage weaker than about the grain is mostly missed, and damage under 3 samples across is found badly.
- What has edges harder than a scanner's lens draws is left: fast things of the scene looked so in training.
- Stains, mould, tears and colour damage were not trained; only luma is looked at.
- Grain above level 0.09 or coarser than a size of about 2, and material compressed hard, are out of its
  range.
- A short training run on one core, on a hundred photographs; a longer one on more would be better."""


def to_onnx(net: Repair) -> bytes:
    """The net as ONNX with free height and width."""
    free = {2: "height", 3: "width"}
    given = (torch.rand(1, len(INPUTS), 64, 64),)
    return traced(net, given, [INPUT], OUTPUT, {INPUT: free, OUTPUT: free})


def ship(given: Shipment, role: str = ROLE) -> Path:
    """Write file, entry and card; returns the ONNX file. ``role``: ``ROLE`` or ``STILL_ROLE``.

    Raises ``UsageError`` if the id exists, ``InputError`` without a checkpoint.
    """
    given.check()
    state, facts = load_checkpoint(given.run / "checkpoint.pt"), facts_of(given.run)
    about = {"role": role, "tier": TIERS[0], "radius": 1, "motion": "fast"}
    about["train_commit"] = facts["commit"]
    entry, (path,) = given.write(about, [part(trained(given.run))])
    facts |= {"steps": state["step"], "seconds": state["elapsed"]}
    card.compose(
        given.card,
        entry,
        purpose=PURPOSE.format(**entry),
        figures=figures(given.metrics, "pairs" if role == STILL_ROLE else ""),
        recipe=recipe(facts),
        curves=card.curve(given.run, CURVE, "F1 of pixels on held-out photographs, mask at one half:"),
        origins=card.sources({PART: facts}, given.data) + "\n\n" + SOURCE_FILES,
        limits=LIMITS,
        notes=given.note,
    )
    return path


def part(net: Repair) -> Part:
    return Part(PART, to_onnx(net), MULTIPLE, reach(net.shape), macs_per_sample(net.shape) / 1000)


def recipe(facts: dict[str, Any]) -> str:
    aim = repair_samples.AIMS[facts.get("aim", "both")]
    share = aim.stills[0] / aim.stills[1]
    stills = STILLS.format(share=share, guarded=min(repair_samples.GUARDED_STILLS, aim.guarded))
    if aim.compact:
        stills += COMPACT.format(compact=aim.compact, area=repair_compact.MEDIAN, soft=aim.soft)
    return RECIPE.format(
        side=repair_samples.SIDE,
        clips=aim.clips,
        families=", ".join(repair_samples.FAMILIES),
        levels=repair_samples.LEVELS,
        pitches=repair_samples.PITCHES,
        much=amount(aim),
        clean=aim.clean,
        guarded=aim.guarded,
        leaved=repair_samples.LEAVED,
        spotted=aim.spotted,
        mottled=aim.mottled,
        stills=stills if share else "None of the samples is a still.",
        dropped=aim.dropped,
        misled=repair_samples.MISLED,
        minutes=facts["seconds"] / 60,
        **{k: facts[k] for k in ("samples", "seed", "steps", "batch", "device", "commit", "torch")},
    )


def amount(aim: repair_samples.Aim) -> str:
    """How dirty the samples are, in words."""
    if aim.crowded:
        low, high = repair_samples.SEVERITIES
        return f"{low:g} to {high:g} times the dirt of uncleaned scans"
    low, high = repair_samples.COUNTS
    return f"{low:g} to {high:g} specks a frame"


def figures(metrics: Path | None, beginning: str = "") -> str:
    """The summary that ``python -m benchmarks damage_pairs`` wrote, as a table; of rows that begin so."""
    if metrics is None:
        return "Not measured yet."
    found = json.loads(metrics.read_text())
    head = ("material", "precision", "recall", "F1", "IoU", "precision at recall 0.6")
    names = ("precision", "recall", "f1", "iou", "precision_at_recall_0.6")
    rows = [
        [row["what"], *("" if row.get(k) is None else f"{row[k]:.3f}" for k in names)]
        for row in found["rows"]
        if row["what"].startswith(beginning)
    ]
    text = "Pixels, within one sample, at the threshold that nodes/repair uses; all of it never trained on."
    return f"{text}\n\n{card.table(head, rows)}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``fgcodec train repair-export``."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--for-stills", action="store_true")
    own, others = parser.parse_known_args(arguments)
    given = ordered(others, "repair-export", "the mask net (--for-stills: that of stills)", "repair-mask-4")
    print(ship(given, STILL_ROLE if own.for_stills else ROLE))


if __name__ == "__main__":
    main()
