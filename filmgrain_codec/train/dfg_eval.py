"""Measure a trained DeepFilmGrain baseline per level: ``fgcodec train dfg-eval --run DIR --data TREE``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from filmgrain_codec.train import dfg_grain, trees
from filmgrain_codec.train.card import table
from filmgrain_codec.train.dfg import trained
from filmgrain_codec.train.dfg_losses import figures
from filmgrain_codec.train.networks.unet import STATISTICS, Baseline, use_statistics
from filmgrain_codec.train.trees import Pair

MEASURES = ("psnr", "ssim", "ms_ssim")
Row = dict[str, float]


@dataclass(frozen=True, slots=True)
class Config:
    """``whole``: every pair of the tree, for trees that were not trained on; else its held-out pictures.

    ``limit``: at most so many pairs per level. ``statistics``: of the normalisation, see ``unet.Norm``; None
    as published. ``sheet``: a PNG that shows a synthesis task's grain on a static shot.
    """

    run: Path
    data: Path
    out: Path | None = None
    whole: bool = False
    limit: int | None = None
    statistics: str | None = None
    threads: int = 1
    sheet: Path | None = None


def evaluate(config: Config) -> list[Row]:
    """One row per level.

    Of a removal task PSNR (dB), SSIM and MS-SSIM of the grainy and of the cleaned pictures: means over
    pictures at full size, against the clean ones, of samples in 0..1. Of a synthesis task what
    ``dfg_grain.row`` says. A non-blind net is told the level of the pair. Raises ``InputError`` without a run
    or a tree.
    """
    torch.set_num_threads(config.threads)
    net, task = trained(config.run)
    use_statistics(net, config.statistics or task.statistics)
    tree = trees.read_tree(config.data)
    pairs = tree.pairs if config.whole else trees.split(tree, validation=True)
    rows = []
    for level in sorted({p.level for p in pairs}):
        chosen = [p for p in pairs if p.level == level][: config.limit]
        if task.synthesis:
            rows.append(dfg_grain.row(net, chosen, level))
            continue
        each = [measure(net, pair) for pair in chosen]
        mean = {k: float(np.mean([e[k] for e in each])) for k in each[0]}
        rows.append({"level": level, "pairs": len(chosen), **mean})
    if config.sheet:
        dfg_grain.sheet(net, pairs, config.sheet)
    return rows


def measure(net: Baseline, pair: Pair) -> Row:
    """Figures of one pair, before and after."""
    grainy, clean = (picture(path, net.channels) for path in (pair.grainy, pair.clean))
    with torch.no_grad():
        made = answered(net, grainy, pair.level)
        before, after = figures(grainy, clean), figures(made, clean)
    return {f"{k}_{name}": row[k] for k in MEASURES for name, row in (("noisy", before), ("clean", after))}


def picture(path: Path, channels: int) -> Tensor:
    return torch.from_numpy(trees.with_channels(trees.read_picture(path), channels))[None]


def answered(net: Baseline, image: Tensor, level: float) -> Tensor:
    """A picture of any size through the net: mirrored at the right and bottom to fit."""
    rows, columns = image.shape[2:]
    more = [-n % net.multiple for n in (columns, rows)]
    padded = F.pad(image, (0, more[0], 0, more[1]), mode="reflect")
    made: Tensor = net(padded, torch.full((1, 1), level))[:, :, :rows, :columns]
    return made.clamp(0, 1)


def markdown(rows: Sequence[Row]) -> str:
    """The figures as a table."""
    if "psnr_noisy" not in rows[0]:
        return dfg_grain.markdown(rows)
    head = (
        "level",
        "pairs",
        *(f"{k.replace('_', '-').upper()} {n}" for k in MEASURES for n in ("noisy", "clean")),
    )
    shown = [
        [f"{r['level']:g}", f"{r['pairs']:g}"]
        + [f"{r[f'{k}_{n}']:.{2 if k == 'psnr' else 4}f}" for k in MEASURES for n in ("noisy", "clean")]
        for r in rows
    ]
    return table(head, shown)


def parse(arguments: Sequence[str] | None = None) -> Config:
    about = "Figures per level of a trained baseline: PSNR, SSIM and MS-SSIM; of synthesis the grain's."
    parser = argparse.ArgumentParser(prog="fgcodec train dfg-eval", description=about)
    parser.add_argument("--run", type=Path, required=True, help="folder that fgcodec train dfg wrote")
    parser.add_argument("--data", type=Path, required=True, help="tree with org/ and fg/")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    parser.add_argument("--whole", action="store_true", help="measure every pair, not the held-out ones")
    parser.add_argument("--limit", type=int, help="at most so many pairs per level")
    kinds = "of the normalisation; default as published"
    parser.add_argument("--statistics", choices=STATISTICS, help=kinds)
    parser.add_argument("--sheet", type=Path, help="PNG that shows the grain of a static shot (synthesis)")
    parser.add_argument("--threads", type=int, default=1)
    return Config(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``fgcodec train dfg-eval``."""
    config = parse(arguments)
    rows = evaluate(config)
    print(markdown(rows))
    if config.out:
        config.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
