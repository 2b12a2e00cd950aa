"""One run of the DeepFilmGrain baseline: what is asked for, and the training of a removal net."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from filmgrain_codec.train.dfg_losses import LOSSES, psnr
from filmgrain_codec.train.dfg_tasks import Task
from filmgrain_codec.train.loop import Run
from filmgrain_codec.train.samples import Batch


@dataclass(frozen=True, slots=True)
class Config:
    """One run; its length is the task's epochs, or ``steps``, or ``budget`` seconds of wall clock.

    ``data`` is a tree of pairs, or a folder of clean pictures that get grain of ``family``.
    """

    task: str
    data: Path
    out: Path
    steps: int | None = None
    budget: float | None = None
    seed: int = 0
    resume: bool = False
    width: int = 64
    family: str = "spectral"
    device: str = "cpu"
    bf16: bool = False
    channels_last: bool = False
    threads: int = 1
    workers: int = 1


@dataclass
class Training(Run):
    """``Run`` with the published optimiser: Adam at a constant rate, no averaging of the weights."""

    task: Task = None  # type: ignore[assignment]
    config: Config = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        layout = torch.channels_last if self.config.channels_last else torch.contiguous_format
        self.net.to(self.config.device, memory_format=layout)  # type: ignore[call-overload]
        self.average: dict[str, Tensor] = {}
        beta = (self.task.beta1, 0.999)
        self.optimiser = torch.optim.Adam(self.net.parameters(), self.task.rate, beta, eps=1e-7)

    def answer(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(made, clean) in -1..1 and float32."""
        image, level, clean = (batch[k].to(self.config.device) for k in ("image", "level", "clean"))
        if self.config.channels_last:
            image = image.to(memory_format=torch.channels_last)
        with torch.autocast(self.config.device, torch.bfloat16, enabled=self.config.bf16):
            made = self.net(image, level)
        return 2 * made.float() - 1, 2 * clean - 1

    def learn(self, batch: Batch) -> None:
        """One step of the optimiser."""
        self.net.train()
        loss = LOSSES[self.task.loss](*self.answer(batch))
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.step += 1
        self.loss += max(0.01, 1 / self.step) * (loss.item() - self.loss)

    def report(self, checks: list[Batch]) -> None:  # type: ignore[override]
        """One row of the learning curve, on held-out pictures with running statistics."""
        self.net.eval()
        with torch.no_grad():
            rows = [self.check(batch) for batch in checks]
        held_out, gain = (round(v, 4) for v in torch.tensor(rows).mean(0).tolist())
        row = {"step": self.step, "seconds": round(self.elapsed, 1), "rate": self.task.rate}
        row |= {"train_loss": round(self.loss, 4), "held_out_loss": held_out, "gain_db": gain}
        self.curve.append(row)
        print(" ".join(f"{k} {v:g}" for k, v in row.items()), flush=True)

    def check(self, batch: Batch) -> tuple[float, float]:
        """(loss, PSNR gain in dB over the grainy picture) on one batch."""
        made, clean = self.answer(batch)
        before = psnr(batch["image"], batch["clean"])
        after = psnr(((made + 1) / 2).cpu(), batch["clean"])
        return float(LOSSES[self.task.loss](made, clean)), after - before
