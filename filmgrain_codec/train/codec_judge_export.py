"""Ship the judge of quantisers: ``fgcodec train codec_judge-export --run DIR --id codec-judge-1``.

Writes the ONNX file, the manifest entry (role ``codec-judge``) and the card, with figures on the run's own
held-out pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from filmgrain_codec.core.quantiser import HIGHEST
from filmgrain_codec.infer.store import TIERS
from filmgrain_codec.nodes.codec_judge import ROLE
from filmgrain_codec.train import card
from filmgrain_codec.train.codec import judged, pool
from filmgrain_codec.train.loop import load_checkpoint
from filmgrain_codec.train.networks.codec import PATCH, PLANES, TOLD, QuantiserNet
from filmgrain_codec.train.shipping import Part, Shipment, facts_of, ordered, traced

PART, INPUTS, OUTPUT = "judge", ("given", "told"), "found"
BANDS = (0, 1, 14, 20, 26, 32, 40, 64)
BATCHES, FAR = 8, 6
CURVE = ("step", "seconds", "train_loss", "held_out_loss", "gain_db")

PURPOSE = """\
Judges how coarsely a picture was quantised where nobody tells it: from patches of {side} x {side} samples,
packed at half size, to QP / 63 (`core/quantiser.py`) and the logarithm of its error variance; the QP in
`told` is not looked at. Codec repair asks it about patches all over a frame. Licence of the weights:
{license}."""

FIGURES = """\
Single patches of held-out photographs, the codec told for half of them. *over*: share judged coarser by more
than {far} than they were, which would lose detail."""

RECIPE = """\
{scenes} scenes of {frames} frames under simulated camera moves, {kept} frames of each and {each} patches of
those, coded through PyAV by x264, x265, SVT-AV1, MPEG-2 and JPEG ({ranges}), {uncoded:.0%} not coded at all,
which counts as QP 0; before that {soft:.0%} drawn softly (out of focus, or made larger) and {grainy:.0%} with
noise; {gray:.0%} of the patches without colour. Gaussian likelihood of QP / 63; AdamW, cosine over the
budget, averaged weights. Seed {seed}, {steps} steps of {batch} patches, {minutes:.0f} minutes on one shared
core, commit `{commit:.12}`, torch {torch}.
`fgcodec train codec_judge --data DIR --out DIR --budget {budget:.0f}m --seed {seed}`."""

LIMITS = """\
- Patches without detail tell nothing; a frame that has no other is judged by what training had most of.
- Pictures that were made larger or sharpened after they were coded are out of its range, and so are codecs
  other than those five, drawings and screen content."""


def ship(given: Shipment) -> Path:
    """Write file, entry and card. Raises ``UsageError`` if the id exists, ``InputError`` without a run."""
    given.check()
    state, facts = load_checkpoint(given.run / "checkpoint.pt"), facts_of(given.run)
    net = QuantiserNet()
    net.load_state_dict(state["average"])
    net.eval()
    about = {"role": ROLE, "tier": TIERS[0], "radius": 0, "train_commit": facts["commit"]}
    entry, (path,) = given.write(about, [part(net)])
    facts |= {"steps": state["step"], "minutes": state["elapsed"] / 60}
    card.compose(
        given.card,
        entry,
        purpose=PURPOSE.format(side=PATCH, **entry),
        figures=figures(net, given.run),
        recipe=recipe(facts),
        curves=card.curve(
            given.run, CURVE, "On held-out photographs; *gain db* is the mean error of a patch in QP:"
        ),
        origins=card.sources({PART: facts}, given.data),
        limits=LIMITS,
        notes=given.note,
    )
    return path


def part(net: QuantiserNet) -> Part:
    """The net as ONNX, for any number of patches."""
    patches, known = torch.rand(2, PLANES, PATCH // 2, PATCH // 2), torch.rand(2, TOLD)
    count = {0: "count"}
    axes = {**dict.fromkeys(INPUTS, count), OUTPUT: count}
    return Part(PART, traced(net, (patches, known), INPUTS, OUTPUT, axes), PATCH, 0, 0.0)


def figures(net: QuantiserNet, run: Path) -> str:
    """Errors by bands of QP, as a table."""
    held = judged.make(pool.Recipe(Path(), 0, 0), run / "pool" / "held")
    batches = judged.Batches(held, 256, 1)
    with torch.no_grad():
        seen = [
            (net(b["given"], b["told"])[:, 0] * HIGHEST, b["qp"])
            for b in map(batches.__getitem__, range(BATCHES))
        ]
    found, true = (torch.cat(one).numpy() for one in zip(*seen, strict=True))
    rows = [_row(low, high, (found - true)[(true >= low) & (true < high)]) for low, high in pairwise(BANDS)]
    head = ("QP", "patches", "mean error", "deviation", "over")
    return f"{FIGURES.format(far=FAR)}\n\n{card.table(head, rows)}"


def _row(low: int, high: int, off: np.ndarray) -> list[str]:
    name = "not coded" if high == 1 else f"{low} to {high}"
    if not off.size:
        return [name, "0", "", "", ""]
    return [name, str(off.size), f"{off.mean():.1f}", f"{off.std():.1f}", f"{(off > FAR).mean():.0%}"]


def recipe(facts: dict[str, Any]) -> str:
    return RECIPE.format(
        frames=judged.FRAMES,
        kept=judged.KEPT,
        each=judged.PER_FRAME,
        ranges=pool.described(judged.RANGES),
        uncoded=judged.UNCODED_SHARE,
        soft=judged.SOFT_SHARE,
        grainy=judged.GRAINY_SHARE,
        gray=judged.GRAY_SHARE,
        budget=facts["budget"] / 60,
        **{k: facts[k] for k in ("scenes", "seed", "steps", "batch", "minutes", "commit", "torch")},
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``fgcodec train codec_judge-export``."""
    print(ship(ordered(arguments, "codec_judge-export", "the judge of quantisers", "codec-judge-1")))


if __name__ == "__main__":
    main()
