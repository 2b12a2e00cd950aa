"""Measure a removal model on held-out moving pictures: ``python -m filmgrain_codec.train.evaluate``.

The grain comes from the two generator families in ``train.generators``: two-Gaussian spectra, which
resemble what the nets were trained on, and Boolean grain, which they never saw. Everything runs
through the product's own node, on 4:2:0 frames of 10 bit.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from filmgrain_codec.core.frame import Frame, Plane
from filmgrain_codec.errors import InputError
from filmgrain_codec.grain.profile import KNOT_POSITIONS, Chroma, Curve, GrainSegment, Spectrum
from filmgrain_codec.nodes.denoise import Denoise
from filmgrain_codec.train.generators import boolean, common, spectral
from filmgrain_codec.train.material import read_frames

SIZES = {"spectral": (0.8, 1.4), "boolean": (0.8,)}
LEVELS = (0.01, 0.025, 0.05, 0.1)
CENTRES = (2, 4)
CHROMA = Chroma(cb=0.5, cr=0.4, size=0.7)
Grained = Callable[[Frame, float, float, int], tuple[Plane, ...]]
Figures = dict[str, float]


def spectral_grain(frame: Frame, size: float, level: float, seed: int) -> tuple[Plane, ...]:
    recipe = spectral.SpectralGrain(
        size=size, tone="boolean", cb=CHROMA.cb, cr=CHROMA.cr, chroma_size=CHROMA.size
    )
    return spectral.grain(frame.planes, frame.fmt, level, seed, frame.index, recipe)


def boolean_grain(frame: Frame, size: float, level: float, seed: int) -> tuple[Plane, ...]:
    recipe = boolean.BooleanGrain(size=size, cb=CHROMA.cb, cr=CHROMA.cr, chroma_size=CHROMA.size)
    return boolean.grain(frame.planes, frame.fmt, level, seed, frame.index, recipe)


FAMILIES: dict[str, Grained] = {"spectral": spectral_grain, "boolean": boolean_grain}


def measure(
    model: str, clips: Sequence[Path], families: Sequence[str] = tuple(FAMILIES)
) -> list[dict[str, str | float]]:
    """One row per (family, size, level): PSNR of luma and chroma, noisy, told, blind.

    PSNR in dB against the clean frame, mean over clips and two frames each; ``removed`` is the
    standard deviation of what was taken off luma over that of the grain (1 is ideal).
    """
    frames = [held_frames(path) for path in clips]
    rows: list[dict[str, str | float]] = []
    for family in families:
        for size in SIZES[family]:
            for level in LEVELS:
                each: list[Figures] = []
                for seed, clip in enumerate(frames):
                    each += figures(model, clip, FAMILIES[family], size, level, seed)
                mean = {k: round(float(np.mean([e[k] for e in each])), 3) for k in each[0]}
                rows.append({"family": family, "size": size, "level": level, **mean})
                print(rows[-1], flush=True)
    return rows


def held_frames(path: Path) -> list[Frame]:
    """Clean frames around the centres, as 10-bit frames."""
    frames = read_frames(path, max(CENTRES) + 2)
    if len(frames) < max(CENTRES) + 2:
        raise InputError(f"{path} is too short to measure on: it needs {max(CENTRES) + 2} frames.")
    return [replace(f, fmt=replace(f.fmt, bits=10)) for f in frames]


def figures(
    model: str, clip: list[Frame], grained: Grained, size: float, level: float, seed: int
) -> Iterator[Figures]:
    """Figures of each centre frame of one clip."""
    segment = GrainSegment(0, len(clip), level, told_curve(), Spectrum(size), CHROMA)
    known, blind = Denoise(segment, model), Denoise(None, model)
    grainy = [f.with_planes(grained(f, size, level, seed)) for f in clip]
    for centre in CENTRES:
        window = grainy[centre - 1 : centre + 2]
        clean, noisy = clip[centre].planes, window[1].planes
        made, guessed = (node.process(window, centre).planes for node in (known, blind))
        row: Figures = {}
        for name, planes in (("noisy", noisy), ("known", made), ("blind", guessed)):
            row[f"luma_{name}"] = psnr(planes[0], clean[0])
            row[f"chroma_{name}"] = (psnr(planes[1], clean[1]) + psnr(planes[2], clean[2])) / 2
        for name, planes in (("known", made), ("blind", guessed)):
            row[f"removed_{name}"] = float((noisy[0] - planes[0]).std() / (noisy[0] - clean[0]).std())
        yield row


def told_curve() -> Curve:
    """The strength curve of both families at the profile's knots."""
    knots = [float(v) for v in common.boolean_tone(KNOT_POSITIONS)]
    return (knots[0], knots[1], knots[2], knots[3], knots[4], knots[5], knots[6], knots[7])


def psnr(made: Plane, clean: Plane) -> float:
    """PSNR in dB of planes in 0..1."""
    return float(-10 * np.log10(max(float(((made - clean) ** 2).mean()), 1e-12)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry of ``python -m`` and of ``fgcodec train evaluate``."""
    parser = argparse.ArgumentParser(prog="fgcodec train evaluate", description="Measure a removal model.")
    parser.add_argument("--model", default="fast", help="alias or id of an installed model")
    parser.add_argument("--clips", type=Path, required=True, help="folder of clean clips never trained on")
    parser.add_argument("--family", choices=tuple(FAMILIES), action="append", help="grain family (both)")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    given = parser.parse_args(arguments)
    clips = sorted(given.clips.glob("*.mkv"))
    if not clips:
        raise InputError(f"No clips found in {given.clips}: it must hold .mkv files.")
    rows = measure(given.model, clips, given.family or tuple(FAMILIES))
    if given.out:
        given.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
