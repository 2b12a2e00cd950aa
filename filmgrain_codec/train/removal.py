"""Train the removal nets: ``python -m filmgrain_codec.train.removal --data DIR --out DIR --budget 50m``."""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from filmgrain_codec.errors import UsageError
from filmgrain_codec.train import material
from filmgrain_codec.train.loop import CHECK_STEPS, Run, Schedule, load_checkpoint, stream
from filmgrain_codec.train.networks.removal import CHROMA, LUMA, Removal
from filmgrain_codec.train.samples import Batches, ChromaBatches, LumaBatches

PARTS = ("luma", "chroma")
SHAPES = {"luma": LUMA, "chroma": CHROMA}
BATCHES: dict[str, type[Batches]] = {"luma": LumaBatches, "chroma": ChromaBatches}
CHECK_SEED = 4242
UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Config:
    """One run. ``budget`` in seconds of wall clock; ``steps`` instead makes it repeatable bit for bit.

    ``part``: luma, chroma, or all (luma takes two thirds of the budget). ``start``: the folder of an
    earlier run whose averaged weights to begin with; ``rate``: the highest learning rate.
    """

    data: Path
    out: Path
    part: str = "all"
    budget: float = 3000.0
    steps: int | None = None
    seed: int = 0
    resume: bool = False
    start: Path | None = None
    rate: float = 2e-3
    threads: int = 1
    workers: int = 1


def train(config: Config) -> None:
    """Train the part(s) asked for; each writes checkpoint.pt, curve.csv and run.json to out/<part>.

    Raises ``UsageError`` for an unknown part, ``InputError`` where no training pictures are found.
    """
    if config.part not in (*PARTS, "all"):
        raise UsageError(f"There is no part '{config.part}' to train: choose luma, chroma or all.")
    torch.set_num_threads(config.threads)
    if config.part != "all":
        train_part(config, config.part, config.budget)
        return
    for part, share in zip(PARTS, (2 / 3, 1 / 3), strict=True):
        train_part(config, part, config.budget * share)


def train_part(config: Config, part: str, budget: float) -> None:
    """Train one net for ``budget`` seconds."""
    seen, held_out = material.load(config.data), material.load(config.data, held_out=True)
    torch.manual_seed(config.seed)
    run = Run(begun(config, part), config.out / part, Schedule(budget, config.steps, config.rate))
    if config.resume:
        run.resume()
    note(config, part, run, seen, held_out)
    print(f"{part}: {len(seen.photos)} pictures, {len(seen.clips)} clips, from step {run.step}", flush=True)
    batches = BATCHES[part]
    told, blind = (batches(held_out, CHECK_SEED, blind=b) for b in (False, True))
    checks = [(told[k], blind[k]) for k in range(CHECK_STEPS)]
    run.train(stream(batches(seen, config.seed), run.step, config.workers), checks)


def begun(config: Config, part: str) -> Removal:
    """The net to train: new, or with the weights of an earlier run."""
    net = Removal(SHAPES[part])
    if config.start is not None:
        net.load_state_dict(load_checkpoint(config.start / part / "checkpoint.pt")["average"])
    return net


def note(config: Config, part: str, run: Run, seen: material.Material, held_out: material.Material) -> None:
    """Write down what the run was made of, for the model card."""
    run.folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "part": part,
        "seed": config.seed,
        "budget_seconds": run.schedule.seconds,
        "commit": commit(),
        "started_from": None if config.start is None else earlier(config.start / part),
        "torch": torch.__version__,
        "shape": asdict(run.net.shape),  # type: ignore[arg-type]
        "trained_on": seen.names,
        "held_out": held_out.names,
    }
    (run.folder / "run.json").write_text(json.dumps(facts, indent=1))


def earlier(folder: Path) -> dict[str, object]:
    """What is worth knowing of the run that this one begins with."""
    facts = json.loads((folder / "run.json").read_text())
    kept = {k: facts[k] for k in ("seed", "budget_seconds", "commit")}
    return {**kept, "steps": load_checkpoint(folder / "checkpoint.pt")["step"]}


def commit() -> str:
    """The checkout's commit, '' outside one."""
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    return answer.stdout.strip()


def seconds(text: str) -> float:
    """'50m', '90s', '2h' or plain seconds."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in UNITS else (text, "s")
    try:
        value = float(number) * UNITS[unit]
    except ValueError:
        value = 0.0
    if not value > 0:
        raise UsageError(f"'{text}' is no length of time: write 50m, 90s or 2h.")
    return value


def parse(arguments: Sequence[str] | None = None) -> Config:
    """Command line to ``Config``."""
    parser = argparse.ArgumentParser(prog="fgcodec train removal", description="Train the removal nets.")
    parser.add_argument("--data", type=Path, required=True, help="folder with photos*/ and video_clean/")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoints and curves")
    parser.add_argument("--part", default="all", choices=(*PARTS, "all"))
    parser.add_argument("--budget", default="50m", help="wall-clock length: 50m, 90s, 2h")
    parser.add_argument("--steps", type=int, help="train this many steps instead, repeatably")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint")
    parser.add_argument("--start", type=Path, help="begin with the weights of an earlier run's folder")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that make batches ahead")
    given = vars(parser.parse_args(arguments))
    return Config(**{**given, "budget": seconds(given["budget"])})


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``python -m`` and of ``fgcodec train removal``."""
    train(parse(arguments))


if __name__ == "__main__":
    main()
