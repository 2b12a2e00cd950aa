"""Train the DeepFilmGrain baseline: ``fgcodec train dfg --task removal_case_3 --data TREE --out DIR``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from filmgrain_codec.errors import InputError, OutputError, UsageError
from filmgrain_codec.train import dfg_tasks
from filmgrain_codec.train.dfg_data import Pairs, pairs
from filmgrain_codec.train.dfg_gan import Adversarial, Synthesis, generator_of
from filmgrain_codec.train.dfg_run import Config, Training
from filmgrain_codec.train.dfg_tasks import Task
from filmgrain_codec.train.loop import Schedule, load_checkpoint, stream
from filmgrain_codec.train.networks.patchgan import PatchGan
from filmgrain_codec.train.networks.unet import Baseline, macs_per_pixel, parameters, use_statistics
from filmgrain_codec.train.removal import commit, seconds

CHECK_SEED, CHECKS = 4242, 10
FACTS = "run.json"
DEVICES = ("cpu", "cuda")


def train(config: Config) -> None:
    """Train one task; writes checkpoint.pt, curve.csv and run.json to ``config.out``.

    Raises ``UsageError`` for an unknown task or an odd length, ``InputError`` for unusable data,
    ``OutputError`` where a run lies in the folder and ``resume`` is not set.
    """
    task = dfg_tasks.task(config.task)
    ready(config)
    torch.set_num_threads(config.threads)
    seen, unseen = (
        pairs(config.data, task, seed, validation=v, family=config.family)
        for v, seed in ((False, config.seed), (True, CHECK_SEED))
    )
    torch.manual_seed(config.seed)
    net = build(task, config.width)
    kind = Synthesis if task.synthesis else Training
    run = kind(net, config.out, schedule(config, seen), task=task, config=config)
    facts = describe(config, task, net, seen, unseen)
    if config.resume:
        same_run(config.out, facts)
        run.resume()
    note(config.out, facts)
    print(f"{task.name}: {seen.count} pairs, from step {run.step} of {run.schedule.steps or 'the budget'}")
    checks = [unseen[k] for k in range(CHECKS)]
    run.train(stream(seen, run.step, config.workers), checks)  # type: ignore[arg-type]


def build(task: Task, width: int) -> nn.Module:
    """What a task trains: a net, or for the adversarial loss a net and its discriminator."""
    net = Baseline(task.network, task.channels, task.blind, width, synthesis=task.synthesis)
    return Adversarial(net, PatchGan(task.channels, width)) if task.loss == "gan_l1" else net


def ready(config: Config) -> None:
    """Refuse what cannot be run before anything is read."""
    if config.steps is not None and config.budget is not None:
        raise UsageError("--steps and --budget both say how long to train: give one of them.")
    if config.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("This machine has no CUDA device that torch can use: leave --device out.")
    if (config.out / "checkpoint.pt").exists() and not config.resume:
        raise OutputError(f"{config.out} holds a run already: add --resume, or name another folder.")


def schedule(config: Config, seen: Pairs) -> Schedule:
    """The length of the run: by clock, by steps, or the task's epochs."""
    if config.budget is not None:
        return Schedule(config.budget, rate=seen.task.rate)
    steps = config.steps or seen.task.epochs * seen.steps_per_epoch
    return Schedule(steps=steps, rate=seen.task.rate)


def describe(config: Config, task: Task, trained: nn.Module, seen: Pairs, unseen: Pairs) -> dict[str, Any]:
    """What the run is made of."""
    net = generator_of(trained)
    return {
        "task": asdict(task) | {"levels": list(task.levels)},
        "width": config.width,
        "seed": config.seed,
        "family": config.family,
        "parameters": parameters(net),
        "kmac_per_pixel": macs_per_pixel(net) / 1000,
        "discriminator_parameters": parameters(trained) - parameters(net),
        "commit": commit(),
        "torch": torch.__version__,
        "device": config.device,
        "bf16": config.bf16,
        "trained_on": list(seen.names),
        "held_out": list(unseen.names),
    }


def same_run(folder: Path, facts: dict[str, Any]) -> None:
    """Refuse to resume a run of another kind: it would not end as the first one would have."""
    if not (folder / FACTS).exists():
        return
    earlier = read_facts(folder)
    for key in ("task", "width", "seed", "family", "bf16", "trained_on"):
        if earlier[key] != facts[key]:
            raise UsageError(
                f"{folder} was begun with another {key.replace('_', ' ')}: resume it with the same."
            )


def note(folder: Path, facts: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FACTS).write_text(json.dumps(facts, indent=1))


def read_facts(folder: Path) -> dict[str, Any]:
    """What ``run.json`` says. Raises ``InputError`` where there is no run."""
    path = folder / FACTS
    if not path.exists():
        raise InputError(f"{folder} holds no run ({FACTS} is missing): name the folder of fgcodec train dfg.")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def trained(folder: Path) -> tuple[Baseline, Task]:
    """The net of a run in evaluation mode, with its task's statistics, and the task."""
    facts = read_facts(folder)
    task = Task(**{**facts["task"], "levels": tuple(facts["task"]["levels"])})
    net = build(task, facts["width"])
    net.load_state_dict(load_checkpoint(folder / "checkpoint.pt")["net"])
    use_statistics(net, task.statistics)
    return generator_of(net).eval(), task


def parse(arguments: Sequence[str] | None = None) -> Config:
    """Command line to ``Config``."""
    about = "Train DeepFilmGrain's removal and synthesis nets, as a baseline."
    parser = argparse.ArgumentParser(prog="fgcodec train dfg", description=about)
    tasks = f"{', '.join(dfg_tasks.names())}, or a .toml file"
    parser.add_argument("--task", default="removal_case_3", help=tasks)
    parser.add_argument("--data", type=Path, required=True, help="tree with org/ and fg/, or clean pictures")
    parser.add_argument("--out", type=Path, required=True, help="folder for checkpoint, curve and facts")
    parser.add_argument("--steps", type=int, help="train this many steps instead of the task's epochs")
    parser.add_argument("--budget", type=seconds, help="train for a wall-clock time instead: 90m, 2h")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint")
    parser.add_argument("--width", type=int, default=64, help="channels of the finest level (published: 64)")
    parser.add_argument("--family", default="spectral", help="grain put on clean pictures")
    parser.add_argument("--device", choices=DEVICES, default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--bf16", action="store_true", help="bfloat16 arithmetic")
    parser.add_argument("--channels-last", action="store_true", help="channels-last layout")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes that read pairs ahead")
    return Config(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``fgcodec train dfg``."""
    train(parse(arguments))


if __name__ == "__main__":
    main()
