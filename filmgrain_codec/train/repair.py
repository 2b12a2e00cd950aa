"""Train the mask net: ``fgcodec train repair --data DIR --out DIR --budget 40m --seed 1``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from filmgrain_codec.errors import UsageError
from filmgrain_codec.train import repair_samples
from filmgrain_codec.train.loop import Run, Schedule, load_checkpoint, moved
from filmgrain_codec.train.networks.repair import ENTERING, Repair, Shape, unpacked
from filmgrain_codec.train.removal import commit, seconds
from filmgrain_codec.train.repair_samples import Batch, Batches, Pool

CHECK_SEED, CHECK_STEPS, HELD_OUT = 4242, 12, 384
FOCUS = 2
"""Exponent of the focal loss (Lin et al., ICCV 2017)."""
WEIGHTS = {"entropy": 4.0, "focal": 10.0, "dice": 1.0, "polarity": 0.2, "opacity": 0.5, "confidence": 0.1}
ASKED = 0.1
"""Confidence is learnt where the mask says more than this, and where there is damage."""


@dataclass(frozen=True, slots=True)
class Config:
    """One run. ``budget`` in seconds of wall clock; ``steps`` instead makes it repeatable.

    ``pool``: where the samples lie or are to be made (``samples`` of them), by default ``out``/pool.
    ``aim``: a name of ``repair_samples.AIMS``; what is held out is the same for all of them.
    """

    data: Path
    out: Path
    budget: float = 2400.0
    steps: int | None = None
    seed: int = 0
    resume: bool = False
    pool: Path | None = None
    samples: int = 30000
    batch: int = 12
    rate: float = 2e-3
    threads: int = 1
    device: str = "cpu"
    aim: str = "both"


def repair_loss(net: nn.Module, batch: Batch) -> Tensor:
    """Cross entropy, focal and Dice loss of the mask; polarity and opacity where there is damage."""
    answer = answered(net, batch)
    mask, truth = answer[:, :1], batch["damaged"]
    counts = 1 - batch["doubtful"]
    entropy = F.binary_cross_entropy_with_logits(mask, truth, reduction="none") * counts
    found = torch.sigmoid(mask) * counts
    focal = entropy * (truth - torch.sigmoid(mask)).abs() ** FOCUS
    dice = 1 - (2 * (found * truth).sum() + 1) / (found.square().sum() + truth.sum() + 1)
    asked = (((found > ASKED) | (truth > 0)).float() * counts).detach()
    right = ((mask > 0).float() == truth).float()
    parts = {
        "entropy": entropy.mean(),
        "focal": focal.mean(),
        "dice": dice,
        "polarity": over(binary(answer[:, 1:2], batch["brighter"]), truth),
        "opacity": over((torch.sigmoid(answer[:, 2:3]) - batch["opacity"]).abs(), truth),
        "confidence": over(binary(answer[:, 3:4], right), asked),
    }
    return torch.stack([WEIGHTS[k] * v for k, v in parts.items()]).sum()


def answered(net: nn.Module, batch: Batch) -> Tensor:
    """The net's logits (B, 4, S, S); convolutions in bfloat16."""
    given = batch["given"].to(memory_format=torch.channels_last)
    assert isinstance(net, Repair)
    with torch.autocast(given.device.type, torch.bfloat16):
        return net.logits(given).float()


def binary(logits: Tensor, truth: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, truth, reduction="none")


def over(values: Tensor, where: Tensor) -> Tensor:
    """Mean over the samples where ``where`` is 1."""
    return (values * where).sum() / (where.sum() + 1)


class Training(Run):
    """``Run`` whose learning curve tells F1 with and without neighbours, on held-out photographs."""

    def report(self, checks: list[tuple[Batch, Batch]]) -> None:
        live = {k: v.clone() for k, v in self.net.state_dict().items()}
        self.net.load_state_dict(self.average)
        with torch.no_grad():
            pairs = [(moved(a, self.device), moved(b, self.device)) for a, b in checks]
            loss = sum(float(repair_loss(self.net, a)) for a, _ in pairs) / max(1, len(pairs))
            scores = [f1(self.net, [pair[k] for pair in pairs]) for k in (0, 1)]
        self.net.load_state_dict(live)
        row = {
            "step": self.step,
            "seconds": round(self.elapsed, 1),
            "rate": self.schedule.rate_at(self.step, self.elapsed),
            "train_loss": round(self.loss, 4),
            "held_out_loss": round(loss, 4),
            "f1_moving": round(scores[0], 4),
            "f1_still": round(scores[1], 4),
        }
        self.curve.append(row)
        print(" ".join(f"{k} {v:g}" for k, v in row.items()), flush=True)


def f1(net: nn.Module, batches: Sequence[Batch]) -> float:
    """F1 of all samples of the batches at a mask of one half; doubtful rims do not count."""
    right = found = there = 0.0
    for batch in batches:
        mask = (answered(net, batch)[:, :1] > 0).float() * (1 - batch["doubtful"])
        right += float((mask * batch["damaged"]).sum())
        found, there = found + float(mask.sum()), there + float(batch["damaged"].sum())
    return 2 * right / max(1.0, found + there)


def train(config: Config) -> None:
    """Write checkpoint.pt, curve.csv and run.json to ``out``.

    Raises ``InputError`` where no training pictures are found or the pool does not fit, ``UsageError`` for a
    device that is not there.
    """
    if config.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("This machine has no CUDA device that torch can use: leave --device out.")
    torch.set_num_threads(config.threads)
    folder = config.pool or config.out / "pool"
    recipes = {
        "seen": repair_samples.Recipe(config.data, config.seed, config.samples, aim=config.aim),
        "held-out": repair_samples.Recipe(config.data, CHECK_SEED, min(HELD_OUT, config.samples), True),
    }
    pools = {name: repair_samples.make(recipe, folder / name) for name, recipe in recipes.items()}
    torch.manual_seed(config.seed)
    run = Training(Repair(), config.out, length(config), repair_loss, device=config.device)
    if config.resume:
        run.resume()
    note(config, run, pools)
    print(f"{len(pools['seen'])} samples, from step {run.step}", flush=True)
    held = [Batches(pools["held-out"], CHECK_SEED, still, config.batch) for still in (False, True)]
    checks = [(held[0][k], held[1][k]) for k in range(CHECK_STEPS)]
    run.train(stream(Batches(pools["seen"], config.seed, None, config.batch), run.step), checks)


def length(config: Config) -> Schedule:
    return Schedule(config.budget, config.steps, config.rate)


def stream(batches: Batches, first: int) -> Iterator[Batch]:
    """Batches from number ``first`` on; reading them costs a hundredth of learning from them."""
    return (batches[k] for k in count(first))


def note(config: Config, run: Run, pools: dict[str, Pool]) -> None:
    """Write down what the run was made of, for the model card."""
    run.folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "seed": config.seed,
        "aim": config.aim,
        "batch": config.batch,
        "device": config.device,
        "budget_seconds": run.schedule.seconds,
        "commit": commit(),
        "torch": torch.__version__,
        "shape": asdict(run.net.shape),  # type: ignore[arg-type]
        "samples": len(pools["seen"]),
        "trained_on": pools["seen"].facts["material"],
        "held_out": pools["held-out"].facts["material"],
    }
    (run.folder / "run.json").write_text(json.dumps(facts, indent=1))


def trained(folder: Path) -> Repair:
    """The averaged weights of a run's checkpoint. Raises ``InputError`` if there is none."""
    weights = load_checkpoint(folder / "checkpoint.pt")["average"]
    facts = json.loads((folder / "run.json").read_text())["shape"]
    packed = weights["enter.weight"].shape[1] != ENTERING
    entry = 6 if packed else facts.get("entry", Shape().entry)
    net = Repair(Shape(tuple(facts["widths"]), tuple(facts["depths"]), entry))
    net.load_state_dict(unpacked(weights) if packed else weights)
    return net.eval()


def parse(arguments: Sequence[str] | None = None) -> Config:
    """Command line to ``Config``."""
    parser = argparse.ArgumentParser(prog="fgcodec train repair", description="Train the mask net.")
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="folder with photos*/, video_clean/ and, if any, damage_masks/",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint and curve")
    parser.add_argument("--budget", default="40m", help="wall-clock length: 40m, 90s, 2h")
    parser.add_argument("--steps", type=int, help="train this many steps instead, repeatably")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint")
    parser.add_argument("--pool", type=Path, help="folder of the samples, made if missing")
    parser.add_argument(
        "--aim",
        choices=list(repair_samples.AIMS),
        default="both",
        help="clips and stills, clips alone, or scans of stills",
    )
    parser.add_argument("--samples", type=int, default=30000, help="samples of a new pool, 55 kB each")
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    given = vars(parser.parse_args(arguments))
    return Config(**{**given, "budget": seconds(given["budget"])})


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``python -m`` and of ``fgcodec train repair``."""
    train(parse(arguments))


if __name__ == "__main__":
    main()
