"""Ship codec repair: ``fgcodec train codec_repair-export --run DIR --id ID [--metrics FILE]``.

Writes the ONNX file (part ``repair``), the manifest entry (role ``codec-repair``), the card.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from filmgrain_codec.errors import UsageError
from filmgrain_codec.nodes.codec_repair import ROLE, TEXTURE_ROLE
from filmgrain_codec.train import card
from filmgrain_codec.train.codec import neighbours, pool
from filmgrain_codec.train.codec.batches import ROUGH_ERROR, ROUGH_SHARE, Batch, Batches
from filmgrain_codec.train.codec.losses import CORNER
from filmgrain_codec.train.codec.shipped import PART, shaped
from filmgrain_codec.train.codec.slim import slimmed
from filmgrain_codec.train.loop import load_checkpoint
from filmgrain_codec.train.networks.codec import TOLD, CodecNets, RepairNet, entering, macs_per_sample
from filmgrain_codec.train.networks.codec_unet import TextureNets, UnetRepair, settled
from filmgrain_codec.train.shipping import Part, Shipment, facts_of, ordered, traced

INPUTS = ("given", "told")
CURVE = ("step", "seconds", "train_loss", "held_out_loss", "gain_db", "rough_gain_db")

SILENT, LOOKED_AT = 64, 32
"""Channels that a net with neighbours loses, so that it and *fast*, which the filter averages it with, stay
within 60 kMAC together; scenes that tell which.
"""
PURPOSE = """\
Repairs what lossy coding did to a picture, tier *{tier}*: 4:2:0 packed at half size and a plane of QP / 63
in, what to add out; conditioned on QP and codec family (`core/quantiser.py`). Where nobody tells QP,
`codec-judge-1` estimates it. Licence of the weights: {license}."""

NATURAL = """\
The other end of codec repair's slider (`perceptual=1`): it takes and gives what tier *fast* does, but leaves
detail about as strong as it was instead of being nearest on average. Licence of the weights: {license}."""

RECIPE = """\
{count} patches of {side} x {side} from {scenes} scenes of {frames} frames: camera moves over photographs,
and short clips ({lively:.0%} of the moves lively: fast and wandering, with things in front; {soft:.0%} of the
scenes out of focus or made larger; {drawn:.0%} drawn, {titled:.0%} with titles), coded through PyAV by x264,
x265 and SVT-AV1 (CRF, several presets, 8 and 10 bit), MPEG-2 and JPEG ({ranges}), {double:.0%}
of them twice with grids apart. QP is told wrong by
{error:g} (deviation) for {rough:.0%} of the patches. One frame in {keyed:.0f} is a scene's first; squares are
likelier where more was lost. Loss: {losses}. AdamW, cosine over the budget, averaged weights.
Seed {seed}, {steps} steps of {batch} patches, {minutes:.0f} minutes on one shared core, commit
`{commit:.12}`, torch {torch}.
`fgcodec train codec_repair --data DIR --out DIR --tier {tier} --scenes {scenes} --budget {budget:.0f}m
--seed {seed}{rate}{start}`; a slower machine takes fewer steps."""

OURS = f"""\
errors in units between the patch's own and what is usual at its QP (squared up to {CORNER:g} of them),
0.1 (1 - SSIM in boxes over three scales), and a penalty on what was made worse, in bfloat16"""
LOSSES = {
    TextureNets.tier: """\
that of *fast*, 0.15 of the logarithm by which the variance of three bands of detail is off in squares of
8 x 8, and 0.05 of the word of a patch critic (hinge, spectral norm, sees detail only), in turns with it""",
    UnetRepair.tier: """\
the artifact-removal GAN's: pixels and features of fixed random filters, then the critic alone, then both""",
}

NEAR = """
It sees the frames before and after along their motion, faded out where they differ by more than coding
explains. In training {alone:.0%} of the patches had neither (of JPEG's another {still:.0%}), and
{missing:.0%} of the other neighbours was missing alone; {bent:.0%} of the patches had them bent in waves in
parts, {foreign:.0%} had another patch's, and of {level:.0%} was not told how they were coded; half of JPEG's
scenes are single pictures. At export the {silent} channels inside the blocks that vary least on {scenes}
scenes are left out. The filter mixes its answer with *fast*'s; the figures are those of both, and so is
the cost: {kmac:.1f} kMAC."""

LIMITS = """\
- Trained on photographs under camera moves, drawings and titles: film grain that was coded is out of its
  range. What of it the codec kept is partly taken for noise of the codec.
- {seen}: what differs from frame to frame (beating of key frames) is only lessened.
- QP is one number a frame; where it varies within, strong and weak blocks are repaired alike.
- Trained on the five codecs above; others (VP9, VVC, ProRes) are repaired as none of them."""


def part(net: RepairNet) -> Part:
    """A repair net as ONNX, for any size and number of pictures."""
    told, packed = torch.rand(2, TOLD), torch.rand(2, entering(net.radius), 48, 64)
    count = {0: "count"}
    free = {**count, 2: "rows", 3: "columns"}
    axes = {"given": free, "told": count, "residual": free}
    kmac = macs_per_sample(net) / 1000  # first: a copy that is settled takes norms off the net's class too
    content = traced(settled(net), (packed, told), INPUTS, "residual", axes)
    return Part(PART, content, net.multiple, net.halo, kmac)


def ship(given: Shipment) -> list[Path]:
    """Write files, entry and card. Raises ``UsageError`` if the id exists, ``InputError`` without a run."""
    given.check()
    state = load_checkpoint(given.run / "checkpoint.pt")
    facts = {**facts_of(given.run), "steps": state["step"], "seconds": state["elapsed"]}
    nets = shaped(facts["tier"], state["average"])
    nets.load_state_dict(state["average"])
    if nets.repair.radius and nets.repair.whole:
        if given.data is None:
            raise UsageError("A net with neighbours is slimmed by what it makes of scenes: name --data.")
        nets.repair = slimmed(nets.repair, looked_at(given.data, facts["pool"]["seed"]), SILENT)
    texture = facts["tier"] == TextureNets.tier
    role, tier = (TEXTURE_ROLE, "fast") if texture else (ROLE, facts["tier"])
    about = {
        "role": role,
        "tier": tier,
        "radius": nets.repair.radius,
        "train_commit": facts["commit"],
    }
    if nets.repair.radius:
        about["motion"] = pool.MOTION
    entry, files = given.write(about, [part(nets.repair)])
    curves = "On held-out photographs, QP told exactly; rough: told wrong by 4 (deviation)."
    card.compose(
        given.card,
        entry,
        purpose=(NATURAL if texture else PURPOSE).format(**entry),
        figures=figures(given.metrics, "natural" if texture else "summary"),
        recipe=recipe(facts) + (beside_recipe(nets) if nets.repair.radius else ""),
        curves=card.curve(given.run, CURVE, curves),
        origins=card.sources({"repair": facts}, given.data),
        limits=LIMITS.format(seen="Three frames at a time" if nets.repair.radius else "One frame at a time"),
        notes=given.note,
    )
    return files


def looked_at(data: Path, seed: int) -> list[Batch]:
    """Batches of scenes of a run's pool."""
    with tempfile.TemporaryDirectory() as folder:
        made = pool.make(pool.Recipe(data, seed, LOOKED_AT, neighbours=True), Path(folder))
        batches = Batches(made, 32, seed)
        return [batches[k] for k in range(LOOKED_AT // 4)]


def recipe(facts: dict[str, Any]) -> str:
    return RECIPE.format(
        rate=f" --rate {facts['rate']:g}" if "rate" in facts else "",
        start=f" --start {facts['started_from']}" if facts.get("started_from") else "",
        losses=LOSSES.get(facts["tier"], OURS),
        side=pool.SIDE,
        frames=pool.FRAMES,
        ranges=pool.described(pool.RANGES),
        double=pool.DOUBLE_SHARE,
        lively=pool.LIVELY_SHARE,
        soft=pool.SOFT_SHARE,
        drawn=pool.DRAWN_SHARE,
        titled=pool.TITLED_SHARE,
        error=ROUGH_ERROR,
        rough=ROUGH_SHARE,
        minutes=facts["seconds"] / 60,
        budget=facts["budget_seconds"] / 60,
        **{k: facts["pool"][k] for k in ("count", "scenes")},
        keyed=1 / pool.KEY_SHARE,
        **{k: facts[k] for k in ("tier", "seed", "steps", "batch", "commit", "torch")},
    )


def beside_recipe(nets: CodecNets) -> str:
    """What is added to the recipe of a net with neighbours."""
    return NEAR.format(
        alone=neighbours.ALONE_SHARE,
        still=neighbours.STILL_SHARE,
        missing=neighbours.MISSING_SHARE,
        bent=neighbours.BENT_SHARE,
        foreign=neighbours.FOREIGN_SHARE,
        level=neighbours.LEVEL_SHARE,
        silent=SILENT,
        scenes=LOOKED_AT,
        kmac=(macs_per_sample(nets.repair) + macs_per_sample(CodecNets().repair)) / 1000,
    )


def figures(metrics: Path | None, name: str) -> str:
    """The summary of that name that ``python -m benchmarks codec_repair`` wrote, as a table."""
    if metrics is None:
        return "Not measured yet."
    rows = json.loads(metrics.read_text())[name]
    cells = [[f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]
    text = "Pictures and clips that were never trained on; differences are repaired less decoded (luma)."
    return f"{text}\n\n{card.table(tuple(rows[0]), cells)}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``fgcodec train codec_repair-export``."""
    print(*ship(ordered(arguments, "codec_repair-export", "codec repair", "codec-repair-fast-5")), sep="\n")


if __name__ == "__main__":
    main()
