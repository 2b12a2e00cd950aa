"""Nodes from the plain values of a filter's text form (see ``filmgrain_codec.nodes``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from filmgrain_codec.core.node import Node
from filmgrain_codec.core.window import OPEN_END
from filmgrain_codec.grain.presets import grain_of
from filmgrain_codec.grain.profile import BENT_CURVE, FLAT_CURVE, WRITTEN_LAW, Chroma, GrainSegment
from filmgrain_codec.nodes.synth import Grain

TYPICAL = GrainSegment(
    0, OPEN_END, 0.05, BENT_CURVE, chroma=Chroma(cb=0.5, cr=0.5), skew_slope=1.0, law=WRITTEN_LAW
)
"""Grain of no stock in particular."""
CURVES = {"film": BENT_CURVE, "flat": FLAT_CURVE}
SPECTRUM = ("size", "anisotropy", "weight", "spread")


def grain(
    *, seed: int, synthesis: str, preset: str | None = None, level: float | None = None, **stated: Any
) -> Grain:
    """One grain for the whole clip: typical, or a preset's, with what is ``stated`` in its place.

    Names, units and ranges as registered.
    """
    if preset is None:
        base = replace(TYPICAL, level=TYPICAL.level if level is None else level)
        return Grain(_with(base, stated), level=base.level, seed=seed, synthesis=synthesis)
    stock = grain_of(preset)
    return Grain(lambda fmt: _with(stock(fmt), stated), level=level, seed=seed, synthesis=synthesis)


def _with(segment: GrainSegment, stated: Mapping[str, Any]) -> GrainSegment:
    shape = {k: v for k, v in stated.items() if k in SPECTRUM}
    colour = {"size": stated.get("chroma_size"), "cb": stated.get("chroma"), "cr": stated.get("chroma")}
    return replace(
        segment,
        curve=CURVES[stated["curve"]] if "curve" in stated else segment.curve,
        spectrum=replace(segment.spectrum, **shape),
        chroma=replace(segment.chroma, **{k: v for k, v in colour.items() if v is not None}),
        skew=stated.get("skew", segment.skew),
    )


def denoise(*, level: float | None = None, **options: Any) -> Node:
    """One level for the whole clip; without one the networks are blind."""
    from filmgrain_codec.nodes.denoise import Denoise

    return Denoise(level, **options)


def deflicker(*, mode: str, strength: float, radius: int) -> Node:
    """Values as registered."""
    from filmgrain_codec.nodes.flicker.deflicker import Deflicker

    return Deflicker(mode, strength, radius)
