"""The figures of one remover on one case, kept beside the pictures they were taken from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.peers.case import MIDDLE, Case, Planes
from benchmarks.peers.peer import Cleaned, Peer, made
from filmgrain_codec.core.frame import Plane
from filmgrain_codec.grain import removal_metrics as metrics
from filmgrain_codec.media.scores import scores

Figures = dict[str, float | None]
_REVISION = 1
"""Raised whenever a figure is taken otherwise, so that no old one is read from the cache."""


def figures(peer: Peer, case: Case, cache: Path) -> Figures:
    """All figures of what ``peer`` makes of ``case``; None where it cannot have one.

    All are of the middle frame but ``flicker``, which is over its neighbours too.
    """
    found = made(peer, case, cache)
    path = found.path.with_suffix(f".{_REVISION}.json")
    if not path.exists():
        path.write_text(json.dumps(measured(found.frames, case)))
    return {**json.loads(path.read_text()), "seconds": found.seconds}


def measured(frames: Cleaned, case: Case) -> Figures:
    """The figures of cleaned frames."""
    clean, noisy, out = case.clean[MIDDLE].planes, case.grainy[MIDDLE].planes, frames[MIDDLE]
    whole = metrics.removal(noisy[0], out[0], clean[0])
    return {
        "luma": metrics.psnr(out[0], clean[0]),
        "chroma": float(np.mean([metrics.psnr(o, c) for o, c in zip(out[1:], clean[1:], strict=True)]))
        if len(out) == len(clean)
        else None,
        **perceived(out, case),
        **on_flat(noisy[0], out[0], clean[0]),
        "removed": whole.ratio,
        "slope": whole.slope,
        "bound": metrics.bound(noisy[0], out[0], clean[0]),
        "leakage": metrics.leakage(noisy[0], out[0], clean[0]),
        "flicker": flicker(frames, case),
    }


def perceived(out: Planes, case: Case) -> dict[str, float]:
    """VMAF, SSIM and MS-SSIM. The other frames are clean: VMAF asks them only how the clip moves."""
    picture = case.clean[MIDDLE].with_planes((*out, *case.grainy[MIDDLE].planes[len(out) :]))
    around = [*case.clean[:MIDDLE], picture, *case.clean[MIDDLE + 1 :]]
    return scores(case.clean, around)[MIDDLE]


def on_flat(noisy: Plane, out: Plane, clean: Plane) -> Figures:
    """Ratio and slope on blocks flat in the clean frame; None where a clip has too few."""
    where = metrics.flat_where(clean)
    if where is None:
        return {"removed_flat": None, "slope_flat": None}
    found = metrics.removal(noisy, out, clean, where)
    return {"removed_flat": found.ratio, "slope_flat": found.slope}


def flicker(frames: Cleaned, case: Case) -> float | None:
    """Mean change from frame to frame where the clean picture hardly changes, over that of the clean."""
    pairs = [(n, n + 1) for n in sorted(frames) if n + 1 in frames]
    if not pairs:
        return None
    ratios = []
    for a, b in pairs:
        first, second = case.clean[a].planes[0], case.clean[b].planes[0]
        steady = metrics.Steady.of(first, second)
        here = steady.flicker(frames[a][0], frames[b][0])
        ratios.append(here / max(steady.flicker(first, second), 1e-4))
    return float(np.mean(ratios))


def mean(rows: Sequence[Figures]) -> Figures:
    """Means over clips; of those that have a figure, None if none has."""
    out: Figures = {}
    for name in rows[0]:
        known = [value for row in rows if (value := row[name]) is not None]
        out[name] = float(np.mean(known)) if known else None
    return out
