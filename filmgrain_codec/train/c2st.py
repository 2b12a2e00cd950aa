"""Classifier two-sample test: can a small net tell synthetic grain from real, patch by patch?

Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", ICLR 2017. A net is taught on one half of the
frames which 64 x 64 patches of [grain over its strength, luma] are real, and judged on the other half:
0.5 means that it cannot tell, 1 that it always can. Only a net that tells white Gaussian noise of equal
strength apart is a witness: see ``STRONG`` and ``too_weak``.

Strength is taken out beforehand, because it has a measure of its own that is more lenient: a patch holds
about a thousand independent samples, so 3 % of strength would be seen three times out of four.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from filmgrain_codec.errors import InputError
from filmgrain_codec.grain import metrics

Array = NDArray[np.floating]
Patches = NDArray[np.float32]
SIDE = 64
STEPS = 600
BATCH = 32
"""Patches of each kind in a step."""
STRONG = 0.95
"""Least accuracy against white Gaussian noise at which the test means anything."""
_RATE = 4e-3
_WIDTHS = (16, 24, 32)
_Z = 1.959964
"""Standard normal deviate of a 95 % interval."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Share of patches told apart, 0.5 to 1 in the long run, and its 95 % interval (Wilson).

    ``patches``: how many there were, of equally many real and synthetic ones.
    """

    accuracy: float
    low: float
    high: float
    patches: float


class Judge(nn.Module):
    """Patches (n, 2, 64, 64) of [unit grain, luma] to logits (n,), above 0 for real.

    Every stage's mean goes to the answer, so that fine texture is seen as well as clumps.
    """

    def __init__(self) -> None:
        super().__init__()
        first, second, third = _WIDTHS
        self.stages = nn.ModuleList([stage(2, first, 7), stage(first, second, 3), stage(second, third, 3)])
        self.answer = nn.Sequential(nn.Linear(sum(_WIDTHS), 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, patches: Tensor) -> Tensor:
        seen, means = patches, []
        for part in self.stages:
            seen = part(seen)
            means.append(seen.mean((2, 3)))
        return self.answer(torch.cat(means, 1))[:, 0]  # type: ignore[no-any-return]


def stage(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    """Convolution of stride 2 without padding: a border of zeros would show where a patch ends."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, 2), nn.BatchNorm2d(outputs), nn.ReLU())


def accuracy(
    real: Array, fake: Array, real_luma: Array, fake_luma: Array, *, seed: int = 0, steps: int = STEPS
) -> Verdict:
    """How well real and synthetic grain are told apart; the same arguments give the same verdict.

    All of shape (frames, rows, columns), fractions of full scale: what was added, and the clean luma under
    it. Each kind's first half of the frames (of the rows, where there is one frame) teaches, the other
    half judges. Ten seconds or so on one core. Raises ``InputError`` for a set with fewer than two patches.
    """
    rng = np.random.default_rng(seed)
    kinds = [split(*pair) for pair in ((real, real_luma), (fake, fake_luma))]
    with one_core(seed):
        judge = taught([k[0] for k in kinds], rng, steps)
        right = [
            (answers(judge, tiles(k[1])) > 0) == wanted
            for k, wanted in zip(kinds, (True, False), strict=True)
        ]
    shares = [float(r.mean()) for r in right]
    return verdict(sum(shares) / 2, 4 / sum(1 / len(r) for r in right))


def verdict(share: float, count: float) -> Verdict:
    """Wilson's interval of a share found in ``count`` patches."""
    spread = _Z * math.sqrt(share * (1 - share) / count + (_Z / (2 * count)) ** 2)
    scale = 1 + _Z**2 / count
    middle = share + _Z**2 / (2 * count)
    return Verdict(share, (middle - spread) / scale, (middle + spread) / scale, count)


def pooled(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict from several on different patches."""
    count = sum(v.patches for v in verdicts)
    return verdict(sum(v.accuracy * v.patches for v in verdicts) / count, count)


def too_weak(against_white: Verdict) -> bool:
    """Whether the test proves nothing, by its verdict on white Gaussian noise of equal strength."""
    return against_white.accuracy < STRONG


def white(grain: Array, luma: Array, seed: int = 0) -> Array:
    """White Gaussian noise with the strength over luma of ``grain``."""
    noise = np.random.default_rng(seed).standard_normal(np.shape(grain))
    return np.asarray(noise * strength(grain, luma), np.float32)


def strength(grain: Array, luma: Array) -> Array:
    """Standard deviation of ``grain`` at each sample's luma, linear between the bins that have samples."""
    curve = metrics.strength_curve(grain, luma)
    used = (curve.occupancy > 0) & (curve.sigma > 0)
    if not used.any():
        raise InputError("There is no grain to judge: all samples are 0.")
    centres = (np.arange(metrics.BINS) + 0.5) / metrics.BINS
    return np.asarray(np.interp(luma, centres[used], curve.sigma[used]), np.float32)


def split(grain: Array, luma: Array) -> tuple[Patches, Patches]:
    """Two halves (2, frames, rows, columns) of [unit grain, luma]."""
    unit = np.asarray(grain, np.float32) / strength(grain, luma)
    first, second = (
        np.stack([np.asarray(s, np.float32) for s in half])
        for half in metrics.halves(unit, 2 * np.asarray(luma) - 1)
    )
    for half in (first, second):
        if min(half.shape[2:]) < SIDE:
            raise InputError(
                f"A set of {' x '.join(map(str, np.shape(grain)))} samples is too small to be judged: "
                f"each half must hold {SIDE} x {SIDE}."
            )
    return first, second


@contextmanager
def one_core(seed: int) -> Iterator[None]:
    """One thread, so that sums come out the same; the caller's random numbers go on as they were."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


def taught(kinds: list[Patches], rng: Generator, steps: int) -> Judge:
    """A judge taught on random patches of [real, synthetic]."""
    judge = Judge()
    optimiser = torch.optim.AdamW(judge.parameters(), _RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, total_steps=max(steps, 2))
    wanted = torch.tensor([1.0, 0.0]).repeat_interleave(BATCH)
    judge.train()
    for _ in range(steps):
        batch = torch.from_numpy(np.concatenate([drawn(k, rng) for k in kinds]))
        loss = F.binary_cross_entropy_with_logits(judge(batch), wanted)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return judge.eval()


def drawn(half: Patches, rng: Generator) -> Patches:
    """Random patches (BATCH, 2, 64, 64)."""
    _, frames, rows, columns = half.shape
    places = zip(
        rng.integers(0, frames, BATCH),
        rng.integers(0, rows - SIDE + 1, BATCH),
        rng.integers(0, columns - SIDE + 1, BATCH),
        strict=True,
    )
    return np.stack([half[:, n, y : y + SIDE, x : x + SIDE] for n, y, x in places])


def tiles(half: Patches) -> Patches:
    """All patches side by side (n, 2, 64, 64)."""
    _, frames, rows, columns = half.shape
    high, wide = rows // SIDE, columns // SIDE
    cut = half[:, :, : high * SIDE, : wide * SIDE].reshape(2, frames, high, SIDE, wide, SIDE)
    return cut.transpose(1, 2, 4, 0, 3, 5).reshape(-1, 2, SIDE, SIDE)


def answers(judge: Judge, patches: Patches) -> NDArray[np.float32]:
    """Logits of all patches."""
    with torch.no_grad():
        parts = [judge(torch.from_numpy(patches[n : n + 128])) for n in range(0, len(patches), 128)]
    return np.asarray(torch.cat(parts).numpy(), np.float32)
