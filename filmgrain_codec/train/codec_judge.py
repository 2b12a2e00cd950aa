"""Train the judge of quantisers: ``fgcodec train codec_judge --data DIR --out DIR --budget 20m --seed 1``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from filmgrain_codec.core.quantiser import HIGHEST
from filmgrain_codec.train.codec import judged
from filmgrain_codec.train.codec.batches import Batch, from_step
from filmgrain_codec.train.codec.pool import Recipe
from filmgrain_codec.train.level import commit
from filmgrain_codec.train.loop import Run, Schedule
from filmgrain_codec.train.networks.codec import QuantiserNet
from filmgrain_codec.train.options import add_common

HELD_OUT_SCENES, HELD_OUT_SEED = 250, 77
CHECKS, CHECK_SIZE = 6, 256


@dataclass(frozen=True, slots=True)
class Config:
    """One run: ``budget`` seconds of wall clock, or ``steps``, which makes it repeatable."""

    data: Path
    out: Path
    budget: float = 1200.0
    steps: int | None = None
    seed: int = 0
    scenes: int = 4000
    batch: int = 48
    rate: float = 2e-3
    threads: int = 1
    device: str = "cpu"
    resume: bool = False


def judge_loss(found: Tensor, qp: Tensor) -> Tensor:
    """Gaussian negative log-likelihood of QP / 63."""
    value, spread = found[:, 0], found[:, 1].clamp(-9, 3)
    return 0.5 * ((value - qp / HIGHEST).square() * (-spread).exp() + spread).mean()


def objective(net: nn.Module, batch: Batch) -> Tensor:
    return judge_loss(net(batch["given"], batch["told"]).float(), batch["qp"])


def errors(net: nn.Module, batch: Batch) -> tuple[float, float]:
    """Loss, and the mean error of a patch in QP."""
    found = net(batch["given"], batch["told"]).float()
    off = (HIGHEST * found[:, 0] - batch["qp"]).abs().mean()
    return float(judge_loss(found, batch["qp"])), float(off)


def train(config: Config) -> Run:
    """Make the pools where there are none, train, write checkpoint.pt, curve.csv and run.json to ``out``."""
    torch.set_num_threads(config.threads)
    home = config.out / "pool"
    seen = judged.make(Recipe(config.data, config.seed, config.scenes), home / "seen")
    count = min(HELD_OUT_SCENES, config.scenes)
    held = judged.make(Recipe(config.data, HELD_OUT_SEED, count, held_out=True), home / "held")
    torch.manual_seed(config.seed)
    schedule = Schedule(config.budget, config.steps, config.rate)
    run = Run(QuantiserNet(), config.out, schedule, objective, errors, config.device)
    if config.resume:
        run.resume()
    facts = {k: v for k, v in asdict(config).items() if k not in ("data", "out", "resume")}
    facts |= {"commit": commit(), "torch": torch.__version__}
    facts |= {"trained_on": seen.names, "held_out": held.names}
    config.out.mkdir(parents=True, exist_ok=True)
    (config.out / "run.json").write_text(json.dumps(facts, indent=1))
    known, other = (judged.Batches(held, CHECK_SIZE, HELD_OUT_SEED + k) for k in (0, 1))
    batches = from_step(judged.Batches(seen, config.batch, config.seed), run.step)
    run.train(batches, [(known[k], other[k]) for k in range(CHECKS)])
    return run


def parse(arguments: Sequence[str] | None = None) -> Config:
    parser = argparse.ArgumentParser(
        prog="fgcodec train codec_judge", description="Train the judge of quantisers."
    )
    add_common(parser, Config)
    return Config(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``fgcodec train codec_judge``."""
    train(parse(arguments))


if __name__ == "__main__":
    main()
