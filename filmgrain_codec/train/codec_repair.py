"""Train codec repair: ``fgcodec train codec_repair --data DIR --out DIR --budget 60m --seed 1``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from filmgrain_codec.train.codec.batches import Batches, from_step
from filmgrain_codec.train.codec.losses import gains, objective
from filmgrain_codec.train.codec.nogan import NoGan
from filmgrain_codec.train.codec.pool import Recipe, make
from filmgrain_codec.train.codec.shipped import begun
from filmgrain_codec.train.codec.texture import Textured, compared
from filmgrain_codec.train.level import commit
from filmgrain_codec.train.loop import Run, Schedule
from filmgrain_codec.train.networks.codec import RADIUS, WIDTHS, CodecNets, macs_per_sample
from filmgrain_codec.train.networks.codec_unet import TextureNets, UnetRepair
from filmgrain_codec.train.options import add_common

BASELINE, TEXTURE = UnetRepair.tier, TextureNets.tier
TIERS = (*WIDTHS, TEXTURE, BASELINE)
RUNS: dict[str, type[Run]] = {BASELINE: NoGan, TEXTURE: Textured}
HELD_OUT_SCENES, HELD_OUT_SEED = 300, 77
CHECKS, CHECK_SIZE = 6, 64
WRONG = 4.0
"""Deviation of the QP told in the second figure of the learning curve."""


@dataclass(frozen=True, slots=True)
class Config:
    """One run: ``budget`` seconds of wall clock, or ``steps``, which makes it repeatable."""

    data: Path
    out: Path
    pool: Path | None = None
    tier: str = "fast"
    budget: float = 3600.0
    steps: int | None = None
    seed: int = 0
    scenes: int = 5000
    batch: int = 16
    rate: float = 2e-3
    threads: int = 1
    device: str = "cpu"
    start: str | None = None
    resume: bool = False


def train(config: Config) -> Run:
    """Make the pools where there are none, train, write checkpoint.pt, curve.csv and run.json to ``out``."""
    torch.set_num_threads(config.threads)
    home = config.pool or config.out.parent / "codec-pool"
    near = RADIUS.get(config.tier, 0) > 0
    ending = "-near" if near else ""
    pool = make(Recipe(config.data, config.seed, config.scenes, neighbours=near), home / f"pool{ending}")
    own = Recipe(config.data, HELD_OUT_SEED, HELD_OUT_SCENES, held_out=True, neighbours=near)
    held = make(own, home / f"held{ending}")
    torch.manual_seed(config.seed)
    schedule = Schedule(config.budget, config.steps, config.rate)
    kind = RUNS.get(config.tier, Run)
    judge = compared if config.tier == TEXTURE else gains
    run = kind(begun(config.tier, config.start), config.out, schedule, objective, judge, config.device)
    if config.resume:
        run.resume()
    note(config, run, pool.facts, held.facts)
    exact, rough = (Batches(held, CHECK_SIZE, HELD_OUT_SEED, error) for error in (0.0, WRONG))
    run.train(
        from_step(Batches(pool, config.batch, config.seed), run.step),
        [(exact[k], rough[k]) for k in range(CHECKS)],
    )
    return run


def note(config: Config, run: Run, pool: dict[str, object], held: dict[str, object]) -> None:
    """Write down what the run is made of, for the model card."""
    config.out.mkdir(parents=True, exist_ok=True)
    assert isinstance(run.net, CodecNets)
    facts = {
        "tier": config.tier,
        "seed": config.seed,
        "budget_seconds": config.budget,
        "batch": config.batch,
        "rate": config.rate,
        "device": config.device,
        "started_from": config.start and Path(config.start).name,
        "commit": commit(),
        "torch": torch.__version__,
        "kmac": macs_per_sample(run.net.repair) / 1000,
        "pool": {k: pool[k] for k in ("seed", "scenes", "count")},
        "trained_on": pool["material"],
        "held_out": held["material"],
    }
    (config.out / "run.json").write_text(json.dumps(facts, indent=1))


def parse(arguments: Sequence[str] | None = None) -> Config:
    parser = argparse.ArgumentParser(prog="fgcodec train codec_repair", description="Train codec repair.")
    add_common(parser, Config)
    parser.add_argument("--pool", type=Path, help="folder of the pools; made there if there are none")
    what = f"{TEXTURE}: for the slider 'perceptual'; {BASELINE}: the artifact-removal GAN"
    parser.add_argument("--tier", choices=TIERS, help=what)
    parser.add_argument(
        "--start", help="begin with the weights of an earlier run's folder, or of a model by id"
    )
    return Config(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``fgcodec train codec_repair``."""
    train(parse(arguments))


if __name__ == "__main__":
    main()
