"""Where the filter's thresholds lie: precision and recall on large samples of held-out photographs.

The samples are made as those of training, of photographs it did not see, and are larger, for a mask is
weighed by what is around it. Nothing of the test material is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.damage.cases import Case
from benchmarks.damage.figures import counts, scores
from benchmarks.damage.finders import masked
from filmgrain_codec.infer import tiling
from filmgrain_codec.infer.session import session
from filmgrain_codec.nodes.repair.net import MASK, MaskNet, weighed
from filmgrain_codec.train import material, repair_samples
from filmgrain_codec.train.repair_samples import DAMAGED, DOUBTFUL, assembled

SEED, COUNT, SIDE = 777, 120, 320
SURES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.96)
CROWDS = (0.0, 1.0, 2.0, 3.0, 5.0, 10.0)
Array = NDArray[np.float32]


def rows(model: str, data: Path) -> list[dict[str, Any]]:
    """Precision and recall at every threshold: of samples with neighbours, and of stills by crowd weight."""
    made = list(answers(model, data))
    found = []
    for crowd in CROWDS:
        for sure in SURES:
            for alone in (False, True) if crowd == CROWDS[0] else (True,):
                total = sum(
                    rated(mask, marks, alone, crowd, sure) for mask, marks, still in made if still == alone
                )
                what = f"still, crowd {crowd:g}" if alone else "moving"
                found.append({"what": what, "threshold": sure, **scores(np.asarray(total))})
    return found


def rated(mask: Array, marks: NDArray[np.uint8], alone: bool, crowd: float, sure: float) -> Any:
    """Counts of one sample; doubtful rims are no false alarms."""
    said = masked(weighed(mask, alone, crowd), sure) & (marks & DOUBTFUL == 0).astype(np.uint8)
    return counts(said, Case("", mask, mask, (marks & DAMAGED > 0).astype(np.uint8)))


def answers(model: str, data: Path) -> Iterator[tuple[Array, NDArray[np.uint8], bool]]:
    """The net's mask, the flags and whether it is a still, of every sample."""
    import torch

    net = MaskNet(model)
    seen, banks = material.load(data, held_out=True), repair_samples.bank(data / "damage_masks")
    for number in range(COUNT):
        sample = repair_samples.sample(SEED, seen, banks, number, SIDE)
        given = assembled(torch.from_numpy(sample[None, :4]).float() / 255).numpy()
        still = repair_samples.is_still(number)
        part = (net.still_model if still else net.model).part("luma")
        mask = tiling.run(session(part), {"given": given}, halo=part.halo, multiple=part.multiple)[0, MASK]
        yield mask, sample[5], still


def best(found: Sequence[dict[str, Any]], precision: float) -> list[dict[str, Any]]:
    """Of moving samples and of stills the row of most recall that is as precise as asked."""
    fair = [r for r in found if r["precision"] >= precision]
    kinds = [[r for r in fair if r["what"].startswith(word)] for word in ("moving", "still")]
    return [max(kind, key=lambda r: r["recall"]) for kind in kinds if kind]
