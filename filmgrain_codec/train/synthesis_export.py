"""Ship the synthesizer: ``fgcodec train synthesis-export --run DIR --id synthesis-fast-1 [--metrics FILE]``.

Writes both ONNX files, the manifest entry (role ``synthesis``) and the card. A released id is never written
again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from filmgrain_codec.grain.conditioning import SIZES
from filmgrain_codec.grain.neural import REACH, TILE
from filmgrain_codec.infer.store import TIERS
from filmgrain_codec.train import card
from filmgrain_codec.train.generators import looks
from filmgrain_codec.train.loop import load_checkpoint
from filmgrain_codec.train.networks.synthesis import (
    Refiner,
    example,
    macs_per_luma_sample,
    macs_per_sample,
    refiners,
)
from filmgrain_codec.train.shipping import Part, Shipment, facts_of, ordered, traced
from filmgrain_codec.train.synthesis import COLUMNS
from filmgrain_codec.train.synthesis_samples import PATCHES, SHARES

INPUTS, OUTPUT = ("noise", "tone", "told"), "added"

PURPOSE = """\
Refines the unit fields of the parametric synthesizer, tier *{tier}*: one net for luma's field, one for the
two chroma fields; {macs:.0f} MAC per luma sample of a 4:2:0 picture. Runs on ONNX Runtime's CPU provider in
tiles of {rows} x {columns} samples (`grain/neural.py`). Licence of the weights: {license}."""

RECIPE = """\
{looks} looks of {patches} patches (96 x 96) on photographs and ramps, families {families}, level log-uniform
{low} to {high}; all as n / sigma(Y) with the segment that the recipe reports. Hinge loss with lazy R1 and a
spectral-norm PatchGAN (weight {adversarial}), and statistics of each look: spectra, 7x7 autocovariance,
strength curve, channel correlations, mean, skew and kurtosis per third of luma. Adam, cosine over the
wall-clock budget, averaged weights; the check with the best statistics on held-out photographs was taken.
Seed {seed}, {steps} steps, {minutes:.0f} minutes on {device}, commit `{commit:.12}`, torch {torch}."""

LIMITS = """\
- Learned from simulated grain and one stock of scans; Boolean grain and another stock were held out.
- Grain finer than a size of {fine} or coarser than {coarse} is refined less and less, beyond twice that not.
- Figures on finite sets: read each beside its floor."""


def to_onnx(net: Refiner) -> bytes:
    """The net as ONNX for one tile with its margins."""
    given = example(net.fields, (TILE[0] // 2, TILE[1] // 2))
    plain = net.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return traced(plain, given, INPUTS, OUTPUT)


def trained(run: Path) -> tuple[nn.ModuleDict, dict[str, Any]]:
    """The chosen weights of a run, and its state. Raises ``InputError`` without a checkpoint."""
    state = load_checkpoint(run / "checkpoint.pt")
    nets = refiners()
    nets.load_state_dict(state["chosen"])
    return nets.eval(), state


def ship(given: Shipment) -> list[Path]:
    """Write files, entry and card; returns the ONNX files. Raises ``UsageError`` if the id exists."""
    given.check()
    nets, state = trained(given.run)
    facts = facts_of(given.run)
    about = {"role": "synthesis", "tier": TIERS[0], "radius": 0, "train_commit": facts["commit"]}
    entry, files = given.write(about, [part(name, net) for name, net in nets.items()])
    facts |= {"steps": state["step"], "minutes": state["elapsed"] / 60}
    card.compose(
        given.card,
        entry,
        purpose=PURPOSE.format(**entry, macs=macs_per_luma_sample(nets), rows=TILE[0], columns=TILE[1]),
        figures=figures(given.metrics),
        recipe=recipe(facts),
        curves=card.curve(given.run, COLUMNS, "On held-out photographs; roots of the terms:"),
        origins=card.sources({"all": facts}, given.data),
        limits=LIMITS.format(fine=SIZES[0], coarse=SIZES[1]),
        notes=given.note,
    )
    return files


def part(name: str, net: nn.Module) -> Part:
    assert isinstance(net, Refiner)
    return Part(name, to_onnx(net), 2, 2 * REACH, macs_per_sample(net) / 1000)


def recipe(facts: dict[str, Any]) -> str:
    return RECIPE.format(
        **{**facts, "device": {"cpu": "a CPU", "cuda": "a GPU"}[facts["device"]]},
        patches=PATCHES, families=", ".join(f"{k} {v:.0%}" for k, v in SHARES.items()),
        low=looks.LEVELS[0], high=looks.LEVELS[1],
    )  # fmt: skip


def figures(metrics: Path | None) -> str:
    """The table of ``what`` was measured, and ``rows`` of figures with the same keys."""
    if metrics is None:
        return "Not measured yet."
    found = json.loads(metrics.read_text())
    head = tuple(found["rows"][0])
    rows = [[v if isinstance(v, str) else f"{v:.3f}" for v in row.values()] for row in found["rows"]]
    return f"{found['what']}\n\n" + card.table(head, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``fgcodec train synthesis-export``."""
    given = ordered(arguments, "synthesis-export", "the synthesizer", "synthesis-fast-1")
    print(*ship(given), sep="\n")


if __name__ == "__main__":
    main()
