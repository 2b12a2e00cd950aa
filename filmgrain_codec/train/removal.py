"""Train the removal nets: ``python -m filmgrain_codec.train.removal --data DIR --out DIR --budget 90m``."""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from filmgrain_codec.errors import UsageError
from filmgrain_codec.train import pool
from filmgrain_codec.train.answers import answered, name_of
from filmgrain_codec.train.loop import CHECK_STEPS, Run, Schedule, load_checkpoint, stream
from filmgrain_codec.train.networks.removal import TIERS, Removal, Shape, Tier
from filmgrain_codec.train.pool import TRAINING, Pool
from filmgrain_codec.train.samples import Answers, Batches, ChromaBatches, LumaBatches

PARTS = ("luma", "chroma")
LUMA_SHARE = 3 / 4
"""Of the budget, where both parts are trained."""
POOL_MOTION = "fast"
"""Small windows are aligned as well by the fast search: the fine one gave 0.06 dB on held-out windows."""
CHECK_SEED = 4242
CHECKED = 384
"""Samples of the held-out pool."""
UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Config:
    """One run. ``budget`` in seconds of wall clock; ``steps`` instead makes it repeatable bit for bit.

    ``pool``: where the training windows lie or are to be made (``samples`` of them), by default
    beside ``out``. ``part``: luma, chroma (needs luma), or all. ``start``: the folder of an earlier
    run whose averaged weights to begin with; ``teacher``: one of a larger tier to learn from, on the
    same pool; ``rate``: the highest learning rate.
    """

    data: Path
    out: Path
    tier: str = "fast"
    part: str = "all"
    budget: float = 5400.0
    steps: int | None = None
    seed: int = 0
    resume: bool = False
    start: Path | None = None
    teacher: Path | None = None
    rate: float = 2e-3
    pool: Path | None = None
    samples: int = 24000
    families: Sequence[str] = TRAINING
    threads: int = 1
    workers: int = 1
    batch: int = 12
    device: str = "cpu"

    @property
    def nets(self) -> Tier:
        return TIERS[self.tier]


@dataclass(frozen=True, slots=True)
class Pools:
    """Training windows, and those of held-out photographs."""

    seen: Pool
    held_out: Pool


def train(config: Config) -> None:
    """Train the part(s) asked for; each writes checkpoint.pt, curve.csv and run.json to out/<part>.

    Raises ``UsageError`` for an unknown part or tier, ``InputError`` where no training pictures are
    found or a pool does not fit.
    """
    if config.part not in (*PARTS, "all") or config.tier not in TIERS:
        raise UsageError(
            f"There is no part '{config.part}' of tier '{config.tier}': choose luma, chroma or "
            f"all of {', '.join(TIERS)}."
        )
    if config.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("This machine has no CUDA device that torch can use: leave --device out.")
    torch.set_num_threads(config.threads)
    pools = made_pools(config)
    if config.part != "all":
        train_part(config, config.part, config.budget, pools)
        return
    for part, share in zip(PARTS, (LUMA_SHARE, 1 - LUMA_SHARE), strict=True):
        train_part(config, part, config.budget * share, pools)


def made_pools(config: Config) -> Pools:
    """The pools of a run, made where they are missing."""
    folder = config.pool or config.out.parent / f"pool-{POOL_MOTION}"
    cores = max(2, config.workers)

    def made(name: str, count: int, seed: int, held_out: bool) -> Pool:
        recipe = pool.Recipe(config.data, seed, count, POOL_MOTION, held_out, config.families)
        return pool.make(recipe, folder / name, cores)

    return Pools(
        made("seen", config.samples, config.seed, False),
        made("held-out", min(CHECKED, config.samples), CHECK_SEED, True),
    )


def train_part(config: Config, part: str, budget: float, pools: Pools) -> None:
    """Train one net for ``budget`` seconds."""
    torch.manual_seed(config.seed)
    schedule = Schedule(budget, config.steps, config.rate)
    run = Run(begun(config, part), config.out / part, schedule, device=config.device)
    if config.resume:
        run.resume()
    note(config, part, run, pools)
    print(f"{part}: {len(pools.seen)} windows, from step {run.step}", flush=True)
    well, rough = (batches(config, part, pools.held_out, CHECK_SEED, r) for r in (False, True))
    checks = [(well[k], rough[k]) for k in range(CHECK_STEPS)]
    seen = batches(config, part, pools.seen, config.seed, None)
    run.train(stream(seen, run.step, config.workers), checks)


def batches(config: Config, part: str, windows: Pool, seed: int, rough: bool | None) -> Batches:
    """Batches of a part; those to learn from hold the teacher's lessons."""
    lessons = None
    if config.teacher is not None and rough is None:
        lessons = answers(config.teacher, part, windows)
    if part == "luma":
        return LumaBatches(windows, seed, rough, config.batch, lessons)
    cleaned = answers(config.out, "luma", windows)
    return ChromaBatches(windows, seed, rough, 2 * config.batch, lessons, cleaned=cleaned)


def answers(run: Path, part: str, windows: Pool) -> Answers:
    """What the net of an earlier run says to every window."""
    asked: Batches = LumaBatches(windows, CHECK_SEED, False)
    if part == "chroma":
        asked = ChromaBatches(windows, CHECK_SEED, False, cleaned=answers(run, "luma", windows))
    return answered(trained(run / part), asked, run / part / name_of(windows))


def trained(folder: Path) -> Removal:
    """The averaged weights of a run's checkpoint in float32, ready to use."""
    weights = load_checkpoint(folder / "checkpoint.pt")["average"]
    facts = json.loads((folder / "run.json").read_text())["shape"]
    net = Removal(Shape(**{**facts, "widths": tuple(facts["widths"]), "depths": tuple(facts["depths"])}))
    net.load_state_dict(weights)
    return net.eval()


def begun(config: Config, part: str) -> Removal:
    """The net to train: new, or with the weights of an earlier run."""
    net = Removal(getattr(config.nets, part))
    if config.start is not None:
        net.load_state_dict(load_checkpoint(config.start / part / "checkpoint.pt")["average"])
    return net


def note(config: Config, part: str, run: Run, pools: Pools) -> None:
    """Write down what the run was made of, for the model card."""
    run.folder.mkdir(parents=True, exist_ok=True)
    facts = {
        "part": part,
        "tier": config.tier,
        "motion": POOL_MOTION,
        "seed": config.seed,
        "batch": config.batch,
        "device": config.device,
        "budget_seconds": run.schedule.seconds,
        "commit": commit(),
        "started_from": None if config.start is None else earlier(config.start / part),
        "teacher": None if config.teacher is None else earlier(config.teacher / part),
        "torch": torch.__version__,
        "shape": asdict(run.net.shape),  # type: ignore[arg-type]
        "pool": {k: pools.seen.facts[k] for k in ("seed", "count", "families")},
        "trained_on": pools.seen.facts["material"],
        "held_out": pools.held_out.facts["material"],
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
    parser.add_argument("--tier", default="fast", choices=tuple(TIERS))
    parser.add_argument("--part", default="all", choices=(*PARTS, "all"))
    parser.add_argument("--budget", default="90m", help="wall-clock length: 50m, 90s, 2h")
    parser.add_argument("--steps", type=int, help="train this many steps instead, repeatably")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint")
    parser.add_argument("--start", type=Path, help="begin with the weights of an earlier run's folder")
    parser.add_argument("--teacher", type=Path, help="learn from this run of a larger tier too")
    parser.add_argument("--pool", type=Path, help="folder of the training windows, made if missing")
    parser.add_argument("--samples", type=int, default=24000, help="windows of a new pool, 140 kB each")
    parser.add_argument("--families", nargs="+", default=TRAINING, choices=TRAINING)
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that make batches ahead")
    parser.add_argument("--batch", type=int, default=12, help="luma windows a step (chroma: twice)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    given = vars(parser.parse_args(arguments))
    return Config(**{**given, "budget": seconds(given["budget"])})


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``python -m`` and of ``fgcodec train removal``."""
    train(parse(arguments))


if __name__ == "__main__":
    main()
