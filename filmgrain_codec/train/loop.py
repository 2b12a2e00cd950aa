"""The training loop: wall-clock schedule, moving average, checkpoints, learning curve."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from filmgrain_codec.errors import InputError
from filmgrain_codec.train.losses import gain_db, removal_loss, taught
from filmgrain_codec.train.networks.removal import cleaned
from filmgrain_codec.train.samples import Batch, Batches

COLUMNS = ("step", "seconds", "rate", "train_loss", "held_out_loss", "gain_db", "rough_gain_db")
CHECK_STEPS = 16


@dataclass(frozen=True, slots=True)
class Schedule:
    """Length by wall clock (``seconds``), or by ``steps`` where a test must repeat exactly.

    The rate falls as a cosine over the length whatever the machine is busy with, so a run always
    ends well annealed.
    """

    seconds: float = 3000.0
    steps: int | None = None
    rate: float = 2e-3
    warm_up: int = 200
    save_every: float = 120.0

    def progress(self, step: int, elapsed: float) -> float:
        return step / self.steps if self.steps else elapsed / self.seconds

    def rate_at(self, step: int, elapsed: float) -> float:
        part = min(1.0, self.progress(step, elapsed))
        return self.rate * min(1.0, (step + 1) / self.warm_up) * (0.5 + 0.5 * math.cos(math.pi * part) + 1e-3)


@dataclass
class Run:
    """A net in training and all that a resumed run needs."""

    net: nn.Module
    folder: Path
    schedule: Schedule
    objective: Callable[[nn.Module, Batch], Tensor] = taught
    judge: Callable[[nn.Module, Batch], tuple[float, float]] | None = None
    """(loss, gain in dB) of a batch held out; None is a removal net's."""
    device: str = "cpu"
    step: int = 0
    elapsed: float = 0.0
    loss: float = 0.0
    slowed: float = 1.0
    """Factor of the learning rate."""
    curve: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        self.optimiser = torch.optim.AdamW(self.net.parameters(), self.schedule.rate, weight_decay=1e-4)

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def save(self) -> None:
        """Checkpoint and learning curve, each replaced at once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {k: getattr(self, k) for k in ("step", "elapsed", "loss", "curve", "average")}
        state |= {"net": self.net.state_dict(), "optimiser": self.optimiser.state_dict()}
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.checkpoint)
        with (self.folder / "curve.csv").open("w", newline="") as out:
            rows = csv.DictWriter(out, list(self.curve[0]) if self.curve else COLUMNS)
            rows.writeheader()
            rows.writerows(self.curve)

    def resume(self) -> None:
        """Continue where the last checkpoint ended; a run without one starts at the beginning."""
        if not self.checkpoint.exists():
            return
        state = load_checkpoint(self.checkpoint)
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        for k in ("step", "elapsed", "loss", "curve", "average"):
            setattr(self, k, state[k])
        self.average = moved(self.average, self.device)

    def train(self, batches: Iterable[Batch], checks: list[tuple[Batch, Batch]]) -> None:
        """Train to the end of the schedule, saving on the way and at the end."""
        started, saved = time.monotonic() - self.elapsed, time.monotonic()
        for batch in batches:
            if self.schedule.progress(self.step, self.elapsed) >= 1:
                break
            self.learn(moved(batch, self.device))
            self.elapsed = time.monotonic() - started
            if time.monotonic() - saved > self.schedule.save_every:
                self.report(checks)
                self.save()
                saved = time.monotonic()
        self.report(checks)
        self.save()

    def learn(self, batch: Batch) -> None:
        """One optimiser step and one step of the moving average."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.slowed * self.schedule.rate_at(self.step, self.elapsed)
        loss = self.objective(self.net, batch)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        kept = min(0.998, self.step / (self.step + 20))
        with torch.no_grad():
            for k, v in self.net.state_dict().items():
                self.average[k].lerp_(v, 1 - kept)
        weight = max(0.01, 1 / self.step)
        self.loss += weight * (loss.item() - self.loss)

    def report(self, checks: list[tuple[Batch, Batch]]) -> None:
        """One row of the learning curve, on held-out photographs with the averaged weights."""
        live = {k: v.clone() for k, v in self.net.state_dict().items()}
        self.net.load_state_dict(self.average)
        with torch.no_grad():
            pairs = [(moved(well, self.device), moved(rough, self.device)) for well, rough in checks]
            judge = self.judge or measure
            rows = [(*judge(self.net, well), judge(self.net, rough)[1]) for well, rough in pairs]
        self.net.load_state_dict(live)
        held_out, gain, rough_gain = (round(v, 4) for v in torch.tensor(rows).mean(0).tolist())
        rate = self.schedule.rate_at(self.step, self.elapsed)
        values = (self.step, round(self.elapsed, 1), rate, round(self.loss, 4), held_out, gain, rough_gain)
        row = dict(zip(COLUMNS, values, strict=True))
        self.curve.append(row)
        print(" ".join(f"{k} {v:g}" for k, v in row.items()), flush=True)


def moved(batch: Batch, device: str) -> Batch:
    """The tensors on a device."""
    return {k: v.to(device) for k, v in batch.items()}


def measure(net: nn.Module, batch: Batch) -> tuple[float, float]:
    """(loss, PSNR gain in dB) on one batch."""
    made, clean, frames = cleaned(net, batch), batch["clean"], batch["frames"]
    noisy = frames[:, frames.shape[1] // 2]
    return float(removal_loss(made, clean, batch["level"])), float(gain_db(made, noisy, clean))


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The state a run saved. Raises ``InputError`` if it is missing."""
    if not path.exists():
        raise InputError(f"There is no checkpoint at {path}: train first, or name the run's folder.")
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def stream(batches: Batches, first: int, workers: int) -> Iterator[Batch]:
    """Batches from number ``first`` on, made ahead by ``workers`` processes."""
    order = range(first, len(batches))
    ahead = 4 if workers else None
    return iter(DataLoader(batches, None, sampler=order, num_workers=workers, prefetch_factor=ahead))
