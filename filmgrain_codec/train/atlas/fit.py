"""Corrections of a clip by a neural atlas of each shot, made window by window in a work folder.

An atlas is static, so what a frame has more than its atlas is light or flicker. Only low-frequency gains of
that are taken, and of these only what is not slow (``gains``): faults of its structure enter no picture.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from filmgrain_codec.core.frame import Frame, FrameFormat
from filmgrain_codec.errors import InputError, UsageError
from filmgrain_codec.nodes.flicker.correction import Correction
from filmgrain_codec.nodes.flicker.table import Table, mean_luma, read
from filmgrain_codec.train.atlas.footage import Small, footage, masked, size_of, small
from filmgrain_codec.train.atlas.gains import measured
from filmgrain_codec.train.atlas.losses import Held
from filmgrain_codec.train.atlas.nets import Atlas
from filmgrain_codec.train.atlas.run import Fitting, begun, mixed, rebuilt, schedule
from filmgrain_codec.train.atlas.settings import LONGEST, OVERLAP, QUALITIES, Settings
from filmgrain_codec.train.atlas.texture import sharpened
from filmgrain_codec.train.atlas.windows import windows

FACTS = "atlas.json"
SAVE_EVERY = 60.0
Frames = Callable[[], Iterable[Frame]]
Tell = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A clip: ``frames`` gives them all from the start, whenever called, ``count`` of them of ``fmt``;
    ``cuts``: first frames of its shots but the first; ``digest``: its name in the table; ``masks``: one
    mask a frame, bright where the picture must not count.
    """

    frames: Frames
    fmt: FrameFormat
    count: int
    cuts: Sequence[int] = ()
    digest: str = ""
    masks: Frames | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How to fit. ``budget``: seconds for all windows together instead of the settings' steps, with which
    the same ``seed`` gives the same bits on the same CPU and ``threads`` (None: as many as torch likes).
    """

    settings: Settings = QUALITIES["quick"]
    budget: float | None = None
    seed: int = 0
    device: str = "cpu"
    threads: int | None = None
    save_every: float = SAVE_EVERY
    longest: int = LONGEST
    overlap: int = OVERLAP


@dataclass
class Job:
    """A fit in its folder: what is done is not done again."""

    source: Source
    config: Config
    work: Path
    tell: Tell
    found: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.windows = windows(self.source.cuts, self.source.count, self.config.longest, self.config.overlap)
        self.size = size_of(self.source.fmt, self.config.settings.columns)
        self.frames = sum(map(len, self.windows))
        self.means: list[float] = []

    def folder(self, k: int) -> Path:
        return self.work / f"window-{k:05d}"

    def done(self, k: int) -> bool:
        return (self.folder(k) / "table.npz").exists()

    def run(self) -> Table:
        """Every window, then all of them together."""
        held: deque[tuple[int, Small]] = deque()
        todo = deque(k for k in range(len(self.windows)) if not self.done(k))
        for frame, mask in self._frames():
            self.means.append(mean_luma(frame))
            if todo and frame.index >= self.windows[todo[0]].first:
                held.append((frame.index, small(frame, self.size, mask)))
            while todo and frame.index == self.windows[todo[0]].stop - 1:
                self.fit(todo[0], [s for n, s in held if n >= self.windows[todo[0]].first])
                todo.popleft()
                first = self.windows[todo[0]].first if todo else self.source.count
                while held and held[0][0] < first:
                    held.popleft()
        self._check()
        self.tell(1.0)
        return self.joined()

    def _frames(self) -> Iterator[tuple[Frame, Frame | None]]:
        masks = self.source.masks
        return masked(iter(self.source.frames()), iter(masks()) if masks else None)

    def _check(self) -> None:
        if len(self.means) != self.source.count:
            raise InputError(
                f"The clip has {len(self.means)} frames where {self.source.count} were announced: "
                f"its file may be damaged."
            )

    def fit(self, k: int, frames: list[Small]) -> None:
        """One window, and its corrections into its folder."""
        window, source, config = self.windows[k], self.source, self.config
        seen = footage(frames, source.fmt.family == "rgb")
        before = sum(len(w) for w in self.windows[:k])
        seed = mixed(config.seed, k)
        seconds = config.budget and config.budget * len(window) / self.frames
        run = Fitting(
            begun(seen, config.settings, seed, config.device),
            self.folder(k),
            schedule(config.settings, len(window), seconds, config.save_every),
            device=config.device,
            held=Held.of(seen, config.device),
            settings=config.settings,
            seed=seed,
            tell=lambda share: self.tell((before + share * len(window)) / self.frames),
        )
        run.resume()
        run.finish()
        middle = ((source.fmt.peak + 1) >> 1) / source.fmt.peak
        assert isinstance(run.net, Atlas)
        plain, places = rebuilt(run.net, seen, config.device)
        atlas = sharpened(seen, plain, places, run.net.unit)
        made = measured(seen, plain, atlas, source.fmt.family, middle)
        facts = asdict(window) | {"steps": run.step, "loss": run.loss, "strength": made.strength}
        facts |= {"change_before": made.before, "change_after": made.after}
        (self.folder(k) / "window.json").write_text(json.dumps(facts))
        means = [f.mean for f in frames]
        Table.of(made.corrections, means, source.fmt.family, source.digest).write(
            self.folder(k) / "table.npz"
        )
        run.checkpoint.unlink(missing_ok=True)

    def joined(self) -> Table:
        """One table of the clip; where windows overlap, their corrections are blended."""
        planes = self.source.fmt.planes
        none = Correction.none(planes)
        curves = np.tile(none.curves, (self.source.count, 1, 1))
        fields = np.tile(none.field, (self.source.count, 1, 1, 1))
        counted = np.zeros(self.source.count, np.float32)
        for k, window in enumerate(self.windows):
            table, part = read(self.folder(k) / "table.npz"), slice(window.first, window.stop)
            curves[part] += (window.shares[:, None, None]) * (table.curves - none.curves)
            fields[part] += window.shares[:, None, None, None] * table.field
            counted[part] += window.shares
            self.found.append(json.loads((self.folder(k) / "window.json").read_text()))
        counted = np.maximum(counted, np.float32(1e-6))
        curves = none.curves + (curves - none.curves) / counted[:, None, None]
        fields /= counted[:, None, None, None]
        means = np.array(self.means, np.float32)
        return Table(self.source.digest, self.source.fmt.family, means, curves, fields)


def fit(source: Source, work: Path, config: Config | None = None, tell: Tell | None = None) -> Table:
    """Corrections of every frame of a clip; ``work`` keeps what is done and what an interrupted run resumes.

    ``tell`` is given the share that is done, 0 to 1. Each window's figures end in its window.json.

    Raises ``UsageError`` for a work folder of another job or a missing device, ``InputError`` for masks or
    frames that are not as many as said.
    """
    config = config or Config()
    if config.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("This machine has no CUDA device that torch can use: leave --device out.")
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    job = Job(source, config, work, tell or (lambda share: None))
    same_job(work, facts_of(source, config))
    return job.run()


def facts_of(source: Source, config: Config) -> dict[str, Any]:
    """What must be the same for a work folder to be gone on with."""
    return {
        "digest": source.digest,
        "frames": source.count,
        "family": source.fmt.family,
        "cuts": list(source.cuts),
        "masks": source.masks is not None,
        "settings": asdict(config.settings),
        "seed": config.seed,
        "windows": [config.longest, config.overlap],
    }


def same_job(work: Path, facts: dict[str, Any]) -> None:
    """Refuse a folder that holds another job, mark one that holds none. Raises ``UsageError``."""
    path = work / FACTS
    if not path.exists():
        work.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(facts, indent=1))
        return
    try:
        earlier = json.loads(path.read_text())
        other = [k for k, v in facts.items() if earlier[k] != v]
    except (ValueError, KeyError, TypeError):
        other = ["contents"]
    if other:
        raise UsageError(f"{work} was begun with other {other[0]}: remove it, or name another with --work.")
