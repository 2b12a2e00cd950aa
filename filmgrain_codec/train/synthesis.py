"""Train the grain synthesizer: ``fgcodec train synthesis --data DIR --out DIR --budget 60m``.

A conditional GAN without pixel loss: see ``synthesis_losses``. The averaged weights are kept at every check,
and the check that scores best on held-out photographs is the one that is exported.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from filmgrain_codec.grain.conditioning import CONDITIONS
from filmgrain_codec.train import material
from filmgrain_codec.train import synthesis_losses as losses
from filmgrain_codec.train.level import commit, seconds
from filmgrain_codec.train.loop import Schedule, load_checkpoint
from filmgrain_codec.train.networks.synthesis import Discriminator, refiners
from filmgrain_codec.train.synthesis_losses import Statistics
from filmgrain_codec.train.synthesis_samples import Batch, Looks, Pool, make

POOL_LOOKS, HELD_OUT_LOOKS = 600, 40
LOOKS_OF_STEP, PATCHES_OF_STEP = 4, 6
DOUBT = 0.05
"""Standard deviation of what is added to the conditions, so that neighbouring looks are alike."""
PAIRED_EVERY = 8
"""Steps from one with two draws to the next; the judge sees every other patch."""
ADVERSARIAL = 0.05
KEPT = 0.998
COLUMNS = ("step", "seconds", "score", "psd", "acf", "curve", "channels", "tone", "skew", "kurtosis", "judge")
PLAIN = "parametric"


@dataclass(frozen=True, slots=True)
class Config:
    """One run: ``budget`` seconds of wall clock, or ``steps``, which makes it repeatable."""

    data: Path
    out: Path
    budget: float = 3600.0
    steps: int | None = None
    seed: int = 0
    resume: bool = False
    rate: float = 1e-3
    threads: int = 1
    device: str = "cpu"
    looks: int = POOL_LOOKS
    adversarial: float = ADVERSARIAL


class Grader:
    """Judges nets on held-out photographs: statistics of every look against the reference's."""

    def __init__(self, looks: Looks, patches: int = 8) -> None:
        self.looks = looks
        count = len(looks.pool.segments)
        number, chosen = np.repeat(np.arange(count), patches), np.tile(np.arange(patches), count)
        self.batch = looks.taken(number, chosen)
        self.noise = looks.noise(self.batch["look"], torch.Generator().manual_seed(0))
        self.wanted = reference(looks)

    @torch.no_grad()
    def __call__(self, nets: nn.ModuleDict | None) -> dict[str, float]:
        """Each term, and their sum ``score``, which decides; ``None`` grades the parametric model."""
        luma, chroma = grained(self.looks, nets, self.batch, self.noise)
        found = losses.terms(grouped(luma, chroma, self.batch, len(self.wanted.psd)), self.wanted)
        row = {k: float(v) for k, v in found.items()}
        return {"score": float(losses.total(found)), **row}


def reference(looks: Looks) -> Statistics:
    """Statistics of all patches of each look."""
    pool, parts = looks.pool, []
    for k in range(len(pool.segments)):
        luma, chroma, clean = (x[k : k + 1].to(looks.device) for x in (pool.luma, pool.chroma, pool.clean))
        sets = luma[:, :, None].float(), chroma.float(), clean[:, :, None] / 255.0
        parts.append(losses.statistics(*sets))
    return Statistics(*(torch.cat([getattr(p, k) for p in parts]) for k in Statistics.__slots__))


def grouped(luma: Tensor, chroma: Tensor, batch: Batch, looks: int) -> Statistics:
    """Statistics of patches that lie look after look."""
    parts = (x.unflatten(0, (looks, -1)) for x in (luma, chroma, batch["clean"]))
    return losses.statistics(*parts)


def grained(
    looks: Looks, nets: nn.ModuleDict | None, batch: Batch, noise: dict[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """Unit grain of luma (N, 1, S, S) and chroma (N, 2, S / 2, S / 2), refined by ``nets``."""
    fields = []
    for name, tone in (("luma", "tone"), ("chroma", "chroma_tone")):
        given = noise[name]
        reach = (given.shape[2] - batch[tone].shape[2]) // 2
        base = given[:, : given.shape[1] // 2, reach:-reach, reach:-reach]
        if nets is not None:
            base = base + answered(nets[name], given, batch[tone], batch["told"])
        fields.append(base)
    return looks.mixed(batch["look"], batch["clean"], *fields)


def answered(net: nn.Module, *given: Tensor) -> Tensor:
    """A net's answer; layers in bfloat16, the rest in float32."""
    laid = [x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x for x in given]
    with torch.autocast(given[0].device.type, torch.bfloat16):
        made: Tensor = net(*laid)
    return made.float()


def shown(luma: Tensor, chroma: Tensor) -> Tensor:
    """Grain as the discriminator takes it."""
    return torch.cat([F.pixel_unshuffle(luma, 2), chroma], 1)


@dataclass
class Run:
    """Nets, their opponent, their average and where they stand."""

    config: Config
    looks: Looks
    grader: Grader
    step: int = 0
    elapsed: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)
    best: float = float("inf")

    def __post_init__(self) -> None:
        torch.manual_seed(self.config.seed)
        self.nets, self.judge = refiners(), Discriminator()
        for net in (self.nets, self.judge):
            net.to(self.config.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.schedule = Schedule(self.config.budget, self.config.steps, self.config.rate)
        self.optimiser = torch.optim.Adam(self.nets.parameters(), self.config.rate, (0.5, 0.99))
        self.opponent = torch.optim.Adam(self.judge.parameters(), self.config.rate, (0.0, 0.99))
        self.average = refiners().to(self.config.device)
        self.average.load_state_dict(self.nets.state_dict())
        self.chosen = {k: v.clone() for k, v in self.average.state_dict().items()}
        self.wanted = reference(self.looks)
        self.wins = 0.0

    @property
    def checkpoint(self) -> Path:
        return self.config.out / "checkpoint.pt"

    def go(self) -> None:
        began = saved = time.monotonic() - self.elapsed
        while self.schedule.progress(self.step, self.elapsed) < 1:
            self.learn()
            self.elapsed = time.monotonic() - began
            if time.monotonic() - saved > self.schedule.save_every:
                self.check()
                saved = time.monotonic()
        self.check()

    def learn(self) -> None:
        """One step of the judge, one of the nets."""
        for optimiser in (self.optimiser, self.opponent):
            for group in optimiser.param_groups:
                group["lr"] = self.schedule.rate_at(self.step, self.elapsed)
        rng = np.random.default_rng((self.config.seed, self.step))
        random = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        batch = self.looks.batch(rng, LOOKS_OF_STEP, PATCHES_OF_STEP)
        batch["told"] = batch["told"] + self._doubt(random)
        count = 2 if self.step % PAIRED_EVERY == 0 else 1
        noise = [self.looks.noise(batch["look"], random) for _ in range(count)]
        draws = [grained(self.looks, self.nets, batch, n) for n in noise]
        judged = {k: v[::2] for k, v in batch.items()}
        fake = shown(*(x[::2] for x in draws[0]))
        self._judge(judged, fake.detach())
        self._refine(batch, draws, judged, fake)
        self.step += 1
        with torch.no_grad():
            kept = min(KEPT, self.step / (self.step + 20))
            for mean, now in zip(self.average.parameters(), self.nets.parameters(), strict=True):
                mean.lerp_(now, 1 - kept)

    def _doubt(self, random: torch.Generator) -> Tensor:
        """What estimates of one look differ by: the same for all of its patches."""
        error = torch.randn(LOOKS_OF_STEP, CONDITIONS, generator=random) * DOUBT
        return error.repeat_interleave(PATCHES_OF_STEP, 0).to(self.config.device)

    def _judge(self, batch: Batch, fake: Tensor) -> None:
        real = shown(batch["luma"], batch["chroma"])
        tone, told = batch["tone"], batch["told"]
        answers = answered(
            self.judge, torch.cat([real, fake]), tone.repeat(2, 1, 1, 1), told.repeat(2, 1)
        ).chunk(2)
        loss = losses.judge_loss(*answers)
        if self.step % losses.R1_EVERY == 0:
            loss = loss + losses.gradient_penalty(self.judge, real, tone, told)
        self.opponent.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.opponent.step()
        wins = ((answers[0] > 0).float().mean() + (answers[1] < 0).float().mean()) / 2
        self.wins += 0.02 * (float(wins) - self.wins)

    def _refine(self, batch: Batch, draws: list[tuple[Tensor, Tensor]], judged: Batch, fake: Tensor) -> None:
        wanted = self.wanted.at(batch["look"][::PATCHES_OF_STEP])
        found = losses.terms(grouped(*draws[0], batch, LOOKS_OF_STEP), wanted)
        if len(draws) > 1:
            found |= losses.paired(draws[0][0], draws[1][0])
        loss = losses.total(found)
        if self.config.adversarial:
            loss = (
                loss
                - self.config.adversarial * answered(self.judge, fake, judged["tone"], judged["told"]).mean()
            )
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.nets.parameters(), 1.0)
        self.optimiser.step()

    def check(self) -> None:
        """Grade the average on held-out photographs, keep it if it is the best, save."""
        row = {
            "step": self.step,
            "seconds": round(self.elapsed, 1),
            **self.grader(self.average),
            "judge": self.wins,
        }
        self.curve.append(row)
        if row["score"] < self.best:
            self.best = row["score"]
            self.chosen = {k: v.clone() for k, v in self.average.state_dict().items()}
        self.save()
        print("  ".join(f"{k} {row[k]:.4g}" for k in COLUMNS), flush=True)

    def save(self) -> None:
        """Checkpoint and learning curve, each replaced at once."""
        parts = ("nets", "judge", "average", "optimiser", "opponent")
        state: dict[str, Any] = {k: getattr(self, k).state_dict() for k in parts}
        state |= {k: getattr(self, k) for k in ("step", "elapsed", "curve", "best", "chosen", "wins")}
        self.config.out.mkdir(parents=True, exist_ok=True)
        partial = self.checkpoint.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(self.checkpoint)
        with (self.config.out / "curve.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.curve)

    def load(self) -> None:
        """Go on from the checkpoint. Raises ``InputError`` if there is none."""
        state = load_checkpoint(self.checkpoint)
        for k in ("nets", "judge", "average", "optimiser", "opponent"):
            getattr(self, k).load_state_dict(state[k])
        for k in ("step", "elapsed", "curve", "best", "chosen", "wins"):
            setattr(self, k, state[k])


def train(config: Config) -> Run:
    """Write pools, checkpoint.pt, curve.csv and run.json to ``out``. Raises ``InputError`` without photos."""
    torch.set_num_threads(config.threads)
    run = Run(config, *pools(config))
    if config.resume:
        run.load()
    plain = run.grader(None)
    print("parametric  " + "  ".join(f"{k} {v:.4g}" for k, v in plain.items()), flush=True)
    run.go()
    return run


def pools(config: Config) -> tuple[Looks, Grader]:
    """What the run learns from and is graded on; made where it is not there yet. Raises ``InputError``."""
    paths = config.out / "pool.pt", config.out / "held_out.pt"
    if not config.resume and not all(p.exists() for p in paths):
        seen, held_out = material.load(config.data), material.load(config.data, held_out=True)
        make(seen, config.looks, config.seed + 1).save(paths[0])
        make(held_out, min(HELD_OUT_LOOKS, config.looks), config.seed).save(paths[1])
        note(config, seen.names, held_out.names)
    seen_pool, held_out_pool = (Pool.load(p) for p in paths)
    return Looks(seen_pool, config.device), Grader(Looks(held_out_pool, config.device))


def note(config: Config, seen: Sequence[str], held_out: Sequence[str]) -> None:
    """What the run was made of, for the model card."""
    facts = {
        "seed": config.seed, "budget_seconds": config.budget, "looks": config.looks, "device": config.device,
        "adversarial": config.adversarial, "commit": commit(), "torch": torch.__version__,
        # the clips of the material are not used
        "trained_on": [name for name in seen if name.endswith(".jpg")], "held_out": list(held_out),
    }  # fmt: skip
    (config.out / "run.json").write_text(json.dumps(facts, indent=1))


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fgcodec train synthesis", description="Train the synthesizer.")
    parser.add_argument("--data", type=Path, required=True, help="folder with photos*/ and grain_real/")
    parser.add_argument("--out", type=Path, required=True, help="folder for pools, checkpoint and curve")
    parser.add_argument("--budget", default="60m", help="wall-clock length: 20m, 90s, 2h")
    parser.add_argument("--steps", type=int, help="train this many steps instead, repeatably")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--looks", type=int, default=POOL_LOOKS, help="looks of grain to draw")
    parser.add_argument("--adversarial", type=float, default=ADVERSARIAL, help="weight of the discriminator")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``fgcodec train synthesis``."""
    given = vars(parse(arguments))
    train(Config(**{**given, "budget": seconds(given["budget"])}))


if __name__ == "__main__":
    main()
