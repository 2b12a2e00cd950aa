"""All figures of one method on one case, and their means."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.flicker import figures
from benchmarks.flicker.methods import Method
from benchmarks.flicker.scenes import Case
from filmgrain_codec.core.frame import Frame

Figures = dict[str, float | None]
_REVISION = 2
"""Raised whenever a figure is taken otherwise, so that no old one is read from the cache."""


def measured(case: Case, made: Sequence[Frame]) -> Figures:
    """The figures of what a method made of a case; None where a case has none.

    ``psnr``, ``chroma``, ``floor`` (E_warp of the clean clip), ``gradient`` and ``grain`` (relative to the
    clean clip) need a clean clip. ``slow`` is against the clean clip where there is one, ``slow_in`` always
    against the input, ``slow_known`` against the ideal.
    """
    if len(made) != len(case.given):
        raise ValueError(f"{len(made)} frames were made of {len(case.given)}")
    clip, video, given = case.clip, figures.luma(made), figures.luma(case.given)
    if not np.isfinite(video).all():
        raise ValueError(f"{case.clip.name}: samples that are no numbers")
    return {
        "psnr": figures.psnr(video, clip.luma) if case.clean else None,
        "chroma": chroma(case, made),
        "e_warp": figures.warp_error(video, clip.path),
        "floor": figures.warp_error(clip.luma, clip.path) if case.clean else None,
        "fi": figures.flicker_index(video, 1, clip.cuts),
        "fi8": figures.flicker_index(video, 8, clip.cuts),
        "slow": figures.slow_change(clip.luma, video, clip.cuts),
        "slow_in": figures.slow_change(given, video, clip.cuts),
        "slow_known": slow_known(case, video),
        "gradient": figures.gradient_energy(video) / max(figures.gradient_energy(clip.luma), 1e-9),
        "grain": grain(case, video),
        "kept": figures.light_kept(clip.luma, video, clip.cuts) if case.clean else None,
        "change": figures.mean_change(given, video),
        "worst": figures.most_changed(given, video),
    }


def slow_known(case: Case, video: figures.Video) -> float | None:
    """Slow light against what one would make who knew the flicker; None where that is not known."""
    if case.ideal is None:
        return None
    return figures.slow_change(figures.luma(case.ideal), video, case.clip.cuts)


def chroma(case: Case, made: Sequence[Frame]) -> float | None:
    """PSNR of both chroma planes; None without any or without a clean clip."""
    if not case.clean or made[0].fmt.family != "yuv":
        return None
    pairs = [
        (np.stack([f.planes[k] for f in made]), np.stack([f.planes[k] for f in case.clip.frames]))
        for k in (1, 2)
    ]
    return float(np.mean([figures.psnr(a, b) for a, b in pairs]))


def grain(case: Case, video: figures.Video) -> float | None:
    """Level of the grain over that of the clean clip; None where no grain was added to it."""
    clip = case.clip
    if clip.bare is None or clip.calm is None:
        return None
    before = figures.grain_level(clip.luma, clip.bare, clip.calm)
    return figures.grain_level(video, clip.bare, clip.calm) / before if before else None


def rows(group: str, case: Case, methods: Sequence[Method], cache: Path) -> list[dict[str, Any]]:
    """One row for each method, and one for the ideal where it is known."""
    head = {"group": group, "clip": case.clip.name}
    found = [{**head, "method": m.name, **kept(case, m, cache)} for m in methods]
    if case.ideal is not None:
        found.append({**head, "method": "ideal", **measured(case, case.ideal)})
    return found


def kept(case: Case, method: Method, cache: Path) -> Figures:
    """The figures of a method on a case, from the cache where the same program made them before."""
    if not method.version:
        return measured(case, method.apply(case.given))
    key = f"{_REVISION} {case.digest} {method.version} {method!r}"
    path = cache / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(measured(case, method.apply(case.given))))
    found: Figures = json.loads(path.read_text())
    return found


def means(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each group's and method's means over its clips, of those that have the figure."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in found:
        groups.setdefault((row["group"], row["method"]), []).append(row)
    out = []
    for (group, method), members in groups.items():
        row = {"group": group, "method": method, "clips": len(members)}
        for name in (k for k in members[0] if k not in ("group", "clip", "method")):
            known = [m[name] for m in members if m[name] is not None]
            row[name] = float(np.mean(known)) if known else None
        out.append(row)
    return out


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    """A row for people."""
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in row.items() if v is not None}
