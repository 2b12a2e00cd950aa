"""Fitting the atlas of one window: a run that can be interrupted and goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from filmgrain_codec.train.atlas.camera import places as camera_places
from filmgrain_codec.train.atlas.footage import Footage
from filmgrain_codec.train.atlas.losses import Held, Points, drawn, wrong
from filmgrain_codec.train.atlas.nets import Atlas
from filmgrain_codec.train.atlas.settings import Settings
from filmgrain_codec.train.loop import Run, Schedule

AT_ONCE = 1 << 16
"""Points whose samples are computed together."""
Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Steady(Schedule):
    """A schedule whose rate stays as it is."""

    def rate_at(self, step: int, elapsed: float) -> float:
        return self.rate


def mixed(*numbers: int) -> int:
    """One seed of several numbers from 0."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)


def schedule(settings: Settings, frames: int, seconds: float | None, save_every: float) -> Schedule:
    """By ``seconds`` of wall clock, or by the settings' steps for so many frames."""
    kind = Schedule if settings.decay else Steady
    least = min(settings.least, settings.steps)
    steps = None if seconds else max(least, settings.steps * frames // 200)
    return kind(seconds or 0.0, steps, settings.rate, 20, save_every)


@dataclass
class Fitting(Run):
    """``Run`` with points of a window for batches; ``tell`` is given the share that is done."""

    held: Held = None  # type: ignore[assignment]
    settings: Settings = None  # type: ignore[assignment]
    seed: int = 0
    tell: Callable[[float], None] = lambda share: None

    def __post_init__(self) -> None:
        self.net.to(self.device)
        self.average = {}
        self.optimiser = torch.optim.Adam(self.net.parameters(), self.schedule.rate)  # type: ignore[assignment]

    @property
    def share(self) -> float:
        return min(1.0, self.schedule.progress(self.step, self.elapsed))

    def points(self) -> Iterator[Points]:
        """The points of every step from this one on."""
        step = self.step
        while True:
            yield drawn(self.held, self.settings.samples, mixed(self.seed, step), self.settings.both)
            step += 1

    def finish(self) -> None:
        """Go on to the end of the schedule; a run that is stopped keeps what it has learned."""
        if self.share >= 1:
            return
        try:
            self.train(self.points(), [])
        except BaseException:
            self.save()
            raise

    def learn(self, batch: Points) -> None:
        """One step of the optimiser."""
        self.tell(self.share)
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate_at(self.step, self.elapsed)
        assert isinstance(self.net, Atlas)
        loss = wrong(self.net, self.held, batch, self.settings, self.share < 0.5)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.step += 1
        self.loss += max(0.01, 1 / self.step) * (loss.item() - self.loss)

    def report(self, checks: object) -> None:
        """One row of the learning curve."""
        rate = self.schedule.rate_at(self.step, self.elapsed)
        row = {"step": self.step, "seconds": round(self.elapsed, 1), "rate": rate, "train_loss": self.loss}
        self.curve.append(row)


def begun(footage: Footage, settings: Settings, seed: int, device: str) -> Atlas:
    """A new atlas for a window; the same seed begins the same."""
    at, unit = camera_places(footage.ahead, footage.sure[0])
    torch.manual_seed(seed)
    frames, _, rows, columns = footage.planes.shape
    middle = torch.as_tensor(footage.planes.mean((0, 2, 3)))
    return Atlas(settings, torch.as_tensor(at), unit, (frames, rows, columns), middle).to(device)


def rebuilt(net: Atlas, footage: Footage, device: str) -> tuple[Array, Array]:
    """The window as the atlas explains it (frames, planes, rows, columns), and where in the atlas every
    sample lies (frames, rows, columns, 2).
    """
    frames, planes, rows, columns = footage.planes.shape
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    xy = torch.stack([x.flatten(), y.flatten()], 1).float().to(device)
    made = np.empty_like(footage.planes)
    places = np.empty((frames, rows, columns, 2), np.float32)
    with torch.no_grad():
        for t in range(frames):
            when = torch.full((len(xy),), t, device=device)
            parts = zip(xy.split(AT_ONCE), when.split(AT_ONCE), strict=True)
            uv = [net.mapped(p, w) for p, w in parts]
            seen = torch.cat([net.seen(p) for p in uv])
            made[t] = seen.T.reshape(planes, rows, columns).cpu().numpy()
            places[t] = torch.cat(uv).reshape(rows, columns, 2).cpu().numpy()
    return made, places
