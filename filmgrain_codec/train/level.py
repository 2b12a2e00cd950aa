"""Train the level net: ``fgcodec train level --data DIR --out DIR --budget 20m``; ``--export`` ships it."""

from __future__ import annotations

import argparse
import csv
import json
import math
import subprocess
import time
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from filmgrain_codec.errors import InputError, UsageError
from filmgrain_codec.train import material
from filmgrain_codec.train.level_samples import Batch, Patches
from filmgrain_codec.train.networks.level import LevelNet

COLUMNS = ("step", "seconds", "train_loss", "held_out_loss", "pair_error", "single_error", "size_error")
UNITS = {"s": 1, "m": 60, "h": 3600}
CHECK_SEED, CHECK_STEPS = 4242, 8
CHECK_EVERY = 500
WARM_UP = 200
WEIGHT_DECAY = 0.02
GROUP, VISITS = 24, 3
SIZE_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class Config:
    """One run: ``budget`` seconds of wall clock, or ``steps``, which makes it repeatable."""

    data: Path
    out: Path
    budget: float = 1200.0
    steps: int | None = None
    seed: int = 0
    resume: bool = False
    rate: float = 2e-3
    threads: int = 1
    workers: int = 0

    def progress(self, step: int, elapsed: float) -> float:
        return min(1.0, step / self.steps if self.steps else elapsed / self.budget)


def loss(found: Tensor, batch: Batch) -> Tensor:
    """Gaussian negative log-likelihood of log sigma and, where there is grain, of log size."""
    level = likelihood(found[:, 0], found[:, 1], batch["sigma"].log())
    size = likelihood(found[:, 2], found[:, 3], batch["size"].log()) * batch["grainy"]
    return (level + SIZE_SHARE * size).mean()


def likelihood(value: Tensor, log_variance: Tensor, truth: Tensor) -> Tensor:
    """Negative log-likelihood, weighted by the root of the variance (beta-NLL of Seitzer et al. 2022)."""
    raw = 0.5 * ((value - truth).square() * (-log_variance).exp() + log_variance)
    return raw * (0.5 * log_variance).exp().detach()


def train(config: Config) -> None:
    """Write checkpoint.pt, curve.csv and run.json to ``out``. Raises ``InputError`` without pictures."""
    torch.set_num_threads(config.threads)
    seen, held_out = material.load(config.data), material.load(config.data, held_out=True)
    torch.manual_seed(config.seed)
    run = Run(config)
    if config.resume:
        run.load()
    run.note(seen, held_out)
    checks = [Patches(held_out, CHECK_SEED)[k] for k in range(CHECK_STEPS)]
    run.go(stream(Patches(seen, config.seed), run.step, config.workers), checks)


def stream(patches: Patches, start: int, workers: int = 0) -> Iterator[Batch]:
    """Batches for the steps from ``start`` on: ``GROUP`` batches are made, mixed and seen ``VISITS`` times.

    Making a patch costs three times what learning from it does.
    """
    group, at = divmod(start, GROUP * VISITS)
    sampler = range(group * GROUP, len(patches))
    made = iter(DataLoader(patches, batch_size=None, sampler=sampler, num_workers=workers))
    for number in count(group):
        batches = list(islice(made, GROUP))
        whole = {k: torch.cat([b[k] for b in batches]) for k in batches[0]}
        random = torch.Generator().manual_seed(number)
        orders = [torch.randperm(GROUP * patches.size, generator=random) for _ in range(VISITS)]
        for chosen in torch.cat(orders).split(patches.size)[at:]:
            yield {k: v[chosen] for k, v in whole.items()}
        at = 0


class Run:
    """Net, moving average, optimiser and where they stand."""

    def __init__(self, config: Config) -> None:
        self.config, self.net = config, LevelNet()
        self.average = deepcopy(self.net).eval()
        self.optimiser = torch.optim.AdamW(self.net.parameters(), config.rate, weight_decay=WEIGHT_DECAY)
        self.step, self.before = 0, 0.0
        self.rows: list[dict[str, float]] = []

    @property
    def checkpoint(self) -> Path:
        return self.config.out / "checkpoint.pt"

    def load(self) -> None:
        """Go on from the checkpoint. Raises ``InputError`` if there is none."""
        if not self.checkpoint.exists():
            raise InputError(f"There is no {self.checkpoint} to resume from: leave --resume out.")
        state = torch.load(self.checkpoint, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.before, self.rows = state["step"], state["seconds"], state["rows"]

    def save(self, elapsed: float) -> None:
        state = {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": elapsed,
            "rows": self.rows,
        }
        partial = self.checkpoint.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(self.checkpoint)
        with (self.config.out / "curve.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows)

    def note(self, seen: material.Material, held_out: material.Material) -> None:
        """Write down what the run was made of, for the model card."""
        self.config.out.mkdir(parents=True, exist_ok=True)
        facts = {
            "part": "luma",
            "seed": self.config.seed,
            "budget_seconds": self.config.budget,
            "commit": commit(),
            "torch": torch.__version__,
            "trained_on": seen.names,
            "held_out": held_out.names,
        }
        (self.config.out / "run.json").write_text(json.dumps(facts, indent=1))

    def go(self, batches: Iterator[Batch], checks: list[Batch]) -> None:
        began, losses = time.monotonic() - self.before, []
        while (done := self.config.progress(self.step, time.monotonic() - began)) < 1.0:
            losses.append(self.advance(next(batches), done))
            if self.step % CHECK_EVERY == 0:
                self.check(sum(losses) / len(losses), checks, time.monotonic() - began)
                losses = []
        if losses:
            self.check(sum(losses) / len(losses), checks, time.monotonic() - began)

    def advance(self, batch: Batch, done: float) -> float:
        rate = self.config.rate * min(1.0, (self.step + 1) / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * done))
        for group in self.optimiser.param_groups:
            group["lr"] = rate + 1e-6
        value = loss(self.net(batch["pair"]), batch)
        self.optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        keep = min(0.999, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, value_now in zip(self.average.parameters(), self.net.parameters(), strict=True):
                mean.lerp_(value_now, 1 - keep)
        return float(value.detach())

    def check(self, train_loss: float, checks: list[Batch], elapsed: float) -> None:
        row = {
            "step": self.step,
            "seconds": round(elapsed, 1),
            "train_loss": train_loss,
            **figures(self.average, checks),
        }
        self.rows.append(row)
        self.save(elapsed)
        print("  ".join(f"{k} {v:.4g}" for k, v in row.items()), flush=True)


@torch.no_grad()
def figures(net: LevelNet, checks: list[Batch]) -> dict[str, float]:
    """Loss, and median absolute errors of log sigma (pairs, single frames) and of log size."""
    found = torch.cat([net(b["pair"]) for b in checks])
    batch = {k: torch.cat([b[k] for b in checks]) for k in checks[0]}
    off = (found[:, 0] - batch["sigma"].log()).abs()
    grainy = batch["grainy"] & (batch["sigma"] > 0.004)
    size = (found[:, 2] - batch["size"].log()).abs()
    return {
        "held_out_loss": float(loss(found, batch)),
        "pair_error": float(off[grainy & ~batch["single"]].median()),
        "single_error": float(off[grainy & batch["single"]].median()),
        "size_error": float(size[grainy].median()),
    }


def seconds(text: str) -> float:
    """'20m', '90s', '2h' or plain seconds. Raises ``UsageError``."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in UNITS else (text, "s")
    try:
        value = float(number) * UNITS[unit]
    except ValueError:
        value = 0.0
    if not value > 0:
        raise UsageError(f"'{text}' is no length of time: write 20m, 90s or 2h.")
    return value


def commit() -> str:
    """The checkout's commit, '' outside one."""
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fgcodec train level", description="Train the level net.")
    parser.add_argument("--data", type=Path, required=True, help="folder with photos*/ and video_clean/")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint and curve")
    parser.add_argument("--budget", default="20m", help="wall-clock length: 20m, 90s, 2h")
    parser.add_argument("--steps", type=int, help="train this many steps instead, repeatably")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=0, help="processes that make patches ahead")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``fgcodec train level``."""
    given = vars(parse(arguments))
    train(Config(**{**given, "budget": seconds(given["budget"])}))


if __name__ == "__main__":
    main()
