"""Figures of flicker, by the definitions of the published tables; luma in 0..1, results in 8-bit codes.

``E_warp`` is the mean L1 difference to the motion-compensated previous frame (the first of the two terms of
Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018, in L1). Flow and forward-backward mask
come from one guide (the clean clip, else the input) for all methods, on locally normalised pictures, so
that flicker cannot bias them. The flicker index is a robust standard deviation of second differences.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmgrain_codec.core.frame import Frame
from filmgrain_codec.grain import flat
from filmgrain_codec.nodes.opencv import opencv

Video = NDArray[np.float32]
"""(frames, rows, columns)."""
CODES = 255.0
SLOW = 7
"""Frames over which light counts as slow."""
FEWEST_SEEN = 0.2
"""Two frames are compared if at least this share of the picture is seen in both."""
UNSEEN = 0.5
"""Codes by which the light of a part of the picture may differ from its median without being seen to."""
CALM = 0.1
"""Share of the blocks, the calmest, in which grain is measured."""


def luma(frames: Sequence[Frame]) -> Video:
    """First planes of all frames."""
    return np.stack([f.planes[0] for f in frames])


@dataclass(frozen=True, slots=True)
class Step:
    """Where in the frame before every sample of frame ``n`` lay (x first), and where that can be told."""

    n: int
    places: NDArray[np.float32]
    seen: NDArray[np.bool_]


def steps(guide: Video, cuts: Sequence[int] = ()) -> list[Step]:
    """Motion from every frame to the one before, but over cuts and where too little is seen in both."""
    pictures = [normalised(f) for f in guide]
    found = (step(n, pictures[n], pictures[n - 1]) for n in range(1, len(guide)) if n not in cuts)
    return [s for s in found if s.seen.mean() >= FEWEST_SEEN]


def normalised(picture: Video, sigma: float = 9.0) -> NDArray[np.uint8]:
    """8 bits of a picture without its local mean and contrast."""
    cv = opencv()
    detail = picture - cv.GaussianBlur(picture, (0, 0), sigma)
    contrast = np.sqrt(cv.GaussianBlur(detail * detail, (0, 0), sigma) + 4e-4)
    return np.asarray(np.clip(detail / contrast * 42 + 128, 0, 255).astype(np.uint8))


def step(n: int, here: NDArray[np.uint8], before: NDArray[np.uint8]) -> Step:
    """Motion between two normalised pictures, checked forward and backward (Sundaram et al., ECCV 2010)."""
    cv, (rows, columns) = opencv(), here.shape
    there, back = flow(here, before), flow(before, here)
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    places = np.dstack([x, y]) + there
    again = cv.remap(back, places, None, cv.INTER_LINEAR)
    lengths, missed = (there**2 + again**2).sum(-1), ((there + again) ** 2).sum(-1)
    inside = ((places > 1) & (places < np.array([columns - 2, rows - 2], np.float32))).all(-1)
    return Step(n, places, inside & (missed < 0.01 * lengths + 0.5))


def flow(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A new searcher each time: one that has searched before answers otherwise."""
    cv = opencv()
    return np.asarray(cv.DISOpticalFlow_create(cv.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(a, b, None))


def warp_error(video: Video, path: Sequence[Step]) -> float:
    """E_warp of a version of the clip that ``path`` was taken from; 0 where no two frames compare."""
    cv, errors = opencv(), []
    for s in path:
        before = cv.remap(video[s.n - 1], s.places, None, cv.INTER_LINEAR)
        errors.append(float(np.abs(video[s.n] - before)[s.seen].mean()))
    return CODES * float(np.mean(errors)) if errors else 0.0


def flicker_index(video: Video, blocks: int = 1, cuts: Sequence[int] = ()) -> float:
    """Median |x[t+1] - 2 x[t] + x[t-1]| / (0.6745 sqrt 6) over means of ``blocks`` x ``blocks`` parts.

    1 for independent light of standard deviation 1 code. Shots of fewer than three frames say nothing.
    """
    bends = [np.diff(part, 2, axis=0).ravel() for part in shots(block_means(video, blocks), cuts)]
    every = np.concatenate(bends)
    return CODES * float(np.median(np.abs(every))) / 0.6745 / 6**0.5 if every.size else 0.0


def block_means(video: Video, blocks: int) -> Video:
    """Means over a grid of equal parts (frames, blocks, blocks)."""
    cv = opencv()
    return np.stack([cv.resize(f, (blocks, blocks), interpolation=cv.INTER_AREA) for f in video])


def shots(values: NDArray[Any], cuts: Sequence[int]) -> Iterator[NDArray[Any]]:
    """The parts between cuts."""
    for a, b in pairwise([0, *cuts, len(values)]):
        yield values[a:b]


def slow_change(a: Video, b: Video, cuts: Sequence[int] = ()) -> float:
    """Mean |difference| of mean luma, each averaged over seven frames (or the shot, where it is shorter)."""
    gaps = []
    for x, y in zip(shots(a.mean((1, 2)), cuts), shots(b.mean((1, 2)), cuts), strict=True):
        width = min(SLOW, len(x))
        gaps.append(np.convolve(x - y, np.full(width, 1 / width), "valid"))
    return CODES * float(np.abs(np.concatenate(gaps)).mean())


def light_kept(given: Video, made: Video, cuts: Sequence[int] = ()) -> float | None:
    """How much of the change of light over time is left: 1 all, 0 none; None if none is seen under grain.

    Slope of the 8 x 8 block means' departures from their medians over the shot, ``made`` on ``given``.
    """
    top = bottom = count = 0.0
    for x, y in zip(*(shots(block_means(v, 8), cuts) for v in (given, made)), strict=True):
        x, y = (v - np.median(v, axis=0) for v in (x, y))
        top, bottom, count = top + float((x * y).sum()), bottom + float((x * x).sum()), count + x.size
    return top / bottom if bottom > count * (UNSEEN / CODES) ** 2 else None


def mean_change(a: Video, b: Video) -> float:
    """Mean |difference| of all samples."""
    return CODES * float(np.mean([np.abs(x - y).mean() for x, y in zip(a, b, strict=True)]))


def most_changed(a: Video, b: Video) -> float:
    """Mean |difference| of the frame that differs most."""
    return CODES * float(max(np.abs(x - y).mean() for x, y in zip(a, b, strict=True)))


def psnr(made: Video, clean: Video) -> float:
    """PSNR in dB over the whole clip, peak 1; at most 99."""
    errors = [float(np.square(a - b, dtype=np.float64).mean()) for a, b in zip(made, clean, strict=True)]
    return min(99.0, -10 * float(np.log10(max(np.mean(errors), 1e-12))))


def gradient_energy(video: Video) -> float:
    """Mean squared difference of neighbours, across and down."""
    each = [np.mean([np.square(np.diff(f, axis=k)).mean() for k in (0, 1)]) for f in video]
    return float(np.mean(each))


def calm_blocks(clean: Video) -> NDArray[np.bool_]:
    """(frames, blocks): the calmest blocks of every frame, where picture is least and none is clipped."""
    chosen = []
    for f in clean:
        blocks = cut(f)
        means, rough = flat.means(blocks), flat.planeless(blocks)
        fit = (means > 0.1) & (means < 0.9)
        chosen.append(fit & (rough <= np.quantile(rough[fit], CALM)) if fit.any() else fit)
    return np.stack(chosen)


def grain_level(video: Video, bare: Video, where: NDArray[np.bool_]) -> float:
    """Standard deviation of grain in the blocks that ``calm_blocks`` chose, 0 without any.

    What is explained by a plane (light) and by ``bare``, the picture without grain, in any strength (wrong
    light on texture) does not count.
    """
    found = [_unexplained(cut(f)[w], cut(b)[w]) for f, b, w in zip(video, bare, where, strict=True)]
    every = np.concatenate(found)
    return CODES * float(np.sqrt(every.mean())) if every.size else 0.0


def _unexplained(blocks: Video, bare: Video) -> NDArray[np.float64]:
    """Mean square of every block about the best sum of a plane and the same block of ``bare``."""
    own, texture = flat.planeless(blocks).astype(np.float64), flat.planeless(bare).astype(np.float64)
    shared = (flat.planeless(blocks + bare) - own - texture) / 2
    return np.asarray(np.maximum(own - shared**2 / np.maximum(texture, 1e-7), 0))


def cut(picture: Video) -> Video:
    """A picture's whole blocks (n, side, side)."""
    side = flat.BLOCK
    rows, columns = picture.shape[0] // side, picture.shape[1] // side
    whole = np.asarray(picture[: rows * side, : columns * side], np.float32)
    return whole.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(-1, side, side)
