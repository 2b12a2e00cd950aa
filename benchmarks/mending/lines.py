"""Scratches: put on clean clips, taken off again; and how many are found where there are none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.flicker.scenes import old_films
from benchmarks.mending import peers, sheets
from benchmarks.mending.figures import psnr
from benchmarks.mending.methods import Ours
from benchmarks.mending.scenes import Case, clips
from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.nodes.repair.scratches import COUNT_PROP
from filmgrain_codec.train.generators.common import generator

COLUMNS = ("group", "method", "clips", "psnr_in", "psnr", "covered", "left", "false", "outside")
LENGTH = 18
FILMS = "scratches on old films"
STREAM, LATER = 92, 50
OPAQUE = (0.15, 0.6)


def rows(folder: Path | None) -> Iterator[dict[str, Any]]:
    """Rows of the scratched clips; psnr in dB of the frames inside.

    ``covered``: share of the scratched samples that were in the mask; ``left``: see there; ``false``: lines
    found a frame on the clean clip.
    """
    for number, clip in enumerate(clips()):
        clean = clip.frames[:LENGTH]
        given, masks = scratched(clean, number)
        case = Case("scratches", clip.name, given, clean, masks)
        for text in ("scratches", "scratches:still"):
            more = text + (":" if text == "scratches" else ",")
            method = Ours(text, (text,), f"{more}show=mask")
            yield row(case, method)
            yield from peer_rows(case) if text == "scratches" else ()
            if folder is not None:
                sheets.draw(case, method, folder)


def film_rows(folder: Path | None) -> Iterator[dict[str, Any]]:
    """The same on old films, which have flicker, dirt and weave of their own.

    None of them has a scratch that is seen in several frames: what is found on them as they are is false.
    """
    for number, clip in enumerate(old_films(LENGTH), LATER):
        given, masks = scratched(clip.frames, number)
        case = Case(FILMS, clip.name, given, clip.frames, masks)
        for text in ("scratches", "scratches:still"):
            method = Ours(text, (text,), f"{text}{':' if text == 'scratches' else ','}show=mask")
            yield row(case, method)
            if folder is not None:
                sheets.draw(case, method, folder)


def peer_rows(case: Case) -> Iterator[dict[str, Any]]:
    """The row of DeScratch, where it is installed."""
    made = peers.descratch(case.given)
    if made is None or case.clean is None:
        return
    inner = range(4, len(case.given) - 4)
    before, after = (
        float(np.mean([psnr(frames[n].planes[0], case.clean[n].planes[0]) for n in inner]))
        for frames in (case.given, made)
    )
    yield {"group": "scratches", "clip": case.name, "method": "DeScratch", "psnr_in": before, "psnr": after}


def row(case: Case, method: Ours) -> dict[str, Any]:
    """Figures of one clip."""
    assert case.clean is not None
    assert case.masks is not None
    made, shown = method.frames(case), method.masks(case)
    alone = method.frames(Case("clean", case.name, case.clean))
    inner = range(4, len(case.given) - 4)

    def mean(frames: tuple[Frame, ...] | list[Frame]) -> float:
        return float(np.mean([psnr(frames[n].planes[0], case.clean[n].planes[0]) for n in inner]))  # type: ignore[index]

    outside = [
        float(np.abs(made[n].planes[0] - case.given[n].planes[0])[~np.asarray(shown[n], bool)].max())
        for n in inner
    ]
    covered = [float(shown[n][case.masks[n] > 0].mean()) for n in inner if case.masks[n].any()]
    return {
        "group": case.group,
        "clip": case.name,
        "method": method.name,
        "psnr_in": mean(case.given),
        "psnr": mean(made),
        "covered": float(np.mean(covered)),
        "left": left(case, made, inner),
        "false": float(np.mean([alone[n].props[COUNT_PROP] for n in inner])),
        "outside": max(outside),
    }


def left(case: Case, made: Sequence[Frame], inner: range) -> float:
    """Share of the scratches' power that is left: of the squares of what they change their samples by."""
    assert case.clean is not None
    assert case.masks is not None
    before, after = (
        sum(
            float(np.square(frames[n].planes[0] - case.clean[n].planes[0])[case.masks[n] > 0].sum())
            for n in inner
        )
        for frames in (case.given, made)
    )
    return after / before


def scratched(frames: tuple[Frame, ...], seed: int) -> tuple[tuple[Frame, ...], tuple[Plane, ...]]:
    """Three upright lines that wander by 0.7 samples a frame; most are bright, and as high as the picture."""
    rng = generator(STREAM, seed)
    lumas = [f.planes[0].copy() for f in frames]
    masks = [np.zeros_like(p) for p in lumas]
    high, wide = lumas[0].shape
    down, right = np.mgrid[:high, :wide].astype(np.float32)
    for _ in range(3):
        place, width = rng.uniform(20, wide - 20), rng.uniform(0.6, 1.6)
        lean, opaque = np.tan(np.deg2rad(rng.uniform(-1, 1))), rng.uniform(*OPAQUE)
        colour = 0.9 if rng.random() < 0.7 else 0.05
        part = 1.0 if rng.random() < 0.6 else rng.uniform(0.4, 1.0)
        start = rng.uniform(0, 1 - part)
        rows = (down >= start * high) & (down < (start + part) * high)
        for luma, mask in zip(lumas, masks, strict=True):
            place = float(np.clip(place + rng.normal(0, 0.7), 10, wide - 10))
            away = (right - place - lean * (down - high / 2)) / width
            share = (opaque * np.exp(-0.5 * away**2) * rows).astype(np.float32)
            change = share * (np.float32(colour) - luma)
            mask[np.abs(change) > 4 / 255] = 1
            luma += change
    made = tuple(f.with_planes((p, *f.planes[1:])) for f, p in zip(frames, lumas, strict=True))
    return made, tuple(masks)
